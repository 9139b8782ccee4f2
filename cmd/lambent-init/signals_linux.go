package main

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dropHandlers takes the Go runtime's signal handlers away. The kernel shields
// PID 1 from every signal without a handler, so processes inside can send us
// none; and what we start finds the default dispositions without being given
// them each time. What the runtime has handlers for it can do without: nobody
// recovers from a fault here, and nothing here runs for long.
func dropHandlers() {
	var byDefault [4]uint64 // struct sigaction of the kernel: SIG_DFL, no flags
	for sig := uintptr(1); sig <= 64; sig++ {
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0)
	}
}

// stopTries bounds how often stopAll looks, with stopPause in between.
const (
	stopTries = 2000
	stopPause = 500 // microseconds
)

// stopAll stops every other process and returns when all stand. A process that
// was just being born when the signal went out is found by the next look.
func stopAll() error {
	for range stopTries {
		if err := unix.Kill(-1, unix.SIGSTOP); err == unix.ESRCH {
			return nil
		} else if err != nil {
			return err
		}
		running, err := anyRunning()
		if err != nil || !running {
			return err
		}
		_, _ = unix.Select(0, nil, nil, nil, &unix.Timeval{Usec: stopPause})
	}
	return unix.ETIMEDOUT
}

// anyRunning looks through /proc for a process, not us, that could still run
// code of its own.
func anyRunning() (running bool, err error) {
	err = eachProcess(func(proc int, pid string) bool {
		running = !stands(proc, pid)
		return !running
	})
	return running, err
}

// stands tells whether no thread of a process can run. A thread that waits in
// the kernel and cannot be woken, as it does while a child that was made by
// vfork is stopped, stands too when the signal is there: it will not come out of
// the kernel without stopping.
func stands(proc int, pid string) bool {
	awake, stopped, deaf := false, false, false
	err := eachEntry(proc, pid+"/task", func(tasks int, tid string) bool {
		var buf [1024]byte
		f := fields(readAt(tasks, tid+"/stat", buf[:]))
		if len(f) == 0 {
			return true // gone
		}
		switch f[0] {
		case "T", "t":
			stopped = true
		case "Z", "X":
		case "D":
			deaf = true
		default:
			awake = true
		}
		return !awake
	})
	if awake {
		return false
	}
	if err != nil || !deaf || stopped {
		return true
	}
	var status [4096]byte
	return stopPending(readAt(proc, pid+"/status", status[:]))
}

// stopPending finds SIGSTOP in "ShdPnd:  0000000000040000" of status.
func stopPending(status []byte) bool {
	const name, digits = "ShdPnd:\t", 16
	for i := 0; i+len(name)+digits <= len(status); i++ {
		if string(status[i:i+len(name)]) != name {
			continue
		}
		// Of 64 signals the digit that holds the 17th to the 20th is the fifth from the right.
		digit := status[i+len(name)+digits-5]
		return digit == '4' || digit == '5' || digit == '6' || digit == '7' || digit >= 'c'
	}
	return false
}
