// Lambent-init is PID 1 of a sandbox of the namespace driver. It builds the
// sandbox's root from a plan, and from then on starts processes, reaps them and
// their orphans, passes signals on, and tells the driver what ended. It speaks
// initproto on descriptor 3; when the driver's end is closed, it exits, and the
// kernel ends every process of the sandbox with it.
//
// It is small because there is one for each sandbox: std, x/sys, and what of ours
// needs no more; no collector is at work.
package main

import (
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"lambent/internal/sandbox/namespace/initproto"
)

// The descriptors that the driver starts us with.
const (
	controlFD = 3
	imageFD   = 4
)

func main() {
	// Our executable, and whatever the daemon's own parent had left open for it.
	_ = unix.CloseRange(imageFD, ^uint(0), 0)
	unix.CloseOnExec(controlFD)
	dropHandlers()
	unix.Umask(0o022)
	p := &pid1{control: controlFD, started: map[int]bool{}, poke: make(chan struct{}, 1)}
	go p.reap()
	p.serve()
	unix.Exit(0)
}

// pid1 serves the driver on one thread, which all that is started is born of, and
// reaps beside it.
type pid1 struct {
	control int
	poke    chan struct{} // wakes reap when there may be children
	killing atomic.Bool   // Kill waits for the last child's end
	peak    atomic.Int64  // the most memory that one of the reaped had; written by reap

	child    childRights // owned by serve, set by Setup and Finish
	left     bool        // owned by serve; the host's tree is gone already
	finished bool        // owned by serve; there is nothing left to do but to start
	busy     bool        // owned by serve; a process has been started

	mu      sync.Mutex   // orders messages: Started before its Exited
	started map[int]bool // processes whose end the driver wants to know
	refused int          // the process of a start that was refused, not yet reaped
	refusal initproto.StartedReply
}

// serve answers requests until the driver is gone.
func (p *pid1) serve() {
	runtime.LockOSThread()
	buf := make([]byte, initproto.MaxMessage)
	oob := make([]byte, unix.CmsgSpace(4*initproto.MaxFDs))
	for {
		n, oobn, flags, _, err := unix.Recvmsg(p.control, buf, oob, unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 || flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
			return
		}
		p.handle(buf[:n], receivedFDs(oob[:oobn]))
	}
}

func (p *pid1) handle(packet []byte, fds []int) {
	switch initproto.Kind(packet[0]) {
	case initproto.Setup:
		p.setup(packet, fds)
	case initproto.Finish:
		p.finish(packet, fds)
	case initproto.Device:
		p.device(packet)
	case initproto.Start:
		p.start(packet, fds)
	case initproto.Signal:
		var r initproto.SignalRequest
		if initproto.DecodeInto(packet, &r) == nil && r.PID > 1 {
			_ = unix.Kill(-r.PID, unix.Signal(r.Signal))
		}
	case initproto.Kill:
		p.killing.Store(true)
		_ = unix.Kill(-1, unix.SIGKILL)
		p.wake()
	case initproto.Listen:
		p.listen(packet)
	case initproto.Socket:
		p.socket(packet)
	case initproto.Measure:
		m := p.measure()
		p.send(initproto.Measured, &m, -1)
	case initproto.Stop:
		p.done("stop", stopAll(), -1)
	case initproto.Resume:
		err := unix.Kill(-1, unix.SIGCONT)
		if err == unix.ESRCH {
			err = nil
		}
		p.done("resume", err, -1)
	}
}

// reap waits for every child, ours and adopted, for ever. A request to kill is
// answered when a wait that began after it finds no child: as all processes
// here descend from us, none is left then.
func (p *pid1) reap() {
	for {
		killing := p.killing.Load()
		var status unix.WaitStatus
		var used unix.Rusage
		pid, err := unix.Wait4(-1, &status, unix.WALL, &used)
		switch {
		case err == unix.EINTR:
		case err != nil && killing:
			p.killing.Store(false)
			p.done("kill", nil, -1)
		case err != nil:
			<-p.poke
		default:
			// Linux gives the largest resident set in KiB.
			p.peak.Store(max(p.peak.Load(), used.Maxrss<<10))
			p.ended(pid, status)
		}
	}
}

func (p *pid1) ended(pid int, status unix.WaitStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.started[pid]:
		delete(p.started, pid)
		p.send(initproto.Exited, &initproto.ExitedNote{PID: pid, Status: uint32(status)}, -1)
	case p.refused == pid:
		p.refused = 0
		p.send(initproto.Started, &p.refusal, -1)
	}
}

func (p *pid1) wake() {
	select {
	case p.poke <- struct{}{}:
	default:
	}
}

// start executes a command. The lock is held over the fork, so that the end of
// a quick process is told after its start.
func (p *pid1) start(packet []byte, fds []int) {
	var cmd initproto.Command
	err := initproto.DecodeInto(packet, &cmd)
	p.mu.Lock()
	defer p.mu.Unlock()
	reply := initproto.StartedReply{Stage: initproto.StageFork, Errno: int(unix.EINVAL)}
	if err == nil && len(fds) == len(cmd.FDs) {
		p.busy = true
		reply = p.child.spawn(&cmd, fds)
	}
	for _, fd := range fds {
		unix.Close(fd)
	}
	p.wake()
	switch {
	case reply.PID != 0 && reply.Errno != 0:
		p.refused, p.refusal = reply.PID, reply // told when nothing is left of it
		return
	case reply.Errno == 0:
		p.started[reply.PID] = true
	}
	p.send(initproto.Started, &reply, -1)
}

// done answers a request. fd goes along unless it is negative.
func (p *pid1) done(what string, err error, fd int) {
	p.send(initproto.Done, &initproto.Reply{What: what, Errno: errno(err)}, fd)
}

func (p *pid1) send(kind initproto.Kind, body any, fd int) {
	var oob []byte
	if fd >= 0 {
		oob = unix.UnixRights(fd)
	}
	for unix.Sendmsg(p.control, initproto.Encode(kind, body), oob, nil, unix.MSG_NOSIGNAL) == unix.EINTR {
	}
}

func errno(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := err.(unix.Errno); ok {
		return int(e)
	}
	return int(unix.EINVAL)
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
