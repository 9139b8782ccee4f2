package simulated_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/sandbox"
	"lambent/internal/sandbox/simulated"
)

// programs plays commands by their path.
type programs map[string]simulated.Program

func (ps programs) choose(cmd sandbox.Command) simulated.Program { return ps[cmd.Path] }

// host is a driver with one sandbox, checked for leaks at its end.
func host(t *testing.T, ps programs, faults simulated.Faults) (*simulated.Driver, sandbox.Sandbox) {
	t.Helper()
	d := simulated.New(simulated.Options{Seed: 1, Program: ps.choose, Faults: faults})
	s, err := d.Create(t.Context(), sandbox.Spec{ID: "a", MemoryMiB: 64, TmpMiB: 1})
	if err != nil {
		t.Fatal(err)
	}
	return d, s
}

func done(t *testing.T, d *simulated.Driver, s sandbox.Sandbox) {
	t.Helper()
	if err := s.Destroy(context.Background()); err != nil {
		t.Errorf("Destroy: %v", err)
	}
	synctest.Wait()
	if leaks := d.Leaks(); leaks != "" {
		t.Errorf("leaks:\n%s", leaks)
	}
}

func start(t *testing.T, s sandbox.Sandbox, cmd sandbox.Command) sandbox.Process {
	t.Helper()
	p, err := s.Start(t.Context(), cmd)
	if err != nil {
		t.Fatalf("Start %s: %v", cmd.Path, err)
	}
	return p
}

func ended(p sandbox.Process) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

func TestExitAndOutput(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := host(t, programs{"/bin/say": func(p *simulated.Process) sandbox.Exit {
			io.WriteString(p.Stdout, "out "+p.Env("WHO"))
			io.WriteString(p.Stderr, "err")
			io.WriteString(p.Pipe(5), "extra")
			return sandbox.Exit{Code: 3}
		}}, simulated.Faults{})
		var out, errs, extra bytes.Buffer
		p := start(t, s, sandbox.Command{Path: "/bin/say", Env: []string{"WHO=me"}, Stdout: &out, Stderr: &errs,
			Extra: []sandbox.Pipe{{FD: 5, W: &extra}}})
		<-p.Done()
		if got := p.Exit(); got != (sandbox.Exit{Code: 3}) {
			t.Errorf("exit %v, want status 3", got)
		}
		if got := out.String() + "|" + errs.String() + "|" + extra.String(); got != "out me|err|extra" {
			t.Errorf("output %q", got)
		}
		var refused *sandbox.StartError
		if _, err := s.Start(t.Context(), sandbox.Command{Path: "/bin/none"}); !errors.As(err, &refused) || !errors.Is(err, syscall.ENOENT) {
			t.Errorf("Start of what is not there: %v, want a StartError of ENOENT", err)
		}
		done(t, d, s)
	})
}

// slowly takes its time for every write.
type slowly struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *slowly) Write(b []byte) (int, error) {
	time.Sleep(time.Second)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(b)
}

func (w *slowly) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

func TestDrainIsExact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := host(t, programs{"/bin/log": func(p *simulated.Process) sandbox.Exit {
			for range 3 {
				io.WriteString(p.Stdout, "x")
			}
			p.Sleep(time.Hour)
			return sandbox.Exit{}
		}}, simulated.Faults{})
		out := &slowly{}
		p := start(t, s, sandbox.Command{Path: "/bin/log", Stdout: out})
		time.Sleep(time.Nanosecond)
		p.Drain()
		if got := out.String(); got != "xxx" {
			t.Errorf("after Drain the writer has %q, want all three", got)
		}
		if ended(p) {
			t.Error("Drain waited for the process's end")
		}
		done(t, d, s)
	})
}

func TestFreezeStopsTheClockOfWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var worked, slept time.Time
		d, s := host(t, programs{
			"/bin/work": func(p *simulated.Process) sandbox.Exit {
				p.Work(5 * time.Second)
				worked = time.Now()
				return sandbox.Exit{}
			},
			"/bin/sleep": func(p *simulated.Process) sandbox.Exit {
				p.Sleep(5 * time.Second)
				slept = time.Now()
				return sandbox.Exit{}
			},
		}, simulated.Faults{})
		begin := time.Now()
		work, sleep := start(t, s, sandbox.Command{Path: "/bin/work"}), start(t, s, sandbox.Command{Path: "/bin/sleep"})
		time.Sleep(2 * time.Second)
		for range 2 {
			if err := s.Freeze(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		if ended(work) || ended(sleep) {
			t.Error("a frozen process ended")
		}
		for range 2 {
			if err := s.Thaw(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		<-work.Done()
		<-sleep.Done()
		if got := worked.Sub(begin); got != 15*time.Second {
			t.Errorf("5 s of work took %v with 10 s of frost, want 15s", got)
		}
		if got := slept.Sub(begin); got != 12*time.Second {
			t.Errorf("5 s of sleep took %v with frost until 12 s, want 12s", got)
		}
		u, err := s.Usage()
		if err != nil || u.CPU != 5*time.Second || u.Processes != 0 {
			t.Errorf("usage %+v, %v, want 5s of CPU and no process", u, err)
		}
		done(t, d, s)
	})
}

func TestKillLeavesNothingButTmp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		daemon := func(p *simulated.Process) sandbox.Exit {
			p.Ignore(syscall.SIGTERM)
			for {
				p.Sleep(time.Second)
			}
		}
		d, s := host(t, programs{
			"/bin/first": func(p *simulated.Process) sandbox.Exit {
				if err := p.Tmp.Write("f", []byte("kept")); err != nil {
					return sandbox.Exit{Code: 1}
				}
				p.Spawn(daemon)
				p.Go(func() { p.Work(time.Hour) })
				c, err := p.Dial("127.0.0.1:9001")
				if err != nil {
					return sandbox.Exit{Code: 2}
				}
				io.WriteString(c, "hello")
				c.Read(make([]byte, 1))
				p.Gate()
				return sandbox.Exit{Code: 4}
			},
			"/bin/second": func(p *simulated.Process) sandbox.Exit {
				if b, err := p.Tmp.Read("f"); err != nil || string(b) != "kept" {
					return sandbox.Exit{Code: 1}
				}
				return sandbox.Exit{}
			},
		}, simulated.Faults{})
		l, err := s.Listen("127.0.0.1", 9001)
		if err != nil {
			t.Fatal(err)
		}
		first := start(t, s, sandbox.Command{Path: "/bin/first"})
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := s.Freeze(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := first.Exit(); got.Signal != syscall.SIGKILL {
			t.Errorf("exit %v, want SIGKILL", got)
		}
		if b, err := io.ReadAll(c); string(b) != "hello" || err != nil {
			t.Errorf("the daemon's end read %q, %v, want what was sent and the end", b, err)
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write to a dead process: %v, want EPIPE", err)
		}
		c.Close()
		if u, _ := s.Usage(); u.Processes != 0 {
			t.Errorf("%d processes survived", u.Processes)
		}
		second := start(t, s, sandbox.Command{Path: "/bin/second"})
		<-second.Done()
		if got := second.Exit(); got != (sandbox.Exit{}) {
			t.Errorf("/tmp did not survive: %v", got)
		}
		l.Close()
		done(t, d, s)
	})
}

func TestMemoryAndTmpHaveLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := host(t, programs{
			"/bin/calm": func(p *simulated.Process) sandbox.Exit {
				p.Use(10 << 20)
				p.Sleep(time.Minute)
				return sandbox.Exit{}
			},
			"/bin/hog": func(p *simulated.Process) sandbox.Exit {
				if err := p.Tmp.Write("big", make([]byte, 1<<20)); err != nil {
					return sandbox.Exit{Code: 1}
				}
				if err := p.Tmp.Write("more", []byte("x")); !errors.Is(err, syscall.ENOSPC) {
					return sandbox.Exit{Code: 2}
				}
				p.Tmp.Remove("big")
				if _, err := p.Tmp.Read("big"); !errors.Is(err, fs.ErrNotExist) {
					return sandbox.Exit{Code: 3}
				}
				p.Use(60 << 20)
				return sandbox.Exit{Code: 4}
			},
		}, simulated.Faults{})
		calm := start(t, s, sandbox.Command{Path: "/bin/calm"})
		synctest.Wait()
		hog := start(t, s, sandbox.Command{Path: "/bin/hog"})
		<-hog.Done()
		if got := hog.Exit(); got.Signal != syscall.SIGKILL {
			t.Errorf("exit %v, want SIGKILL", got)
		}
		u, err := s.Usage()
		if err != nil || u.OOMKills != 1 || u.MemoryPeakBytes != 64<<20 || u.MemoryBytes != 10<<20 {
			t.Errorf("usage %+v, %v", u, err)
		}
		if ended(calm) {
			t.Error("the neighbour died, too")
		}
		done(t, d, s)
	})
}

func TestSignals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := host(t, programs{
			"/bin/plain": func(p *simulated.Process) sandbox.Exit { p.Sleep(time.Hour); return sandbox.Exit{} },
			"/bin/catch": func(p *simulated.Process) sandbox.Exit {
				<-p.Notify(syscall.SIGTERM)
				return sandbox.Exit{Code: 7}
			},
		}, simulated.Faults{})
		plain, catch := start(t, s, sandbox.Command{Path: "/bin/plain"}), start(t, s, sandbox.Command{Path: "/bin/catch"})
		synctest.Wait()
		if err := s.Freeze(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, p := range []sandbox.Process{plain, catch} {
			if err := p.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if ended(plain) || ended(catch) {
			t.Error("a frozen process took a signal")
		}
		if err := s.Thaw(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-plain.Done()
		<-catch.Done()
		if plain.Exit().Signal != syscall.SIGTERM || catch.Exit().Code != 7 {
			t.Errorf("exits %v and %v, want SIGTERM and status 7", plain.Exit(), catch.Exit())
		}
		if err := plain.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("signal to who is gone: %v", err)
		}
		done(t, d, s)
	})
}

func TestConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := host(t, programs{"/bin/echo": func(p *simulated.Process) sandbox.Exit {
			l, err := p.Listen("0.0.0.0", 4243)
			if err != nil {
				return sandbox.Exit{Code: 1}
			}
			for {
				c, err := l.Accept()
				if err != nil {
					return sandbox.Exit{Code: 2}
				}
				io.Copy(c, c)
				c.Close()
			}
		}}, simulated.Faults{})
		dial := s.(sandbox.Dialer).Dial
		if _, err := dial(t.Context(), "127.0.0.1:4243"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial before anybody listens: %v, want ECONNREFUSED", err)
		}
		start(t, s, sandbox.Command{Path: "/bin/echo"})
		synctest.Wait()
		c, err := dial(t.Context(), "localhost:4243")
		if err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read past its deadline: %v", err)
		}
		c.SetReadDeadline(time.Time{})
		big := strings.Repeat("0123456789", 100_000) // more than the buffers hold
		go func() {
			io.WriteString(c, big)
			c.(interface{ CloseWrite() error }).CloseWrite()
		}()
		if b, err := io.ReadAll(c); string(b) != big || err != nil {
			t.Errorf("echo gave %d bytes, %v, want %d", len(b), err, len(big))
		}
		c.Close()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read of what is closed: %v", err)
		}
		done(t, d, s)
	})
}

func TestLeaksAndMisuseAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := host(t, programs{"/bin/x": func(p *simulated.Process) sandbox.Exit { p.Sleep(time.Hour); return sandbox.Exit{} }},
			simulated.Faults{FreezeSlow: simulated.Delay{Chance: 1, Max: time.Second}})
		start(t, s, sandbox.Command{Path: "/bin/x"})
		if _, err := s.Listen("127.0.0.1", 0); err != nil {
			t.Fatal(err)
		}
		go s.Freeze(t.Context())
		synctest.Wait()
		s.Thaw(t.Context())
		time.Sleep(time.Second)
		want := "listener 127.0.0.1:40001 of sandbox a\nprocess /bin/x of sandbox a\nsandbox a\nthaw of sandbox a during another call of its owner"
		if got := d.Leaks(); got != want {
			t.Errorf("leaks:\n%s\nwant:\n%s", got, want)
		}
		for range 2 {
			if err := s.Destroy(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if got := d.Leaks(); !strings.Contains(got, "destroyed while the daemon listens") {
			t.Errorf("leaks after Destroy with an open listener: %q", got)
		}
		if err := s.Kill(t.Context()); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Kill after Destroy: %v", err)
		}
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, seed uint64) string {
		var story strings.Builder
		synctest.Test(t, func(t *testing.T) {
			ps := programs{"/bin/x": func(p *simulated.Process) sandbox.Exit {
				p.Sleep(time.Minute)
				if p.Tmp.Write("f", nil) != nil {
					return sandbox.Exit{Code: 1}
				}
				return sandbox.Exit{}
			}}
			d := simulated.New(simulated.Options{Seed: seed, Program: ps.choose, Faults: simulated.Faults{
				CreateFails: 0.2, StartFails: 0.2, FreezeFails: 0.3, DestroyFails: 0.3, TmpFull: 0.5,
				StartSlow: simulated.Delay{Chance: 0.5, Max: time.Second}, ProcessDies: simulated.Delay{Chance: 0.4, Max: time.Minute},
				ProcessOOM: simulated.Delay{Chance: 0.2, Max: time.Minute},
			}})
			for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
				story.WriteString(id + ": ")
				s, err := d.Create(t.Context(), sandbox.Spec{ID: id})
				if err != nil {
					story.WriteString(err.Error() + "\n")
					continue
				}
				begin := time.Now()
				if p, err := s.Start(t.Context(), sandbox.Command{Path: "/bin/x"}); err != nil {
					story.WriteString(err.Error())
				} else {
					<-p.Done()
					story.WriteString(p.Exit().String())
				}
				story.WriteString(" after " + time.Since(begin).String())
				for s.Destroy(t.Context()) != nil {
					story.WriteString(", destroy again")
				}
				story.WriteString("\n")
			}
			if leaks := d.Leaks(); leaks != "" {
				t.Errorf("seed %d leaks:\n%s", seed, leaks)
			}
		})
		return story.String()
	}
	one, again, other := run(t, 1), run(t, 1), run(t, 2)
	if one != again {
		t.Errorf("one seed, two stories:\n%s\n%s", one, again)
	}
	if one == other {
		t.Errorf("two seeds, one story:\n%s", one)
	}
	for _, want := range []string{"simulated fault", "exit status 1", "exit status 0", "signal: segmentation fault", "destroy again"} {
		if !strings.Contains(one+other, want) {
			t.Errorf("no %q in:\n%s\n%s", want, one, other)
		}
	}
}

func TestStartHangsUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := host(t, programs{}, simulated.Faults{StartHangs: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := s.Start(ctx, sandbox.Command{Path: "/bin/x"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Start: %v", err)
		}
		done(t, d, s)
	})
}
