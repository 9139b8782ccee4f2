package seccomp

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filtered is the name by which the test binary puts itself behind the filter.
const filtered = "lambent-filtered"

func TestMain(m *testing.M) {
	if os.Args[0] == filtered {
		os.Exit(tryAll())
	}
	os.Exit(m.Run())
}

// TestFilter puts a process behind the filter, as root, and has it try what is
// denied and what must work.
func TestFilter(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Args = []string{filtered}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// attempt is a call with arguments that the filter looks at.
type attempt struct {
	name   string
	number uintptr
	args   [3]uintptr
	want   unix.Errno // 0: anything but the filter's EPERM, as nothing may be changed by it
}

func attempts() []attempt {
	all := []attempt{
		{"clone(CLONE_NEWUSER)", unix.SYS_CLONE, [3]uintptr{unix.CLONE_NEWUSER}, unix.EPERM},
		{"clone(CLONE_NEWNS|CLONE_VM)", unix.SYS_CLONE, [3]uintptr{unix.CLONE_NEWNS | unix.CLONE_VM}, unix.EPERM},
		{"unshare(CLONE_NEWNET)", unix.SYS_UNSHARE, [3]uintptr{unix.CLONE_NEWNET}, unix.EPERM},
		{"unshare(CLONE_NEWTIME)", unix.SYS_UNSHARE, [3]uintptr{unix.CLONE_NEWTIME}, unix.EPERM},
		{"unshare(0)", unix.SYS_UNSHARE, [3]uintptr{0}, 0},
		{"personality(ADDR_NO_RANDOMIZE)", unix.SYS_PERSONALITY, [3]uintptr{0x40000}, unix.EPERM},
		{"personality(ask)", unix.SYS_PERSONALITY, [3]uintptr{0xffffffff}, 0},
		{"ioctl(TIOCSTI)", unix.SYS_IOCTL, [3]uintptr{0, unix.TIOCSTI}, unix.EPERM},
		{"ioctl(TIOCSTI with high bits)", unix.SYS_IOCTL, [3]uintptr{0, unix.TIOCSTI | 1<<32}, unix.EPERM},
		{"ioctl(TIOCLINUX)", unix.SYS_IOCTL, [3]uintptr{0, unix.TIOCLINUX}, unix.EPERM},
		{"ioctl(TIOCGWINSZ)", unix.SYS_IOCTL, [3]uintptr{0, unix.TIOCGWINSZ}, 0},
		{"socket(AF_PACKET)", unix.SYS_SOCKET, [3]uintptr{unix.AF_PACKET, unix.SOCK_RAW}, unix.EAFNOSUPPORT},
		{"socket(AF_VSOCK)", unix.SYS_SOCKET, [3]uintptr{unix.AF_VSOCK, unix.SOCK_STREAM}, unix.EAFNOSUPPORT},
		{"socket(AF_ALG)", unix.SYS_SOCKET, [3]uintptr{unix.AF_ALG, unix.SOCK_SEQPACKET}, unix.EAFNOSUPPORT},
		{"socket(audit)", unix.SYS_SOCKET, [3]uintptr{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT}, unix.EPROTONOSUPPORT},
		{"socket(netfilter)", unix.SYS_SOCKET, [3]uintptr{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER}, unix.EPROTONOSUPPORT},
		{"socket(route)", unix.SYS_SOCKET, [3]uintptr{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE}, 0},
		{"socket(AF_UNIX)", unix.SYS_SOCKET, [3]uintptr{unix.AF_UNIX, unix.SOCK_STREAM}, 0},
		{"socket(AF_INET)", unix.SYS_SOCKET, [3]uintptr{unix.AF_INET, unix.SOCK_STREAM}, 0},
		{"socket(AF_INET6)", unix.SYS_SOCKET, [3]uintptr{unix.AF_INET6, unix.SOCK_DGRAM}, 0},
		{"getpid", unix.SYS_GETPID, [3]uintptr{}, 0},
		{"another interface", 0x40000000 | unix.SYS_GETPID, [3]uintptr{}, unix.ENOSYS},
	}
	for _, c := range Denied() {
		// All ones are arguments that change nothing should the filter let them through.
		bad := ^uintptr(0)
		all = append(all, attempt{c.Name, uintptr(c.Number), [3]uintptr{bad, bad, bad}, c.Errno})
	}
	return all
}

// tryAll runs as a process of its own, behind the filter.
func tryAll() int {
	runtime.LockOSThread()
	program, err := Program()
	if err != nil {
		println(err.Error())
		return 1
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		println("no_new_privs: " + err.Error())
		return 1
	}
	fprog := unix.SockFprog{Len: uint16(len(program) / 8), Filter: (*unix.SockFilter)(unsafe.Pointer(&program[0]))}
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&fprog))); e != 0 {
		println("seccomp: " + e.Error())
		return 1
	}
	failed := 0
	for _, a := range attempts() {
		_, _, got := unix.RawSyscall(a.number, a.args[0], a.args[1], a.args[2])
		if got != a.want && (a.want != 0 || got == unix.EPERM || got == unix.EAFNOSUPPORT || got == unix.EPROTONOSUPPORT) {
			println(a.name + ": " + got.Error() + ", want " + a.want.Error())
			failed++
		}
	}
	return min(failed, 1)
}

// TestMustBeDenied names what may never leave the list.
func TestMustBeDenied(t *testing.T) {
	t.Parallel()
	denied := map[string]bool{}
	for _, c := range Denied() {
		if denied[c.Name] {
			t.Errorf("%s is listed twice", c.Name)
		}
		denied[c.Name] = true
	}
	for name := range strings.FieldsSeq(`mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr
		open_by_handle_at setns clone3 ptrace process_vm_readv process_vm_writev pidfd_getfd kcmp bpf perf_event_open userfaultfd
		io_uring_setup io_uring_enter io_uring_register keyctl add_key request_key kexec_load kexec_file_load init_module
		finit_module delete_module reboot swapon swapoff syslog acct quotactl sethostname setdomainname settimeofday clock_settime`) {
		if !denied[name] {
			t.Errorf("%s is not denied", name)
		}
	}
}

func TestProgramSize(t *testing.T) {
	t.Parallel()
	p, err := Program()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p) / 8; n > unix.BPF_MAXINSNS || len(p)%8 != 0 {
		t.Error(errors.New("the kernel takes no such program"), n)
	}
}
