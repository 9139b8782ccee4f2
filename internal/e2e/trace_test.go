package e2e

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// children are the processes below the server's, which is what its environments
// are made of.
func (s *server) children(t *testing.T) []int {
	t.Helper()
	parents := map[int]int{}
	for _, pid := range processes(t) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // gone
		}
		_, after, _ := bytes.Cut(stat, []byte(") "))
		if f := strings.Fields(string(after)); len(f) > 1 && f[0] != "Z" {
			parents[pid], _ = strconv.Atoi(f[1])
		}
	}
	var below []int
	for pid := range parents {
		for p, steps := parents[pid], 0; p > 1 && steps < 64; p, steps = parents[p], steps+1 {
			if p == s.cmd.Process.Pid {
				below = append(below, pid)
				break
			}
		}
	}
	return below
}

func processes(t *testing.T) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Skipf("this host has no /proc: %v", err)
	}
	var all []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// traces are what a server has left on this host: processes that see its data
// folder, mounts and loop devices of it, cgroups of its sandboxes, and with ended
// the cgroup that it has as long as it lives.
func (s *server) traces(t *testing.T, ended bool) []string {
	t.Helper()
	var found []string
	for _, pid := range processes(t) {
		for _, file := range []string{"cmdline", "environ", "mountinfo"} {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
			if err == nil && pid != os.Getpid() && bytes.Contains(text, []byte(s.dir)) && !s.is(pid) {
				name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // for people
				found = append(found, fmt.Sprintf("process %d (%s) by its %s", pid, bytes.TrimSpace(name), file))
				break
			}
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, s.dir) {
			found = append(found, "mount "+line)
		}
	}
	backing, _ := filepath.Glob("/sys/block/loop*/loop/backing_file") // the pattern is fine
	for _, file := range backing {
		if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), s.dir) {
			found = append(found, "loop device "+string(text))
		}
	}
	for _, group := range s.cgroups(ended) {
		found = append(found, "cgroup "+group)
	}
	return found
}

// is tells whether the process is the server itself, which knows its folder.
func (s *server) is(pid int) bool { return s.cmd.Process.Pid == pid }

// cgroups are the folders of the server's sandboxes in the cgroup hierarchies (what
// begins with _ is the driver's own), and
// with its own those that it keeps them in, whose name follows from its folder.
func (s *server) cgroups(own bool) []string {
	h := fnv.New32a()
	_, _ = io.WriteString(h, filepath.Join(s.dir, "sandboxes", "namespace"))
	name := fmt.Sprintf("lambent-%08x", h.Sum32())
	var all []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // gone, or no cgroups at all
		}
		if strings.Contains(path, name+"/") && !strings.Contains(path, "/_") || own && strings.HasSuffix(path, name) {
			all = append(all, path)
		}
		return nil
	})
	return all
}

// descriptors lists what the server has open, counted by kind. The ends of log
// streams are left out: up to 256 stay open for some minutes after they were
// written to.
func (s *server) descriptors(t *testing.T) (total int, kinds map[string]int) {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid)
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	kinds = map[string]int{}
	for _, e := range entries {
		link, err := os.Readlink(filepath.Join(folder, e.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		if strings.HasPrefix(link, filepath.Join(s.dir, "logs")+"/") {
			continue
		}
		kind, _, _ := strings.Cut(link, ":[")
		kinds[kind]++
		total++
	}
	return total, kinds
}

// status reads a number of /proc/pid/status, such as VmRSS (kB) or Threads.
func (s *server) status(t *testing.T, name string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0]) // the kernel writes a number
			return n
		}
	}
	t.Fatalf("no %s in\n%s", name, text)
	return 0
}
