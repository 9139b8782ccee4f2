package namespace

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"lambent/internal/readable"
	"lambent/internal/sandbox"
	"lambent/internal/sandbox/namespace/initproto"
)

// pipeGrace is how long descendants of an ended process may hold its pipes
// before they are closed. What the process itself wrote has been read by then.
const pipeGrace = 20 * time.Millisecond

// process is a command that lambent-init started for us.
type process struct {
	conn    *conn
	pid     int      // inside
	input   *os.File // what it reads comes from here, nil for nothing
	outputs []*output
	done    chan struct{}
	exit    sandbox.Exit // written before done is closed
}

// Done is closed when the process has ended and its output is handed over.
func (p *process) Done() <-chan struct{} { return p.done }

// Exit tells how it ended.
func (p *process) Exit() sandbox.Exit { return p.exit }

// Signal sends a signal to the process group.
func (p *process) Signal(sig os.Signal) error {
	number, ok := sig.(syscall.Signal)
	if !ok {
		return errors.New("unknown kind of signal")
	}
	select {
	case <-p.done:
		return nil
	default:
	}
	err := p.conn.send(initproto.Signal, &initproto.SignalRequest{PID: p.pid, Signal: int(number)}, nil)
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// Drain hands over what has been written so far.
func (p *process) Drain() {
	for _, o := range p.outputs {
		o.drain()
	}
}

// ended notes the end; the rest may wait for writers and is done elsewhere.
func (p *process) ended(status uint32) {
	ws := unix.WaitStatus(status)
	if ws.Signaled() {
		p.exit = sandbox.Exit{Signal: syscall.Signal(ws.Signal())}
	} else {
		p.exit = sandbox.Exit{Code: ws.ExitStatus()}
	}
	go p.finish()
}

// feed writes what a reader gives until that ends or the process does, which
// closes the pipe. Nobody waits for it, as a Read may last.
func (p *process) feed(r io.Reader) {
	if p.input == nil {
		return
	}
	go func() {
		_, _ = io.Copy(p.input, r)
		p.input.Close()
	}()
}

func (p *process) finish() {
	if p.input != nil {
		p.input.Close()
	}
	p.Drain()
	grace := time.NewTimer(pipeGrace)
	defer grace.Stop()
	for _, o := range p.outputs {
		select {
		case <-o.done:
		case <-grace.C:
			for _, o := range p.outputs {
				o.stop()
			}
		}
	}
	close(p.done)
}

// discard closes what a start that failed had prepared.
func (p *process) discard() {
	if p.input != nil {
		p.input.Close()
	}
	for _, o := range p.outputs {
		o.stop()
	}
}

// output is one pipe of a process. Whoever has the lock may read it and hand on
// what was read, so that order is kept and a drain needs to wait for nobody.
type output struct {
	fd      pipeEnd
	buffers *sync.Pool
	done    chan struct{} // closed when nothing is handed over any more

	mu     sync.Mutex // guards reading, writing on, and what follows
	w      io.Writer
	watch  *readable.Watch
	closed bool
}

// pipeEnd is a descriptor that Go's poller knows nothing of.
type pipeEnd int

// Control calls f with the descriptor. Whoever watches it closes it.
func (p pipeEnd) Control(f func(fd uintptr)) error {
	f(uintptr(p))
	return nil
}

// pipe makes an output and the descriptor for the process.
func (d *Driver) pipe(w io.Writer, uid, gid uint32) (*output, int, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, err
	}
	o := &output{fd: pipeEnd(ends[0]), w: w, buffers: &d.buffers, done: make(chan struct{})}
	err := unix.SetNonblock(ends[0], true)
	if err == nil && !d.rootless {
		// Else /dev/stdout could not be opened by its user.
		err = unix.Fchown(ends[1], int(uid), int(gid))
	}
	if err == nil {
		o.mu.Lock()
		o.watch, err = d.readable.Watch(o.fd, o.pump)
		o.mu.Unlock()
	}
	if err != nil {
		closeAll(ends[:])
		return nil, -1, err
	}
	return o, ends[1], nil
}

// inputPipe makes a pipe of which the process gets the reading end.
func (d *Driver) inputPipe(uid, gid uint32) (*os.File, int, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, err
	}
	err := unix.SetNonblock(ends[1], true)
	if err == nil && !d.rootless {
		err = unix.Fchown(ends[0], int(uid), int(gid)) // for /dev/stdin
	}
	if err != nil {
		closeAll(ends[:])
		return nil, -1, err
	}
	return os.NewFile(uintptr(ends[1]), "input"), ends[0], nil
}

// pump hands over what has come.
func (o *output) pump() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.closed {
		n, ended := o.pass()
		if n > 0 {
			continue
		}
		if ended || o.watch.Again() != nil {
			o.close()
		}
		return
	}
}

// close is the end, of the pipe or of our patience; o.mu is held.
func (o *output) close() {
	if o.closed {
		return
	}
	o.closed = true
	o.watch.Stop()
	unix.Close(int(o.fd))
	close(o.done)
}

// pass reads once and writes on; o.mu is held. It tells whether the pipe has ended.
func (o *output) pass() (n int, ended bool) {
	buf := o.buffers.Get().(*[64 << 10]byte)
	defer o.buffers.Put(buf)
	for {
		n, err := unix.Read(int(o.fd), buf[:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return 0, false
		case err != nil || n == 0:
			return 0, true
		}
		// A writer that fails loses its output; the process must not stop for it.
		_, _ = o.w.Write(buf[:n])
		return n, false
	}
}

// drain hands over as many bytes as the pipe holds now. When another has just
// read some, it has the lock until they are handed over.
func (o *output) drain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	for left := waiting(int(o.fd)); left > 0; {
		n, _ := o.pass()
		if n == 0 {
			return
		}
		left -= n
	}
}

// waiting is how many bytes a pipe holds. It is asked after every invocation and
// never waits, so the scheduler is not told (see package socket).
func waiting(pipe int) int {
	var n int32
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(pipe), unix.TIOCINQ, uintptr(unsafe.Pointer(&n)))
	if errno != 0 {
		return 0
	}
	return int(n)
}

// stop ends it though somebody could still write.
func (o *output) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.close()
}
