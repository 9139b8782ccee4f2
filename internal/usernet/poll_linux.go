package usernet

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// poll reads the devices of many sandboxes with one goroutine and one buffer, so
// that an idle sandbox costs neither.
type poll struct {
	link *link
	file *os.File // of the epoll instance, itself watched by Go's poller
	raw  syscall.RawConn
}

// fair is how many packets of one sandbox are read before the next has its turn.
const fair = 64

func newPoll(l *link) (*poll, error) {
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
	return &poll{link: l, file: file, raw: raw}, nil
}

// run reads until the file is closed.
func (p *poll) run() {
	events := make([]unix.EpollEvent, 64)
	packet := make([]byte, mtu)
	for {
		n := 0
		err := p.raw.Read(func(fd uintptr) bool {
			var err error
			n, err = unix.EpollWait(int(fd), events, 0)
			return n > 0 || (err != nil && err != unix.EINTR)
		})
		if err != nil || n < 0 {
			return
		}
		for _, e := range events[:n] {
			slot := uint16(e.Fd)
			if a := p.link.slots[slot].Load(); a != nil {
				p.drain(a, slot, packet)
			}
		}
	}
}

func (p *poll) drain(a *Attachment, slot uint16, packet []byte) {
	for range fair {
		n := a.receive(packet)
		if n <= 0 {
			return
		}
		p.link.deliver(slot, packet[:n])
	}
}

// add watches a device; closing the device ends that.
func (p *poll) add(fd int, slot uint16) error {
	var err error
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(slot)}
	if outer := p.raw.Control(func(epoll uintptr) {
		err = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, fd, &event)
	}); outer != nil {
		err = outer
	}
	if err != nil {
		return fmt.Errorf("watch device: %w", err)
	}
	return nil
}

func (p *poll) remove(fd int) {
	_ = p.raw.Control(func(epoll uintptr) {
		_ = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_DEL, fd, nil)
	})
}

func (p *poll) close() { _ = p.file.Close() }
