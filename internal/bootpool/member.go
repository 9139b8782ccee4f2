package bootpool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"lambent/internal/sandbox"
)

// member is a sandbox that was begun, and the program that waits in it, if any.
// It is the sandbox that it becomes, too.
type member struct {
	sandbox.Unfinished
	key  string
	size int64 // bytes, when it was ready

	owned bool // the Pool's mu; somebody has taken it

	process sandbox.Process // nil: bare
	ready   <-chan struct{} // closed when the program waits for its message
	letter  *letter
	outputs map[int]*output // by descriptor
	taken   chan struct{}   // closed when somebody has it
	made    chan struct{}   // closed when the pool touches it no more, but to give it away
	used    atomic.Bool     // the process has been given to somebody, or ended

	mu        sync.Mutex
	listeners map[Address]net.Listener // mu; that nobody has asked for yet
}

// listen opens the listeners that every environment has.
func (m *member) listen(all []Address) error {
	m.listeners = make(map[Address]net.Listener, len(all))
	for _, a := range all {
		l, err := m.Unfinished.Listen(a.Host, a.Port)
		if err != nil {
			return err
		}
		m.listeners[a] = l
	}
	return nil
}

// listener gives away a listener that is open already, or nil.
func (m *member) listener(a Address) net.Listener {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.listeners[a]
	delete(m.listeners, a)
	return l
}

// start executes the program and returns when it runs.
func (m *member) start(ctx context.Context, a *sandbox.Ahead) (err error) {
	m.letter = &letter{sent: make(chan struct{})}
	ready := make(chan struct{})
	m.outputs = map[int]*output{1: {ready: ready}, 2: {}}
	cmd := sandbox.Command{
		Path: a.Path, Args: a.Args, Env: a.Env, Dir: a.Dir,
		Stdin: m.letter, Stdout: m.outputs[1], Stderr: m.outputs[2],
	}
	for _, fd := range a.Pipes {
		m.outputs[fd] = &output{}
		cmd.Extra = append(cmd.Extra, sandbox.Pipe{FD: fd, W: m.outputs[fd]})
	}
	m.ready = ready
	m.process, err = m.Unfinished.Start(ctx, cmd)
	return err
}

// boot returns when the program waits for its message, and is frozen, or is taken.
func (m *member) boot(ctx context.Context) error {
	select {
	case <-m.ready:
	case <-m.taken:
		return nil
	case <-m.process.Done():
		return fmt.Errorf("boot: %s: %q", m.process.Exit(), m.outputs[2].text())
	case <-ctx.Done():
		return fmt.Errorf("boot: %w", context.Cause(ctx))
	}
	if u, err := m.Usage(); err == nil {
		m.size = u.MemoryBytes
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	frozen := make(chan error, 1)
	go func() { frozen <- m.Freeze(ctx) }()
	select {
	case err := <-frozen:
		return err
	case <-m.taken:
		cancel() // it is thawed again
		return <-frozen
	}
}

// lives tells whether the program still waits.
func (m *member) lives() bool {
	if m.process == nil {
		return true
	}
	select {
	case <-m.process.Done():
		return false
	default:
		return true
	}
}

// finish makes the member the sandbox of the spec.
func (m *member) finish(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	close(m.taken)
	<-m.made
	if err := m.Thaw(ctx); err != nil {
		return nil, err
	}
	return &box{m}, m.Unfinished.Finish(ctx, spec)
}

// destroy ends the sandbox, and the wait for its message.
func (m *member) destroy(ctx context.Context) error {
	m.end()
	m.mu.Lock()
	for a, l := range m.listeners {
		l.Close()
		delete(m.listeners, a)
	}
	m.mu.Unlock()
	return m.Destroy(ctx)
}

// end has the program's wait end, if there is one.
func (m *member) end() {
	if m.letter != nil {
		m.used.Store(true)
		m.letter.send(nil)
	}
}

// box is a member that was taken.
type box struct{ member *member }

var (
	_ sandbox.Sandbox    = (*box)(nil)
	_ sandbox.Dialer     = (*box)(nil)
	_ sandbox.PeakTeller = (*box)(nil)
)

// Start gives the process that waits to the first command that it was started
// for; it starts all others.
func (b *box) Start(ctx context.Context, cmd sandbox.Command) (sandbox.Process, error) {
	m := b.member
	if m.process == nil || cmd.Ahead == nil || kind(cmd.Ahead) != m.key || m.used.Swap(true) || !m.lives() {
		return m.Unfinished.Start(ctx, cmd)
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	writers := map[int]io.Writer{1: cmd.Stdout, 2: cmd.Stderr}
	for _, pipe := range cmd.Extra {
		writers[pipe.FD] = pipe.W
	}
	for fd, o := range m.outputs {
		o.bind(writers[fd])
	}
	m.letter.send(sandbox.AheadMessage(cmd.Dir, cmd.Env))
	return m.process, nil
}

// Kill ends the process that waits, too.
func (b *box) Kill(ctx context.Context) error {
	b.member.end()
	return b.member.Kill(ctx)
}

// Destroy ends everything.
func (b *box) Destroy(ctx context.Context) error { return b.member.destroy(ctx) }

// PeakMemory is what the sandbox says, in the cheapest way that it has.
func (b *box) PeakMemory() (int64, error) {
	if teller, ok := b.member.Unfinished.(sandbox.PeakTeller); ok {
		return teller.PeakMemory()
	}
	u, err := b.Usage()
	return u.MemoryPeakBytes, err
}

// Dial calls a process in the sandbox.
func (b *box) Dial(ctx context.Context, address string) (net.Conn, error) {
	dialer, ok := b.member.Unfinished.(sandbox.Dialer)
	if !ok {
		return nil, fmt.Errorf("dial %s in sandbox %s: %w", address, b.ID(), errors.ErrUnsupported)
	}
	return dialer.Dial(ctx, address)
}

// Listen gives the listener that there is, or opens one.
func (b *box) Listen(host string, port int) (net.Listener, error) {
	if l := b.member.listener(Address{Host: host, Port: port}); l != nil {
		return l, nil
	}
	return b.member.Listen(host, port)
}

func (b *box) ID() string                       { return b.member.ID() }
func (b *box) Path(inside string) string        { return b.member.Path(inside) }
func (b *box) Freeze(ctx context.Context) error { return b.member.Freeze(ctx) }
func (b *box) Thaw(ctx context.Context) error   { return b.member.Thaw(ctx) }
func (b *box) Usage() (sandbox.Usage, error)    { return b.member.Usage() }

// letter is the input of a program that waits: nothing until it is sent, once.
type letter struct {
	once sync.Once
	sent chan struct{}
	text []byte // written before sent is closed, then the reader's
}

func (l *letter) send(text []byte) {
	l.once.Do(func() {
		l.text = text
		close(l.sent)
	})
}

// Read waits for the letter.
func (l *letter) Read(b []byte) (int, error) {
	<-l.sent
	if len(l.text) == 0 {
		return 0, io.EOF
	}
	n := copy(b, l.text)
	l.text = l.text[n:]
	return n, nil
}

// heldMost bounds what a program may say before it is known to whom.
const heldMost = 16 << 10

// output takes what a process writes, and hands it to a writer that comes later.
type output struct {
	bound atomic.Pointer[io.Writer] // set when nothing has to be looked at any more

	mu    sync.Mutex
	to    *io.Writer    // mu; whose it is
	held  []byte        // mu; what was written before
	ready chan struct{} // mu; closed by the zero byte that says that the program waits; nil: it was, or none comes here
}

// Write hands on, or keeps.
func (o *output) Write(b []byte) (int, error) {
	if w := o.bound.Load(); w != nil {
		return (*w).Write(b)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	keep := b
	if at := bytes.IndexByte(b, 0); o.ready != nil && at >= 0 {
		close(o.ready)
		o.ready = nil
		keep = append(bytes.Clone(b[:at]), b[at+1:]...)
	}
	if o.to == nil {
		o.held = append(o.held, keep[:min(len(keep), heldMost-len(o.held))]...)
		return len(b), nil
	}
	o.open()
	if len(keep) == 0 {
		return len(b), nil
	}
	_, err := (*o.to).Write(keep)
	return len(b), err
}

// open takes the lock out of the way when its owner is known and the zero byte
// has come. It is called with mu held.
func (o *output) open() {
	if o.ready == nil {
		o.bound.Store(o.to)
	}
}

// bind hands over what was kept, and all that follows; nil discards.
func (o *output) bind(w io.Writer) {
	if w == nil {
		w = io.Discard
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.held) > 0 {
		_, _ = w.Write(o.held) // as for a driver, who hands over and looks no further
		o.held = nil
	}
	o.to = &w
	o.open()
}

func (o *output) text() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.held)
}
