package simulated

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"lambent/internal/sandbox"
)

// Sandbox is a simulated sandbox.
type Sandbox struct {
	driver *Driver
	fate   *fate
	tmp    *Tmp
	owned  atomic.Bool            // a call of the owner's is under way
	id     atomic.Pointer[string] // the blank's until Finish

	mu        sync.Mutex
	spec      sandbox.Spec         // mu; what is known of it so far
	blank     *sandbox.Blank       // mu; what it was begun as, nil when it is finished
	gone      bool                 // mu; destroyed
	frozen    chan struct{}        // mu; closed by Freeze, made anew by Thaw
	thawed    chan struct{}        // mu; nil unless frozen; closed by Thaw
	processes map[*Process]bool    // mu; not yet reaped
	listeners map[string]*listener // mu; by host:port
	started   int                  // mu; processes ever started
	lastPort  int                  // mu; given out last
	usage     sandbox.Usage        // mu
}

var (
	_ sandbox.Sandbox = (*Sandbox)(nil)
	_ sandbox.Dialer  = (*Sandbox)(nil)
)

func newSandbox(d *Driver, spec sandbox.Spec, fate *fate) *Sandbox {
	s := &Sandbox{
		driver: d, spec: spec, fate: fate,
		tmp:       &Tmp{limit: int64(spec.TmpMiB) << 20, files: map[string][]byte{}},
		frozen:    make(chan struct{}),
		processes: map[*Process]bool{},
		listeners: map[string]*listener{},
		lastPort:  40000,
	}
	s.id.Store(&spec.ID)
	return s
}

// ID is the Spec's, and before Finish the Blank's.
func (s *Sandbox) ID() string { return *s.id.Load() }

// Path is the identity.
func (s *Sandbox) Path(inside string) string { return inside }

// Listen opens a listener that the sandbox's processes reach by Process.Dial.
func (s *Sandbox) Listen(host string, port int) (net.Listener, error) {
	if err := s.fate.fails("listen in sandbox "+s.ID(), s.driver.options.Faults.ListenFails); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return nil, s.goneError("listen in")
	}
	l, err := s.listen(host, port, nil)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// listen opens a listener for a process, or for the daemon when that is nil. It
// is called with mu held.
func (s *Sandbox) listen(host string, port int, owner *Process) (*listener, error) {
	if port == 0 {
		s.lastPort++
		port = s.lastPort
	}
	addr := &net.TCPAddr{IP: s.resolve(host), Port: port}
	if s.listeners[addr.String()] != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: addr, Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	l := &listener{sandbox: s, owner: owner, addr: addr, queue: make(chan *conn, backlog), closed: make(chan struct{})}
	s.listeners[addr.String()] = l
	return l, nil
}

// resolve is the hosts file. A name that it lacks is taken for this host.
func (s *Sandbox) resolve(host string) net.IP {
	if ip := net.ParseIP(host); ip != nil {
		return ip
	}
	for _, h := range s.spec.Hosts {
		if h.Name == host {
			return net.ParseIP(h.Address)
		}
	}
	return net.IPv4(127, 0, 0, 1)
}

// Dial connects the daemon to a listener of a process.
func (s *Sandbox) Dial(ctx context.Context, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dial %s in sandbox %s: %w", address, s.ID(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.connect(address, nil)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// connect makes a connection to who listens at address, for a process or for
// the daemon. It is called with mu held.
func (s *Sandbox) connect(address string, from *Process) (*conn, error) {
	refused := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, refused(syscall.EINVAL)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, refused(syscall.EINVAL)
	}
	addr := &net.TCPAddr{IP: s.resolve(host), Port: port}
	l := s.listeners[addr.String()]
	if l == nil {
		// A listener on every address is found by any.
		l = s.listeners[(&net.TCPAddr{IP: net.IPv4zero, Port: port}).String()]
	}
	if l == nil || len(l.queue) == cap(l.queue) {
		return nil, refused(syscall.ECONNREFUSED)
	}
	s.lastPort++
	near, far := newConns(s, from, l.owner, &net.TCPAddr{IP: addr.IP, Port: s.lastPort}, addr)
	l.queue <- far
	return near, nil
}

// Start runs the program that Options.Program chose.
func (s *Sandbox) Start(ctx context.Context, cmd sandbox.Command) (sandbox.Process, error) {
	act := "start " + cmd.Path + " in sandbox " + s.ID()
	if s.fate.happens(s.driver.options.Faults.StartHangs) {
		<-ctx.Done()
		return nil, fmt.Errorf("%s: %w", act, context.Cause(ctx))
	}
	if err := linger(ctx, s.fate, s.driver.options.Faults.StartSlow); err != nil {
		return nil, fmt.Errorf("%s: %w", act, err)
	}
	if err := s.fate.fails(act, s.driver.options.Faults.StartFails); err != nil {
		return nil, err
	}
	program := s.driver.options.Program(cmd)
	if program == nil {
		return nil, &sandbox.StartError{Path: cmd.Path, Err: syscall.ENOENT}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return nil, s.goneError("start in")
	}
	return handle{s.spawn(cmd, program)}, nil
}

// Freeze stops every process at its next step.
func (s *Sandbox) Freeze(ctx context.Context) error {
	faults := s.driver.options.Faults
	return s.owner(ctx, "freeze", faults.FreezeSlow, faults.FreezeFails, func() error {
		if s.thawed == nil {
			s.thawed = make(chan struct{})
			close(s.frozen)
		}
		return nil
	})
}

// Thaw lets them go on.
func (s *Sandbox) Thaw(ctx context.Context) error {
	faults := s.driver.options.Faults
	return s.owner(ctx, "thaw", faults.ThawSlow, faults.ThawFails, func() error {
		s.thaw()
		return nil
	})
}

func (s *Sandbox) thaw() {
	if s.thawed != nil {
		close(s.thawed)
		s.thawed = nil
		s.frozen = make(chan struct{})
	}
}

// Usage sums up what the processes said that they use.
func (s *Sandbox) Usage() (sandbox.Usage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return sandbox.Usage{}, s.goneError("read usage of")
	}
	u := s.usage
	u.Processes = len(s.processes)
	return u, nil
}

// Kill ends every process and thaws.
func (s *Sandbox) Kill(ctx context.Context) error {
	faults := s.driver.options.Faults
	if err := s.owner(ctx, "kill", faults.KillSlow, faults.KillFails, func() error { return nil }); err != nil {
		return err
	}
	if err := s.endAll(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.thaw()
	return nil
}

// endAll ends every process and waits for the last to be reaped.
func (s *Sandbox) endAll(ctx context.Context) error {
	for {
		s.mu.Lock()
		var last *Process
		for p := range s.processes {
			s.end(p, sandbox.Exit{Signal: syscall.SIGKILL})
			last = p
		}
		s.mu.Unlock()
		if last == nil {
			return nil
		}
		select {
		case <-last.reaped:
		case <-ctx.Done():
			return fmt.Errorf("kill sandbox %s: %w", s.ID(), context.Cause(ctx))
		}
	}
}

// Destroy ends everything.
func (s *Sandbox) Destroy(ctx context.Context) error {
	faults := s.driver.options.Faults
	err := s.owner(ctx, "destroy", faults.DestroySlow, faults.DestroyFails, func() error {
		for addr, l := range s.listeners {
			if l.owner == nil {
				s.driver.misused("sandbox %s destroyed while the daemon listens at %s", s.ID(), addr)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.remove(ctx)
}

func (s *Sandbox) remove(ctx context.Context) error {
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	if err := s.endAll(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	listeners := make([]*listener, 0, len(s.listeners))
	for _, l := range s.listeners {
		listeners = append(listeners, l)
	}
	s.mu.Unlock()
	for _, l := range listeners {
		l.Close()
	}
	s.tmp.clear()
	s.driver.forget(s)
	return nil
}

// owner does what only the owner may do, one thing at a time; act is called
// with mu held. A sandbox that is gone has nothing to be frozen, thawed or killed.
func (s *Sandbox) owner(ctx context.Context, name string, slow Delay, fails float64, act func() error) error {
	if !s.owned.CompareAndSwap(false, true) {
		s.driver.misused("%s of sandbox %s during another call of its owner", name, s.ID())
	} else {
		defer s.owned.Store(false)
	}
	s.mu.Lock()
	gone := s.gone
	s.mu.Unlock()
	if gone {
		if name == "destroy" {
			return nil
		}
		return s.goneError(name)
	}
	if err := linger(ctx, s.fate, slow); err != nil {
		return fmt.Errorf("%s sandbox %s: %w", name, s.ID(), err)
	}
	if err := s.fate.fails(name+" sandbox "+s.ID(), fails); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return act()
}

func (s *Sandbox) goneError(act string) error {
	return fmt.Errorf("%s sandbox %s: %w", act, s.ID(), os.ErrClosed)
}

// inventory words what the sandbox holds.
func (s *Sandbox) inventory() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := []string{"sandbox " + s.ID()}
	for p := range s.processes {
		lines = append(lines, "process "+p.Command.Path+" of sandbox "+s.ID())
	}
	for addr := range s.listeners {
		lines = append(lines, "listener "+addr+" of sandbox "+s.ID())
	}
	return lines
}

// linger draws a delay and waits for it, or for the end of ctx.
func linger(ctx context.Context, f *fate, d Delay) error {
	if wait, late := f.late(d); late {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
