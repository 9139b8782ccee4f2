package main

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"lambent/internal/sandbox/sandboxtest/finding"
)

func escapeVerbs() map[string]verb {
	return map[string]verb{
		"status": status,
		"try":    try,
		"tries":  tries,
	}
}

// status tells what the kernel grants this process: lines of /proc/self/status.
func status([]string) finding.Finding {
	b, err := os.ReadFile("/proc/self/status")
	f := outcome(err)
	f.List = strings.Split(string(b), "\n")
	return f
}

// attempt is one way to get more than was given. Each is chosen to be harmless
// should it succeed.
type attempt struct {
	name string
	do   func() error
}

// tries lists the attempts' names.
func tries([]string) finding.Finding {
	f := finding.Finding{Did: true}
	for _, a := range attempts() {
		f.List = append(f.List, a.name)
	}
	return f
}

// try makes one attempt, on a thread that is never used again.
func try(args []string) finding.Finding {
	runtime.LockOSThread()
	for _, a := range attempts() {
		if a.name == args[0] {
			return outcome(a.do())
		}
	}
	return finding.Finding{Error: "unknown attempt " + args[0]}
}

func attempts() []attempt {
	all := append(mountAttempts(), namespaceAttempts()...)
	all = append(all, rightAttempts()...)
	return append(all, kernelAttempts()...)
}

func mountAttempts() []attempt {
	return []attempt{
		{"mount tmpfs", func() error { return unix.Mount("tmpfs", "/tmp", "tmpfs", 0, "") }},
		{"mount proc", func() error { return unix.Mount("proc", "/tmp", "proc", 0, "") }},
		{"bind mount", func() error { return unix.Mount("/", "/tmp", "", unix.MS_BIND, "") }},
		{"remount root writable", func() error { return unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, "") }},
		{"remount task writable", func() error { return unix.Mount("", "/var/task", "", unix.MS_REMOUNT|unix.MS_BIND, "") }},
		{"unmount task", func() error { return unix.Unmount("/var/task", unix.MNT_DETACH) }},
		{"unmount proc", func() error { return unix.Unmount("/proc", unix.MNT_DETACH) }},
		{"open_tree", func() error {
			fd, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE)
			return closing(fd, err)
		}},
		{"fsopen", func() error {
			fd, err := unix.Fsopen("tmpfs", 0)
			return closing(fd, err)
		}},
		{"pivot_root", func() error { return unix.PivotRoot("/tmp", "/tmp") }},
		{"chroot", func() error { return unix.Chroot("/tmp") }},
		{"mknod disk", func() error {
			defer os.Remove("/tmp/disk")
			return unix.Mknod("/tmp/disk", unix.S_IFBLK|0o600, int(unix.Mkdev(254, 0)))
		}},
		{"mknod memory", func() error {
			defer os.Remove("/tmp/mem")
			return unix.Mknod("/tmp/mem", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 1)))
		}},
		{"open by handle", func() error {
			handle := unix.NewFileHandle(1, []byte{2, 0, 0, 0, 0, 0, 0, 0})
			root, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY, 0)
			if err != nil {
				return err
			}
			defer unix.Close(root)
			fd, err := unix.OpenByHandleAt(root, handle, unix.O_RDONLY)
			if err == unix.ESTALE {
				return nil // we were let in; only the guess was wrong
			}
			return closing(fd, err)
		}},
	}
}

func namespaceAttempts() []attempt {
	unshare := func(name string, flags int) attempt {
		return attempt{"unshare " + name, func() error { return unix.Unshare(flags) }}
	}
	enter := func(kind string) attempt {
		return attempt{"setns " + kind + " of process 1", func() error {
			fd, err := unix.Open("/proc/1/ns/"+kind, unix.O_RDONLY, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Setns(fd, 0)
		}}
	}
	return []attempt{
		unshare("mount", unix.CLONE_NEWNS), unshare("network", unix.CLONE_NEWNET), unshare("process", unix.CLONE_NEWPID),
		unshare("host name", unix.CLONE_NEWUTS), unshare("cgroup", unix.CLONE_NEWCGROUP),
		enter("mnt"), enter("net"), enter("pid"), enter("user"),
		// A process with threads may not unshare users, but it may clone.
		{"clone user", func() error {
			cmd := exec.Command(os.Args[0], "exit", "0")
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
			return cmd.Run()
		}},
	}
}

func rightAttempts() []attempt {
	return []attempt{
		{"setuid 0", func() error { return unix.Setresuid(0, 0, 0) }},
		{"setgid 0", func() error { return unix.Setresgid(0, 0, 0) }},
		{"setgroups", func() error { return unix.Setgroups([]int{0}) }},
		{"take capabilities", func() error {
			header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			data := [2]unix.CapUserData{{Effective: 1 << unix.CAP_SYS_ADMIN, Permitted: 1 << unix.CAP_SYS_ADMIN}}
			return unix.Capset(&header, &data[0])
		}},
		{"trace process 1", func() error {
			if os.Getpid() == 1 {
				return unix.EPERM
			}
			err := unix.PtraceAttach(1)
			if err == nil {
				unix.PtraceDetach(1)
			}
			return err
		}},
		{"read memory of process 1", func() error {
			if os.Getpid() == 1 {
				return unix.EPERM
			}
			return closingFile(os.Open("/proc/1/mem"))
		}},
		{"be more important", func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, -10) }},
		{"be real-time", func() error {
			return unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
		}},
		{"be spared when memory is short", func() error {
			return os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0)
		}},
		{"raise the limit of files", func() error {
			var limit unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
				return err
			}
			limit.Max++
			return unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
		}},
	}
}

func kernelAttempts() []attempt {
	return []attempt{
		{"set host name", func() error { return unix.Sethostname([]byte("escaped")) }},
		{"set the clock", func() error {
			now := unix.NsecToTimeval(time.Now().UnixNano())
			return unix.Settimeofday(&now)
		}},
		{"reboot", func() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) }},
		{"load a module", func() error { return wasLetIn(unix.InitModule([]byte("no module"), ""), unix.ENOEXEC) }},
		{"load a kernel", func() error { return wasLetIn(unix.KexecFileLoad(-1, -1, "", 0), unix.EBADF) }},
		{"bpf", func() error {
			// A map of one element.
			attr := struct{ kind, key, value, entries uint32 }{2, 4, 4, 1}
			fd, _, errno := unix.Syscall(unix.SYS_BPF, 0, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
			return closingErrno(fd, errno)
		}},
		{"perf events", func() error {
			attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{}))}
			fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, 0)
			return closing(fd, err)
		}},
		{"kernel keys", func() error {
			_, err := unix.AddKey("user", "lambent-probe", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
			return err
		}},
		{"raw socket", func() error { return closing(unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)) }},
		{"packet socket", func() error { return closing(unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)) }},
		{"process accounting", func() error { return unix.Acct("") }},
		{"swap off", func() error { return wasLetIn(swapoff("/tmp/none"), unix.ENOENT) }},
		{"read the kernel's log", func() error {
			_, err := unix.Klogctl(unix.SYSLOG_ACTION_SIZE_UNREAD, nil)
			return err
		}},
	}
}

func swapoff(name string) error {
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_SWAPOFF, uintptr(unsafe.Pointer(p)), 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// wasLetIn turns the error of who was let in, and only asked for nonsense, into success.
func wasLetIn(err error, nonsense error) error {
	if err == nonsense {
		return nil
	}
	return err
}

func closing(fd int, err error) error {
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func closingErrno(fd uintptr, errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
}

func closingFile(f *os.File, err error) error {
	if err == nil {
		f.Close()
	}
	return err
}
