package awsapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"lambent/internal/alarm"
	"lambent/internal/socket"
)

// Invocations are nearly all that a busy server is asked, and net/http spends
// more on one than everything behind it: it starts a goroutine that watches the
// connection, stops it, and moves three deadlines. A connection is therefore
// served here as long as its requests are plain invocations, and goes to net/http
// for good, with all that was read of it, at the first that is anything else.
// What is served here is told by plainInvocation, and answered by the same handler.

const (
	quickHead    = 8 << 10               // a longer head is net/http's
	quickBody    = smallBody             // and so is a longer body
	watchAfter   = 10 * time.Millisecond // how long a caller may be gone unnoticed
	plainBegins  = "POST /2015-03-31/functions/"
	plainEnds    = "/invocations" // of the path
	plainVersion = " HTTP/1.1"
)

// quick serves connections as long as they are plain.
type quick struct {
	handler http.Handler
	log     *slog.Logger
	others  *handedOver // net/http's
	seats   seats

	conns sync.WaitGroup

	mu       sync.Mutex
	open     map[*quickConn]bool // mu; true while a request is in progress
	draining bool                // mu
}

// accept takes connections until the listener is closed, or ctx ends.
func (q *quick) accept(ctx context.Context, l net.Listener) error {
	pause := time.Duration(0)
	for q.seats.take(ctx) {
		nc, err := l.Accept()
		if err != nil {
			q.seats.leave()
		}
		if temporary(err) {
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			q.log.Warn("cannot accept, trying again", "err", err, "in", pause)
			time.Sleep(pause)
			continue
		}
		if err != nil {
			return err
		}
		pause = 0
		nc = socket.Brief(nc)
		c := newQuickConn(q, nc)
		if !q.enter(c, false) {
			c.cancel()
			nc.Close()
			q.seats.leave()
			continue
		}
		q.conns.Go(c.serve)
	}
	return context.Cause(ctx)
}

// temporary tells what passes, such as too many open files, from the end of a listener.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// enter notes that a connection is there, busy or idle, and tells whether it may go on.
func (q *quick) enter(c *quickConn, busy bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.draining {
		return false
	}
	q.open[c] = busy
	return true
}

func (q *quick) leave(c *quickConn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.open, c)
}

// drain ends idle connections now, and busy ones after their answer, or when ctx
// ends. It returns when all have ended.
func (q *quick) drain(ctx context.Context) {
	q.close(false)
	ended := make(chan struct{})
	go func() {
		q.conns.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	q.close(true)
	<-ended
}

func (q *quick) close(busy bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.draining = true
	for c, isBusy := range q.open {
		if busy || !isBusy {
			c.nc.Close()
			c.cancel()
		}
	}
}

// quickConn is one connection.
type quickConn struct {
	*quick
	nc       net.Conn
	in       *bufio.Reader
	remote   string
	patience *alarm.Alarm // with a peer that says nothing
	watch    *alarm.Alarm // begins to read ahead, to see a peer go
	out      []byte

	// What every request of the connection has anew is made once.
	ctx     context.Context // ends when the peer is gone, or must go
	cancel  context.CancelFunc
	request *quickRequest
	answer  quickWriter

	mu      sync.Mutex
	busy    bool          // mu; a request is in progress
	reading chan struct{} // mu; closed when reading ahead has ended, nil when it has not begun
}

func newQuickConn(q *quick, nc net.Conn) *quickConn {
	c := &quickConn{quick: q, nc: nc, in: bufio.NewReaderSize(nc, quickHead), remote: nc.RemoteAddr().String()}
	c.patience = alarm.New(c.interrupt)
	c.watch = alarm.New(c.watchPeer)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.request = newQuickRequest(c.ctx)
	c.request.RemoteAddr = c.remote
	c.answer = quickWriter{conn: c, header: make(http.Header, 8)}
	return c
}

// serve answers requests until one is not plain, or the peer goes.
func (c *quickConn) serve() {
	over := true
	defer func() {
		c.cancel()
		c.patience.Close()
		c.watch.Close()
		c.leave(c)
		if over {
			c.nc.Close()
			c.seats.leave()
		}
	}()
	for {
		head, err := c.await()
		if err != nil {
			return
		}
		if head == 0 {
			over = !c.others.give(&readBefore{Conn: c.nc, in: c.in, closed: sync.OnceFunc(c.seats.leave)})
			return
		}
		if !c.enter(c, true) || !c.one(head) || !c.enter(c, false) {
			return
		}
	}
}

// await waits for a whole head, and tells how long it is; 0 when it is not a
// plain invocation's.
func (c *quickConn) await() (head int, err error) {
	c.patience.Set(time.Now().Add(idleTimeout))
	defer c.patience.Stop()
	for want := 1; ; want = c.in.Buffered() + 1 {
		if want > c.in.Size() {
			return 0, nil
		}
		if _, err := c.in.Peek(want); err != nil {
			return 0, err
		}
		have, _ := c.in.Peek(c.in.Buffered())
		if end := bytes.Index(have, []byte("\r\n\r\n")); end >= 0 {
			if !plainInvocation(have[:end+2]) {
				return 0, nil
			}
			return end + 4, nil
		}
		if len(have) >= len(plainBegins) && !bytes.HasPrefix(have, []byte(plainBegins)) {
			return 0, nil
		}
		if want == 1 {
			c.patience.Set(time.Now().Add(headerTimeout))
		}
	}
}

// interrupt ends a read that waits for a peer with nothing to say.
func (c *quickConn) interrupt() { _ = c.nc.SetReadDeadline(time.Unix(1, 0)) }

// one serves a request whose head is there, and tells whether another may follow.
func (c *quickConn) one(head int) bool {
	r, err := c.read(head)
	if err != nil {
		_, _ = io.WriteString(c.nc, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 15\r\nConnection: close\r\n\r\n400 Bad Request")
		return false
	}
	body := make([]byte, r.ContentLength)
	if c.in.Buffered() < len(body) {
		c.patience.Set(time.Now().Add(bodyTimeout))
	}
	_, err = io.ReadFull(c.in, body)
	c.patience.Stop()
	if err != nil {
		return false
	}
	c.request.carry(body)
	r.Body = c.request.Body
	c.answer.reset()
	c.begin()
	ok := c.handle(&c.answer, r)
	return c.finish() && ok && c.answer.finish()
}

// read takes in a head.
func (c *quickConn) read(head int) (*http.Request, error) {
	text, err := c.in.Peek(head)
	if err == nil && c.request.read(text) {
		c.request.TLS = secured(c.nc)
		_, err = c.in.Discard(head)
		return c.request.Request, err
	}
	r, err := http.ReadRequest(c.in)
	if err != nil {
		return nil, err
	}
	r.RemoteAddr, r.TLS = c.remote, secured(c.nc)
	return r.WithContext(c.ctx), nil
}

// handle lets the handler answer. A panic ends the connection, as in net/http.
func (c *quickConn) handle(w http.ResponseWriter, r *http.Request) (ok bool) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // a panic's value is the sentinel itself
			c.log.Error("handler panicked", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	c.handler.ServeHTTP(w, r)
	return true
}

func (c *quickConn) begin() {
	c.mu.Lock()
	c.busy = true
	c.mu.Unlock()
	c.watch.Set(time.Now().Add(watchAfter))
}

// watchPeer reads ahead while a request is in progress: nothing but the peer's
// end, or its next request, can come.
func (c *quickConn) watchPeer() {
	c.mu.Lock()
	if !c.busy || c.reading != nil {
		c.mu.Unlock()
		return
	}
	reading := make(chan struct{})
	c.reading = reading
	c.mu.Unlock()
	_, err := c.in.Peek(1)
	c.mu.Lock()
	if err != nil && c.busy { // otherwise finish has ended the reading
		c.cancel()
	}
	c.mu.Unlock()
	close(reading)
}

// finish ends reading ahead, and tells whether the connection can be read on.
func (c *quickConn) finish() bool {
	c.watch.Stop()
	c.mu.Lock()
	c.busy = false
	reading := c.reading
	c.reading = nil
	c.mu.Unlock()
	if reading == nil {
		return true
	}
	c.interrupt()
	<-reading
	return c.nc.SetReadDeadline(time.Time{}) == nil
}

// plainInvocation tells whether a head is one that every part of is understood
// here: an Invoke with a small body of known length, and nothing unusual about
// its framing. What is malformed is not plain.
func plainInvocation(head []byte) bool {
	line, fields, _ := bytes.Cut(head, []byte("\r\n"))
	target, ok := bytes.CutSuffix(line, []byte(plainVersion))
	if !ok || !bytes.HasPrefix(line, []byte(plainBegins)) || bytes.IndexFunc(target, unprintable) >= 0 {
		return false
	}
	path, _, _ := bytes.Cut(target, []byte("?"))
	if !bytes.HasSuffix(path, []byte(plainEnds)) {
		return false
	}
	hosts, lengths := 0, 0
	for len(fields) > 0 {
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 || bytes.IndexFunc(name, notName) >= 0 || bytes.IndexFunc(value, unprintable) >= 0 {
			return false
		}
		switch value = bytes.TrimSpace(value); {
		case is(name, "host"):
			hosts++
			if ofURL(value) {
				return false
			}
		case is(name, "content-length"):
			lengths++
			if n, ok := smallNumber(value); !ok || n > quickBody {
				return false
			}
		case is(name, "connection"):
			if !is(value, "keep-alive") {
				return false
			}
		case is(name, "transfer-encoding"), is(name, "expect"), is(name, "upgrade"), is(name, "te"), is(name, "trailer"):
			return false
		}
	}
	return hosts == 1 && lengths <= 1
}

// ofURL tells the host of a function URL, where paths and answers are the function's
// own: headers of any name, and bodies that are streamed.
func ofURL(host []byte) bool {
	const urls = "lambda-url."
	_, domain, _ := bytes.Cut(host, []byte("."))
	return len(domain) > len(urls) && is(domain[:len(urls)], urls)
}

func is(b []byte, word string) bool { return len(b) == len(word) && strings.EqualFold(string(b), word) }

func unprintable(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r == 0xfffd }

func notName(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
}

// smallNumber reads up to six digits.
func smallNumber(b []byte) (n int64, ok bool) {
	for _, d := range b {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = 10*n + int64(d-'0')
	}
	return n, len(b) > 0 && len(b) <= 6
}

// readBefore is a connection of which some has been read already.
type readBefore struct {
	net.Conn
	in     *bufio.Reader
	closed func()
}

// Close ends the connection; it may be called again.
func (c *readBefore) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

// Read gives what has been read first.
func (c *readBefore) Read(p []byte) (int, error) {
	if c.in != nil {
		if n := c.in.Buffered(); n > 0 {
			return c.in.Read(p[:min(len(p), n)])
		}
		c.in = nil
	}
	return c.Conn.Read(p)
}

// handedOver is the listener of net/http: it gets connections from here. Its server
// begins with the first of them.
type handedOver struct {
	net.Listener // for its address alone
	serve        func(net.Listener) error
	begin        sync.Once
	serving      sync.WaitGroup
	conns        chan net.Conn
	closing      sync.Once
	closed       chan struct{}
}

func newHandedOver(l net.Listener, serve func(net.Listener) error) *handedOver {
	return &handedOver{Listener: l, serve: serve, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// give tells whether the connection was taken.
func (h *handedOver) give(c net.Conn) bool {
	h.begin.Do(func() {
		h.serving.Go(func() { _ = h.serve(h) }) // it ends because this listener does
	})
	select {
	case h.conns <- c:
		return true
	case <-h.closed:
		return false
	}
}

// Accept waits for a connection that is not plain.
func (h *handedOver) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (h *handedOver) Close() error {
	h.closing.Do(func() { close(h.closed) })
	return nil
}
