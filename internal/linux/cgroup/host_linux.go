// Package cgroup limits, measures, freezes and kills groups of processes through
// cgroups v1, v2, and hosts that have both.
//
// Which of the two is asked is decided for each controller: memory, cpu and pids
// are wherever the kernel has put them; freezing and killing are done on v2
// whenever a v2 tree is mounted at all, even one without controllers, because
// there they are quicker and cannot be escaped. The traps that shaped this
// package: a process frozen by v1 ignores SIGKILL until it is thawed, whereas a
// frozen v2 group dies by cgroup.kill, after which nothing may be born into it
// (Group.End); and a group out of CPU quota may take a
// period to notice anything, so quota is lifted before a kill.
package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Controllers that groups use.
const (
	Memory  = "memory"
	CPU     = "cpu"
	CPUAcct = "cpuacct"
	PIDs    = "pids"
	Freezer = "freezer"
)

// Host is where the cgroup file systems are.
type Host struct {
	V1      map[string]string // controller: mount point
	Unified string            // mount point of v2, "" without one
}

// FindHost reads the mount table of this process.
func FindHost() (Host, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return Host{}, fmt.Errorf("find cgroup mounts: %w", err)
	}
	defer f.Close()
	return parseMounts(f)
}

// parseMounts reads mountinfo: "36 35 98:0 /root /mount opts [tags…] - type source superopts".
func parseMounts(r io.Reader) (Host, error) {
	h := Host{V1: map[string]string{}}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		mount, super, ok := strings.Cut(lines.Text(), " - ")
		m, s := strings.Fields(mount), strings.Fields(super)
		if !ok || len(m) < 5 || len(s) < 3 {
			continue
		}
		switch s[0] {
		case "cgroup2":
			if h.Unified == "" {
				h.Unified = unescape(m[4])
			}
		case "cgroup":
			for controller := range strings.SplitSeq(s[2], ",") {
				if _, known := h.V1[controller]; !known && slices.Contains([]string{Memory, CPU, CPUAcct, PIDs, Freezer}, controller) {
					h.V1[controller] = unescape(m[4])
				}
			}
		}
	}
	return h, lines.Err()
}

// unescape undoes mountinfo's octal escapes.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

// unifiedControllers lists what the v2 tree can control at dir.
func unifiedControllers(dir string) []string {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(b))
}

// Own gives the v2 group of this process, below Unified. It is the one that a
// host may have delegated to us.
func (h Host) Own() (string, error) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("find own cgroup: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path, nil
		}
	}
	return "", errors.New("find own cgroup: no v2 tree")
}

// daemonName is the leaf that a process moves to in a group that was handed to it.
const daemonName = "lambent-daemon"

// Delegated gives the v2 group, below Unified, in which an ordinary user may make
// groups: its own, where the host has handed it over. This process moves to a
// leaf of it, as v2 lets no process live beside groups with controllers.
func (h Host) Delegated() (string, error) {
	own, err := h.Own()
	if err != nil {
		return "", err
	}
	if h.Unified == "" {
		return "", errors.New("no cgroup v2 is mounted")
	}
	if filepath.Base(own) == daemonName {
		return filepath.Dir(own), nil
	}
	leaf := filepath.Join(h.Unified, own, daemonName)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make cgroup: %w", err)
	}
	if err := write(leaf, "cgroup.procs", "0"); err != nil {
		return "", fmt.Errorf("move to cgroup %s: %w", leaf, err)
	}
	return own, nil
}

// write writes a file of the kernel's, without the poller as readFile does.
func write(dir, file, value string) error {
	fd, err := openFile(dir, file, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for {
		_, err := unix.Write(fd, []byte(value))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return &os.PathError{Op: "write", Path: filepath.Join(dir, file), Err: err}
		}
		return nil
	}
}

func exists(dir, file string) bool {
	_, err := os.Lstat(filepath.Join(dir, file))
	return err == nil
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
