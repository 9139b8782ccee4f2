package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Usage is the kernel's account of a group. What this host does not account for is zero.
type Usage struct {
	Memory    int64 // now, without file cache
	Peak      int64 // the most that Memory is known to have been
	CPU       time.Duration
	OOMKills  int64
	Processes int
}

// Usage reads the account.
//
// The kernel's own high-water mark counts file cache, which a function makes by
// reading its code or writing its /tmp and which is given back when memory is
// wanted; AWS does not count it either. As the cache of now is at least what it
// was at the mark unless some was given back since, mark minus cache never
// exceeds the true peak. The caller keeps the largest it has seen.
func (g *Group) Usage() (Usage, error) {
	var u Usage
	err := errors.Join(g.memoryUsage(&u), g.cpuUsage(&u))
	if len(g.dirs) > 0 {
		pids, listErr := processes(g.dirs[0])
		u.Processes, err = len(pids), errors.Join(err, listErr)
	}
	if err != nil {
		return Usage{}, fmt.Errorf("read usage of cgroup %s: %w", g.id, err)
	}
	return u, nil
}

type memoryFiles struct{ now, peak, oom, cacheActive, cacheInactive string }

func (g *Group) memoryUsage(u *Usage) error {
	p := g.tree.places[Memory]
	dir := g.dir(p)
	if dir == "" {
		return nil
	}
	files := memoryFiles{"memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control", "total_active_file", "total_inactive_file"}
	if p.v2 {
		files = memoryFiles{"memory.current", "memory.peak", "memory.events", "active_file", "inactive_file"}
	}
	now, err := readInt(dir, files.now)
	if err != nil {
		return err
	}
	peak, err := readInt(dir, files.peak)
	if err := optional(err); err != nil { // memory.peak is of Linux 5.19
		return err
	}
	stat, err := os.ReadFile(filepath.Join(dir, "memory.stat"))
	if err != nil {
		return err
	}
	events, err := os.ReadFile(filepath.Join(dir, files.oom))
	if err != nil {
		return err
	}
	active, _ := field(stat, files.cacheActive)
	inactive, _ := field(stat, files.cacheInactive)
	u.Memory = max(0, now-active-inactive)
	u.Peak = max(u.Memory, peak-active-inactive)
	u.OOMKills, _ = field(events, "oom_kill")
	if u.OOMKills > 0 {
		u.Peak = max(u.Peak, g.limits.MemoryBytes)
	}
	return nil
}

func (g *Group) cpuUsage(u *Usage) error {
	p := g.tree.places[CPUAcct]
	dir := g.dir(p)
	if dir == "" {
		return nil
	}
	if !p.v2 {
		ns, err := readInt(dir, "cpuacct.usage")
		u.CPU = time.Duration(ns)
		return err
	}
	stat, err := os.ReadFile(filepath.Join(dir, "cpu.stat"))
	if err != nil {
		return err
	}
	us, _ := field(stat, "usage_usec")
	u.CPU = time.Duration(us) * time.Microsecond
	return nil
}

func readInt(dir, file string) (int64, error) {
	b, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
}

// field finds "name value" in a file of such lines.
func field(b []byte, name string) (int64, bool) {
	for line := range bytes.Lines(b) {
		key, value, ok := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		if ok && string(key) == name {
			n, err := strconv.ParseInt(string(value), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
