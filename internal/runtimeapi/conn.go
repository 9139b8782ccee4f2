package runtimeapi

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"lambent/internal/alarm"
	"lambent/internal/readable"
	"lambent/internal/socket"
)

// conn is one connection. Exactly one goroutine serves it at a time. When one has
// been parked for long the connection is watched; a second one reads ahead when
// there is something to read, and touches nothing but in, r and w, which the parked
// one leaves alone.
type conn struct {
	srv *Server
	nc  net.Conn

	ctx    context.Context // ends when the peer is gone or the server closes
	cancel context.CancelFunc
	turn   chan struct{} // capacity 1: the parked goroutine is done
	watch  *alarm.Alarm  // begins to watch

	mu      sync.Mutex      // guards parked, watched and coming
	parked  bool            // a goroutine is parked
	watched bool            // and another one reads ahead, or will
	coming  *readable.Watch // begins readAhead; nil: it has begun

	reads int // by the goroutine that serves

	in     []byte // in[r:w] was received and not used yet; nil while it is watched
	r, w   int
	pinned bool // in holds the head in use, so nothing before r may be overwritten

	req  request
	body body
	held int64 // reserved from the server for the request in progress

	// requestID and attemptID are those of the last event given to this
	// connection. The answer to it commonly comes here too and shares them.
	requestID, attemptID string

	out  []byte    // the answer being made
	vec  [2][]byte // head and body of an answer in two pieces
	bufs net.Buffers
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: socket.Brief(nc), turn: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	c.watch = alarm.New(c.beginWatch)
	return c
}

// fate is what becomes of a connection after a request.
type fate int

const (
	over   fate = iota // it must be closed
	again              // this goroutine serves the next request
	passed             // another goroutine does
)

// run serves the connection until it is over or another goroutine has it.
func (c *conn) run() {
	defer c.srv.wg.Done()
	c.takeBuffer()
	for {
		switch c.serveOne() {
		case again:
			if c.r < c.w {
				c.srv.giveWay()
			}
		case passed:
			return
		case over:
			c.end()
			return
		}
	}
}

// end closes the connection and gives back what it held. Only the goroutine
// that serves it calls it.
func (c *conn) end() {
	c.cancel()
	c.watch.Close()
	c.nc.Close()
	c.srv.forget(c)
	c.settle()
	c.giveBuffer()
}

func (c *conn) takeBuffer() {
	if c.in == nil {
		c.in = c.srv.shared.buffer()
	}
}

func (c *conn) giveBuffer() {
	c.srv.shared.give(c.in)
	c.in = nil
}

// serveOne reads one request and answers it.
func (c *conn) serveOne() fate {
	if err := c.readHead(); err != nil {
		return c.refuseHead(err)
	}
	c.body = newBody(&c.req)
	f := c.dispatch()
	if f != passed {
		c.settle()
	}
	return f
}

// readHead reads and parses the next head.
func (c *conn) readHead() error {
	searched := 0
	for {
		end, resume := headEnd(c.in[c.r:c.w], searched)
		if end >= 0 {
			head := c.in[c.r : c.r+end]
			c.r += end
			c.pinned = true
			return c.req.parse(head)
		}
		searched = resume
		if err := c.fill(maxHead); err != nil {
			return err
		}
	}
}

var errNoRoom = errors.New("the environment's requests hold too many bytes")

// fill reads more into the buffer behind what is unused. Slices of what was
// used stay valid: the buffer is never compacted over them, only replaced.
func (c *conn) fill(limit int) error {
	if c.r == c.w && !c.pinned {
		c.r, c.w = 0, 0
	}
	if c.w == len(c.in) {
		if err := c.makeRoom(limit); err != nil {
			return err
		}
	}
	n, err := c.receive(c.in[c.w:])
	c.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// makeRoom moves what is unused to a new buffer, twice as big when it must be.
func (c *conn) makeRoom(limit int) error {
	unused := c.w - c.r
	size := readBuffer
	for size < 2*unused {
		size *= 2
	}
	if unused >= limit {
		return errHeadTooLong
	}
	if size > readBuffer && !c.hold(int64(size)) {
		return errNoRoom
	}
	in := make([]byte, size)
	copy(in, c.in[c.r:c.w])
	c.in, c.r, c.w, c.pinned = in, 0, unused, false
	return nil
}

// hold reserves n bytes until the request is settled.
func (c *conn) hold(n int64) bool {
	if !c.srv.reserve(n) {
		return false
	}
	c.held += n
	return true
}

// settle is the end of a request, answered or not: what it held is given back,
// and a buffer that grew shrinks again unless a pipelined request fills it.
func (c *conn) settle() {
	c.body, c.pinned = body{}, false
	if len(c.in) > readBuffer && c.w-c.r <= readBuffer {
		in := make([]byte, readBuffer)
		c.w = copy(in, c.in[c.r:c.w])
		c.in, c.r = in, 0
	}
	c.srv.reserve(-c.held)
	c.held = 0
}

// Read reads the body's raw bytes: what is buffered first, then directly from
// the peer.
func (c *conn) Read(p []byte) (int, error) {
	if c.r < c.w {
		n := copy(p, c.in[c.r:c.w])
		c.r += n
		return n, nil
	}
	return c.receive(p)
}

// receive reads from the peer. What comes may be there already, again and again.
func (c *conn) receive(p []byte) (int, error) {
	if c.reads++; c.reads%restless == 0 {
		c.srv.giveWay()
	}
	return c.nc.Read(p)
}

// park lets wait do its waiting and answering with the peer watched. The head is
// gone when wait runs; it tells whether the connection can go on. When the wait
// was long, another goroutine has begun to read and serves what follows.
func (c *conn) park(wait func(c *conn) bool) fate {
	if !c.finishBody() {
		c.req.closing = true
	}
	c.settle()
	c.req = request{minor: c.req.minor, closing: c.req.closing}
	c.w = copy(c.in, c.in[c.r:c.w])
	c.r = 0

	c.mu.Lock()
	c.parked = true
	c.mu.Unlock()
	c.watch.Set(time.Now().Add(watchAfter))
	goesOn := wait(c)
	c.watch.Stop()
	if !c.unpark() {
		if goesOn {
			return again
		}
		return over
	}
	if !goesOn {
		c.nc.Close()
	}
	c.turn <- struct{}{}
	return passed
}

// unpark notes that a goroutine is parked no more, and tells whether another has
// begun to read meanwhile.
func (c *conn) unpark() (watched bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.coming != nil && c.coming.Stop() {
		c.watched = false
		c.srv.wg.Done()
		c.takeBuffer()
	}
	watched = c.watched
	c.parked, c.watched, c.coming = false, false, nil
	return watched
}

// beginWatch runs when a goroutine has been parked for long. It may come late:
// nobody is parked any more, or somebody again, which does no harm.
func (c *conn) beginWatch() {
	c.mu.Lock()
	if !c.parked || c.watched {
		c.mu.Unlock()
		return
	}
	c.watched = true
	c.srv.wg.Add(1) // the parked goroutine has its own until it sees this
	if c.w == 0 {
		c.giveBuffer()
		c.coming = c.srv.shared.watch(c.nc, c.readAhead)
	}
	begin := c.coming == nil
	c.mu.Unlock()
	if begin {
		c.readAhead()
	}
}

// readAhead reads while another goroutine is parked, which tells that the peer
// is gone, and then serves what it read. When a request was pipelined there is
// no telling, for it must be served as soon as the parked one is done.
func (c *conn) readAhead() {
	var n int
	var err error
	c.takeBuffer()
	if c.w == 0 {
		n, err = c.nc.Read(c.in)
	}
	if err != nil {
		c.cancel()
	}
	<-c.turn
	c.w += n
	if err != nil {
		defer c.srv.wg.Done()
		c.end()
		return
	}
	c.run()
}

// linger lets the peer read the last answer: closing with bytes unread would
// reset the connection and could destroy the answer on its way.
func (c *conn) linger() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if c.nc.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.nc, maxIgnoredBody)
}
