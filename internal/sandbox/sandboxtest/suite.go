// Package sandboxtest is the suite that every driver of real processes passes.
//
// It asserts the contract of package sandbox always, and each ability where the
// driver's Report has it; a subtest is skipped only for an ability that the
// Report says is missing, with the Report's own reason. So a driver that cannot
// do something must say it, and one that says it can must.
//
// Inside the sandboxes runs the probe, a static program that is built once per
// run and mounted at /var/task. It does what is asked of it, honest or not, and
// says what came of it. Whether a process runs, stands still or is gone is seen
// by a connection that it holds and sends beats through: the kernel closes it
// with the process, and nothing that stands still sends.
//
// A driver's test is one function:
//
//	func TestDriver(t *testing.T) {
//		sandboxtest.Run(t, sandboxtest.Config{Open: func(t testing.TB, stateFolder string) sandbox.Driver {
//			d, err := namespace.New(…stateFolder…)
//			…
//			return d
//		}})
//	}
package sandboxtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"lambent/internal/sandbox"
)

// Config is what the suite must know of a driver.
type Config struct {
	// Open makes a driver over a state folder. It is called several times, for
	// other folders and again for one whose driver was closed or killed; the
	// suite calls Sweep and Close. It skips or fails the test by itself when
	// there can be no driver on this host.
	Open func(t testing.TB, stateFolder string) sandbox.Driver

	// Keep, if there is one, keeps for this test what a driver over the folder
	// leaves when it is killed: where drivers sweep what others left, one that
	// somebody else starts just then may be there first.
	Keep func(t testing.TB, stateFolder string)

	// TmpSlackMiB is how much of a /tmp of 64 MiB the driver's documentation
	// lets the file system keep for itself; 0 is 4.
	TmpSlackMiB int
}

// patience bounds what should happen soon on any machine. It is no promise of
// speed, only the end of waiting for what is broken.
const patience = 60 * time.Second

// Run runs the suite. t must be a top-level test: the suite runs it again in a
// child process, which it kills, to see what is swept up after it.
func Run(t *testing.T, c Config) {
	if c.TmpSlackMiB == 0 {
		c.TmpSlackMiB = 4
	}
	if state := os.Getenv(abandonVariable); state != "" {
		abandon(t, c, state)
		return
	}
	s := &suite{config: c, task: buildTask(t), token: fmt.Sprintf("sbt%d", os.Getpid())}
	s.state = t.TempDir()
	s.driver = c.Open(t, s.state)
	t.Cleanup(func() {
		if err := s.driver.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		s.expectNothingLeft(t, s.state, s.token)
	})
	if swept, err := s.driver.Sweep(t.Context()); err != nil || swept != (sandbox.Swept{}) {
		t.Fatalf("Sweep of an empty folder: %+v, %v", swept, err)
	}
	s.report = s.driver.Report()
	if !s.report.Usable {
		t.Skipf("driver %s is not usable here: %+v", s.report.Driver, s.report.Abilities)
	}
	s.all(t)
	if _, can := s.driver.(sandbox.Stocker); !can {
		return
	}
	// The same holds for sandboxes that were begun ahead, and for a process that
	// was started in them before they were finished.
	t.Run("ahead", func(t *testing.T) {
		s.ahead = true
		defer func() { s.ahead = false }()
		s.all(t)
		t.Run("begun", func(t *testing.T) { s.each(t, aheadCases()) })
	})
}

func (s *suite) all(t *testing.T) {
	t.Run("contract", func(t *testing.T) { s.each(t, contractCases()) })
	t.Run("limits", func(t *testing.T) { s.each(t, limitCases()) })
	t.Run("escapes", func(t *testing.T) { s.each(t, escapeCases()) })
	t.Run("leaks", func(t *testing.T) { s.each(t, leakCases()) })
}

// suite is one run.
type suite struct {
	config Config
	driver sandbox.Driver
	report sandbox.Report
	state  string
	task   string // host folder with the probe, for /var/task
	token  string // begins every sandbox's name, and is in every process's environment
	made   atomic.Int64
	ahead  bool // sandboxes are begun and finished
	alone  bool // of the case that runs: it counts processes, so none may wait
}

// testCase is a subtest and the abilities without which it has no meaning.
type testCase struct {
	name  string
	needs []string
	alone bool // there may be no process that the case did not start
	run   func(t *testing.T, s *suite)
}

// each runs the cases one after the other: what they measure and what they leave
// is the whole host's.
func (s *suite) each(t *testing.T, cases []testCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s.need(t, c.needs...)
			s.alone = c.alone
			c.run(t, s)
		})
	}
}

// need skips a test for which the driver says that it lacks something.
func (s *suite) need(t *testing.T, abilities ...string) {
	t.Helper()
	for _, name := range abilities {
		if s.report.Can(name) {
			continue
		}
		for _, a := range s.report.Abilities {
			if a.Name == name {
				if a.Why == "" || a.Hint == "" {
					t.Errorf("%s is missing, and the report says not why (%q) or what to do (%q)", name, a.Why, a.Hint)
				}
				t.Skipf("no %s: %s", name, a.Why)
			}
		}
		t.Errorf("the report says nothing of %q", name)
	}
}

// id is a name for a sandbox that was never used in this run.
func (s *suite) id() string { return fmt.Sprintf("%s-%d", s.token, s.made.Add(1)) }

// buildTask builds the probe and lays out the folder that is mounted at
// /var/task, with files beside it that cannot be executed.
func buildTask(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "task")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(folder, "probe"),
		"lambent/internal/sandbox/sandboxtest/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the probe: %v\n%s", err, out)
	}
	for name, file := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"plain":     {"no program\n", 0o644},
		"garbage":   {"\x01\x02no program\n", 0o755},
		"orphan.sh": {"#!/no/such/interpreter\n", 0o755},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(file.text), file.mode); err != nil {
			t.Fatal(err)
		}
		// The umask may have taken rights away.
		if err := os.Chmod(filepath.Join(folder, name), file.mode); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// limited is a context for what should happen soon.
func limited(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}
