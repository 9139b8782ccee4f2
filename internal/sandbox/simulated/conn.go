package simulated

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	backlog    = 128       // connections that wait to be accepted
	bufferSize = 128 << 10 // bytes that a stream holds, as a socket's buffers would
)

// stream is bytes on their way in one direction.
type stream struct {
	mu      sync.Mutex
	buf     []byte        // mu
	written int64         // mu; in all
	settled int64         // mu; in all, of a pipe: handed to the daemon's writer
	ended   bool          // mu; the writer closed
	broken  bool          // mu; the reader closed
	changed chan struct{} // mu; closed at every change and made anew
}

func newStream() *stream { return &stream{changed: make(chan struct{})} }

// change wakes those that wait. It is called with mu held.
func (s *stream) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// read takes what is there. When nothing is, it gives a channel to wait for.
func (s *stream) read(b []byte) (int, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.broken:
		return 0, nil, net.ErrClosed
	case len(s.buf) > 0:
		n := copy(b, s.buf)
		s.buf = s.buf[n:]
		s.change()
		return n, nil, nil
	case s.ended:
		return 0, nil, io.EOF
	}
	return 0, s.changed, nil
}

// write gives what fits. When not all did, it gives a channel to wait for.
func (s *stream) write(b []byte) (int, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return 0, nil, net.ErrClosed
	case s.broken:
		return 0, nil, syscall.EPIPE
	}
	n := min(len(b), bufferSize-len(s.buf))
	s.buf = append(s.buf, b[:n]...)
	s.written += int64(n)
	if n > 0 {
		s.change()
	}
	if n == len(b) {
		return n, nil, nil
	}
	return n, s.changed, nil
}

func (s *stream) closeWrite() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		s.change()
	}
}

func (s *stream) closeRead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.broken {
		s.broken, s.buf = true, nil
		s.change()
	}
}

func (s *stream) settle(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled += int64(n)
	s.change()
}

func (s *stream) mark() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written
}

// settledTo is nil when so much is settled, else a channel to wait for.
func (s *stream) settledTo(mark int64) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled >= mark {
		return nil
	}
	return s.changed
}

// conn is one end of a connection: a process's, or the daemon's.
type conn struct {
	sandbox         *Sandbox
	owner           *Process // nil: the daemon
	in, out         *stream
	local, remote   net.Addr
	readBy, writeBy deadline
}

// newConns makes a connection's two ends. It is called with the sandbox's mu held.
func newConns(s *Sandbox, from, to *Process, local, remote net.Addr) (near, far *conn) {
	a, b := newStream(), newStream()
	near = &conn{sandbox: s, owner: from, in: a, out: b, local: local, remote: remote}
	far = &conn{sandbox: s, owner: to, in: b, out: a, local: remote, remote: local}
	for _, c := range []*conn{near, far} {
		c.readBy.init()
		c.writeBy.init()
		if c.owner != nil {
			c.owner.files[c] = true
		} else {
			s.driver.opened(c, s.ID())
		}
	}
	return near, far
}

// step does f as the owner may: a process when it lives and is thawed, the
// daemon always.
func (c *conn) step(f func()) bool {
	if c.owner == nil {
		f()
		return true
	}
	return c.owner.step(f)
}

// Read reads what has come.
func (c *conn) Read(b []byte) (int, error) {
	for {
		var n int
		var err error
		var changed <-chan struct{}
		if !c.step(func() { n, changed, err = c.in.read(b) }) {
			return 0, c.error("read", net.ErrClosed)
		}
		if err == io.EOF {
			return 0, io.EOF
		}
		if err != nil {
			return 0, c.error("read", err)
		}
		if changed == nil || len(b) == 0 {
			return n, nil
		}
		if err := c.await(changed, &c.readBy); err != nil {
			return 0, c.error("read", err)
		}
	}
}

// Write returns when all is in the buffers.
func (c *conn) Write(b []byte) (int, error) {
	written := 0
	for {
		var n int
		var err error
		var changed <-chan struct{}
		if !c.step(func() { n, changed, err = c.out.write(b[written:]) }) {
			return written, c.error("write", net.ErrClosed)
		}
		written += n
		if err != nil {
			return written, c.error("write", err)
		}
		if changed == nil {
			return written, nil
		}
		if err := c.await(changed, &c.writeBy); err != nil {
			return written, c.error("write", err)
		}
	}
}

// await waits for a change, the owner's end or the deadline.
func (c *conn) await(changed <-chan struct{}, by *deadline) error {
	var dead <-chan struct{}
	if c.owner != nil {
		dead = c.owner.ctx.Done()
	}
	select {
	case <-changed:
	case <-dead:
	case <-by.passed():
		return os.ErrDeadlineExceeded
	}
	return nil
}

// Close closes this end; the other reads what is left and then the end.
func (c *conn) Close() error {
	c.shut()
	if c.owner != nil {
		c.sandbox.mu.Lock()
		delete(c.owner.files, c)
		c.sandbox.mu.Unlock()
	}
	return nil
}

func (c *conn) shut() {
	c.in.closeRead()
	c.out.closeWrite()
	c.readBy.set(time.Time{})
	c.writeBy.set(time.Time{})
	if c.owner == nil {
		c.sandbox.driver.released(c)
	}
}

// CloseWrite ends the outgoing direction only.
func (c *conn) CloseWrite() error {
	c.step(c.out.closeWrite)
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	c.readBy.set(t)
	c.writeBy.set(t)
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.readBy.set(t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writeBy.set(t)
	return nil
}

func (c *conn) error(op string, err error) error {
	if errno, is := err.(syscall.Errno); is {
		err = os.NewSyscallError(op, errno)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// deadline closes a channel at a time that can be moved.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer   // mu
	past  chan struct{} // mu; closed when the time has come
}

func (d *deadline) init() { d.past = make(chan struct{}) }

func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.past
}

// set moves the deadline. A wait that is under way follows it when the new one
// is sooner or the old one had not passed, as for sockets.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.past // the timer fired and its closing is under way
	}
	d.timer = nil
	closed := false
	select {
	case <-d.past:
		closed = true
	default:
	}
	wait := time.Until(t)
	if t.IsZero() || wait > 0 {
		if closed {
			d.past = make(chan struct{})
		}
		if !t.IsZero() {
			past := d.past
			d.timer = time.AfterFunc(wait, func() { close(past) })
		}
		return
	}
	if !closed {
		close(d.past)
	}
}

// listener accepts for a process or for the daemon.
type listener struct {
	sandbox *Sandbox
	owner   *Process // nil: the daemon
	addr    net.Addr
	queue   chan *conn
	once    sync.Once
	closed  chan struct{}
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		if l.owner == nil || l.owner.step(func() {}) {
			return c, nil
		}
		c.shut()
	case <-l.closed:
	}
	return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
}

// Close refuses those who wait and those who come.
func (l *listener) Close() error {
	l.sandbox.mu.Lock()
	defer l.sandbox.mu.Unlock()
	if l.owner != nil {
		delete(l.owner.files, l)
	}
	l.shut()
	return nil
}

// shut is called with the sandbox's mu held.
func (l *listener) shut() {
	l.once.Do(func() {
		close(l.closed)
		delete(l.sandbox.listeners, l.addr.String())
		for {
			select {
			case c := <-l.queue:
				c.shut()
				if c.owner != nil {
					delete(c.owner.files, c)
				}
			default:
				return
			}
		}
	})
}

func (l *listener) Addr() net.Addr { return l.addr }
