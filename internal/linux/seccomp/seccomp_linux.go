// Package seccomp is the filter of system calls that functions run under.
//
// It is a deny list: what a function has no business with, because it reaches
// for other processes, other namespaces, mounts, the kernel's own state, or
// parts of the kernel with a long record of holes. Everything else stays, as Go,
// Python, Node.js, Ruby and the JVM use more than any allow list foresees. The
// filter is one wall among several: no capability, no_new_privs, and namespaces
// stand behind it.
package seccomp

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Call is a denied system call.
type Call struct {
	Name   string
	Number uint32
	Errno  unix.Errno
}

// Denied lists the calls that are refused whatever their arguments.
func Denied() []Call { return append(commonDenied(), archDenied()...) }

func commonDenied() []Call {
	return []Call{
		// mounts and roots
		{"mount", unix.SYS_MOUNT, unix.EPERM}, {"umount2", unix.SYS_UMOUNT2, unix.EPERM},
		{"pivot_root", unix.SYS_PIVOT_ROOT, unix.EPERM}, {"chroot", unix.SYS_CHROOT, unix.EPERM},
		{"open_tree", unix.SYS_OPEN_TREE, unix.EPERM}, {"move_mount", unix.SYS_MOVE_MOUNT, unix.EPERM},
		{"fsopen", unix.SYS_FSOPEN, unix.EPERM}, {"fsconfig", unix.SYS_FSCONFIG, unix.EPERM},
		{"fsmount", unix.SYS_FSMOUNT, unix.EPERM}, {"fspick", unix.SYS_FSPICK, unix.EPERM},
		{"mount_setattr", unix.SYS_MOUNT_SETATTR, unix.EPERM}, {"open_tree_attr", unix.SYS_OPEN_TREE_ATTR, unix.EPERM},
		{"open_by_handle_at", unix.SYS_OPEN_BY_HANDLE_AT, unix.EPERM},
		{"name_to_handle_at", unix.SYS_NAME_TO_HANDLE_AT, unix.EPERM},
		{"quotactl", unix.SYS_QUOTACTL, unix.EPERM}, {"quotactl_fd", unix.SYS_QUOTACTL_FD, unix.EPERM},
		{"swapon", unix.SYS_SWAPON, unix.EPERM}, {"swapoff", unix.SYS_SWAPOFF, unix.EPERM},
		{"fanotify_init", unix.SYS_FANOTIFY_INIT, unix.EPERM},
		// namespaces; glibc takes ENOSYS as the cue to fall back to clone, whose flags can be seen
		{"setns", unix.SYS_SETNS, unix.EPERM}, {"clone3", unix.SYS_CLONE3, unix.ENOSYS},
		// other processes
		{"ptrace", unix.SYS_PTRACE, unix.EPERM}, {"process_vm_readv", unix.SYS_PROCESS_VM_READV, unix.EPERM},
		{"process_vm_writev", unix.SYS_PROCESS_VM_WRITEV, unix.EPERM}, {"pidfd_getfd", unix.SYS_PIDFD_GETFD, unix.EPERM},
		{"kcmp", unix.SYS_KCMP, unix.EPERM}, {"process_madvise", unix.SYS_PROCESS_MADVISE, unix.EPERM},
		{"move_pages", unix.SYS_MOVE_PAGES, unix.EPERM}, {"migrate_pages", unix.SYS_MIGRATE_PAGES, unix.EPERM},
		// the kernel's own
		{"bpf", unix.SYS_BPF, unix.EPERM}, {"perf_event_open", unix.SYS_PERF_EVENT_OPEN, unix.EPERM},
		{"userfaultfd", unix.SYS_USERFAULTFD, unix.EPERM},
		{"io_uring_setup", unix.SYS_IO_URING_SETUP, unix.EPERM}, {"io_uring_enter", unix.SYS_IO_URING_ENTER, unix.EPERM},
		{"io_uring_register", unix.SYS_IO_URING_REGISTER, unix.EPERM},
		{"keyctl", unix.SYS_KEYCTL, unix.EPERM}, {"add_key", unix.SYS_ADD_KEY, unix.EPERM},
		{"request_key", unix.SYS_REQUEST_KEY, unix.EPERM},
		{"kexec_load", unix.SYS_KEXEC_LOAD, unix.EPERM}, {"kexec_file_load", unix.SYS_KEXEC_FILE_LOAD, unix.EPERM},
		{"init_module", unix.SYS_INIT_MODULE, unix.EPERM}, {"finit_module", unix.SYS_FINIT_MODULE, unix.EPERM},
		{"delete_module", unix.SYS_DELETE_MODULE, unix.EPERM},
		{"reboot", unix.SYS_REBOOT, unix.EPERM}, {"syslog", unix.SYS_SYSLOG, unix.EPERM},
		{"acct", unix.SYS_ACCT, unix.EPERM}, {"vhangup", unix.SYS_VHANGUP, unix.EPERM},
		{"sethostname", unix.SYS_SETHOSTNAME, unix.EPERM}, {"setdomainname", unix.SYS_SETDOMAINNAME, unix.EPERM},
		{"settimeofday", unix.SYS_SETTIMEOFDAY, unix.EPERM}, {"clock_settime", unix.SYS_CLOCK_SETTIME, unix.EPERM},
		{"lookup_dcookie", unix.SYS_LOOKUP_DCOOKIE, unix.EPERM}, {"nfsservctl", unix.SYS_NFSSERVCTL, unix.EPERM},
	}
}

// namespaceFlags are the flags of clone and unshare that make namespaces.
const namespaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// Offsets in struct seccomp_data. Of an argument the low half is looked at: the
// kernel itself takes these arguments as 32 bits. Both architectures are little-endian.
const (
	offNumber = 0
	offArch   = 4
	offArg0   = 16
	offArg1   = 24
	offArg2   = 32
)

// Program assembles the filter for this architecture: struct sock_filter after
// struct sock_filter, as the kernel takes it.
func Program() ([]byte, error) {
	raw, err := bpf.Assemble(instructions())
	if err != nil {
		return nil, fmt.Errorf("assemble the system call filter: %w", err)
	}
	program := make([]byte, 0, 8*len(raw))
	for _, in := range raw {
		program = binary.NativeEndian.AppendUint16(program, in.Op)
		program = append(program, in.Jt, in.Jf)
		program = binary.NativeEndian.AppendUint32(program, in.K)
	}
	return program, nil
}

// rule is what becomes of one call. Its body ends by a verdict.
type rule struct {
	number uint32
	body   []bpf.Instruction
}

func instructions() []bpf.Instruction {
	p := []bpf.Instruction{
		load(offArch),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		deny(unix.ENOSYS), // another architecture's numbers mean other calls
		load(offNumber),
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: firstForeignNumber, SkipTrue: 1},
		deny(unix.ENOSYS),
	}
	rules := argumentRules()
	for _, c := range Denied() {
		rules = append(rules, rule{c.Number, []bpf.Instruction{deny(c.Errno)}})
	}
	slices.SortFunc(rules, func(a, b rule) int { return cmp.Compare(a.number, b.number) })
	return append(p, search(rules)...)
}

func deny(e unix.Errno) bpf.Instruction {
	return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(e)}
}

func load(off uint32) bpf.Instruction { return bpf.LoadAbsolute{Off: off, Size: 4} }

// search finds the call's rule by halves. The kernel runs the program for every
// number there is whenever a process loads it, to learn which calls it allows
// always; one rule after the other, that took longer than to execute a program.
func search(rules []rule) (p []bpf.Instruction) {
	if len(rules) > 2 {
		middle := len(rules) / 2
		below := search(rules[:middle])
		p = append(p, bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: rules[middle].number, SkipTrue: uint8(len(below))})
		return append(append(p, below...), search(rules[middle:])...)
	}
	for _, r := range rules {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: r.number, SkipTrue: uint8(len(r.body))})
		p = append(p, r.body...)
	}
	return append(p, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
}

// argumentRules are for calls whose arguments decide.
func argumentRules() []rule {
	allow := bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	return []rule{
		{unix.SYS_CLONE, []bpf.Instruction{load(offArg0),
			bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: namespaceFlags, SkipTrue: 1}, deny(unix.EPERM), allow}},
		{unix.SYS_UNSHARE, []bpf.Instruction{load(offArg0),
			bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: namespaceFlags | unix.CLONE_NEWTIME, SkipTrue: 1}, deny(unix.EPERM), allow}},
		{unix.SYS_PERSONALITY, []bpf.Instruction{load(offArg0),
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0xffffffff, SkipTrue: 1}, // asks, sets nothing
			deny(unix.EPERM), allow}},
		{unix.SYS_IOCTL, []bpf.Instruction{load(offArg1),
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.TIOCSTI, SkipTrue: 1},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.TIOCLINUX, SkipTrue: 1},
			deny(unix.EPERM), allow}},
		// Sockets: local, IPv4, IPv6, and the netlink that resolvers list interfaces by.
		{unix.SYS_SOCKET, []bpf.Instruction{load(offArg0),
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_UNIX, SkipTrue: 7},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_INET, SkipTrue: 6},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_INET6, SkipTrue: 5},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_NETLINK, SkipTrue: 1},
			deny(unix.EAFNOSUPPORT),
			load(offArg2),
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.NETLINK_ROUTE, SkipTrue: 1},
			deny(unix.EPROTONOSUPPORT), allow}},
	}
}
