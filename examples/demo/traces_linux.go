package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// traces is what a server must take along when it ends: the processes below
// it, their control groups, and what is mounted from or attached to its folder.
type traces struct {
	dir       string
	processes map[int]string // with their start times, as numbers are used again
	groups    []string       // folders
}

// watch notes what belongs to a running server.
func watch(pid int, dir string) traces {
	t := traces{dir: dir, processes: map[int]string{}}
	parents := map[int]int{}
	for _, p := range numbered("/proc") {
		if f := stat(p); f != nil {
			parents[p], _ = strconv.Atoi(f[1])
		}
	}
	own := groupsOf(os.Getpid())
	for p := range parents {
		if !below(p, pid, parents) {
			continue
		}
		if f := stat(p); f != nil {
			t.processes[p] = f[19]
		}
		for group := range groupsOf(p) {
			if !own[group] {
				t.groups = append(t.groups, group)
			}
		}
	}
	return t
}

// gone tells what is still there.
func (t traces) gone() error {
	var left []error
	for p, started := range t.processes {
		if f := stat(p); f != nil && f[19] == started && f[0] != "Z" {
			left = append(left, fmt.Errorf("process %d", p))
		}
	}
	for _, g := range t.groups {
		if _, err := os.Stat(g); err == nil {
			left = append(left, fmt.Errorf("control group %s", g))
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		left = append(left, err)
	}
	for line := range bytes.Lines(mounts) {
		if bytes.Contains(line, []byte(t.dir)) {
			left = append(left, fmt.Errorf("mount %s", bytes.TrimSpace(line)))
		}
	}
	loops, _ := filepath.Glob("/sys/block/loop*/loop/backing_file") // the pattern is right
	for _, l := range loops {
		if file, err := os.ReadFile(l); err == nil && bytes.HasPrefix(file, []byte(t.dir)) {
			left = append(left, fmt.Errorf("loop device %s of %s", l, file))
		}
	}
	return errors.Join(left...)
}

func (t traces) String() string {
	return fmt.Sprintf("its %d processes are gone, and so are their control groups, mounts and loop devices", len(t.processes))
}

// below tells whether a process is an ancestor's or descends from it.
func below(p, ancestor int, parents map[int]int) bool {
	for seen := 0; p > 1 && seen < len(parents); seen++ {
		if p == ancestor {
			return true
		}
		p = parents[p]
	}
	return false
}

// stat gives the fields of /proc/PID/stat from the third on: state, parent, …
func stat(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil // it has ended
	}
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}

// groupsOf are the control groups of a process and those above them, as
// folders that exist.
func groupsOf(pid int) map[string]bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return nil // it has ended
	}
	folders := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for _, mount := range []string{f[1], strings.TrimPrefix(f[1], "name="), "unified", ""} {
			for path := f[2]; path != "/" && path != "."; path = filepath.Dir(path) {
				dir := filepath.Join("/sys/fs/cgroup", mount, path)
				if s, err := os.Stat(dir); err == nil && s.IsDir() {
					folders[dir] = true
				}
			}
		}
	}
	return folders
}

func numbered(dir string) (all []int) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, n)
		}
	}
	return all
}
