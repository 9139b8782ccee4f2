package main

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"lambent/internal/sandbox/namespace/initproto"
)

// The runtime's own preparation for a fork, as package syscall uses it: signals
// are blocked, and any growth of the stack in between is fatal.

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// image is all that the child needs between fork and exec. It is complete before
// the fork: the child has one thread, may not allocate, lock or grow its stack,
// and calls nothing but the kernel.
type image struct {
	path, dir  *byte
	argv, envp **byte

	bornInto int   // a cgroup folder, or -1
	joinBy   []int // cgroup files to write "0" to
	from, to []int // descriptors and their numbers in the new program
	errPipe  int   // where the stage and errno of a refusal go; closed by exec

	limits   []unix.Rlimit
	limitIDs []uint32
	affinity []byte
	filter   *unix.SockFprog
	setIDs   bool
	uid, gid uint32

	// What the kernel wants pointers to.
	clone   cloneArgs
	caps    unix.CapUserHeader
	noCaps  [2]unix.CapUserData
	zero    [8]byte
	sigDfl  [4]uint64 // struct sigaction of the kernel: SIG_DFL, no flags
	joinMsg [1]byte
	refusal [2]int32
}

// cloneArgs is struct clone_args up to its cgroup.
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// fork makes the child, which becomes im and never returns. It is a plain fork:
// our memory is small, and nothing of ours is shared with what the child does.
//
//go:noinline
//go:norace
//go:nocheckptr
func fork(im *image) (uintptr, syscall.Errno) {
	var pid uintptr
	var err syscall.Errno
	beforeFork()
	if im.bornInto >= 0 {
		pid, _, err = syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&im.clone)), unsafe.Sizeof(im.clone), 0)
	} else {
		pid, _, err = syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	}
	if err != 0 || pid != 0 {
		afterFork()
		return pid, err
	}
	afterForkInChild()
	become(im)
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 127, 0, 0)
	}
}

// become turns the child into im, step by step; it returns when a step was refused.
//
//go:nosplit
//go:norace
//go:nocheckptr
func become(im *image) {
	stage, err := initproto.StageCgroup, join(im)
	if err == 0 {
		stage, err = initproto.StageLimits, limit(im)
	}
	if err == 0 {
		stage, err = initproto.StageIdentity, drop(im)
	}
	if err == 0 {
		stage = initproto.StageDir
		_, _, err = syscall.RawSyscall(unix.SYS_CHDIR, uintptr(unsafe.Pointer(im.dir)), 0, 0)
	}
	if err == 0 {
		stage, err = initproto.StageFiles, arrange(im)
	}
	if err == 0 {
		stage, err = initproto.StageFilter, filter(im)
	}
	if err == 0 {
		stage = initproto.StageExec
		_, _, err = syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(im.path)), uintptr(unsafe.Pointer(im.argv)), uintptr(unsafe.Pointer(im.envp)))
	}
	im.refusal = [2]int32{int32(stage), int32(err)}
	syscall.RawSyscall(unix.SYS_WRITE, uintptr(im.errPipe), uintptr(unsafe.Pointer(&im.refusal)), 8)
}

// join enters the cgroups before anything of the user's can run or be charged
// elsewhere, and hides where in the host's tree they are.
//
//go:nosplit
//go:norace
func join(im *image) syscall.Errno {
	syscall.RawSyscall(unix.SYS_SETPGID, 0, 0, 0)
	for _, fd := range im.joinBy {
		if _, _, err := syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&im.joinMsg)), 1); err != 0 {
			return err
		}
	}
	syscall.RawSyscall(unix.SYS_UNSHARE, unix.CLONE_NEWCGROUP, 0, 0)
	return 0
}

//go:nosplit
//go:norace
func limit(im *image) syscall.Errno {
	for i := range im.limits {
		if _, _, err := syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, uintptr(im.limitIDs[i]), uintptr(unsafe.Pointer(&im.limits[i])), 0, 0, 0); err != 0 {
			return err
		}
	}
	if len(im.affinity) == 0 {
		return 0
	}
	_, _, err := syscall.RawSyscall(unix.SYS_SCHED_SETAFFINITY, 0, uintptr(len(im.affinity)), uintptr(unsafe.Pointer(&im.affinity[0])))
	return err
}

// drop gives up every right for good: the bounding set first, while we may, then
// the identity, then what capabilities a change of identity leaves.
//
//go:nosplit
//go:norace
func drop(im *image) syscall.Errno {
	for c := uintptr(0); c < 64; c++ {
		if _, _, err := syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0); err == unix.EINVAL {
			break // past the last capability of this kernel
		} else if err != 0 {
			return err
		}
	}
	if im.setIDs {
		if _, _, err := syscall.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); err != 0 {
			return err
		}
		if _, _, err := syscall.RawSyscall(unix.SYS_SETRESGID, uintptr(im.gid), uintptr(im.gid), uintptr(im.gid)); err != 0 {
			return err
		}
		if _, _, err := syscall.RawSyscall(unix.SYS_SETRESUID, uintptr(im.uid), uintptr(im.uid), uintptr(im.uid)); err != 0 {
			return err
		}
	}
	syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0)
	_, _, err := syscall.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&im.caps)), uintptr(unsafe.Pointer(&im.noCaps)), 0)
	return err
}

// arrange leaves the program exactly the descriptors that it was given, the
// default signal dispositions and an empty signal mask.
//
//go:nosplit
//go:norace
func arrange(im *image) syscall.Errno {
	for i := range im.from {
		// All are above every target, so none hides another.
		if _, _, err := syscall.RawSyscall(unix.SYS_DUP3, uintptr(im.from[i]), uintptr(im.to[i]), 0); err != 0 {
			return err
		}
	}
	for sig := uintptr(1); sig <= 64; sig++ {
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&im.sigDfl)), 0, 8, 0, 0)
	}
	_, _, err := syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&im.zero)), 0, 8, 0, 0)
	return err
}

//go:nosplit
//go:norace
func filter(im *image) syscall.Errno {
	if _, _, err := syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); err != 0 {
		return err
	}
	if im.filter == nil {
		return 0
	}
	_, _, err := syscall.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(im.filter)))
	return err
}
