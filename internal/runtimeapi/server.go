package runtimeapi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/readable"
	"lambent/internal/spare"
)

// Runtime is the environment as its runtime sees it. Every method may be called
// from several goroutines at once. An error that is a *lambda.Refusal is told to
// the caller; any other is ours, logged and answered with 500.
type Runtime interface {
	// Next parks until there is an invocation. A *lambda.Refusal is the
	// caller's wrong moment. When ctx ends, the caller is gone.
	Next(ctx context.Context) (*lambda.Invocation, error)
	// Check tells whether an answer for the ids would be taken now, before its
	// body is read. The attempt is empty when the runtime did not tell it.
	Check(requestID, attemptID string) error
	// Answer settles the invocation in progress.
	Answer(requestID string, a lambda.Answer) error
	// InitError takes the runtime's word that it cannot start.
	InitError(a lambda.Answer) error
	// Broken tells of an answer that cannot be used: Runtime.TruncatedResponse
	// or Runtime.InvalidResponseModeHeader.
	Broken(requestID, errorType string)
}

// Streams is the environment as responses see it that are wanted as they come.
type Streams interface {
	// Respond is Check for a response. When its caller wants it as it comes it has
	// begun with that, and what comes is for the stream; otherwise there is none.
	Respond(requestID, attemptID string) (lambda.Stream, error)
}

// Extensions is the environment as its extensions see it.
type Extensions interface {
	Register(r lambda.Registration) (lambda.Registered, error)
	// NextEvent parks until there is an event for the extension.
	NextEvent(ctx context.Context, identifier string) (lambda.ExtensionEvent, error)
	// ExtensionError takes an extension's word that it fails; phase is "init" or "exit".
	ExtensionError(identifier, phase, errorType string) error
}

// Telemetry takes subscriptions to the Telemetry and Logs APIs. The identifier
// is well formed; whether it is known, and whether subscribing is still open,
// is for Subscribe to say with a *lambda.Refusal.
type Telemetry interface {
	Subscribe(identifier string, s lambda.Subscription) error
}

// Config is what a Server needs. Runtime and Extensions are required.
type Config struct {
	Runtime    Runtime
	Extensions Extensions
	Streams    Streams          // nil: every response is wanted whole
	Telemetry  Telemetry        // nil: subscribers are told that it is not supported
	Spare      *spare.Buffers   // for large answers; nil: each is made
	Shared     *Shared          // nil: nothing is shared
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger     // nil: nothing is logged
}

// Server serves the APIs of one environment.
type Server struct {
	cfg    Config
	shared *Shared
	ctx    context.Context // ends with Close; parent of every connection's
	stop   context.CancelFunc

	release  atomic.Pointer[string]
	buffered atomic.Int64 // bytes held for requests in progress, bounded by maxBuffered

	crowd sync.Mutex // held by the one who gives way

	// What a function can bring about as often as it likes is told once.
	toldFull, toldNoRoom sync.Once

	wg sync.WaitGroup // Serve calls and every goroutine of a connection

	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]*readable.Watch // nil: somebody waits in Accept
	conns     map[*conn]struct{}
}

// New makes a Server. It does nothing until Serve.
func New(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Shared == nil {
		cfg.Shared = &Shared{}
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Server{
		cfg:       cfg,
		shared:    cfg.Shared,
		ctx:       ctx,
		stop:      stop,
		listeners: map[net.Listener]*readable.Watch{},
		conns:     map[*conn]struct{}{},
	}
}

// Serve accepts connections until Close, and then returns nil. The listener is
// closed when it returns.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.addListener(l) {
		return nil
	}
	defer s.wg.Done()
	defer s.removeListener(l)
	for pause := time.Duration(0); ; {
		if again, err := s.accept(l, &pause); !again {
			return err
		}
	}
}

// accept takes one connection, and tells whether another may follow.
func (s *Server) accept(l net.Listener, pause *time.Duration) (again bool, err error) {
	nc, err := l.Accept()
	if err == nil {
		*pause = 0
		s.open(nc)
		return true, nil
	}
	if s.ctx.Err() != nil {
		return false, nil
	}
	if !temporary(err) {
		return false, err
	}
	*pause = min(max(2**pause, 5*time.Millisecond), time.Second)
	s.cfg.Log.Warn("runtime API cannot accept, trying again", "error", err, "in", *pause)
	return s.wait(*pause), nil
}

// Attend is Serve beside its caller, and without a goroutine as long as nobody
// connects, if the listener can be watched. What Serve would return is logged.
func (s *Server) Attend(l net.Listener) {
	if !s.addListener(l) {
		l.Close()
		return
	}
	pause := time.Duration(0)
	comes := func() {
		again, err := s.accept(l, &pause)
		if !again || s.watchOf(l).Again() != nil {
			s.dismiss(l, err)
		}
	}
	s.mu.Lock()
	s.listeners[l] = s.shared.watch(l, comes)
	unwatched := s.listeners[l] == nil
	s.mu.Unlock()
	if unwatched {
		go func() {
			defer s.wg.Done()
			s.check(l, s.Serve(l))
		}()
	}
}

func (s *Server) watchOf(l net.Listener) *readable.Watch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listeners[l]
}

// dismiss is the end of a listener that was watched.
func (s *Server) dismiss(l net.Listener, err error) {
	defer s.wg.Done()
	s.watchOf(l).Stop()
	l.Close()
	s.removeListener(l)
	s.check(l, err)
}

func (s *Server) check(l net.Listener, err error) {
	if err != nil {
		s.cfg.Log.Error("runtime API accepts no more connections", "address", l.Addr(), "error", err)
	}
}

// Close ends every connection and every wait, and returns when no goroutine of
// the server is left. It waits for calls of the environment's methods in
// progress, so it must not be called from what serves those.
func (s *Server) Close() {
	s.stop() // first, so that a connection that we close is not taken for a runtime that broke off
	s.mu.Lock()
	s.closed = true
	for l, watch := range s.listeners {
		if watch != nil && watch.Stop() {
			s.wg.Done()
		}
		l.Close()
	}
	for c := range s.conns {
		c.nc.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Release is the runtime's name for itself: the first word of its User-Agent
// and its Lambda-Runtime-Features in parentheses, at most 128 bytes; empty as
// long as no runtime has called.
func (s *Server) Release() string {
	if p := s.release.Load(); p != nil {
		return *p
	}
	return ""
}

func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.listeners[l] = nil
	s.wg.Add(1)
	return true
}

func (s *Server) removeListener(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

// open starts serving a connection, or closes it when there are too many.
func (s *Server) open(nc net.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	full := len(s.conns) >= maxConnections
	refused := full || s.closed
	if !refused {
		s.conns[c] = struct{}{}
		s.wg.Add(1)
	}
	s.mu.Unlock()
	if refused {
		c.cancel()
		nc.Close()
		if full {
			s.toldFull.Do(func() { s.cfg.Log.Warn("runtime API refuses connections", "limit", maxConnections) })
		}
		return
	}
	go c.run()
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// wait pauses and tells whether the server is still open.
func (s *Server) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// reserve takes n bytes of what the environment may make us hold.
func (s *Server) reserve(n int64) bool {
	if s.buffered.Add(n) > maxBuffered {
		s.buffered.Add(-n)
		return false
	}
	return true
}

// giveWay is for who has more to do already, and would go on for a whole slice of the
// processor: a function that sends thousands of requests or chunks at once, on many
// connections, would make everybody else's goroutines wait for as many slices. One at a
// time goes to the end of the line, whichever connection it serves.
func (s *Server) giveWay() {
	s.crowd.Lock()
	defer s.crowd.Unlock()
	runtime.Gosched()
}

// temporary tells whether accepting may work again later, such as after
// running out of descriptors. net marks those errors in no other way.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}
