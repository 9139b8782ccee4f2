package usernet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"lambent/internal/linux/tun"
)

// Attachment is one sandbox's way out.
type Attachment struct {
	stack *Stack
	slot  uint16
	poll  *poll

	device sync.RWMutex // held for reading while fd is used, and for writing to end that
	file   *os.File
	fd     int // -1 once detached

	mu       sync.Mutex
	detached bool
	flows    map[*flow]struct{}
	tcp, udp int

	shaking atomic.Int32 // connections that wait for the sandbox's kernel
}

// Errors of Attach.
var (
	ErrClosed    = errors.New("network stack is closed")
	ErrAddresses = errors.New("no address is free")
)

// Attach makes a device in the network namespace and connects it; closing what it
// returns is Detach. The caller keeps namespace. Entering it takes root; without,
// see AttachDevice.
func (s *Stack) Attach(ctx context.Context, namespace *os.File, id string) (io.Closer, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	a, err := s.AttachDevice(id, func(cfg tun.Config) (*os.File, error) { return createIn(namespace, cfg) })
	if err != nil {
		return nil, err // not a, which would be an interface that is not nil
	}
	return a, nil
}

// ResolvConf is what every sandbox's /etc/resolv.conf must say.
func (s *Stack) ResolvConf() []byte { return []byte(s.resolver.config()) }

// AttachDevice connects a device that create makes by tun.Create, in whatever
// process and namespace that is possible. The attachment owns the file.
func (s *Stack) AttachDevice(id string, create func(tun.Config) (*os.File, error)) (*Attachment, error) {
	slot, err := s.reserve()
	if err != nil {
		return nil, fmt.Errorf("attach %s: %w", id, err)
	}
	file, err := create(tun.Config{Name: device, Address: addressOf(slot), MTU: mtu})
	if err != nil {
		s.release(slot)
		return nil, fmt.Errorf("attach %s: %w", id, err)
	}
	a := &Attachment{
		stack: s, slot: slot, file: file, fd: int(file.Fd()),
		poll: s.polls[int(slot)%len(s.polls)], flows: map[*flow]struct{}{},
	}
	_ = unix.SetNonblock(a.fd, true)
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.attached[a] = struct{}{}
		s.link.slots[slot].Store(a)
	}
	s.mu.Unlock()
	err = ErrClosed
	if !closed {
		err = a.poll.add(a.fd, slot)
	}
	if err != nil {
		a.Detach()
		return nil, fmt.Errorf("attach %s: %w", id, err)
	}
	return a, nil
}

func (s *Stack) reserve() (uint16, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, ErrClosed
	}
	if len(s.free) == 0 {
		return 0, ErrAddresses
	}
	slot := s.free[0]
	s.free = s.free[1:]
	return slot, nil
}

func (s *Stack) release(slot uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, slot)
}

// createIn makes the device from a thread that visits the namespace. A thread
// that cannot come back is not given back: it ends with its goroutine.
func createIn(namespace *os.File, cfg tun.Config) (*os.File, error) {
	type result struct {
		file *os.File
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			done <- result{nil, fmt.Errorf("open own network namespace: %w", err)}
			return
		}
		defer func() { _ = unix.Close(home) }()
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- result{nil, fmt.Errorf("enter network namespace: %w", err)}
			return
		}
		file, err := tun.Create(cfg)
		if unix.Setns(home, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- result{file, err}
	}()
	r := <-done
	return r.file, r.err
}

// Address is the sandbox's own address.
func (a *Attachment) Address() netip.Addr { return addressOf(a.slot) }

// Close is Detach.
func (a *Attachment) Close() error {
	a.Detach()
	return nil
}

// Detach ends every connection of the sandbox and removes its device. It does
// not wait for the kernel, which takes milliseconds for the latter. It may be
// called more than once.
func (a *Attachment) Detach() {
	a.mu.Lock()
	first := !a.detached
	a.detached = true
	flows := a.flows
	a.flows = nil
	a.mu.Unlock()
	if !first {
		return
	}
	for f := range flows {
		f.end()
	}
	a.stack.link.slots[a.slot].CompareAndSwap(a, nil)
	a.poll.remove(a.fd)
	a.device.Lock()
	a.fd = -1
	a.device.Unlock()
	if a.shaking.Load() > 0 {
		a.stack.abortAll(a.slot)
	}
	a.stack.mu.Lock()
	delete(a.stack.attached, a)
	a.stack.mu.Unlock()
	a.stack.closing.Go(func() {
		_ = a.file.Close()
		a.stack.release(a.slot)
	})
}

// abortAll ends what is in the stack for a sandbox and belongs to no flow yet: a
// handshake that nobody will answer would last a minute.
func (s *Stack) abortAll(slot uint16) {
	for _, e := range s.net.RegisteredEndpoints() {
		if info, ok := e.(interface{ Info() tcpip.EndpointInfo }); ok {
			if i, ok := info.Info().(*stack.TransportEndpointInfo); ok && i.ID.RemoteAddress == tcpip.AddrFrom4(addressOf(slot).As4()) {
				e.Abort()
			}
		}
	}
}

// receive reads one packet of the sandbox's, 0 when there is none.
func (a *Attachment) receive(packet []byte) int {
	a.device.RLock()
	defer a.device.RUnlock()
	if a.fd < 0 {
		return 0
	}
	n, err := unix.Read(a.fd, packet)
	if err != nil {
		return 0
	}
	return n
}

// send writes one packet to the sandbox.
func (a *Attachment) send(parts [][]byte) {
	a.device.RLock()
	defer a.device.RUnlock()
	if a.fd >= 0 {
		writev(a.fd, parts)
	}
}

// admit counts a new flow, or refuses it.
func (a *Attachment) admit(f *flow) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.detached {
		return false
	}
	count, limit := &a.tcp, a.stack.cfg.MaxTCP
	if !f.tcp {
		count, limit = &a.udp, a.stack.cfg.MaxUDP
	}
	if *count >= limit {
		return false
	}
	*count++
	a.flows[f] = struct{}{}
	return true
}

func (a *Attachment) forget(f *flow) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.flows, f)
	if f.tcp {
		a.tcp--
	} else {
		a.udp--
	}
}
