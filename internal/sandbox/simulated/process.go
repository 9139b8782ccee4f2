package simulated

import (
	"context"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"lambent/internal/sandbox"
)

// Program is Go code that plays a process. What it returns is how the process
// ends, unless it was ended before.
type Program func(*Process) sandbox.Exit

// Process is what a Program sees of its sandbox. Its methods may be called from
// the program's goroutine and from those that Go started.
type Process struct {
	Command        sandbox.Command
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Tmp            *ProcessTmp

	sandbox *Sandbox
	fate    *fate
	ctx     context.Context
	cancel  context.CancelFunc
	pipes   map[int]*pipe
	threads sync.WaitGroup
	reaped  chan struct{} // closed when every thread has unwound
	done    chan struct{} // closed when the pipes are handed over, too

	// Guarded by sandbox.mu.
	ended  bool
	exit   sandbox.Exit
	files  map[io.Closer]bool // connections and listeners
	memory int64
	caught map[os.Signal]chan os.Signal // nil channel: ignored
}

// spawn starts a process. It is called with the sandbox's mu held.
func (s *Sandbox) spawn(cmd sandbox.Command, program Program) *Process {
	s.started++
	ctx, cancel := context.WithCancel(context.Background())
	p := &Process{
		Command: cmd, sandbox: s, ctx: ctx, cancel: cancel,
		fate:   newFate(s.driver.options.Seed, s.ID(), strconv.Itoa(s.started)),
		pipes:  map[int]*pipe{1: newPipe(cmd.Stdout), 2: newPipe(cmd.Stderr)},
		reaped: make(chan struct{}), done: make(chan struct{}),
		files: map[io.Closer]bool{}, caught: map[os.Signal]chan os.Signal{},
	}
	for _, extra := range cmd.Extra {
		p.pipes[extra.FD] = newPipe(extra.W)
	}
	stdin := newStream()
	p.Stdin, p.Stdout, p.Stderr, p.Tmp = &input{p, stdin}, p.Pipe(1), p.Pipe(2), &ProcessTmp{p}
	if cmd.Stdin == nil {
		stdin.closeWrite()
	} else {
		go p.feed(cmd.Stdin, stdin) // nobody waits for it: its reader may keep it
	}
	s.processes[p] = true
	p.threads.Go(func() {
		// Deferred, so that a program that was unwound by Goexit passes too.
		exit := sandbox.Exit{Code: 255}
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.end(p, exit)
		}()
		exit = program(p)
	})
	p.threads.Go(p.meetFate)
	go p.reap()
	return p
}

// meetFate ends the process by itself if that was drawn.
func (p *Process) meetFate() {
	s, faults := p.sandbox, p.sandbox.driver.options.Faults
	dies, willDie := p.fate.late(faults.ProcessDies)
	starves, willStarve := p.fate.late(faults.ProcessOOM)
	if !willDie && !willStarve {
		return
	}
	oom := willStarve && (!willDie || starves < dies)
	if oom {
		dies = starves
	}
	p.wait(dies)
	p.step(func() {
		if oom {
			s.oom(p)
			return
		}
		s.end(p, sandbox.Exit{Signal: syscall.SIGSEGV})
	})
}

// reap waits for the process's end and tells of it.
func (p *Process) reap() {
	p.threads.Wait()
	s := p.sandbox
	s.mu.Lock()
	delete(s.processes, p)
	s.mu.Unlock()
	close(p.reaped)
	for _, pipe := range p.pipes {
		pipe.finish()
	}
	close(p.done)
}

// end ends a process if it has not ended. It is called with mu held.
func (s *Sandbox) end(p *Process, exit sandbox.Exit) {
	if p.ended {
		return
	}
	p.ended, p.exit = true, exit
	s.usage.MemoryBytes -= p.memory
	p.memory = 0
	p.cancel()
	for f := range p.files {
		switch f := f.(type) {
		case *conn:
			f.shut()
		case *listener:
			f.shut()
		}
	}
	clear(p.files)
}

// oom is the kernel's way with a sandbox that wants too much. It is called with mu held.
func (s *Sandbox) oom(p *Process) {
	s.usage.OOMKills++
	s.end(p, sandbox.Exit{Signal: syscall.SIGKILL})
}

// step does f as one undivided step of the process, once the sandbox is thawed.
// It reports whether the process lived to do it. f is called with the
// sandbox's mu held.
func (p *Process) step(f func()) bool {
	s := p.sandbox
	for {
		s.mu.Lock()
		thawed := s.thawed
		if p.ended || thawed == nil {
			alive := !p.ended
			if alive {
				f()
			}
			s.mu.Unlock()
			return alive
		}
		s.mu.Unlock()
		select {
		case <-thawed:
		case <-p.ctx.Done():
		}
	}
}

// must does a step, and unwinds the goroutine of a process that is dead.
func (p *Process) must(f func()) {
	if !p.step(f) {
		runtime.Goexit()
	}
}

// Context ends when the process does.
func (p *Process) Context() context.Context { return p.ctx }

// Env is the value of a variable, the last one if it was given twice.
func (p *Process) Env(name string) string {
	for i := len(p.Command.Env) - 1; i >= 0; i-- {
		if k, v, _ := strings.Cut(p.Command.Env[i], "="); k == name {
			return v
		}
	}
	return ""
}

// Pipe is the process's end of a pipe: 1, 2, or one of Command.Extra. A
// descriptor that was not given discards.
func (p *Process) Pipe(fd int) io.Writer {
	if pipe := p.pipes[fd]; pipe != nil {
		return &pipeEnd{p, pipe}
	}
	return io.Discard
}

// Go runs f as a thread of the process.
func (p *Process) Go(f func()) {
	p.must(func() { p.threads.Go(f) })
}

// Spawn starts a process in a session of its own, which outlives this one and
// which only Kill reaches. Its output goes where this one's goes; it has no input.
func (p *Process) Spawn(program Program) {
	cmd := p.Command
	cmd.Stdin = nil
	p.must(func() { p.sandbox.spawn(cmd, program) })
}

// Gate returns when the sandbox is thawed.
func (p *Process) Gate() { p.must(func() {}) }

// Sleep waits. The clock runs on while the sandbox is frozen, as it does for
// nanosleep, but the process wakes only when thawed.
func (p *Process) Sleep(d time.Duration) {
	p.wait(d)
	p.Gate()
}

func (p *Process) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.ctx.Done():
	}
}

// Work computes for so long: it is charged as CPU time, and stands still while
// the sandbox is frozen.
func (p *Process) Work(d time.Duration) {
	for d > 0 {
		var frozen chan struct{}
		p.must(func() { frozen = p.sandbox.frozen })
		begin := time.Now()
		timer := time.NewTimer(d)
		select {
		case <-timer.C:
		case <-frozen:
		case <-p.ctx.Done():
		}
		timer.Stop()
		spent := min(time.Since(begin), d)
		d -= spent
		p.sandbox.charge(spent)
	}
	p.Gate()
}

func (s *Sandbox) charge(cpu time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usage.CPU += cpu
}

// Use says how much memory the process has now. Beyond the sandbox's limit it
// ends here.
func (p *Process) Use(bytes int64) {
	s := p.sandbox
	p.must(func() {
		s.usage.MemoryBytes += bytes - p.memory
		p.memory = bytes
		limit := int64(s.spec.MemoryMiB) << 20
		if limit > 0 && s.usage.MemoryBytes > limit {
			s.usage.MemoryPeakBytes = limit
			s.oom(p)
			return
		}
		s.usage.MemoryPeakBytes = max(s.usage.MemoryPeakBytes, s.usage.MemoryBytes)
	})
	p.Gate()
}

// Exit ends the process from wherever it is.
func (p *Process) Exit(exit sandbox.Exit) {
	p.must(func() { p.sandbox.end(p, exit) })
	runtime.Goexit()
}

// Notify catches signals. One that is neither caught nor ignored ends the process.
func (p *Process) Notify(signals ...os.Signal) <-chan os.Signal {
	c := make(chan os.Signal, 8)
	p.must(func() {
		for _, sig := range signals {
			p.caught[sig] = c
		}
	})
	return c
}

// Ignore makes signals harmless.
func (p *Process) Ignore(signals ...os.Signal) {
	p.must(func() {
		for _, sig := range signals {
			p.caught[sig] = nil
		}
	})
}

// Dial connects to a listener in the same sandbox. Reads and writes of the
// connection are steps; after the process's end they return net.ErrClosed.
func (p *Process) Dial(address string) (c net.Conn, err error) {
	p.must(func() {
		var made *conn
		if made, err = p.sandbox.connect(address, p); err == nil {
			c = made
		}
	})
	return c, err
}

// Listen opens a listener that Sandbox.Dial and other processes reach.
func (p *Process) Listen(host string, port int) (l net.Listener, err error) {
	p.must(func() {
		var opened *listener
		if opened, err = p.sandbox.listen(host, port, p); err == nil {
			p.files[opened], l = true, opened
		}
	})
	return l, err
}

// handle is the daemon's end of a process.
type handle struct{ p *Process }

var _ sandbox.Process = handle{}

func (h handle) Done() <-chan struct{} { return h.p.done }

func (h handle) Exit() sandbox.Exit {
	h.p.sandbox.mu.Lock()
	defer h.p.sandbox.mu.Unlock()
	return h.p.exit
}

// Signal delivers to a frozen process when it is thawed, except SIGKILL.
func (h handle) Signal(sig os.Signal) error {
	p, s := h.p, h.p.sandbox
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.ended {
		return nil
	}
	if sig == syscall.SIGKILL || s.thawed == nil {
		p.deliver(sig)
		return nil
	}
	p.threads.Go(func() { p.step(func() { p.deliver(sig) }) })
	return nil
}

// deliver is called with the sandbox's mu held.
func (p *Process) deliver(sig os.Signal) {
	c, caught := p.caught[sig]
	if sig == syscall.SIGKILL || !caught {
		p.sandbox.end(p, sandbox.Exit{Signal: sig})
		return
	}
	select {
	case c <- sig:
	default: // ignored, or as many wait as a process can tell apart
	}
}

func (h handle) Drain() {
	for _, pipe := range h.p.pipes {
		pipe.drain()
	}
}
