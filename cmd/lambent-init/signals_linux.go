package main

import (
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// ignoreSignals makes us deaf to what processes inside may send. The kernel
// shields PID 1 from signals without a handler, but the Go runtime has handlers.
// Started processes get the default dispositions back before they execute.
func ignoreSignals() {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1,
		syscall.SIGUSR2, syscall.SIGPIPE, syscall.SIGALRM, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU,
		syscall.SIGXCPU, syscall.SIGXFSZ, syscall.SIGVTALRM, syscall.SIGPROF, syscall.SIGIO, syscall.SIGPWR)
}

// stopAll stops every other process and returns when all stand. A process that
// was just being born when the signal went out is found by the next look.
func stopAll() error {
	for {
		if err := unix.Kill(-1, unix.SIGSTOP); err == unix.ESRCH {
			return nil
		} else if err != nil {
			return err
		}
		running, err := anyRunning()
		if err != nil || !running {
			return err
		}
		unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
}

// anyRunning looks through /proc for a process, not us, that is neither stopped
// nor dead.
func anyRunning() (bool, error) {
	dir, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(dir)
	buf := make([]byte, 8192)
	for {
		n, err := unix.Getdents(dir, buf)
		if err != nil || n <= 0 {
			return false, err
		}
		var names []string
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
		for _, name := range names {
			if name[0] < '1' || name[0] > '9' || name == "1" {
				continue
			}
			if s := state(dir, name); s != 'T' && s != 'Z' && s != 'X' && s != 't' && s != 0 {
				return true, nil
			}
		}
	}
}

// state reads the letter after the command's name in stat; 0 when it is gone.
func state(proc int, pid string) byte {
	fd, err := unix.Openat(proc, pid+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	var buf [512]byte
	n, _ := unix.Read(fd, buf[:])
	for i := n - 3; i > 0; i-- {
		if buf[i] == ')' {
			return buf[i+2]
		}
	}
	return 0
}
