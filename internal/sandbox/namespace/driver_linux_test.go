package namespace

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"lambent/internal/sandbox"
)

const probePath = "/var/task/probe"

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

// probeDir holds this test binary under the name by which it is a probe.
func probeDir(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", self, filepath.Join(dir, "probe")).CombinedOutput(); err != nil {
		t.Fatalf("copy: %v %s", err, out)
	}
	return dir
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

func runProbe(args []string) int { return 0 }

func BenchmarkCreateDestroy(b *testing.B) {
	d := newDriver(b)
	i := 0
	var create, destroy time.Duration
	for b.Loop() {
		i++
		t0 := time.Now()
		s, err := d.Create(b.Context(), usualSpec(fmt.Sprintf("bench-%d", i)))
		if err != nil {
			b.Fatal(err)
		}
		t1 := time.Now()
		if err := s.Destroy(b.Context()); err != nil {
			b.Fatal(err)
		}
		create += t1.Sub(t0)
		destroy += time.Since(t1)
	}
	b.ReportMetric(float64(create.Microseconds())/float64(b.N), "create-µs")
	b.ReportMetric(float64(destroy.Microseconds())/float64(b.N), "destroy-µs")
}
