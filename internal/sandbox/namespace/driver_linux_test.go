package namespace

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"lambent/internal/sandbox"
)

// newDriver makes a driver over a folder of the test's own.
func newDriver(t testing.TB) *Driver {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	d, err := New(Config{StateDir: t.TempDir(), initPath: initPath()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

func usualSpec(id string) sandbox.Spec {
	return sandbox.Spec{ID: id, MemoryMiB: 256, CPUs: 1, VisibleCPUs: 2, TmpMiB: 16, MaxProcesses: 64, MaxOpenFiles: 1024, Hostname: "sandbox"}
}

func create(t testing.TB, d *Driver, spec sandbox.Spec) sandbox.Sandbox {
	t.Helper()
	s, err := d.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Destroy(ctx); err != nil {
			t.Errorf("destroy: %v", err)
		}
	})
	return s
}

// lines is a writer that may be read at any time.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }
func (l *lines) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

// sh runs a shell script inside and gives what it wrote and how it ended.
func sh(t testing.TB, s sandbox.Sandbox, script string) (string, sandbox.Exit) {
	t.Helper()
	var out lines
	p, err := s.Start(t.Context(), sandbox.Command{Path: "/bin/sh", Args: []string{"-c", script}, Dir: "/", Env: []string{"PATH=/usr/bin:/bin:/usr/sbin"}, Stdout: &out, Stderr: &out})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	return out.String(), p.Exit()
}

func TestShellRunsUnprivileged(t *testing.T) {
	t.Parallel()
	d := newDriver(t)
	s := create(t, d, usualSpec("one"))
	out, exit := sh(t, s, `id -un; id -u; echo hi >/dev/stdout`)
	if want := fmt.Sprintf("%s\n%d\nhi\n", UserName, s.(*box).uid); out != want || exit.Code != 0 {
		t.Errorf("shell wrote %q, %v; want %q", out, exit, want)
	}
}

// BenchmarkCreateDestroy is a sandbox's whole life without a process in it.
func BenchmarkCreateDestroy(b *testing.B) {
	d := newDriver(b)
	var creating time.Duration
	n := 0
	for b.Loop() {
		n++
		start := time.Now()
		s, err := d.Create(b.Context(), usualSpec(fmt.Sprintf("bench-%d", n)))
		if err != nil {
			b.Fatal(err)
		}
		creating += time.Since(start)
		if err := s.Destroy(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(creating.Nanoseconds())/float64(n), "create-ns/op")
}

// BenchmarkFinish finishes sandboxes that were begun, with volumes ready, as a
// cold start does. Beginning and destroying is not counted.
func BenchmarkFinish(b *testing.B) {
	d := newDriver(b)
	if d.volumes != nil {
		d.volumes.Keep(8)
	}
	code := b.TempDir()
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		spec := usualSpec(fmt.Sprintf("bench-%d", n))
		spec.Mounts = []sandbox.Mount{{Source: code, Target: "/var/task"}}
		u, err := d.Begin(b.Context(), sandbox.Blank{ID: fmt.Sprintf("blank-%d", n), Hostname: spec.Hostname})
		if err != nil {
			b.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // time to refill
		b.StartTimer()
		err = u.Finish(b.Context(), spec)
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		if err := u.Destroy(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkStart is a static program, from Start to Done.
func BenchmarkStart(b *testing.B) {
	s := create(b, newDriver(b), usualSpec("bench"))
	for b.Loop() {
		p, err := s.Start(b.Context(), sandbox.Command{Path: "/bin/true", Dir: "/", Stdout: io.Discard, Stderr: io.Discard})
		if err != nil {
			b.Fatal(err)
		}
		<-p.Done()
	}
}

// BenchmarkFreezeThaw holds one process that waits, and drains its output as an
// environment does after every invocation.
func BenchmarkFreezeThaw(b *testing.B) {
	s := create(b, newDriver(b), usualSpec("bench"))
	p, err := s.Start(b.Context(), sandbox.Command{Path: "/bin/sleep", Args: []string{"1000"}, Dir: "/", Stdout: io.Discard, Stderr: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("freeze and thaw", func(b *testing.B) {
		for b.Loop() {
			if err := s.Freeze(b.Context()); err != nil {
				b.Fatal(err)
			}
			if err := s.Thaw(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("drain", func(b *testing.B) {
		for b.Loop() {
			p.Drain()
		}
	})
	b.Run("usage", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Usage(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
