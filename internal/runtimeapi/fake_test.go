package runtimeapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/runtimeapi"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(functionVariable) != "" {
		runFunction()
		return
	}
	goleak.VerifyTestMain(m)
}

// environment is a fake of what the server serves: it notes every call and
// answers as it was told.
type environment struct {
	invocations chan *lambda.Invocation
	events      chan lambda.ExtensionEvent

	mu    sync.Mutex
	calls []string
	says  map[string]error // the next answer to a call, by its name

	slow chan struct{} // mu; nil: writes to the stream are taken at once
}

func newEnvironment() *environment {
	return &environment{
		invocations: make(chan *lambda.Invocation, 16),
		events:      make(chan lambda.ExtensionEvent, 16),
		says:        map[string]error{},
	}
}

// call notes a call and returns what it was told to answer.
func (e *environment) call(name, format string, args ...any) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = append(e.calls, strings.TrimSpace(name+" "+fmt.Sprintf(format, args...)))
	err := e.says[name]
	delete(e.says, name)
	return err
}

func (e *environment) say(name string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.says[name] = err
}

// taken returns the calls since the last time.
func (e *environment) taken() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	calls := e.calls
	e.calls = nil
	return calls
}

func (e *environment) Next(ctx context.Context) (*lambda.Invocation, error) {
	if err := e.call("next", ""); err != nil {
		return nil, err
	}
	select {
	case inv := <-e.invocations:
		return inv, nil
	case <-ctx.Done():
		_ = e.call("gone", "")
		return nil, ctx.Err()
	}
}

func (e *environment) Check(requestID, attemptID string) error {
	return e.call("check", "%s %s", requestID, attemptID)
}

// Respond gives the environment itself as the stream.
func (e *environment) Respond(requestID, attemptID string) (lambda.Stream, error) {
	return e, e.call("respond", "%s %s", requestID, attemptID)
}

func (e *environment) Runs(version string) { _ = e.call("runs", "%s", version) }

func (e *environment) Begin(contentType string) { _ = e.call("begin", "%q", contentType) }

func (e *environment) Write(p []byte) (int, error) {
	what := fmt.Sprintf("%q", p)
	if len(p) > 100 {
		what = fmt.Sprintf("%d bytes", len(p))
	}
	err := e.call("write", "%s", what)
	e.mu.Lock()
	slow := e.slow
	e.mu.Unlock()
	if slow != nil {
		<-slow
	}
	return len(p), err
}

func (e *environment) Answer(requestID string, a lambda.Answer) error {
	return e.call("answer", "%s %s", requestID, describe(a))
}

func (e *environment) InitError(a lambda.Answer) error {
	return e.call("init-error", "%s", describe(a))
}

func (e *environment) Broken(requestID, errorType string) {
	_ = e.call("broken", "%s %s", requestID, errorType)
}

func (e *environment) Register(r lambda.Registration) (lambda.Registered, error) {
	err := e.call("register", "%s %v", r.Name, r.Events)
	return lambda.Registered{
		Identifier: "5f2a7a34-0f5b-4b0c-9d55-1d1f6f5a7b10", FunctionName: "f", FunctionVersion: lambda.Latest,
		Handler: "h.main", Account: "123456789012",
	}, err
}

func (e *environment) NextEvent(ctx context.Context, identifier string) (lambda.ExtensionEvent, error) {
	if err := e.call("event", "%s", identifier); err != nil {
		return lambda.ExtensionEvent{}, err
	}
	select {
	case event := <-e.events:
		return event, nil
	case <-ctx.Done():
		_ = e.call("gone", "")
		return lambda.ExtensionEvent{}, ctx.Err()
	}
}

func (e *environment) ExtensionError(identifier, phase, errorType string) error {
	return e.call("extension-error", "%s %s %s", identifier, phase, errorType)
}

func (e *environment) Subscribe(identifier string, s lambda.Subscription) error {
	return e.call("subscribe", "%s %+v", identifier, s)
}

// keeper keeps the answers that an environment takes.
type keeper struct {
	*environment
	answers []lambda.Answer
}

func (k *keeper) Answer(requestID string, a lambda.Answer) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answers = append(k.answers, a)
	return nil
}

// kept gives the answers so far.
func (k *keeper) kept() []lambda.Answer {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.answers
}

// describe writes an answer in one line, with long bodies as their length.
func describe(a lambda.Answer) string {
	var b strings.Builder
	body := fmt.Sprintf("%q", a.Body)
	if len(a.Body) > 100 {
		body = fmt.Sprintf("%d bytes", len(a.Body))
	}
	fmt.Fprintf(&b, "body=%s type=%q", body, a.ContentType)
	if a.Failed {
		b.WriteString(" failed")
	}
	if a.Streaming {
		b.WriteString(" streaming")
	}
	if a.Streamed {
		fmt.Fprintf(&b, " streamed=%d", a.Produced)
	}
	if a.TooLarge {
		b.WriteString(" too-large")
	}
	if a.ErrorType != "" {
		fmt.Fprintf(&b, " error=%s", a.ErrorType)
	}
	if len(a.XRayCause) > 100 {
		fmt.Fprintf(&b, " cause=%d bytes", len(a.XRayCause))
	} else if a.XRayCause != "" {
		fmt.Fprintf(&b, " cause=%s", a.XRayCause)
	}
	if d := a.LastByte.Sub(a.FirstByte); d > 0 {
		fmt.Fprintf(&b, " took=%s", d)
	}
	if a.FirstByte.IsZero() || a.LastByte.IsZero() {
		b.WriteString(" without-times")
	}
	return b.String()
}

// pipes is a listener whose connections are in memory, so that it can live in a
// bubble of virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// dial makes a connection that the server accepts.
func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// peer is the client's end: everything that arrives is collected.
type peer struct {
	net.Conn
	mu     sync.Mutex
	got    []byte
	closed bool
	done   chan struct{}
}

func (p *pipes) peer() *peer {
	c := &peer{Conn: p.dial(), done: make(chan struct{})}
	go c.collect()
	return c
}

func (c *peer) collect() {
	defer close(c.done)
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		c.mu.Lock()
		c.got = append(c.got, buf[:n]...)
		c.closed = err != nil
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// received returns what came since the last time, and whether the server closed.
func (c *peer) received() (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := string(c.got)
	c.got = nil
	return got, c.closed
}

// send writes without waiting for the server to read, as a socket would.
func (c *peer) send(s string) {
	go func() { _, _ = io.WriteString(c.Conn, s) }()
}

// start serves the environment on pipes until stop.
func start(env *environment, telemetry runtimeapi.Telemetry) (*runtimeapi.Server, *pipes, func()) {
	return startWith(runtimeapi.Config{Runtime: env, Extensions: env, Telemetry: telemetry, Now: time.Now})
}

func startWith(cfg runtimeapi.Config) (*runtimeapi.Server, *pipes, func()) {
	s := runtimeapi.New(cfg)
	l := newPipes()
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	return s, l, func() {
		go s.Close()
		if err := <-served; err != nil && !errors.Is(err, net.ErrClosed) {
			panic(err)
		}
		s.Close()
	}
}
