package main

import (
	"golang.org/x/sys/unix"

	"lambent/internal/sandbox/namespace/initproto"
)

// imposeTries bounds how often impose looks.
const imposeTries = 1000

// handOn takes limits that all processes shall have, which they inherit, and
// gives up what none may ever have: the bounding set of this thread, which
// starts them all.
func handOn(limits []initproto.Rlimit) error {
	for _, l := range limits {
		if err := unix.Setrlimit(int(l.Resource), &unix.Rlimit{Cur: l.Soft, Max: l.Max}); err != nil {
			return err
		}
	}
	for c := uintptr(0); c < 64; c++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err == unix.EINVAL {
			return nil // past the last capability of this kernel
		} else if err != nil {
			return err
		}
	}
	return nil
}

// limit notes what processes get from here on.
func (c *childRights) limit(f *initproto.Finishing) {
	for _, want := range f.Rlimits {
		for i := range c.Rlimits {
			if c.Rlimits[i].Resource == want.Resource {
				c.Rlimits[i] = want
			}
		}
	}
	c.Affinity = f.Affinity
}

// impose limits the processes that live already as it does those that come. Who
// is born meanwhile has what its parent had, so it is done when a look finds
// nobody to be told.
func (c *childRights) impose() error {
	c.processors = mask(c.Affinity)
	if c.SetIDs {
		// Limits may be set by who has the same user and group. Only this thread
		// takes them, and stays root in all else.
		c.pose(int(c.UID), int(c.GID))
		defer c.pose(0, 0)
	}
	for range imposeTries {
		told, failed := false, error(nil)
		err := eachProcess(func(proc int, pid string) bool {
			var did bool
			did, failed = c.imposeOn(proc, pid)
			told = told || did
			return failed == nil
		})
		if err == nil {
			err = failed
		}
		if err != nil || !told {
			return err
		}
	}
	return unix.ETIMEDOUT
}

// pose sets the real user and group of this thread. It may, so it cannot fail.
func (c *childRights) pose(uid, gid int) {
	unix.RawSyscall(unix.SYS_SETRESGID, uintptr(gid), ^uintptr(0), ^uintptr(0))
	unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), ^uintptr(0), ^uintptr(0))
}

// imposeOn tells whether a process had to be told anything. One that ended has not.
func (c *childRights) imposeOn(proc int, pid string) (told bool, err error) {
	for _, l := range c.Rlimits {
		want, had := unix.Rlimit{Cur: l.Soft, Max: l.Max}, unix.Rlimit{}
		err := unix.Prlimit(int(number(pid)), int(l.Resource), &want, &had)
		if err == unix.ESRCH {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		told = told || had != want
	}
	if len(c.Affinity) == 0 {
		return told, nil
	}
	listErr := eachEntry(proc, pid+"/task", func(_ int, tid string) bool {
		var did bool
		did, err = c.confine(int(number(tid)))
		told = told || did
		return err == nil
	})
	if err == nil && listErr != unix.ENOENT && listErr != unix.ESRCH {
		err = listErr
	}
	return told, err
}

// confine gives one thread its processors. The kernel may give fewer than were
// asked for, and from then on that is what all are to have.
func (c *childRights) confine(thread int) (told bool, err error) {
	var have unix.CPUSet
	err = unix.SchedGetaffinity(thread, &have)
	if err == nil && have != c.processors {
		told = true
		if err = unix.SchedSetaffinity(thread, &c.processors); err == nil {
			err = unix.SchedGetaffinity(thread, &c.processors)
		}
	}
	if err == unix.ESRCH {
		return told, nil
	}
	return told, err
}

func mask(bytes []byte) (set unix.CPUSet) {
	for i, b := range bytes {
		for bit := range 8 {
			if b&(1<<bit) != 0 {
				set.Set(8*i + bit)
			}
		}
	}
	return set
}
