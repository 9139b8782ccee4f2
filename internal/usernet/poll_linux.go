package usernet

import (
	"fmt"

	"golang.org/x/sys/unix"

	"lambent/internal/linux/epoll"
)

// poll reads the devices of many sandboxes with one goroutine and one buffer, so
// that an idle sandbox costs neither.
type poll struct {
	link  *link
	epoll *epoll.Instance
}

// fair is how many packets of one sandbox are read before the next has its turn.
const fair = 64

func newPoll(l *link) (*poll, error) {
	instance, err := epoll.New()
	if err != nil {
		return nil, err
	}
	return &poll{link: l, epoll: instance}, nil
}

// run reads until the instance is closed.
func (p *poll) run() {
	events := make([]unix.EpollEvent, 64)
	packet := make([]byte, mtu)
	for {
		n, open := p.epoll.Wait(events)
		if !open {
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
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(slot)}
	if err := p.epoll.Control(unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("watch device: %w", err)
	}
	return nil
}

func (p *poll) remove(fd int) {
	_ = p.epoll.Control(unix.EPOLL_CTL_DEL, fd, nil)
}

func (p *poll) close() { p.epoll.Close() }
