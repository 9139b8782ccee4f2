package namespace

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"lambent/internal/readable"
	"lambent/internal/sandbox/namespace/initproto"
)

// errGone is the end of PID 1, whatever ended it.
var errGone = errors.New("the sandbox has ended")

// conn is the driver's end of the talk with one PID 1.
type conn struct {
	c       *net.UnixConn
	watch   *readable.Watch
	buffers *sync.Pool
	proc    *os.Process
	replies chan reply
	gone    chan struct{} // closed when PID 1, and so everything inside, has ended and is reaped

	request   sync.Mutex // held from a request to its answer
	mu        sync.Mutex // guards what follows
	starting  *process
	processes map[int]*process
	abandoned int // answers that nobody waits for any more
}

type reply struct {
	packet []byte
	fds    []int
}

// dial starts PID 1 in new namespaces, waiting for its plan.
func (d *Driver) dial() (*conn, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a control socket: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "control"), os.NewFile(uintptr(pair[1]), "control")
	defer theirs.Close()
	defer ours.Close()
	fc, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("use the control socket: %w", err)
	}
	proc, err := os.StartProcess("/proc/self/fd/4", []string{"lambent-init"}, &os.ProcAttr{
		Dir:   "/",
		Env:   []string{"GOMAXPROCS=1", "GOGC=off", "GOMEMLIMIT=8MiB"},
		Files: []*os.File{d.null, d.null, d.null, theirs, d.image},
		Sys:   d.initAttr(),
	})
	if err != nil {
		fc.Close()
		return nil, fmt.Errorf("start PID 1: %w", err)
	}
	c := &conn{c: fc.(*net.UnixConn), buffers: &d.buffers, proc: proc, replies: make(chan reply, 1), gone: make(chan struct{}), processes: map[int]*process{}}
	if err := c.listen(d.readable); err != nil {
		c.end()
		return nil, fmt.Errorf("use the control socket: %w", err)
	}
	return c, nil
}

// listen has what PID 1 says taken when it says something.
func (c *conn) listen(w *readable.Watcher) error {
	of, err := readable.Of(c.c)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.watch, err = w.Watch(of, c.read)
	}
	if err != nil {
		go c.reap()
	}
	return err
}

func (d *Driver) initAttr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
	}
	if hosts := d.tree.Hosts(); hosts != nil {
		attr.UseCgroupFD, attr.CgroupFD = true, int(hosts.Fd())
	}
	if d.rootless {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: rootlessUID, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: rootlessGID, HostID: os.Getegid(), Size: 1}}
		attr.AmbientCaps = d.caps
	}
	return attr
}

// longestAnswer is more than PID 1 ever says at once.
const longestAnswer = 1 << 10

// read takes one thing that PID 1 says, or its end.
func (c *conn) read() {
	buf := c.buffers.Get().(*[64 << 10]byte)
	defer c.buffers.Put(buf)
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := c.c.ReadMsgUnix(buf[:longestAnswer], oob)
	if err == nil && n > 0 {
		c.take(append([]byte(nil), buf[:n]...), receivedFDs(oob[:oobn]))
		err = c.watched().Again()
	}
	if err != nil || n == 0 {
		c.watched().Stop()
		c.reap()
	}
}

// watched is the watch, which may say something before dial knows it.
func (c *conn) watched() *readable.Watch {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watch
}

// reap is the end of PID 1.
func (c *conn) reap() {
	defer close(c.gone)
	_ = c.proc.Kill() // it may only have lost its mind
	_, _ = c.proc.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for pid, p := range c.processes {
		delete(c.processes, pid)
		p.ended(uint32(unix.SIGKILL))
	}
}

func (c *conn) take(packet []byte, fds []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch initproto.Kind(packet[0]) {
	case initproto.Exited:
		var note initproto.ExitedNote
		if initproto.DecodeInto(packet, &note) == nil && c.processes[note.PID] != nil {
			p := c.processes[note.PID]
			delete(c.processes, note.PID)
			p.ended(note.Status)
		}
		return
	case initproto.Started:
		// Known before its end can be told.
		var s initproto.StartedReply
		if initproto.DecodeInto(packet, &s) == nil && s.Errno == 0 {
			c.starting.pid = s.PID
			c.processes[s.PID] = c.starting
		}
	}
	if c.abandoned > 0 {
		c.abandoned--
		closeAll(fds)
		return
	}
	c.replies <- reply{packet, fds}
}

// send passes a message and descriptors.
func (c *conn) send(kind initproto.Kind, body any, files []int) error {
	packet := initproto.Encode(kind, body)
	if len(packet) > initproto.MaxMessage {
		return unix.E2BIG
	}
	var oob []byte
	if len(files) > 0 {
		oob = unix.UnixRights(files...)
	}
	_, _, err := c.c.WriteMsgUnix(packet, oob, nil)
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, net.ErrClosed) {
		return errGone
	}
	return err
}

// ask sends a request and waits for its answer. When ctx ends the wait, the
// answer is thrown away when it comes.
func (c *conn) ask(ctx context.Context, kind initproto.Kind, body any, files []int) (reply, error) {
	c.request.Lock()
	defer c.request.Unlock()
	return c.askLocked(ctx, kind, body, files)
}

func (c *conn) askLocked(ctx context.Context, kind initproto.Kind, body any, files []int) (reply, error) {
	if err := c.send(kind, body, files); err != nil {
		return reply{}, err
	}
	select {
	case r := <-c.replies:
		return r, nil
	case <-c.gone:
		return reply{}, errGone
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case r := <-c.replies:
		closeAll(r.fds)
	default:
		c.abandoned++
	}
	return reply{}, context.Cause(ctx)
}

// do is ask for requests that are answered by a Reply.
func (c *conn) do(ctx context.Context, kind initproto.Kind, body any, files []int) ([]int, error) {
	c.request.Lock()
	defer c.request.Unlock()
	return c.doLocked(ctx, kind, body, files)
}

func (c *conn) doLocked(ctx context.Context, kind initproto.Kind, body any, files []int) ([]int, error) {
	r, err := c.askLocked(ctx, kind, body, files)
	if err != nil {
		return nil, err
	}
	var answer initproto.Reply
	if err := initproto.DecodeInto(r.packet, &answer); err != nil {
		closeAll(r.fds)
		return nil, err
	}
	if answer.Errno != 0 {
		closeAll(r.fds)
		return nil, fmt.Errorf("%s: %w", answer.What, unix.Errno(answer.Errno))
	}
	return r.fds, nil
}

// end ends PID 1 and all inside, and waits until it is reaped.
func (c *conn) end() {
	_ = c.proc.Kill()
	_ = c.c.CloseWrite()
	<-c.gone
	c.c.Close()
}

func receivedFDs(oob []byte) []int {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	var fds []int
	for i := range messages {
		if got, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
