package sandboxtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lambent/internal/sandbox"
	"lambent/internal/sandbox/sandboxtest/finding"
)

// box is a sandbox under test.
type box struct {
	sandbox.Sandbox
	t     *testing.T
	suite *suite
	early *early // a process that was started before it was known for what, if it still waits
}

// box makes a sandbox that is destroyed with the test.
func (s *suite) box(t *testing.T, change ...func(*sandbox.Spec)) *box {
	t.Helper()
	spec := sandbox.Spec{
		ID: s.id(), MemoryMiB: 256, CPUs: 1, VisibleCPUs: 2, TmpMiB: 64, MaxProcesses: 256, MaxOpenFiles: 1024,
		Mounts: []sandbox.Mount{{Source: s.task, Target: "/var/task"}},
		Hosts:  []sandbox.Host{{Name: "sandbox.localdomain", Address: "127.0.0.1"}},
	}
	for _, c := range change {
		c(&spec)
	}
	b := &box{t: t, suite: s}
	var err error
	if s.ahead {
		err = b.beginAndFinish(spec)
	} else if b.Sandbox, err = s.driver.Create(limited(t), spec); err != nil {
		err = fmt.Errorf("create: %w", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Destroy(limited(t)); err != nil {
			t.Errorf("Destroy %s: %v", b.ID(), err)
		}
	})
	return b
}

// command runs the probe with the environment that an engine would give.
func (b *box) command(args ...string) sandbox.Command {
	return sandbox.Command{
		Path: b.Path("/var/task/probe"), Args: args, Dir: b.Path("/tmp"),
		// GODEBUG keeps the probe's own runtime from holding cgroup files open.
		Env: []string{"TMPDIR=" + b.Path("/tmp"), "PROBE_TOKEN=" + b.suite.token, "GODEBUG=containermaxprocs=0,updatemaxprocs=0"},
	}
}

// running is a process of the probe.
type running struct {
	sandbox.Process
	t      *testing.T
	args   []string
	stdout *output
	stderr *output
}

// start starts the probe.
func (b *box) start(args ...string) *running {
	b.t.Helper()
	return b.startCommand(b.command(args...))
}

func (b *box) startCommand(cmd sandbox.Command) *running {
	b.t.Helper()
	if r := b.take(cmd); r != nil {
		return r
	}
	r := &running{t: b.t, args: cmd.Args, stdout: newOutput(), stderr: newOutput()}
	cmd.Stdout, cmd.Stderr = r.stdout, r.stderr
	p, err := b.Start(limited(b.t), cmd)
	if err != nil {
		b.t.Fatalf("Start %s %q: %v", cmd.Path, cmd.Args, err)
	}
	r.Process = p
	return r
}

// wait waits for the process's end.
func (r *running) wait() sandbox.Exit {
	r.t.Helper()
	select {
	case <-r.Done():
	case <-time.After(patience):
		r.t.Fatalf("probe %q has not ended; output %q, %q", r.args, r.stdout, r.stderr)
	}
	return r.Exit()
}

// finding waits for the next line that the process prints.
func (r *running) finding() finding.Finding {
	r.t.Helper()
	line, err := r.stdout.line(r.Done())
	if err != nil {
		r.t.Fatalf("probe %q: %v; %s, output %q, %q", r.args, err, r.Exit(), r.stdout, r.stderr)
	}
	var f finding.Finding
	if err := json.Unmarshal([]byte(line), &f); err != nil {
		r.t.Fatalf("probe %q said %q: %v", r.args, line, err)
	}
	return f
}

// ask runs the probe to its end and gives what it found.
func (b *box) ask(args ...string) finding.Finding {
	b.t.Helper()
	r := b.start(args...)
	f := r.finding()
	if exit := r.wait(); exit != (sandbox.Exit{}) {
		b.t.Fatalf("probe %q: %s; stderr %q", args, exit, r.stderr)
	}
	return f
}

// must asks for what has to be possible.
func (b *box) must(args ...string) finding.Finding {
	b.t.Helper()
	f := b.ask(args...)
	if !f.Did {
		b.t.Fatalf("probe %q: %s, want it done", args, f.Error)
	}
	return f
}

// mustNot asks for what has to be impossible.
func (b *box) mustNot(args ...string) finding.Finding {
	b.t.Helper()
	f := b.ask(args...)
	if f.Did {
		b.t.Errorf("probe %q was possible (%.200q %.200q)", args, f.Text, f.List)
	}
	return f
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	buf  bytes.Buffer // mu
	read int          // mu; how much line has given out
	more chan struct{}
}

func newOutput() *output { return &output{more: make(chan struct{}, 1)} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// line waits for a whole line, in vain when the process is done.
func (o *output) line(done <-chan struct{}) (string, error) {
	limit := time.After(patience)
	for {
		if line, found := o.next(); found {
			return line, nil
		}
		select {
		case <-o.more:
		case <-done:
			if line, found := o.next(); found {
				return line, nil
			}
			return "", io.EOF
		case <-limit:
			return "", errors.New("no line")
		}
	}
}

func (o *output) next() (string, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	line, _, found := strings.Cut(o.buf.String()[o.read:], "\n")
	if found {
		o.read += len(line) + 1
	}
	return line, found
}

// post is a listener in a sandbox, to which processes hold connections.
type post struct {
	net.Listener
	t *testing.T
}

// post listens for the rest of the test. It is to be closed before the sandbox
// is destroyed, which cleanups in their order see to.
func (b *box) post() post {
	b.t.Helper()
	l, err := b.Listen("127.0.0.1", 9001)
	if err != nil {
		b.t.Fatalf("Listen: %v", err)
	}
	b.t.Cleanup(func() { l.Close() })
	return post{l, b.t}
}

func (p post) address() string { return p.Addr().String() }

// caller waits for the next process that connects and begins to beat.
func (p post) caller() *caller {
	p.t.Helper()
	type accepted struct {
		c   net.Conn
		err error
	}
	got := make(chan accepted, 1)
	go func() {
		c, err := p.Accept()
		got <- accepted{c, err}
	}()
	select {
	case a := <-got:
		if a.err != nil {
			p.t.Fatalf("Accept: %v", a.err)
		}
		p.t.Cleanup(func() { a.c.Close() })
		c := &caller{Conn: a.c, t: p.t}
		c.beats("after it connected")
		return c
	case <-time.After(patience):
		p.t.Fatal("nobody has connected")
		return nil
	}
}

// caller is a process as seen by the connection that it holds.
type caller struct {
	net.Conn
	t *testing.T
}

// beats asserts that the process runs.
func (c *caller) beats(when string) {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); err != nil {
		c.t.Fatalf("no beat %s: %v", when, err)
	}
}

// lives asserts that the process runs now: what it had sent before is soon read,
// and what comes after a while was sent in it.
func (c *caller) lives(when string) {
	c.t.Helper()
	for begin := time.Now(); time.Since(begin) < 50*time.Millisecond; {
		c.beats(when)
	}
}

// standsStill asserts that nothing is sent, by one look after what was on its
// way and another after a while in which anything that runs would have sent a
// hundred times.
func (c *caller) standsStill(when string) {
	c.t.Helper()
	c.drain(when)
	time.Sleep(200 * time.Millisecond)
	if n := c.drain(when); n > 0 {
		c.t.Errorf("%d beats %s, want none", n, when)
	}
}

// drain reads what is there from a process that sends no more.
func (c *caller) drain(when string) int {
	c.t.Helper()
	buf := make([]byte, 4096)
	total := 0
	for begin := time.Now(); time.Since(begin) < 5*time.Second; {
		c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		n, err := c.Read(buf)
		total += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return total
		}
		if err != nil {
			c.t.Fatalf("the process that should be there is gone %s: %v", when, err)
		}
	}
	c.t.Fatalf("the process runs on %s", when)
	return total
}

// isGone asserts that the process has ended: the kernel has closed its end.
func (c *caller) isGone(when string) {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, c)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		c.t.Errorf("a process lives %s: %v", when, err)
	}
}
