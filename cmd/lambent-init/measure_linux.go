package main

import (
	"golang.org/x/sys/unix"

	"lambent/internal/sandbox/namespace/initproto"
)

// ticks is how many of stat's units of CPU time make a second; it is the same
// for all programs on all architectures.
const ticks = 100

// measure adds up what processes have used and have.
func (p *pid1) measure() initproto.Measurement {
	var m initproto.Measurement
	var reaped unix.Rusage
	if unix.Getrusage(unix.RUSAGE_CHILDREN, &reaped) == nil {
		m.CPUNanos = reaped.Utime.Nano() + reaped.Stime.Nano()
	}
	var peaks int64
	_ = eachProcess(func(proc int, pid string) bool {
		var buf [1024]byte
		f := fields(readAt(proc, pid+"/stat", buf[:]))
		if len(f) < 22 || f[0] == "Z" || f[0] == "X" {
			return true
		}
		m.Processes++
		m.CPUNanos += (number(f[11]) + number(f[12]) + number(f[13]) + number(f[14])) * (1e9 / ticks)
		resident := number(f[21]) * int64(unix.Getpagesize())
		m.MemoryBytes += resident
		var status [2048]byte
		peaks += max(resident, highWater(readAt(proc, pid+"/status", status[:])))
		return true
	})
	m.PeakBytes = max(m.MemoryBytes, peaks, p.peak.Load())
	return m
}

// eachProcess calls f for every process but us, with a descriptor of /proc,
// until f says that it has seen enough.
func eachProcess(f func(proc int, pid string) bool) error {
	return eachEntry(unix.AT_FDCWD, "/proc", func(proc int, pid string) bool { return pid == "1" || f(proc, pid) })
}

// eachEntry calls f for every number in a folder, until f says that it has seen enough.
func eachEntry(at int, path string, f func(dir int, name string) bool) error {
	dir, err := unix.Openat(at, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	buf := make([]byte, 8192)
	for {
		n, err := unix.Getdents(dir, buf)
		if err != nil || n <= 0 {
			return err
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if name[0] >= '1' && name[0] <= '9' && !f(dir, name) {
				return nil
			}
		}
	}
}

// readAt reads a small file of /proc; nothing when the process is gone.
func readAt(proc int, path string, buf []byte) []byte {
	fd, err := unix.Openat(proc, path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	n, _ := unix.Read(fd, buf)
	return buf[:max(n, 0)]
}

// fields gives those of stat from the state on, which follows the command's
// name and its last closing bracket, whatever the name contains.
func fields(stat []byte) []string {
	i := len(stat) - 1
	for i >= 0 && stat[i] != ')' {
		i--
	}
	var f []string
	start := -1
	for j := i + 1; j < len(stat); j++ {
		space := stat[j] == ' ' || stat[j] == '\n'
		if !space && start < 0 {
			start = j
		}
		if space && start >= 0 {
			f, start = append(f, string(stat[start:j])), -1
		}
	}
	return f
}

// highWater finds "VmHWM:  1234 kB" in status.
func highWater(status []byte) int64 {
	const name = "VmHWM:"
	for i := 0; i+len(name) < len(status); i++ {
		if string(status[i:i+len(name)]) == name {
			return number(string(status[i+len(name):])) << 10
		}
	}
	return 0
}

// number reads the digits at the start, past blanks.
func number(s string) int64 {
	var n int64
	digits := false
	for _, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9':
			n, digits = n*10+int64(c-'0'), true
		case digits || c != ' ' && c != '\t':
			return n
		}
	}
	return n
}
