package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"lambent/internal/sandbox"
)

// process is a command that was started: the leader of a session.
type process struct {
	sandbox *Sandbox
	os      *os.Process
	pid     int
	input   *os.File // what it reads comes from here, nil for nothing
	pumps   []*pump
	reaped  chan struct{}
	done    chan struct{}

	mu    sync.Mutex
	ended bool         // mu; reaped, so the number is no longer ours
	exit  sandbox.Exit // mu
}

var _ sandbox.Process = (*process)(nil)

// wait notes the process's orphans while its number still is its own, reaps it,
// and tells of its end when its output is handed over.
func (p *process) wait() {
	awaitExit(p.pid)
	s := p.sandbox
	members, err := s.kin().find()
	if err == nil {
		s.adopt(members)
	}
	state, err := p.reap()
	s.mu.Lock()
	delete(s.processes, p)
	if err == nil {
		s.spent += state.UserTime() + state.SystemTime()
		s.peak = max(s.peak, maxRSS(state))
	}
	s.mu.Unlock()
	close(p.reaped)
	if p.input != nil {
		p.input.Close()
	}
	// Descendants may hold the pipes for ever, but what the process itself wrote
	// is in them by now.
	p.Drain()
	close(p.done)
}

// adopt notes the processes that are not leaders of ours.
func (s *Sandbox) adopt(members []entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	leaders := map[int]bool{}
	for p := range s.processes {
		leaders[p.pid] = true
	}
	found := map[identity]bool{}
	for _, e := range members {
		if !leaders[e.pid] && !e.zombie {
			found[e.identity()] = true
		}
	}
	for id := range s.strays {
		delete(found, id)
	}
	ids := make([]identity, 0, len(found))
	for id := range found {
		s.strays[id] = true
		ids = append(ids, id)
	}
	// A record that cannot be written costs a later Sweep its best hint, not
	// this sandbox its processes.
	if len(ids) > 0 && !s.removed {
		record(s.folder, ids...)
	}
}

// reap takes the status of a process that has ended. No Signal comes between
// the reaping and the note of it, when the number may be somebody else's.
func (p *process) reap() (*os.ProcessState, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state, err := p.os.Wait()
	p.ended = true
	if err != nil {
		p.exit = sandbox.Exit{Code: 255}
		return nil, err
	}
	p.exit = exitOf(state)
	return state, nil
}

func exitOf(state *os.ProcessState) sandbox.Exit {
	if status, is := state.Sys().(syscall.WaitStatus); is && status.Signaled() {
		return sandbox.Exit{Signal: status.Signal()}
	}
	return sandbox.Exit{Code: state.ExitCode()}
}

func maxRSS(state *os.ProcessState) int64 {
	if usage, is := state.SysUsage().(*syscall.Rusage); is {
		return int64(usage.Maxrss) * maxResident
	}
	return 0
}

func (p *process) Done() <-chan struct{} { return p.done }

func (p *process) Exit() sandbox.Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit
}

// Signal signals the group that the process leads.
func (p *process) Signal(sig os.Signal) error {
	number, is := sig.(syscall.Signal)
	if !is {
		return fmt.Errorf("signal process %d: unknown signal %v", p.pid, sig)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil
	}
	if err := syscall.Kill(-p.pid, number); err != nil && err != syscall.ESRCH {
		return fmt.Errorf("signal process %d: %w", p.pid, err)
	}
	return nil
}

func (p *process) Drain() {
	for _, pump := range p.pumps {
		pump.drain()
	}
}

// startTime is that of a process that is not reaped.
func startTime(pid int) (int64, error) {
	e, err := lookup(pid)
	return e.start, err
}

// wiring is a command's descriptors.
type wiring struct {
	files []*os.File // by number, as the process will have them
	input *os.File   // the other end of its standard input, nil without one
	pumps []*pump
}

// wire makes the pipes of a command.
func wire(cmd sandbox.Command) (*wiring, error) {
	w := &wiring{files: []*os.File{nil, nil, nil}}
	var err error
	if cmd.Stdin == nil {
		w.files[0], err = os.Open(os.DevNull)
	} else {
		w.files[0], w.input, err = os.Pipe()
	}
	if err != nil {
		return nil, err
	}
	pipes := append([]sandbox.Pipe{{FD: 1, W: cmd.Stdout}, {FD: 2, W: cmd.Stderr}}, cmd.Extra...)
	for _, pipe := range pipes {
		if err := w.add(pipe); err != nil {
			w.closeOurs()
			w.abandon()
			return nil, err
		}
	}
	return w, nil
}

func (w *wiring) add(pipe sandbox.Pipe) error {
	if pipe.FD < 1 || pipe.FD > 255 {
		return fmt.Errorf("pipe at descriptor %d: %w", pipe.FD, syscall.EBADF)
	}
	for len(w.files) <= pipe.FD {
		w.files = append(w.files, nil)
	}
	if w.files[pipe.FD] != nil {
		return errors.New("two pipes at one descriptor")
	}
	p, end, err := newPump(pipe.W)
	if err != nil {
		return err
	}
	w.files[pipe.FD] = end
	w.pumps = append(w.pumps, p)
	return nil
}

// closeOurs closes the ends that the process has by now.
func (w *wiring) closeOurs() {
	for _, f := range w.files {
		if f != nil {
			f.Close()
		}
	}
}

// feed writes what a reader gives until that ends or the process does, which
// closes the pipe. Nobody waits for it, as a Read may last.
func (w *wiring) feed(r io.Reader) {
	if w.input == nil {
		return
	}
	go func() {
		_, _ = io.Copy(w.input, r)
		w.input.Close()
	}()
}

// abandon closes our ends of a process that was not started.
func (w *wiring) abandon() {
	if w.input != nil {
		w.input.Close()
	}
	for _, p := range w.pumps {
		p.r.Close()
	}
}
