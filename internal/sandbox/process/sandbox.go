package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"lambent/internal/sandbox"
)

// Sandbox is a folder and the processes that belong to it.
type Sandbox struct {
	driver *Driver
	spec   sandbox.Spec
	folder string
	born   int64
	places []place
	pumps  sync.WaitGroup

	stopped map[identity]bool // owned by the caller of Freeze and Thaw; who was told to stop

	mu        sync.Mutex
	gone      bool              // mu; being destroyed
	removed   bool              // mu; destroyed
	frozen    bool              // mu
	processes map[*process]bool // mu; started and not reaped
	strays    map[identity]bool // mu; orphans of leaders that are reaped
	open      map[*pump]bool    // mu; pipes with a writing end somewhere
	spent     time.Duration     // mu; CPU time of the reaped, and of whom they waited for
	peak      int64             // mu; most memory ever seen
	members   []entry           // mu; all processes as of looked
	looked    time.Time         // mu
}

var (
	_ sandbox.Sandbox    = (*Sandbox)(nil)
	_ sandbox.Dialer     = (*Sandbox)(nil)
	_ sandbox.PeakTeller = (*Sandbox)(nil)
)

// furnish makes the sandbox's folders.
func (s *Sandbox) furnish() error {
	if err := os.Mkdir(s.folder, 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(s.folder, "tmp"), 0o700); err != nil {
		return err
	}
	var err error
	s.places, err = places(s.folder, s.spec.Mounts)
	s.strays, s.open, s.stopped = map[identity]bool{}, map[*pump]bool{}, map[identity]bool{}
	return err
}

// ID is the Spec's.
func (s *Sandbox) ID() string { return s.spec.ID }

// Path finds mounted folders and /tmp on the host; the rest is the host's own.
func (s *Sandbox) Path(inside string) string { return locate(s.places, inside) }

// Listen listens on the host's loopback, at a free port: the one asked for may
// be another sandbox's.
func (s *Sandbox) Listen(string, int) (net.Listener, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for sandbox %s: %w", s.spec.ID, err)
	}
	return guard(s, l), nil
}

// Dial calls a port on the host's loopback, if a process of this sandbox listens there.
func (s *Sandbox) Dial(ctx context.Context, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial in sandbox %s: %w", s.spec.ID, err)
	}
	if !s.listensAt(port) {
		return nil, fmt.Errorf("dial %s in sandbox %s: %w", address, s.spec.ID, syscall.ECONNREFUSED)
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort("localhost", port))
	if err != nil {
		return nil, fmt.Errorf("dial in sandbox %s: %w", s.spec.ID, err)
	}
	return c, nil
}

// kin describes the sandbox's processes as of now.
func (s *Sandbox) kin() kin {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kinLocked()
}

func (s *Sandbox) kinLocked() kin {
	k := kin{name: filepath.Base(s.folder), named: s.driver.named, born: s.born, known: make(map[identity]bool, len(s.strays))}
	for p := range s.processes {
		k.roots = append(k.roots, p.pid)
	}
	for id := range s.strays {
		k.known[id] = true
	}
	return k
}

// Freeze stops every process by SIGSTOP.
func (s *Sandbox) Freeze(ctx context.Context) error {
	if err := s.turn("freeze", true); err != nil {
		return err
	}
	if err := s.kin().stop(ctx, s.stopped); err != nil {
		return fmt.Errorf("freeze sandbox %s: %w", s.spec.ID, err)
	}
	return nil
}

// Thaw lets them go on by SIGCONT.
func (s *Sandbox) Thaw(context.Context) error {
	s.mu.Lock()
	frozen := s.frozen
	s.mu.Unlock()
	if !frozen {
		return nil
	}
	if err := resume(s.stopped); err != nil {
		return fmt.Errorf("thaw sandbox %s: %w", s.spec.ID, err)
	}
	clear(s.stopped)
	return s.turn("thaw", false)
}

// turn notes whether the sandbox is frozen.
func (s *Sandbox) turn(act string, frozen bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return s.goneError(act)
	}
	s.frozen = frozen
	return nil
}

// Usage adds up what the kernel says of each process. The peak is the highest
// that was ever seen, by this method or by the kernel for one process.
func (s *Sandbox) Usage() (sandbox.Usage, error) {
	members, err := s.kin().find()
	if err != nil {
		return sandbox.Usage{}, fmt.Errorf("read usage of sandbox %s: %w", s.spec.ID, err)
	}
	s.mu.Lock()
	s.members, s.looked = members, time.Now()
	s.mu.Unlock()
	return s.usage(members)
}

// membersAge is how long PeakMemory believes that there are no further processes.
const membersAge = 100 * time.Millisecond

// PeakMemory is Usage's peak for a hundredth of its price: the search through all
// of the host's processes is the dear part, and invocations that follow each other
// closely share one.
func (s *Sandbox) PeakMemory() (int64, error) {
	s.mu.Lock()
	members, looked := s.members, s.looked
	s.mu.Unlock()
	if time.Since(looked) > membersAge {
		u, err := s.Usage()
		return u.MemoryPeakBytes, err
	}
	u, err := s.usage(members)
	return u.MemoryPeakBytes, err
}

// usage adds up what the members use, those that have ended left out.
func (s *Sandbox) usage(members []entry) (sandbox.Usage, error) {
	memory, peak, cpu, processes := consumption(members)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return sandbox.Usage{}, s.goneError("read usage of")
	}
	s.peak = max(s.peak, memory, peak)
	return sandbox.Usage{MemoryPeakBytes: s.peak, MemoryBytes: memory, CPU: s.spent + cpu, Processes: processes}, nil
}

// Kill ends every process that can be found, and looks again until none is.
func (s *Sandbox) Kill(ctx context.Context) error {
	s.mu.Lock()
	gone := s.gone
	s.mu.Unlock()
	if gone {
		return s.goneError("kill")
	}
	if err := s.endAll(ctx); err != nil {
		return fmt.Errorf("kill sandbox %s: %w", s.spec.ID, err)
	}
	clear(s.stopped)
	return s.turn("kill", false)
}

// endAll ends and reaps. It looks on while there are processes of ours that are
// not reaped, because their orphans are noted as they are.
func (s *Sandbox) endAll(ctx context.Context) error {
	for {
		if _, err := s.kin().end(ctx); err != nil {
			return err
		}
		last := s.anyProcess()
		if last == nil {
			return nil
		}
		select {
		case <-last.reaped:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *Sandbox) anyProcess() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.processes {
		return p
	}
	clear(s.strays)
	return nil
}

// Destroy ends every process and removes the sandbox's folders.
func (s *Sandbox) Destroy(ctx context.Context) error {
	s.mu.Lock()
	s.gone = true
	removed := s.removed
	s.mu.Unlock()
	if removed {
		return nil
	}
	if err := s.endAll(ctx); err != nil {
		return fmt.Errorf("destroy sandbox %s: %w", s.spec.ID, err)
	}
	s.hangUp()
	if err := removeTree(s.folder); err != nil {
		return fmt.Errorf("destroy sandbox %s: %w", s.spec.ID, err)
	}
	s.mu.Lock()
	s.removed = true
	s.mu.Unlock()
	s.driver.forget(s)
	return nil
}

// hangUp closes the pipes, which a process that was lost may still hold.
func (s *Sandbox) hangUp() {
	s.mu.Lock()
	for p := range s.open {
		p.r.Close()
	}
	s.mu.Unlock()
	s.pumps.Wait()
}

func (s *Sandbox) goneError(act string) error {
	return fmt.Errorf("%s sandbox %s: %w", act, s.spec.ID, os.ErrClosed)
}

// Start starts a command in a session of its own.
func (s *Sandbox) Start(ctx context.Context, cmd sandbox.Command) (sandbox.Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, context.Cause(ctx))
	}
	w, err := wire(cmd)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	defer w.closeOurs()
	p, err := s.launch(cmd, w)
	if p == nil {
		w.abandon()
		return nil, err
	}
	if err != nil {
		<-p.reaped
		return nil, err
	}
	w.feed(cmd.Stdin)
	return p, nil
}

// launch forks and notes the process in one piece with respect to Destroy and
// to the search for processes. A process that comes with an error has been killed.
func (s *Sandbox) launch(cmd sandbox.Command, w *wiring) (*process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return nil, s.goneError("start in")
	}
	argv := append([]string{cmd.Path}, cmd.Args...)
	started, err := start(cmd.Path, argv, &os.ProcAttr{
		Dir: cmd.Dir, Files: w.files,
		Env: append([]string{}, cmd.Env...), // never nil, which would mean ours
		Sys: &syscall.SysProcAttr{Setsid: true},
	}, func(pid int) error { return errors.Join(limit(pid, s.spec.MaxOpenFiles), s.recordRoot(pid)) })
	if started == nil {
		return nil, startError(cmd, err)
	}
	p := &process{sandbox: s, os: started, pid: started.Pid, input: w.input, pumps: w.pumps, reaped: make(chan struct{}), done: make(chan struct{})}
	s.processes[p] = true
	for _, pump := range w.pumps {
		s.open[pump] = true
		s.pumps.Go(func() {
			pump.run()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.open, pump)
		})
	}
	s.pumps.Go(p.wait)
	if err != nil {
		return p, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// recordRoot writes down a process that was just started, before it can do
// anything where the host can hold it.
func (s *Sandbox) recordRoot(pid int) error {
	start, err := startTime(pid)
	if err != nil {
		return err
	}
	return record(s.folder, identity{pid, start})
}

// startError separates what exec refused from what the working folder did.
func startError(cmd sandbox.Command, err error) error {
	var refused *os.PathError
	var errno syscall.Errno
	if errors.As(err, &refused) && errors.As(err, &errno) && refused.Op == "fork/exec" {
		return &sandbox.StartError{Path: cmd.Path, Err: errno}
	}
	return fmt.Errorf("start %s: %w", cmd.Path, err)
}
