package simulated

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"lambent/internal/sandbox"
)

var (
	_ sandbox.Stocker    = (*Driver)(nil)
	_ sandbox.Unfinished = (*Sandbox)(nil)
)

// Begin makes a sandbox without limits and without /tmp.
func (d *Driver) Begin(ctx context.Context, b sandbox.Blank) (sandbox.Unfinished, error) {
	s, err := d.create(ctx, sandbox.Spec{ID: b.ID, Hostname: b.Hostname, Hosts: b.Hosts, Mounts: b.Mounts})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blank = &b
	return s, nil
}

// Finish makes it what the spec says. What befalls it from here on follows from
// the spec's ID: which of those begun became it is chance.
func (s *Sandbox) Finish(ctx context.Context, spec sandbox.Spec) error {
	s.mu.Lock()
	blank := s.blank
	s.blank = nil
	s.mu.Unlock()
	if blank == nil {
		s.driver.misused("sandbox %s finished twice", s.ID())
		return fmt.Errorf("finish sandbox %s: it is finished", s.ID())
	}
	if _, err := blank.Rest(spec); err != nil {
		s.driver.misused("%v", err)
		return fmt.Errorf("finish sandbox %s: %w", spec.ID, err)
	}
	s.fate.reseed(s.driver.options.Seed, spec.ID)
	faults := s.driver.options.Faults
	return s.owner(ctx, "finish", faults.FinishSlow, faults.FinishFails, func() error {
		if err := s.driver.name(s, spec.ID); err != nil {
			return fmt.Errorf("finish sandbox %s: %w", spec.ID, err)
		}
		s.spec = spec
		s.id.Store(&spec.ID)
		s.tmp.mu.Lock()
		defer s.tmp.mu.Unlock()
		s.tmp.limit = int64(spec.TmpMiB) << 20
		return nil
	})
}

// feed carries what a reader of the daemon's gives to the process, until the end
// of either.
func (p *Process) feed(r io.Reader, to *stream) {
	defer to.closeWrite()
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		for b := buf[:n]; len(b) > 0; {
			written, changed, broken := to.write(b)
			if broken != nil {
				return
			}
			if b = b[written:]; changed == nil {
				continue
			}
			select {
			case <-changed:
			case <-p.ctx.Done():
				return
			}
		}
		if err != nil || p.ctx.Err() != nil {
			return
		}
	}
}

// input is the process's standard input.
type input struct {
	p      *Process
	stream *stream
}

// Read unwinds a process that is dead.
func (i *input) Read(b []byte) (n int, err error) {
	for {
		var changed <-chan struct{}
		if !i.p.step(func() { n, changed, err = i.stream.read(b) }) {
			runtime.Goexit()
		}
		if changed == nil || len(b) == 0 {
			return n, err
		}
		select {
		case <-changed:
		case <-i.p.ctx.Done():
		}
	}
}
