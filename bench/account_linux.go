package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel's clock of another process's CPU time: nanoseconds of all its
// threads, those that have ended included (include/linux/posix-timers.h).
const clockOfProcess = 2

// accountOf is what the processes have taken.
func accountOf(pids ...int) account {
	a := account{}
	for _, pid := range pids {
		var ts unix.Timespec
		if unix.ClockGettime(int32(^pid<<3|clockOfProcess), &ts) == nil {
			a[pid] = time.Duration(ts.Nano())
		}
	}
	return a
}

// family lists a process and all its descendants.
func family(root int) []int {
	children := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return []int{root}
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue
		}
		// The name, in parentheses, may hold anything.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if parent, err := strconv.Atoi(string(fields[1])); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// memoryOf is the resident memory of a process in bytes, and its proportional
// share: what is mapped by several counts for each in part.
func memoryOf(pid int) (resident, share int64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, 0
	}
	for line := range bytes.Lines(b) {
		fields := bytes.Fields(line)
		if len(fields) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(string(fields[1]), 10, 64)
		switch string(fields[0]) {
		case "Rss:":
			resident = n << 10
		case "Pss:":
			share = n << 10
		}
	}
	return resident, share
}

// peakMemory is the most that a process has held since it was last reset.
func peakMemory(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(b, []byte("VmHWM:"))
	if fields := bytes.Fields(after); len(fields) > 0 {
		n, _ := strconv.ParseInt(string(fields[0]), 10, 64)
		return n << 10
	}
	return 0
}

// resetPeak begins a new measurement of peakMemory.
func resetPeak(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// usedMemory is what the host's memory has less than it could: everything that
// environments cost, kernel structures included.
func usedMemory() int64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	get := func(name string) int64 {
		_, after, _ := bytes.Cut(b, []byte(name+":"))
		if fields := bytes.Fields(after); len(fields) > 0 {
			n, _ := strconv.ParseInt(string(fields[0]), 10, 64)
			return n << 10
		}
		return 0
	}
	return get("MemTotal") - get("MemAvailable")
}
