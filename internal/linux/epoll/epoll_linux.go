// Package epoll has instances of epoll(7) that Go's poller watches, so that who waits
// for many descriptors takes a goroutine and no thread.
package epoll

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Instance is one epoll instance.
type Instance struct {
	file *os.File
	raw  syscall.RawConn
}

// New makes an Instance.
func New() (*Instance, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make epoll: %w", err)
	}
	_ = unix.SetNonblock(fd, true) // tells os.NewFile that the file can be waited for
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("watch epoll: %w", err)
	}
	return &Instance{file, raw}, nil
}

// Control is epoll_ctl(2).
func (i *Instance) Control(act, fd int, event *unix.EpollEvent) (err error) {
	if closed := i.raw.Control(func(epoll uintptr) {
		err = unix.EpollCtl(int(epoll), act, fd, event)
	}); closed != nil {
		return closed
	}
	return err
}

// Wait waits for events, and tells whether there are some: none means that the
// instance was closed.
func (i *Instance) Wait(events []unix.EpollEvent) (n int, open bool) {
	err := i.raw.Read(func(epoll uintptr) bool {
		var err error
		n, err = unix.EpollWait(int(epoll), events, 0)
		return n > 0 || err != nil && err != unix.EINTR
	})
	return n, err == nil && n >= 0
}

// Close ends the watching and every Wait.
func (i *Instance) Close() { _ = i.file.Close() }
