package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
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

// stat is what /proc/<pid>/stat says.
type stat struct {
	entry
	state byte
	cpu   time.Duration // with that of children that were waited for
	rss   int64         // bytes
}

// clockTick is the unit of times in /proc, the same on every Linux (USER_HZ).
const clockTick = time.Second / 100

func readStat(name string) (stat, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return stat{}, err
	}
	// The name in parentheses may contain anything, a parenthesis included.
	end := bytes.LastIndexByte(b, ')')
	if end < 0 {
		return stat{}, fmt.Errorf("parse %s: no name", name)
	}
	f := strings.Fields(string(b[end+1:]))
	if len(f) < 22 {
		return stat{}, fmt.Errorf("parse %s: %d fields", name, len(f))
	}
	number := func(i int) int64 {
		n, parseErr := strconv.ParseInt(f[i], 10, 64)
		err = errors.Join(err, parseErr)
		return n
	}
	s := stat{state: f[0][0]}
	s.parent, s.group, s.session = int(number(1)), int(number(2)), int(number(3))
	s.cpu = time.Duration(number(11)+number(12)+number(13)+number(14)) * clockTick
	s.start = number(19)
	s.rss = number(21) * int64(os.Getpagesize())
	s.zombie = s.state == 'Z' || s.state == 'X'
	return s, err
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

// names reports whether the environment that the process was executed with
// names the folder.
func names(pid int, folder string) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return err == nil && bytes.Contains(b, []byte(folder+"/"))
}

// standsStill reports whether every thread has stopped. One that was told and
// waits in the kernel without being interruptible counts: it stops before it
// returns to its program, which may be never when it waits in vfork for a child
// that has stopped.
func standsStill(pid int, told bool) bool {
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat")
	if err != nil || len(tasks) == 0 {
		return true // it is gone
	}
	still := "TtZX"
	if told {
		still += "D"
	}
	for _, task := range tasks {
		if st, err := readStat(task); err == nil && strings.IndexByte(still, st.state) < 0 {
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
