package process

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"lambent/internal/sandbox"
)

const networkWhy = "there is one network for all, and any process of the host can reach any Runtime API"

func hostAbilities() []sandbox.Ability {
	const hint = "use the namespace driver on Linux"
	return []sandbox.Ability{
		{Name: sandbox.CanFreeze, Have: true},
		{Name: sandbox.CanMeasureMemory, Why: "only the peaks of processes that have ended are known", Hint: hint},
	}
}

// fionread is what asks how many bytes are in a pipe: _IOR('f', 127, int).
const fionread = 0x4004667f

// The states of a process, from sys/proc.h.
const (
	stopped = 4 // SSTOP
	undead  = 5 // SZOMB
)

// list asks the kernel.
func list() ([]entry, error) {
	procs, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, err
	}
	all := make([]entry, 0, len(procs))
	for i := range procs {
		all = append(all, entryOf(&procs[i]))
	}
	return all, nil
}

// lookup is list for one process.
func lookup(pid int) (entry, error) {
	p, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return entry{}, err
	}
	return entryOf(p), nil
}

func entryOf(p *unix.KinfoProc) entry {
	e := entry{
		pid: int(p.Proc.P_pid), parent: int(p.Eproc.Ppid), group: int(p.Eproc.Pgid),
		start: p.Proc.P_starttime.Nano(), zombie: p.Proc.P_stat == undead,
	}
	// The session of a zombie cannot be asked; it is taken for its own.
	var err error
	if e.session, err = unix.Getsid(e.pid); err != nil {
		e.session = e.pid
	}
	return e
}

// now is the start time that a process born at this moment would have.
func now() int64 { return time.Now().UnixNano() }

// bootID is the time of the boot, because start times are of the same clock.
func bootID() string {
	tv, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return "unknown"
	}
	return time.Unix(tv.Unix()).UTC().Format(time.RFC3339)
}

// executedWith gives the arguments and the environment that a process was
// executed with.
func executedWith(pid int) []byte {
	b, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil {
		return nil
	}
	return b
}

// standsStill reports whether the process has stopped.
func standsStill(pid int, _ bool) bool {
	p, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	return err != nil || p.Proc.P_stat == stopped || p.Proc.P_stat == undead
}

// signalExactly signals that process unless its number is somebody else's by
// now; one that is gone is no error.
func signalExactly(id identity, sig unix.Signal) error {
	p, err := unix.SysctlKinfoProc("kern.proc.pid", id.pid)
	if err != nil || p.Proc.P_starttime.Nano() != id.start {
		return nil
	}
	if err := unix.Kill(id.pid, sig); err != nil && err != unix.ESRCH {
		return err
	}
	return nil
}

// awaitExit returns when a child has ended, and leaves it to be reaped.
func awaitExit(pid int) {
	queue, err := unix.Kqueue()
	if err != nil {
		return // Wait waits, too; only a Signal at the same time waits with it
	}
	defer unix.Close(queue)
	unix.CloseOnExec(queue)
	var change unix.Kevent_t
	unix.SetKevent(&change, pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT)
	change.Fflags = unix.NOTE_EXIT
	events := make([]unix.Kevent_t, 1)
	for {
		// It cannot be watched when it has ended already.
		if _, err := unix.Kevent(queue, []unix.Kevent_t{change}, events, nil); err != unix.EINTR {
			return
		}
	}
}

// start starts a process and prepares it, which runs already. When prepare
// fails, the process is killed and comes with the error.
func start(path string, argv []string, attr *os.ProcAttr, prepare func(pid int) error) (*os.Process, error) {
	p, err := os.StartProcess(path, argv, attr)
	if err != nil {
		return nil, err
	}
	if err := prepare(p.Pid); err != nil {
		p.Kill()
		return p, err
	}
	return p, nil
}

// limit does nothing: one process cannot set another's limits here.
func limit(int, int) error { return nil }

// consumption counts only.
func consumption(members []entry) (memory, peak int64, cpu time.Duration, processes int) {
	for _, e := range members {
		if !e.zombie {
			processes++
		}
	}
	return 0, 0, 0, processes
}

// maxResident is the unit of rusage's ru_maxrss.
const maxResident = 1
