package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
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

// markAge is how long PeakMemory believes that the file cache is what it was.
const markAge = 100 * time.Millisecond

// mark is the kernel's high-water mark, kept open as it is read after every
// invocation, and what was made of it last.
type mark struct {
	mu    sync.Mutex
	fd    int       // opened by the first look, 0 before
	ended bool      // the group is being removed
	value int64     // the mark at the last look
	peak  int64     // what Usage made of it then
	at    time.Time // when that was
}

func (m *mark) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	if m.fd != 0 {
		_ = unix.Close(m.fd)
		m.fd = 0
	}
}

// PeakMemory is Usage's Peak for a hundredth of its price: the kernel adds up
// memory.stat, where the file cache stands, at every reading. While the mark
// does not move, the cache is looked at no more often than every markAge; only
// a cache that shrinks while other memory grows in its stead escapes for so long.
func (g *Group) PeakMemory() (int64, error) {
	now := time.Now()
	value, peak, known := g.mark.look(g, now)
	if known {
		return peak, nil
	}
	var u Usage
	if err := g.memoryUsage(&u); err != nil {
		return 0, fmt.Errorf("read memory of cgroup %s: %w", g.id, err)
	}
	g.mark.mu.Lock()
	defer g.mark.mu.Unlock()
	g.mark.value, g.mark.peak, g.mark.at = value, max(u.Peak, g.mark.peak), now
	return g.mark.peak, nil
}

// look tells whether the mark is where it was lately. A mark that cannot be
// read, as before Linux 5.19, is never known.
func (m *mark) look(g *Group, now time.Time) (value, peak int64, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := g.tree.places[Memory]
	if m.fd == 0 {
		dir, name := g.dir(p), "memory.max_usage_in_bytes"
		if p.v2 {
			name = "memory.peak"
		}
		if dir == "" || m.ended {
			return 0, 0, false
		}
		fd, err := openFile(dir, name, unix.O_RDONLY)
		if err != nil {
			return 0, 0, false
		}
		m.fd = fd
	}
	var buf [32]byte
	// Memory is all that is read, so the scheduler is not told (see package socket).
	n, _, errno := unix.RawSyscall6(unix.SYS_PREAD64, uintptr(m.fd), uintptr(unsafe.Pointer(&buf)), uintptr(len(buf)), 0, 0, 0)
	if errno != 0 {
		n = 0
	}
	value, ok := number(buf[:n])
	return value, m.peak, ok && value == m.value && now.Sub(m.at) < markAge
}

// number reads the digits that b begins with.
func number(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n, ok = 10*n+int64(c-'0'), true
	}
	return n, ok
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
	stat, err := readFile(dir, "memory.stat")
	if err != nil {
		return err
	}
	events, err := readFile(dir, files.oom)
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
	stat, err := readFile(dir, "cpu.stat")
	if err != nil {
		return err
	}
	us, _ := field(stat, "usage_usec")
	u.CPU = time.Duration(us) * time.Microsecond
	return nil
}

// openFile opens a file of the kernel's. The os package would have
// the poller watch it, as these files can be polled.
func openFile(dir, file string, flags int) (int, error) {
	path := filepath.Join(dir, file)
	for {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, &os.PathError{Op: "open", Path: path, Err: err}
		}
		return fd, nil
	}
}

// readFile reads such a file.
func readFile(dir, file string) ([]byte, error) {
	fd, err := openFile(dir, file, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	text := make([]byte, 0, 4096)
	for {
		n, err := unix.Read(fd, text[len(text):cap(text)])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, &os.PathError{Op: "read", Path: filepath.Join(dir, file), Err: err}
		case n == 0:
			return text, nil
		}
		text = slices.Grow(text[:len(text)+n], 512)
	}
}

func readInt(dir, file string) (int64, error) {
	b, err := readFile(dir, file)
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
