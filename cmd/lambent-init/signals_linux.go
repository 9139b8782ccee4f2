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
func anyRunning() (running bool, err error) {
	err = eachProcess(func(proc int, pid string) bool {
		var buf [1024]byte
		if f := fields(readAt(proc, pid+"/stat", buf[:])); len(f) > 0 {
			switch f[0] {
			case "T", "t", "Z", "X":
			default:
				running = true
			}
		}
		return !running
	})
	return running, err
}
