package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lambent/internal/sandbox"
)

const networkWhy = "there is one network for all; the Runtime API's connections are checked, other ports are shared"

func hostAbilities() []sandbox.Ability {
	return []sandbox.Ability{
		{Name: sandbox.CanFreeze, Have: true},
		{Name: sandbox.CanMeasureMemory, Have: true},
	}
}

// fionread is what asks how many bytes are in a pipe.
const fionread = unix.TIOCINQ

// list reads /proc.
func list() ([]entry, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	all := make([]entry, 0, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if st, err := readStat("/proc/" + name + "/stat"); err == nil {
			st.entry.pid = pid
			all = append(all, st.entry)
		}
	}
	return all, nil
}

// lookup is list for one process.
func lookup(pid int) (entry, error) {
	st, err := readStat("/proc/" + strconv.Itoa(pid) + "/stat")
	st.entry.pid = pid
	return st.entry, err
}

// stat is what /proc/<pid>/stat says.
type stat struct {
	entry
	state byte
	cpu   time.Duration // with that of children that were waited for
	rss   int64         // bytes
}

// clockTick is the unit of times in /proc, the same on every Linux (USER_HZ).
const clockTick = time.Second / 100

// readStat is called for every process of the host, so it does without what
// package os does for files that may be anything.
func readStat(name string) (stat, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return stat{}, err
	}
	defer unix.Close(fd)
	var buf [1024]byte // the name has 15 bytes at most, and 50 numbers follow
	n, err := unix.Read(fd, buf[:])
	if err != nil {
		return stat{}, err
	}
	// The name in parentheses may contain anything, a parenthesis included.
	end := bytes.LastIndexByte(buf[:n], ')')
	if end < 0 || end+3 > n {
		return stat{}, fmt.Errorf("parse %s: no name", name)
	}
	var f [22]int64
	fields := numbers(buf[end+3:n], f[1:])
	if fields < 21 {
		return stat{}, fmt.Errorf("parse %s: %d fields", name, fields)
	}
	s := stat{state: buf[end+2]}
	s.parent, s.group, s.session = int(f[1]), int(f[2]), int(f[3])
	s.cpu = time.Duration(f[11]+f[12]+f[13]+f[14]) * clockTick
	s.start = f[19]
	s.rss = f[21] * int64(os.Getpagesize())
	s.zombie = s.state == 'Z' || s.state == 'X'
	return s, nil
}

// numbers reads numbers with blanks before and between them, and tells how many.
func numbers(b []byte, into []int64) (count int) {
	for i := 0; count < len(into); count++ {
		for i < len(b) && b[i] == ' ' {
			i++
		}
		negative := i < len(b) && b[i] == '-'
		if negative {
			i++
		}
		if i == len(b) || b[i] < '0' || b[i] > '9' {
			return count
		}
		var n int64
		for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
			n = 10*n + int64(b[i]-'0')
		}
		if negative {
			n = -n
		}
		into[count] = n
	}
	return count
}

// now is the start time that a process born at this moment would have.
func now() int64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return 0
	}
	return ts.Nano() / int64(clockTick)
}

// bootID tells one run of the kernel from another, whose processes have the
// same numbers and times.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// executedWith gives the environment that a process was executed with.
func executedWith(pid int) []byte {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return nil
	}
	return b
}

// standsStill reports whether every thread has stopped. One that was told and
// waits in the kernel without being interruptible counts: it stops before it
// returns to its program, which may be never when it waits in vfork for a child
// that has stopped.
func standsStill(pid int, told bool) bool {
	folder := "/proc/" + strconv.Itoa(pid) + "/task"
	dir, err := os.Open(folder)
	if err != nil {
		return true // it is gone
	}
	defer dir.Close()
	tasks, err := dir.Readdirnames(-1)
	if err != nil {
		return true
	}
	still := "TtZX"
	if told {
		still += "D"
	}
	for _, task := range tasks {
		if st, err := readStat(folder + "/" + task + "/stat"); err == nil && strings.IndexByte(still, st.state) < 0 {
			return false
		}
	}
	return true
}

// signalExactly signals that very process; one that is gone is no error. The
// descriptor makes sure that the number is not somebody else's by now.
func signalExactly(id identity, sig unix.Signal) error {
	fd, err := unix.PidfdOpen(id.pid, 0)
	if err == unix.ESRCH {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if st, err := readStat("/proc/" + strconv.Itoa(id.pid) + "/stat"); err != nil || st.start != id.start {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && err != unix.ESRCH {
		return err
	}
	return nil
}

// awaitExit returns when a child has ended, and leaves it to be reaped.
func awaitExit(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}

// start starts a process that is held before its first instruction until
// prepare is done. When prepare fails, the process is killed and comes with the
// error.
func start(path string, argv []string, attr *os.ProcAttr, prepare func(pid int) error) (*os.Process, error) {
	// Only the thread that forked may let go what it traces.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	attr.Sys.Ptrace = true
	// Otherwise it would run on when the daemon is killed, or stand still for ever.
	// The kernel looks at the thread that forked, which Go keeps until the end.
	attr.Sys.Pdeathsig = syscall.SIGKILL
	p, err := os.StartProcess(path, argv, attr)
	held := err == nil
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		// Perhaps tracing is what was refused. Then the process is not held, and
		// has its limits a moment late.
		attr.Sys.Ptrace = false
		p, err = os.StartProcess(path, argv, attr)
	}
	if err != nil {
		return nil, err
	}
	if held {
		awaitTrap(p.Pid)
	}
	err = prepare(p.Pid)
	if err != nil {
		p.Kill()
	}
	if held {
		unix.PtraceDetach(p.Pid) // one that has been killed has nothing to be let go from
	}
	return p, err
}

// awaitTrap returns when a traced child stands at its first instruction, or has
// ended; it stays to be waited for.
func awaitTrap(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}

// limit sets limits of a process: no core files, and so many open files.
func limit(pid, files int) error {
	limits := map[int]unix.Rlimit{unix.RLIMIT_CORE: {}}
	if files > 0 {
		limits[unix.RLIMIT_NOFILE] = unix.Rlimit{Cur: uint64(files), Max: uint64(files)}
	}
	for resource, limit := range limits {
		if err := unix.Prlimit(pid, resource, &limit, nil); err != nil && err != unix.ESRCH {
			return fmt.Errorf("limit process %d: %w", pid, err)
		}
	}
	return nil
}

// consumption sums up what the processes use now, and tells the most that one of
// them ever had resident. Pages that processes share are counted for each.
func consumption(members []entry) (memory, peak int64, cpu time.Duration, processes int) {
	for _, e := range members {
		st, err := readStat("/proc/" + strconv.Itoa(e.pid) + "/stat")
		if err != nil || st.start != e.start {
			continue
		}
		cpu += st.cpu
		if !st.zombie {
			memory += st.rss
			peak = max(peak, highWater(e.pid))
			processes++
		}
	}
	return memory, peak, cpu, processes
}

// highWater is the most memory that a process ever had resident, 0 when it is gone.
func highWater(pid int) int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	number, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	kib, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}

// maxResident is the unit of rusage's ru_maxrss.
const maxResident = 1024
