package process_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lambent/internal/sandbox"
	"lambent/internal/sandbox/process"
	"lambent/internal/sandbox/sandboxtest"
)

// TestMain is as under nohup(1), which sandboxes must not notice.
func TestMain(m *testing.M) {
	signal.Ignore(syscall.SIGHUP)
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, stateFolder string) sandbox.Driver {
	t.Helper()
	d, err := process.New(stateFolder)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Not parallel: the suite looks at the whole host.
func TestDriver(t *testing.T) {
	sandboxtest.Run(t, sandboxtest.Config{Open: open})
}

func create(t *testing.T, d sandbox.Driver, id string, mounts ...sandbox.Mount) sandbox.Sandbox {
	t.Helper()
	s, err := d.Create(t.Context(), sandbox.Spec{ID: id, MemoryMiB: 128, CPUs: 1, TmpMiB: 64, MaxProcesses: 64, MaxOpenFiles: 256, Mounts: mounts})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOneDriverPerFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first := open(t, folder)
	if second, err := process.New(folder); err == nil {
		second.Close()
		t.Error("a second driver over the same folder: no error")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, folder).Close(); err != nil {
		t.Error(err)
	}
}

func TestNamesAreTakenOnce(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	t.Cleanup(func() { d.Close() })
	create(t, d, "a")
	if _, err := d.Create(t.Context(), sandbox.Spec{ID: "a"}); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("Create of a name twice: %v, want EEXIST", err)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	task, layer, more := filepath.Join(folder, "task"), filepath.Join(folder, "layer"), filepath.Join(folder, "more")
	for _, f := range []string{task, layer, more} {
		if err := os.Mkdir(f, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	state := filepath.Join(folder, "state")
	d := open(t, state)
	t.Cleanup(func() { d.Close() })
	s := create(t, d, "a", sandbox.Mount{Source: task, Target: "/var/task"}, sandbox.Mount{Source: layer, Target: "/opt/"},
		sandbox.Mount{Source: more, Target: "/opt/deep"})
	for inside, want := range map[string]string{
		"/var/task":       task,
		"/var/task/":      task,
		"/var/task/a/b":   filepath.Join(task, "a/b"),
		"/var/task/../x":  "/var/task/../x",
		"/var/tasks":      "/var/tasks",
		"/opt":            layer,
		"/opt/deeper":     filepath.Join(layer, "deeper"),
		"/opt/deep/x":     filepath.Join(more, "x"),
		"/tmp":            filepath.Join(state, "sandboxes/a/tmp"),
		"/tmp/x":          filepath.Join(state, "sandboxes/a/tmp/x"),
		"/usr/bin/python": "/usr/bin/python",
	} {
		if got := s.Path(inside); got != want {
			t.Errorf("Path(%q) = %q, want %q", inside, got, want)
		}
	}
}

// TestSweepSparesStrangers: a record's number that is another process's by now
// says nothing, and a folder that a function locked is removed all the same.
func TestSweepSparesStrangers(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	if err := open(t, state).Close(); err != nil {
		t.Fatal(err)
	}
	locked := filepath.Join(state, "sandboxes", "left", "tmp", "locked")
	if err := os.MkdirAll(locked, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(locked, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	stranger := exec.Command("sleep", "1000")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	record := fmt.Sprintf("%d 1 %s\n%d", stranger.Process.Pid, strings.TrimSpace(string(boot)), stranger.Process.Pid)
	if err := os.WriteFile(filepath.Join(state, "sandboxes", "left", "record"), []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	d := open(t, state)
	t.Cleanup(func() { d.Close() })
	if swept, err := d.Sweep(t.Context()); err != nil || swept != (sandbox.Swept{Sandboxes: 1}) {
		t.Errorf("Sweep: %+v, %v, want one sandbox and no process", swept, err)
	}
	// It ends by our signal, not by Sweep's.
	if err := stranger.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := stranger.Wait(); err == nil || err.Error() != "signal: terminated" {
		t.Errorf("the stranger ended with %v, want our SIGTERM", err)
	}
}

// TestPeakMemory: the peak is what the processes had, is there after them, and is
// Usage's.
func TestPeakMemory(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	t.Cleanup(func() { d.Close() })
	s := create(t, d, "peak")
	teller := s.(sandbox.PeakTeller)
	peak := func() int64 {
		n, err := teller.PeakMemory()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := peak(); n != 0 {
		t.Errorf("the peak of nobody is %d", n)
	}
	said, out := io.Pipe()
	script := "echo; sleep 1000; echo" // in the end, so that the shell stays
	if _, err := s.Start(t.Context(), sandbox.Command{Path: "/bin/sh", Args: []string{"-c", script}, Dir: "/", Stdout: out}); err != nil {
		t.Fatal(err)
	}
	if _, err := said.Read(make([]byte, 1)); err != nil { // before it has begun it has hardly any memory
		t.Fatal(err)
	}
	u, err := s.Usage()
	if err != nil || d.Report().Can(sandbox.CanMeasureMemory) && u.MemoryPeakBytes < 100<<10 {
		t.Fatalf("the peak of a process is %d, %v; want what it takes at least", u.MemoryPeakBytes, err)
	}
	if n := peak(); n < u.MemoryPeakBytes {
		t.Errorf("the peak fell from %d to %d", u.MemoryPeakBytes, n)
	}
	if err := s.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := peak(); n < u.MemoryPeakBytes {
		t.Errorf("after the end the peak fell from %d to %d", u.MemoryPeakBytes, n)
	}
	if err := s.Destroy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := teller.PeakMemory(); err == nil {
		t.Error("PeakMemory of a sandbox that is gone: no error")
	}
}

// BenchmarkPeakMemory asks for one process, among those of the host.
func BenchmarkPeakMemory(b *testing.B) {
	d := open(b, b.TempDir())
	defer d.Close()
	s, err := d.Create(b.Context(), sandbox.Spec{ID: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Start(b.Context(), sandbox.Command{Path: "/bin/sleep", Args: []string{"1000"}, Dir: "/"}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.(sandbox.PeakTeller).PeakMemory(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFreezeThaw holds one process that waits, among those of the host.
func BenchmarkFreezeThaw(b *testing.B) {
	d := open(b, b.TempDir())
	defer d.Close()
	s, err := d.Create(b.Context(), sandbox.Spec{ID: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Start(b.Context(), sandbox.Command{Path: "/bin/sleep", Args: []string{"1000"}, Dir: "/"}); err != nil {
		b.Fatal(err)
	}
	var thaws time.Duration
	n := 0
	for ; b.Loop(); n++ {
		if err := s.Freeze(b.Context()); err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		if err := s.Thaw(b.Context()); err != nil {
			b.Fatal(err)
		}
		thaws += time.Since(begin)
	}
	b.ReportMetric(float64(thaws.Nanoseconds())/float64(n), "thaw-ns/op")
}
