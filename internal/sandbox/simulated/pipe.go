package simulated

import (
	"io"
	"runtime"
)

// pipe carries a process's output to a writer of the daemon's.
type pipe struct {
	stream *stream
	w      io.Writer
	over   chan struct{} // closed when the last byte was handed over
}

func newPipe(w io.Writer) *pipe {
	if w == nil {
		w = io.Discard
	}
	p := &pipe{stream: newStream(), w: w, over: make(chan struct{})}
	go p.pump()
	return p
}

func (p *pipe) pump() {
	defer close(p.over)
	buf := make([]byte, 4096)
	for {
		n, changed, err := p.stream.read(buf)
		if changed != nil {
			<-changed
			continue
		}
		if err != nil {
			return
		}
		p.w.Write(buf[:n]) // what the daemon does with output is no matter of the process
		p.stream.settle(n)
	}
}

// finish closes the writing end and waits for the last byte.
func (p *pipe) finish() {
	p.stream.closeWrite()
	<-p.over
}

// drain waits until all that is written now has been handed over.
func (p *pipe) drain() {
	mark := p.stream.mark()
	for {
		changed := p.stream.settledTo(mark)
		if changed == nil {
			return
		}
		<-changed
	}
}

// pipeEnd is the process's end.
type pipeEnd struct {
	p    *Process
	pipe *pipe
}

// Write unwinds a process that is dead: a program that prints in a loop ends.
func (e *pipeEnd) Write(b []byte) (int, error) {
	written := 0
	for {
		var n int
		var changed <-chan struct{}
		if !e.p.step(func() { n, changed, _ = e.pipe.stream.write(b[written:]) }) {
			runtime.Goexit()
		}
		written += n
		if written == len(b) {
			return written, nil
		}
		select {
		case <-changed:
		case <-e.p.ctx.Done():
		}
	}
}
