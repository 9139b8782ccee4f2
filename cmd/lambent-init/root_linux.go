package main

import (
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"lambent/internal/sandbox/namespace/initproto"
)

// setup makes the sandbox that the plan describes, and hands over its network.
func (p *pid1) setup(packet []byte, fds []int) {
	var plan initproto.Plan
	what, err := "read the plan", initproto.DecodeInto(packet, &plan)
	if err == nil {
		what, err = build(&plan, fds)
	}
	if err == nil {
		rest := p.keepRights(&plan, fds)
		what, err = "raise the loopback", raiseLoopback()
		if err == nil && plan.Leave {
			what, err = "leave the host's root", leave(initproto.HostRoot)
		}
		p.left = err == nil && plan.Leave
		if err == nil && plan.Finishing != nil {
			what, err = p.complete(plan.Finishing, rest)
		}
	}
	if err == nil {
		// Nobody inside may look at us, not even with our own user's rights,
		// which is what functions have without root.
		what, err = "hide", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	}
	network := -1
	if err == nil {
		what = "open the network namespace"
		network, err = unix.Open("/proc/self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	p.done(what, err, network)
	if network >= 0 {
		unix.Close(network)
	}
}

// finish completes a sandbox of which only the beginning was planned.
func (p *pid1) finish(packet []byte, fds []int) {
	var f initproto.Finishing
	what, err := "read what is left to do", initproto.DecodeInto(packet, &f)
	if err == nil {
		what, err = p.complete(&f, fds)
	}
	p.done(what, err, -1)
}

// keepRights remembers what processes become, and gives the descriptors that
// are left when the cgroups' are taken.
func (p *pid1) keepRights(plan *initproto.Plan, fds []int) (rest []int) {
	p.child = childRights{Child: plan.Child, bornInto: -1}
	if plan.BornInto {
		p.child.bornInto, fds = fds[0], fds[1:]
	}
	p.child.joinBy, rest = fds[:plan.JoinBy], fds[plan.JoinBy:]
	const size = int(unsafe.Sizeof(unix.SockFilter{}))
	for b := plan.Child.Filter; len(b) >= size; b = b[size:] {
		p.child.filter = append(p.child.filter, *(*unix.SockFilter)(unsafe.Pointer(&b[0])))
	}
	return rest
}

// build enters an empty root with the host's tree beside it and carries out the
// ops. From the first step on, targets resolve inside the new root, whatever
// symbolic links the mounted trees contain.
func build(plan *initproto.Plan, fds []int) (string, error) {
	want := plan.JoinBy
	if plan.BornInto {
		want++
	}
	if plan.JoinBy < 0 || len(fds) < want {
		return "receive the descriptors", unix.EBADF
	}
	if err := handOn(plan.Rlimits); err != nil {
		return "set the limits", err
	}
	if err := writeFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(plan.OOMScore))); err != nil {
		return "set the OOM score", err
	}
	if err := unix.Sethostname([]byte(plan.Hostname)); err != nil {
		return "set the host name", err
	}
	if what, err := enter(plan.NewRoot); err != nil {
		return what, err
	}
	return performAll(plan.Ops, nil)
}

func performAll(ops []initproto.Op, fds []int) (string, error) {
	for i := range ops {
		if err := perform(&ops[i], fds); err != nil {
			return ops[i].Target, err
		}
	}
	return "", nil
}

// complete carries out the last ops, imposes the limits, and lets the host's
// tree go, so that nothing of a customer's ever sees it.
func (p *pid1) complete(f *initproto.Finishing, fds []int) (string, error) {
	if p.finished {
		return "finish twice", unix.EALREADY
	}
	what, err := performAll(f.Ops, fds)
	for _, fd := range fds {
		unix.Close(fd)
	}
	if err != nil {
		return what, err
	}
	p.child.limit(f)
	if p.busy {
		if err := p.child.impose(); err != nil {
			return "limit who lives", err
		}
	}
	p.finished = true
	if !p.left {
		if err := leave(initproto.HostRoot); err != nil {
			return "leave the host's root", err
		}
	}
	return "make the root read-only", unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID, "")
}

// leave lets the mounts at a folder of HostFolder go, and the folders.
func leave(path string) error {
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
		return err
	}
	if err := unix.Rmdir(path); err != nil {
		return err
	}
	return unix.Rmdir(initproto.HostFolder)
}

func enter(root string) (string, error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return "make mounts private", err
	}
	if err := unix.Mount("lambent", root, "tmpfs", unix.MS_NOSUID, "size=256k,mode=755"); err != nil {
		return "mount the new root", err
	}
	for _, dir := range []string{initproto.HostFolder, initproto.HostRoot} {
		if err := unix.Mkdir(root+dir, 0o700); err != nil {
			return "make room for the host's root", err
		}
	}
	if err := unix.PivotRoot(root, root+initproto.HostRoot); err != nil {
		return "pivot the root", err
	}
	return "enter the root", unix.Chdir("/")
}

func perform(op *initproto.Op, fds []int) error {
	switch op.Code {
	case initproto.OpDir:
		return makeDir(op.Target, op.Mode)
	case initproto.OpFile:
		return makeFile(op.Target, op.Mode, op.Data)
	case initproto.OpSymlink:
		return unix.Symlink(op.Source, op.Target)
	case initproto.OpNode:
		unix.Umask(0)
		defer unix.Umask(0o022)
		return unix.Mknod(op.Target, unix.S_IFCHR|op.Mode, int(op.Flags))
	case initproto.OpMount:
		if err := makeDir(op.Target, 0o755); err != nil {
			return err
		}
		return unix.Mount(op.Source, op.Target, op.FSType, uintptr(op.Flags), string(op.Data))
	case initproto.OpBind:
		return bind(op)
	case initproto.OpMoveFD:
		if op.FD < 0 || op.FD >= len(fds) {
			return unix.EBADF
		}
		if err := makeDir(op.Target, 0o755); err != nil {
			return err
		}
		if err := unix.MoveMount(fds[op.FD], "", unix.AT_FDCWD, op.Target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return err
		}
		if op.Flags&initproto.BindShallow == 0 {
			return nil
		}
		return restrict(op.Target, attributes(op), false)
	case initproto.OpReadOnly:
		return restrict(op.Target, unix.MOUNT_ATTR_RDONLY, false)
	case initproto.OpWrite:
		return writeFile(op.Target, op.Data)
	case initproto.OpLeave:
		return leave(op.Target)
	}
	return unix.EINVAL
}

// bind shows a folder or file of the host, with the kind of mount point that it needs.
func bind(op *initproto.Op) error {
	source := initproto.HostRoot + op.Source
	var st unix.Stat_t
	err := unix.Stat(source, &st)
	if err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		err = makeDir(op.Target, 0o755)
	} else if err == nil {
		err = makeFile(op.Target, 0o644, nil)
	}
	recursive := op.Flags&initproto.BindShallow == 0
	flags := uintptr(unix.MS_BIND)
	if recursive {
		flags |= unix.MS_REC
	}
	if err == nil {
		err = unix.Mount(source, op.Target, "", flags, "")
	}
	if err != nil {
		if op.Flags&initproto.BindOptional != 0 {
			return nil
		}
		return err
	}
	return restrict(op.Target, attributes(op), recursive)
}

// attributes are those of a mount of the host's.
func attributes(op *initproto.Op) uint64 {
	attrs := uint64(unix.MOUNT_ATTR_NOSUID)
	if op.Flags&initproto.BindWritable == 0 {
		attrs |= unix.MOUNT_ATTR_RDONLY
	}
	if op.Flags&initproto.BindDevices == 0 {
		attrs |= unix.MOUNT_ATTR_NODEV
	}
	return attrs
}

// restrict adds attributes to a mount, and to those below it. Kernels before
// 5.12 cannot do it in one call; there the flags that the mount has are kept,
// as a mount that came from a more powerful namespace may not lose any.
func restrict(target string, attrs uint64, recursive bool) error {
	var flags uint
	if recursive {
		flags = unix.AT_RECURSIVE
	}
	err := unix.MountSetattr(unix.AT_FDCWD, target, flags, &unix.MountAttr{Attr_set: attrs})
	if err != unix.ENOSYS {
		return err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(target, &st); err != nil {
		return err
	}
	keep := uintptr(st.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RDONLY)
	for attr, flag := range map[uint64]uintptr{unix.MOUNT_ATTR_RDONLY: unix.MS_RDONLY, unix.MOUNT_ATTR_NOSUID: unix.MS_NOSUID, unix.MOUNT_ATTR_NODEV: unix.MS_NODEV} {
		if attrs&attr != 0 {
			keep |= flag
		}
	}
	return unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_BIND|keep, "")
}

// makeDir makes a folder and its parents; one that is there already stays as it is.
func makeDir(path string, mode uint32) error {
	err := unix.Mkdir(path, mode)
	if err == unix.EEXIST {
		return nil
	}
	if err != unix.ENOENT {
		return err
	}
	if err := makeDir(parent(path), 0o755); err != nil {
		return err
	}
	return makeDir(path, mode)
}

func parent(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '/' {
			return path[:i]
		}
	}
	return "/"
}

// makeFile makes a file and its folders. One that is there already does as a
// mount point, but not for data.
func makeFile(path string, mode uint32, data []byte) error {
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_CLOEXEC
	fd, err := unix.Open(path, flags, mode)
	if err == unix.ENOENT {
		if err := makeDir(parent(path), 0o755); err != nil {
			return err
		}
		fd, err = unix.Open(path, flags, mode)
	}
	if err == unix.EEXIST && data == nil {
		return nil
	}
	if err != nil {
		return err
	}
	return writeAndClose(fd, data)
}

func writeFile(path string, data []byte) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return writeAndClose(fd, data)
}

func writeAndClose(fd int, data []byte) error {
	defer unix.Close(fd)
	if len(data) == 0 {
		return nil
	}
	_, err := unix.Write(fd, data)
	return err
}
