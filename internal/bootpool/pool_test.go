package bootpool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lambent/internal/sandbox"
	"lambent/internal/sandbox/simulated"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// python is a program that can be started ahead.
var python = &sandbox.Ahead{
	Mounts: []sandbox.Mount{{Source: "/host/lang", Target: "/var/lang"}},
	Path:   "/var/lang/bin/python", Args: []string{"bootstrap.py"}, Env: []string{"BOOT=1"}, Pipes: []int{62},
}

var blank = sandbox.Blank{Hostname: "h", Hosts: []sandbox.Host{{Name: "sandbox", Address: "127.0.0.1"}}}

func spec(id string, ahead *sandbox.Ahead) sandbox.Spec {
	s := sandbox.Spec{ID: id, MemoryMiB: 128, Hostname: blank.Hostname, Hosts: blank.Hosts, Ahead: ahead,
		Mounts: []sandbox.Mount{{Source: "/host/code/" + id, Target: "/var/task"}}}
	if ahead != nil {
		s.Mounts = append(s.Mounts, ahead.Mounts...)
	}
	return s
}

// world of a test: a pool on a simulated driver, and what its programs did.
type stage struct {
	*Pool
	driver *simulated.Driver

	mu     sync.Mutex
	booted int
	fresh  int
}

func (s *stage) program(cmd sandbox.Command) simulated.Program {
	return func(p *simulated.Process) sandbox.Exit {
		ahead := p.Env("BOOT") != ""
		s.mu.Lock()
		if ahead {
			s.booted++
		} else {
			s.fresh++
		}
		s.mu.Unlock()
		if ahead {
			p.Use(20 << 20)
			p.Sleep(50 * time.Millisecond)
			fmt.Fprint(p.Stdout, "warning\n")
			fmt.Fprint(p.Stdout, "\x00")
			message, err := io.ReadAll(p.Stdin)
			if err != nil || len(message) == 0 {
				return sandbox.Exit{Code: 9}
			}
			words := strings.Split(strings.TrimSuffix(string(message), "\x00"), "\x00")
			p.Command.Dir, p.Command.Env = words[0], words[1:]
		}
		fmt.Fprintf(p.Stdout, "%s in %s\n", p.Env("NAME"), p.Command.Dir)
		fmt.Fprintf(p.Pipe(62), "frame of %s", p.Env("NAME"))
		p.Sleep(time.Hour)
		return sandbox.Exit{}
	}
}

// ready is how many members there are of python, or with nil of bare sandboxes.
func (s *stage) ready(a *sandbox.Ahead) int {
	s.Pool.mu.Lock()
	defer s.Pool.mu.Unlock()
	if one := s.stocks[kind(a)]; one != nil {
		return len(one.ready)
	}
	return 0
}

// kinds is how many stocks there are.
func (s *stage) kinds() int {
	s.Pool.mu.Lock()
	defer s.Pool.mu.Unlock()
	return len(s.stocks)
}

func play(t *testing.T, o simulated.Options, memoryMiB int, room func() int, test func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{}
		if o.Program == nil {
			o.Program = s.program
		}
		s.driver = simulated.New(o)
		s.Pool = New(s.driver, Config{Blank: blank, MemoryMiB: memoryMiB, Making: 1, Room: room})
		test(t, s)
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if leaks := s.driver.Leaks(); leaks != "" {
			t.Errorf("left behind:\n%s", leaks)
		}
	})
}

// run starts the program as an environment does, and returns what it wrote.
func run(t *testing.T, b sandbox.Sandbox, name string, ahead *sandbox.Ahead) (p sandbox.Process, out, frames *bytes.Buffer) {
	t.Helper()
	out, frames = &bytes.Buffer{}, &bytes.Buffer{}
	p, err := b.Start(t.Context(), sandbox.Command{
		Path: python.Path, Args: python.Args, Env: []string{"NAME=" + name}, Dir: "/var/task", Ahead: ahead,
		Stdout: out, Stderr: out, Extra: []sandbox.Pipe{{FD: 62, W: frames}},
	})
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	synctest.Wait()
	p.Drain()
	return p, out, frames
}

func create(t *testing.T, s *stage, id string, ahead *sandbox.Ahead) sandbox.Sandbox {
	t.Helper()
	b, err := s.Create(t.Context(), spec(id, ahead))
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	if b.ID() != id {
		t.Errorf("ID is %q, want %q", b.ID(), id)
	}
	return b
}

func settle() { time.Sleep(5 * time.Second); synctest.Wait() }

// One that waits becomes the first process; the second start, after a kill, is an
// ordinary one.
func TestMemberIsUsedOnce(t *testing.T) {
	t.Parallel()
	play(t, simulated.Options{}, 256, nil, func(t *testing.T, s *stage) {
		s.Expect(python)
		settle()
		if n := s.ready(python); n != basis || s.booted != basis {
			t.Fatalf("%d are ready, %d were booted; want %d", n, s.booted, basis)
		}
		b := create(t, s, "a", python)
		_, out, frames := run(t, b, "first", python)
		if got := out.String(); got != "warning\nfirst in /var/task\n" || frames.String() != "frame of first" || s.fresh != 0 {
			t.Errorf("it wrote %q and %q; %d were started afresh", got, frames, s.fresh)
		}
		if err := b.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, out, _ = run(t, b, "second", python)
		if got := out.String(); got != "second in /var/task\n" || s.fresh != 1 {
			t.Errorf("the second wrote %q; %d were started afresh", got, s.fresh)
		}
		if err := b.Destroy(t.Context()); err != nil {
			t.Fatal(err)
		}
		settle()
		if n := s.ready(python); n < basis {
			t.Errorf("%d are ready again, want %d or more", n, basis)
		}
		if one := s.Stocks()[0]; one.Wanted != one.Ready || one.Coming != 0 {
			t.Errorf("the pool wants %d and has %d, with %d that come", one.Wanted, one.Ready, one.Coming)
		}
	})
}

// Other programs, extensions for one, run beside the one that waits; and what is
// killed before its first start is not used.
func TestStartsThatAreNotTheMembers(t *testing.T) {
	t.Parallel()
	play(t, simulated.Options{}, 256, nil, func(t *testing.T, s *stage) {
		s.Expect(python)
		settle()
		b := create(t, s, "a", python)
		if _, out, _ := run(t, b, "extension", nil); out.String() != "extension in /var/task\n" {
			t.Errorf("the extension wrote %q", out)
		}
		other := *python
		other.Args = []string{"other.py"}
		if _, out, _ := run(t, b, "other", &other); out.String() != "other in /var/task\n" {
			t.Errorf("another program wrote %q", out)
		}
		if s.fresh != 2 {
			t.Errorf("%d were started afresh, want 2", s.fresh)
		}
		if err := b.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, out, _ := run(t, b, "late", python); out.String() != "late in /var/task\n" {
			t.Errorf("after a kill it wrote %q", out)
		}
		if err := b.Destroy(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// Without a member that fits there is a bare one, and without that the driver.
func TestBare(t *testing.T) {
	t.Parallel()
	play(t, simulated.Options{}, 256, nil, func(t *testing.T, s *stage) {
		s.Expect(nil)
		settle()
		if n := s.ready(nil); n != basis {
			t.Fatalf("%d bare ones, want %d", n, basis)
		}
		for i := range basis + 1 {
			b := create(t, s, fmt.Sprintf("a%d", i), python)
			if _, out, _ := run(t, b, "x", python); out.String() != "x in /var/task\n" {
				t.Errorf("it wrote %q", out)
			}
			if err := b.Destroy(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Takes make a stock larger, quiet makes it smaller, and at last nothing is left
// and nothing is looked at.
func TestDemand(t *testing.T) {
	t.Parallel()
	play(t, simulated.Options{}, 1024, nil, func(t *testing.T, s *stage) {
		for i := range 6 {
			b := create(t, s, fmt.Sprintf("a%d", i), python)
			defer b.Destroy(context.Background())
			time.Sleep(100 * time.Millisecond)
		}
		settle()
		if n := s.ready(python); n < basis+4 {
			t.Errorf("%d after six takes, want more", n)
		}
		time.Sleep(5 * time.Minute)
		if n := s.ready(python); n != basis {
			t.Errorf("%d after five quiet minutes, want %d", n, basis)
		}
		time.Sleep(quiet)
		if n := s.kinds(); n != 0 {
			t.Errorf("at rest there are %d stocks", n)
		}
	})
}

// The pool keeps to its memory, and gives way to environments.
func TestMemory(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	left := 1000
	room := func() int { mu.Lock(); defer mu.Unlock(); return left }
	play(t, simulated.Options{}, 30, room, func(t *testing.T, s *stage) {
		s.Expect(python) // guessed at 32 MiB, which is too much
		settle()
		if n := s.ready(python); n != 0 {
			t.Errorf("%d are there, without the memory for one", n)
		}
	})
	play(t, simulated.Options{}, 50, room, func(t *testing.T, s *stage) {
		s.Expect(python) // measured at 20 MiB
		settle()
		if n := s.ready(python); n != 2 {
			t.Errorf("%d are there, want 2", n)
		}
		mu.Lock()
		left = 25
		mu.Unlock()
		s.poke()
		settle()
		if n := s.ready(python); n != 1 {
			t.Errorf("%d are there with room for one", n)
		}
	})
	play(t, simulated.Options{}, 0, nil, func(t *testing.T, s *stage) {
		s.Expect(python)
		settle()
		if n := s.kinds(); n != 0 {
			t.Errorf("a pool that is off has %d stocks", n)
		}
	})
}

// A kind that does not boot is tried less and less often, and sandboxes are made
// all the same.
func TestBootFails(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	o := simulated.Options{Program: func(sandbox.Command) simulated.Program {
		return func(*simulated.Process) sandbox.Exit { tries.Add(1); return sandbox.Exit{Code: 1} }
	}}
	play(t, o, 256, nil, func(t *testing.T, s *stage) {
		s.Expect(python)
		time.Sleep(5 * time.Minute)
		if n := tries.Load(); n < 4 || n > 12 {
			t.Errorf("%d tries in five minutes", n)
		}
		b := create(t, s, "a", python)
		if err := b.Destroy(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// One that dies while it waits is replaced.
func TestMemberDies(t *testing.T) {
	t.Parallel()
	play(t, simulated.Options{}, 256, nil, func(t *testing.T, s *stage) {
		s.Expect(python)
		settle()
		s.mu.Lock()
		before := s.booted
		s.mu.Unlock()
		s.Pool.mu.Lock()
		m := s.stocks[kind(python)].ready[0]
		s.Pool.mu.Unlock()
		if err := m.process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		settle()
		if n := s.ready(python); n != basis || s.booted != before+1 {
			t.Errorf("%d are ready, %d were booted since", n, s.booted-before)
		}
	})
}

// Those that have died are nobody's, and are destroyed, though somebody comes for one
// before that was noticed.
func TestMemberDiesUnnoticed(t *testing.T) {
	t.Parallel()
	play(t, simulated.Options{}, 256, nil, func(t *testing.T, s *stage) {
		s.Expect(python)
		settle()
		s.Pool.mu.Lock()
		stock := s.stocks[kind(python)]
		for _, m := range stock.ready {
			if err := m.process.Signal(syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			<-m.process.Done()
		}
		m := stock.pop()
		s.Pool.mu.Unlock()
		if m != nil {
			t.Errorf("%s was given away", m.ID())
		}
		s.Empty()
		if leaks := s.driver.Leaks(); leaks != "" {
			t.Errorf("left behind:\n%s", leaks)
		}
	})
}

// A sandbox that cannot be finished is made instead.
func TestFinishFails(t *testing.T) {
	t.Parallel()
	play(t, simulated.Options{Faults: simulated.Faults{FinishFails: 1}}, 256, nil, func(t *testing.T, s *stage) {
		s.Expect(python)
		settle()
		b := create(t, s, "a", python)
		if _, out, _ := run(t, b, "x", python); out.String() != "x in /var/task\n" || s.fresh != 1 {
			t.Errorf("it wrote %q; %d afresh", out, s.fresh)
		}
		if err := b.Destroy(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// takeBooting has one kind known to boot, empties its stock, and gives the time
// at which the next member has run its program for a while.
func takeBooting(t *testing.T, s *stage) {
	t.Helper()
	s.Expect(python)
	settle()
	for i := range basis {
		b := create(t, s, fmt.Sprintf("first-%d", i), python)
		t.Cleanup(func() { _ = b.Destroy(context.Background()) })
	}
	time.Sleep(urgent + 20*time.Millisecond) // it needs 50 ms from its start
	synctest.Wait()
	if n := s.ready(python); n != 0 {
		t.Fatalf("%d are ready already", n)
	}
}

// A cold start takes one that still boots; it goes on as one that waited does, and
// nothing of its zero byte is seen.
func TestTakesOneThatBoots(t *testing.T) {
	t.Parallel()
	play(t, simulated.Options{}, 256, nil, func(t *testing.T, s *stage) {
		takeBooting(t, s)
		b := create(t, s, "a", python)
		out := &lockedBuffer{}
		began := time.Now()
		if _, err := b.Start(t.Context(), sandbox.Command{
			Path: python.Path, Args: python.Args, Env: []string{"NAME=second"}, Dir: "/var/task", Ahead: python, Stdout: out, Stderr: out,
		}); err != nil {
			t.Fatal(err)
		}
		for out.String() != "warning\nsecond in /var/task\n" && time.Since(began) < time.Minute {
			time.Sleep(time.Millisecond)
			synctest.Wait()
		}
		if got := out.String(); got != "warning\nsecond in /var/task\n" {
			t.Errorf("it wrote %q", got)
		}
		if took := time.Since(began); took >= 50*time.Millisecond {
			t.Errorf("it had no lead: %v", took)
		}
		if s.fresh != 0 {
			t.Errorf("%d were started afresh", s.fresh)
		}
		if got, want := s.Stocks()[0].Found, (Found{Ready: basis, Booting: 1}); got != want {
			t.Errorf("the pool counts %+v, want %+v", got, want)
		}
		if err := b.Destroy(t.Context()); err != nil {
			t.Fatal(err)
		}
		settle()
		if n := s.ready(python); n < basis {
			t.Errorf("%d are ready again, want %d or more", n, basis)
		}
	})
}

// One that dies before it is ready, in its owner's hands, is replaced by an
// ordinary start.
func TestTakenAndDead(t *testing.T) {
	t.Parallel()
	play(t, simulated.Options{}, 256, nil, func(t *testing.T, s *stage) {
		takeBooting(t, s)
		b := create(t, s, "a", python)
		if err := b.(*box).member.process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, out, _ := run(t, b, "x", python); out.String() != "x in /var/task\n" || s.fresh != 1 {
			t.Errorf("it wrote %q; %d afresh", out, s.fresh)
		}
		if err := b.Destroy(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// Members listen already where environments will; what nobody asked for is closed.
func TestListensAhead(t *testing.T) {
	t.Parallel()
	at := Address{Host: "127.0.0.1", Port: 9001}
	for _, kind := range []*sandbox.Ahead{python, nil} {
		synctest.Test(t, func(t *testing.T) {
			s := &stage{}
			s.driver = simulated.New(simulated.Options{Program: s.program})
			s.Pool = New(s.driver, Config{Blank: blank, MemoryMiB: 256, Making: 1, Addresses: func() []Address { return []Address{at} }})
			s.Expect(kind)
			settle()
			b := create(t, s, "a", kind)
			if n := len(b.(*box).member.listeners); n != 1 {
				t.Errorf("it has %d listeners, want 1", n)
			}
			l, err := b.Listen(at.Host, at.Port)
			if err != nil {
				t.Fatalf("Listen: %v", err)
			}
			if n := len(b.(*box).member.listeners); n != 0 {
				t.Errorf("it has %d listeners left", n)
			}
			l.Close()
			if l, err = b.Listen(at.Host, at.Port); err != nil {
				t.Fatalf("Listen again: %v", err)
			}
			l.Close()
			if err := errors.Join(b.Destroy(t.Context()), s.Close()); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if leaks := s.driver.Leaks(); leaks != "" {
				t.Errorf("left behind:\n%s", leaks)
			}
		})
	}
}

// lockedBuffer may be read while it is written to.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer // mu
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}
