package main

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"lambent/internal/sandbox/namespace/initproto"
)

// childRights is what every started process becomes; set once by Setup.
type childRights struct {
	initproto.Child
	bornInto int
	joinBy   []int
	filter   []unix.SockFilter
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
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return refuse(err)
	}
	defer unix.Close(pipe[0])
	sources, err := moveUp(append([]int{pipe[1]}, fds...))
	unix.Close(pipe[1])
	if err != nil {
		return refuse(err)
	}
	im.errPipe, im.from = sources[0], sources[1:]
	pid, forkErr := fork(im)
	runtime.KeepAlive(im)
	for _, fd := range sources {
		unix.Close(fd)
	}
	if forkErr != 0 {
		return refuse(forkErr)
	}
	return outcome(int(pid), pipe[0])
}

// outcome reads what the child says of itself: nothing when it has executed.
func outcome(pid, pipe int) initproto.StartedReply {
	var refusal [2]int32
	for {
		n, err := unix.Read(pipe, (*[8]byte)(unsafe.Pointer(&refusal))[:])
		if err == unix.EINTR {
			continue
		}
		if n == 8 {
			return initproto.StartedReply{PID: pid, Stage: initproto.Stage(refusal[0]), Errno: int(refusal[1])}
		}
		return initproto.StartedReply{PID: pid}
	}
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
		im.clone = cloneArgs{flags: unix.CLONE_INTO_CGROUP, exitSignal: uint64(unix.SIGCHLD), cgroup: uint64(c.bornInto)}
	}
	return im, nil
}

// moveUp copies descriptors to numbers that no target has.
func moveUp(fds []int) ([]int, error) {
	var moved []int
	for _, fd := range fds {
		high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, lowestSource)
		if err != nil {
			for _, m := range moved {
				unix.Close(m)
			}
			return nil, err
		}
		moved = append(moved, high)
	}
	return moved, nil
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
