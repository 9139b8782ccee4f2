package process

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// pump carries a pipe's bytes to a writer.
type pump struct {
	w    io.Writer
	r    *os.File
	over chan struct{} // closed when nothing more comes

	mu      sync.Mutex    // held over a read that cannot block, so that what is in the pipe and what was read add up
	taken   int64         // mu; bytes out of the pipe
	handed  int64         // mu; bytes that the writer has had
	changed chan struct{} // mu; closed when handed grows, and made anew
}

// newPump makes a pipe and gives its writing end, which is for a process.
func newPump(w io.Writer) (*pump, *os.File, error) {
	r, end, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	if w == nil {
		w = io.Discard
	}
	return &pump{w: w, r: r, over: make(chan struct{}), changed: make(chan struct{})}, end, nil
}

// run carries until every writing end is closed, or ours.
func (p *pump) run() {
	defer close(p.over)
	defer p.r.Close()
	raw, err := p.r.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := p.take(raw, buf)
		if n <= 0 || err != nil {
			return
		}
		p.w.Write(buf[:n]) // what becomes of output is no matter of the process
		p.mu.Lock()
		p.handed += int64(n)
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// take waits for bytes and reads them.
func (p *pump) take(raw syscall.RawConn, buf []byte) (n int, err error) {
	waitErr := raw.Read(func(fd uintptr) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for {
			n, err = unix.Read(int(fd), buf)
			if err != unix.EINTR {
				break
			}
		}
		if err == unix.EAGAIN {
			return false
		}
		p.taken += int64(max(n, 0))
		return true
	})
	return n, errors.Join(waitErr, err)
}

// drain waits until what is in the pipe now has been handed over.
func (p *pump) drain() {
	raw, err := p.r.SyscallConn()
	if err != nil {
		return
	}
	var mark int64
	controlErr := raw.Control(func(fd uintptr) {
		p.mu.Lock()
		defer p.mu.Unlock()
		var waiting int
		waiting, err = unix.IoctlGetInt(int(fd), fionread)
		mark = p.taken + int64(waiting)
	})
	if controlErr != nil || err != nil {
		<-p.over // the reading end is closed: all was handed over, or the sandbox is gone
		return
	}
	for {
		p.mu.Lock()
		reached, changed := p.handed >= mark, p.changed
		p.mu.Unlock()
		if reached {
			return
		}
		select {
		case <-changed:
		case <-p.over:
			return
		}
	}
}
