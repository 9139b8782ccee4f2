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

// vfork makes a child by clone or clone3. The child shares our memory and our
// stack, and we stand still until it has executed or ended.
//
//go:noescape
func vfork(trap, a1, a2 uintptr) (pid, errno uintptr)

// image is all that the child needs between fork and exec. It is complete before
// the fork: the child has one thread, may not allocate, lock or grow its stack,
// and calls nothing but the kernel.
type image struct {
	path, dir  *byte
	argv, envp **byte

	bornInto int   // a cgroup folder, or -1
	joinBy   []int // cgroup files to write "0" to
	from, to []int // descriptors and their numbers in the new program

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
	joinMsg [1]byte

	// Written by the child before it ends, when it could not execute.
	stage   initproto.Stage
	refusal syscall.Errno
}

// cloneArgs is struct clone_args up to its cgroup.
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// fork makes the child, which becomes im and never returns. To share our memory
// is many times quicker than to copy it. It is safe as the child's first
// acts leave nothing of ours that a process of the sandbox could reach: our
// memory may not be looked at (PR_SET_DUMPABLE), by whichever process it is held.
func fork(im *image) (uintptr, syscall.Errno) {
	beforeFork()
	pid, err := born(im)
	afterFork()
	return pid, err
}

// born returns in the parent only, at once: the child has used this stack from
// this frame on, so nothing below may be wanted any more.
//
//go:noinline
//go:norace
//go:nocheckptr
//go:nosplit
func born(im *image) (uintptr, syscall.Errno) {
	trap, a1, a2 := uintptr(unix.SYS_CLONE), uintptr(unix.CLONE_VM|unix.CLONE_VFORK)|uintptr(unix.SIGCHLD), uintptr(0)
	if im.bornInto >= 0 {
		trap, a1, a2 = unix.SYS_CLONE3, uintptr(unsafe.Pointer(&im.clone)), unsafe.Sizeof(im.clone)
	}
	pid, err := vfork(trap, a1, a2)
	if pid != 0 {
		return pid, syscall.Errno(err)
	}
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
	im.stage, im.refusal = stage, err
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

// drop gives up every right for good: the identity, then what capabilities a
// change of identity leaves. The bounding set is empty already (handOn).
//
//go:nosplit
//go:norace
func drop(im *image) syscall.Errno {
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

// arrange leaves the program exactly the descriptors that it was given, and an
// empty signal mask; the signal dispositions are the default ones (dropHandlers).
//
//go:nosplit
//go:norace
func arrange(im *image) syscall.Errno {
	for i := range im.from {
		// No source is a target, so none hides another.
		if _, _, err := syscall.RawSyscall(unix.SYS_DUP3, uintptr(im.from[i]), uintptr(im.to[i]), 0); err != 0 {
			return err
		}
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
