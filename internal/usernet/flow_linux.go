package usernet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

const (
	timeWait    = time.Second
	dialTimeout = 30 * time.Second
)

// buffers are for what is on its way between two sockets. A flow that is silent
// holds none.
var buffers = sync.Pool{New: func() any { b := make([]byte, mtu); return &b }}

// flow is a TCP connection of a sandbox, or a pair of UDP addresses: an endpoint
// of the stack on the inside and a socket of the daemon on the outside.
type flow struct {
	owner *Attachment
	tcp   bool
	ctx   context.Context // ends with the flow
	end   context.CancelFunc

	inside  tcpip.Endpoint
	waiting waiter.Queue
	outside net.Conn

	active atomic.Int64 // time of the last byte, in nanoseconds
	idle   time.Duration
	timer  *time.Timer
}

// begin counts a flow of the sandbox with the given address. It is nil when the
// sandbox may have no more, or is gone.
func (s *Stack) begin(from tcpip.Address, isTCP bool) *flow {
	slot, ok := slotOf(from.As4())
	if !ok {
		return nil
	}
	a := s.link.slots[slot].Load()
	if a == nil {
		return nil
	}
	f := &flow{owner: a, tcp: isTCP, idle: s.cfg.UDPIdle}
	if isTCP {
		f.idle = s.cfg.TCPIdle
	}
	f.ctx, f.end = context.WithCancel(context.Background())
	if !a.admit(f) {
		f.end()
		return nil
	}
	return f
}

// acceptTCP is called in a goroutine of its own for the first packet of a
// connection. The sandbox's connect returns when the outside has answered.
func (s *Stack) acceptTCP(r *tcp.ForwarderRequest) {
	if !s.enter() {
		r.Complete(true)
		return
	}
	defer s.work.Done()
	id := r.ID()
	way, to := s.cfg.lead(true, addrPort(id.LocalAddress, id.LocalPort))
	if way == refused {
		r.Complete(true)
		return
	}
	f := s.begin(id.RemoteAddress, true)
	if f == nil {
		r.Complete(true)
		return
	}
	defer f.finish()
	if f.outside = s.dialTCP(f.ctx, way, to); f.outside == nil {
		r.Complete(true)
		return
	}
	f.owner.shaking.Add(1)
	inside, err := r.CreateEndpoint(&f.waiting)
	f.owner.shaking.Add(-1)
	r.Complete(false)
	if err != nil { // the sandbox gave up at once
		f.outsideAbort()
		return
	}
	f.inside = inside
	f.carry()
}

// dialTCP connects to the destination, or to the first resolver that answers.
func (s *Stack) dialTCP(ctx context.Context, way way, to netip.AddrPort) net.Conn {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	targets := []netip.AddrPort{to}
	if way == resolver {
		targets = s.resolver.servers()
	}
	for _, target := range targets {
		if conn, err := s.dial(ctx, "tcp", target.String()); err == nil {
			return conn
		}
	}
	return nil
}

// acceptUDP is called for a packet that belongs to no flow, on the way of all
// other packets of the sandbox: it must not wait. A sandbox that has too many
// flows is not told.
func (s *Stack) acceptUDP(r *udp.ForwarderRequest) {
	if !s.enter() {
		return
	}
	id := r.ID()
	f := s.begin(id.RemoteAddress, false)
	if f == nil {
		s.work.Done()
		return
	}
	inside, err := r.CreateEndpoint(&f.waiting)
	if err != nil {
		f.finish()
		s.work.Done()
		return
	}
	f.inside = inside
	go func() {
		defer s.work.Done()
		defer f.finish()
		way, to := s.cfg.lead(false, addrPort(id.LocalAddress, id.LocalPort))
		if way == resolver {
			s.resolver.serve(f)
			return
		}
		conn, err := s.dial(f.ctx, "udp4", to.String())
		if err != nil {
			return
		}
		f.outside = conn
		f.carry()
	}()
}

// carry moves data both ways until both have ended, one has failed, or nothing
// has moved for the idle time.
func (f *flow) carry() {
	f.watch()
	defer f.timer.Stop()
	stop := context.AfterFunc(f.ctx, f.outsideAbort)
	defer stop()
	var out sync.WaitGroup
	out.Go(func() {
		if f.outward() != nil || !f.tcp {
			f.end()
		}
	})
	if f.inward() != nil || !f.tcp {
		f.end()
	}
	out.Wait()
}

// outward carries what the sandbox sends. It returns nil at the sandbox's end of
// sending, which it passes on.
func (f *flow) outward() error {
	for {
		buf := buffers.Get().(*[]byte)
		n, err := f.read(*buf)
		if err == nil {
			_, err = f.outside.Write((*buf)[:n])
			if !f.tcp && errors.Is(err, unix.ECONNREFUSED) {
				err = nil // of an earlier datagram; this one may do better
			}
		}
		buffers.Put(buf)
		switch {
		case err == nil:
			f.touch()
		case err == errAgain:
			if err := f.wait(waiter.ReadableEvents); err != nil {
				return err
			}
		case err == io.EOF && f.tcp:
			return f.outside.(*net.TCPConn).CloseWrite()
		default:
			return err
		}
	}
}

// inward carries what the outside sends. It returns nil at the outside's end of
// sending, which it passes on.
func (f *flow) inward() error {
	raw, err := f.outside.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	for {
		buf, n, err := readWhenReady(raw)
		if err == nil && n == 0 && f.tcp {
			buffers.Put(buf)
			f.touch()
			if err := f.inside.Shutdown(tcpip.ShutdownWrite); err != nil {
				return errors.New(err.String())
			}
			return nil
		}
		if err == nil {
			err = f.write((*buf)[:n])
		}
		if buf != nil {
			buffers.Put(buf)
		}
		if err != nil {
			return err
		}
		f.touch()
	}
}

// readWhenReady waits without a buffer and then reads with one.
func readWhenReady(raw syscall.RawConn) (buf *[]byte, n int, err error) {
	waited := raw.Read(func(fd uintptr) bool {
		buf = buffers.Get().(*[]byte)
		for {
			if n, err = unix.Read(int(fd), *buf); err != unix.EINTR {
				break
			}
		}
		if err == unix.EAGAIN {
			buffers.Put(buf)
			buf = nil
			return false
		}
		return true
	})
	if waited != nil {
		return buf, 0, waited
	}
	return buf, max(n, 0), err
}

var errAgain = errors.New("nothing to read now")

// read takes what the sandbox sent.
func (f *flow) read(buf []byte) (int, error) {
	w := tcpip.SliceWriter(buf)
	r, err := f.inside.Read(&w, tcpip.ReadOptions{})
	switch err.(type) {
	case nil:
		return r.Count, nil
	case *tcpip.ErrWouldBlock:
		return 0, errAgain
	case *tcpip.ErrClosedForReceive:
		if f.tcp && tcp.EndpointState(f.inside.State()) == tcp.StateError {
			return 0, unix.ECONNRESET
		}
		return 0, io.EOF
	}
	return 0, errors.New(err.String())
}

// write sends to the sandbox, and waits as long as it takes nothing.
func (f *flow) write(data []byte) error {
	for {
		n, err := f.inside.Write(bytes.NewReader(data), tcpip.WriteOptions{})
		switch err.(type) {
		case nil:
			if data = data[n:]; len(data) == 0 {
				return nil
			}
			f.touch()
		case *tcpip.ErrWouldBlock:
			if err := f.wait(waiter.WritableEvents); err != nil {
				return err
			}
		default:
			return errors.New(err.String())
		}
	}
}

// wait returns when the inside is ready for something.
func (f *flow) wait(events waiter.EventMask) error {
	entry, ready := waiter.NewChannelEntry(events | waiter.EventHUp | waiter.EventErr)
	f.waiting.EventRegister(&entry)
	defer f.waiting.EventUnregister(&entry)
	if f.inside.Readiness(events|waiter.EventHUp|waiter.EventErr) != 0 {
		return nil
	}
	select {
	case <-ready:
		return nil
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
}

func (f *flow) touch() { f.active.Store(time.Now().UnixNano()) }

// watch begins to look whether the flow is silent. The timer is set before it
// can run.
func (f *flow) watch() {
	f.touch()
	f.timer = time.AfterFunc(time.Hour, f.checkIdle)
	f.timer.Reset(f.idle)
}

// checkIdle ends a flow that was silent for too long.
func (f *flow) checkIdle() {
	silent := time.Duration(time.Now().UnixNano() - f.active.Load())
	if silent >= f.idle {
		f.end()
		return
	}
	f.timer.Reset(f.idle - silent)
}

// outsideAbort wakes whoever waits for the outside. The peer gets a reset, as
// the sandbox does.
func (f *flow) outsideAbort() {
	if c, ok := f.outside.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	_ = f.outside.Close()
}

// finish gives everything back.
func (f *flow) finish() {
	if f.inside != nil {
		if f.ctx.Err() != nil {
			f.inside.Abort()
		} else {
			f.inside.Close()
		}
	}
	if f.outside != nil {
		_ = f.outside.Close()
	}
	f.end()
	f.owner.forget(f)
}
