package main

import (
	"runtime"

	"golang.org/x/sys/unix"

	"lambent/internal/sandbox/namespace/initproto"
)

// childRights is what every started process becomes.
type childRights struct {
	initproto.Child
	bornInto int
	joinBy   []int
	filter   []unix.SockFilter

	processors unix.CPUSet // what Affinity comes to; used by impose
}

// lowestSource is above every descriptor number that a command may ask for.
const lowestSource = 256

// spawn forks and executes, and returns when the program runs or was refused.
func (c *childRights) spawn(cmd *initproto.Command, fds []int) initproto.StartedReply {
	refuse := func(err error) initproto.StartedReply {
		return initproto.StartedReply{Stage: initproto.StageFork, Errno: errno(err)}
	}
	im, err := c.image(cmd)
	if err != nil {
		return refuse(err)
	}
	sources, moved, err := apart(fds, cmd.FDs)
	if err != nil {
		return refuse(err)
	}
	im.from = sources
	pid, forkErr := fork(im)
	runtime.KeepAlive(im)
	for _, fd := range moved {
		unix.Close(fd)
	}
	if forkErr != 0 {
		return refuse(forkErr)
	}
	return initproto.StartedReply{PID: int(pid), Stage: im.stage, Errno: int(im.refusal)}
}

func (c *childRights) image(cmd *initproto.Command) (*image, error) {
	im := &image{bornInto: c.bornInto, joinBy: c.joinBy, to: cmd.FDs, setIDs: c.SetIDs, uid: c.UID, gid: c.GID, affinity: c.Affinity}
	var err error
	if im.path, err = unix.BytePtrFromString(cmd.Path); err != nil {
		return nil, err
	}
	if im.dir, err = unix.BytePtrFromString(cmd.Dir); err != nil {
		return nil, err
	}
	if im.argv, err = pointers(cmd.Argv); err != nil {
		return nil, err
	}
	if im.envp, err = pointers(cmd.Env); err != nil {
		return nil, err
	}
	for _, l := range c.Rlimits {
		im.limitIDs = append(im.limitIDs, l.Resource)
		im.limits = append(im.limits, unix.Rlimit{Cur: l.Soft, Max: l.Max})
	}
	if len(c.filter) > 0 {
		im.filter = &unix.SockFprog{Len: uint16(len(c.filter)), Filter: &c.filter[0]}
	}
	im.caps.Version = unix.LINUX_CAPABILITY_VERSION_3
	im.joinMsg[0] = '0'
	if c.bornInto >= 0 {
		im.clone = cloneArgs{flags: unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_INTO_CGROUP, exitSignal: uint64(unix.SIGCHLD), cgroup: uint64(c.bornInto)}
	}
	return im, nil
}

// apart copies descriptors that are themselves among the numbers wanted to
// others. It gives them all, and the copies for the caller to close.
func apart(fds, wanted []int) (sources, copies []int, err error) {
	sources = append([]int(nil), fds...)
	for i, fd := range sources {
		if !contains(wanted, fd) {
			continue
		}
		high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, lowestSource)
		if err != nil {
			for _, c := range copies {
				unix.Close(c)
			}
			return nil, nil, err
		}
		sources[i], copies = high, append(copies, high)
	}
	return sources, copies, nil
}

func contains(list []int, n int) bool {
	for _, v := range list {
		if v == n {
			return true
		}
	}
	return false
}

// pointers gives a NULL-terminated array of C strings.
func pointers(list []string) (**byte, error) {
	array := make([]*byte, len(list)+1)
	for i, s := range list {
		p, err := unix.BytePtrFromString(s)
		if err != nil {
			return nil, err
		}
		array[i] = p
	}
	return &array[0], nil
}
