package sandboxtest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"lambent/internal/sandbox"
)

func leakCases() []testCase {
	return []testCase{
		{name: "nothing is left after many lives", run: manyLives},
		{name: "close destroys what is left", run: closeDestroys},
		{name: "sweep after a killed daemon", run: sweepAfterKill},
	}
}

// expectNothingLeft asserts that the host has nothing with the token in its name
// and nothing that comes from the state folder.
func (s *suite) expectNothingLeft(t testing.TB, state, token string) {
	t.Helper()
	for _, trace := range traces(state, token) {
		t.Errorf("left behind: %s", trace)
	}
}

// life is all that can happen to a sandbox.
func (s *suite) life(t *testing.T) {
	t.Helper()
	t.Run("life", func(t *testing.T) {
		b := s.box(t)
		post := b.post()
		b.start("hold", post.address())
		c := post.caller()
		if s.report.Can(sandbox.CanFreeze) {
			b.freeze()
			b.thaw()
		}
		b.kill()
		c.isGone("after Kill")
		b.must("write", b.Path("/tmp/file"), "x")
		b.hidden(post)
		if _, err := b.Start(limited(t), sandbox.Command{Path: b.Path("/var/task/plain")}); err == nil {
			t.Error("Start of what is not executable: no error")
		}
	})
}

func manyLives(t *testing.T, s *suite) {
	// The first lives pay for what is made once.
	s.life(t)
	s.life(t)
	goroutines := goleak.IgnoreCurrent()
	before := openDescriptors()
	for range 8 {
		s.life(t)
	}
	if err := goleak.Find(goroutines); err != nil {
		t.Errorf("goroutines: %v", err)
	}
	if after := openDescriptors(); after > before {
		t.Errorf("%d descriptors are open, %d were", after, before)
	}
	s.expectNothingLeft(t, s.state, s.token)
}

func openDescriptors() int {
	n := 0
	for fd := range 4096 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			n++
		}
	}
	return n
}

// another is a suite over a state folder of its own.
func (s *suite) another(t *testing.T, state string) *suite {
	t.Helper()
	return &suite{config: s.config, driver: s.config.Open(t, state), report: s.report, state: state, task: s.task, token: s.token + "x"}
}

func closeDestroys(t *testing.T, s *suite) {
	other := s.another(t, t.TempDir())
	if _, err := other.driver.Sweep(limited(t)); err != nil {
		t.Fatal(err)
	}
	var left []sandbox.Sandbox
	for range 3 {
		b := other.box(t)
		b.start("hide", "session", "127.0.0.1:1").wait()
		b.start("sleep")
		left = append(left, b.Sandbox)
	}
	if err := other.driver.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	s.expectNothingLeft(t, other.state, other.token)
	for _, b := range left {
		if err := b.Destroy(limited(t)); err != nil {
			t.Errorf("Destroy after Close: %v", err)
		}
	}
	if _, err := other.driver.Create(limited(t), sandbox.Spec{ID: other.id(), MemoryMiB: 128, CPUs: 1, TmpMiB: 64, MaxProcesses: 64, MaxOpenFiles: 64}); err == nil {
		t.Error("Create after Close: no error")
	}
}

// The child process is told by these what to do.
const (
	abandonVariable = "LAMBENT_SUITE_ABANDON"
	taskVariable    = "LAMBENT_SUITE_TASK"
	tokenVariable   = "LAMBENT_SUITE_TOKEN"
	aheadVariable   = "LAMBENT_SUITE_AHEAD"
	abandoned       = "abandoned"
	abandonedBoxes  = 3
)

// abandon is the child's part: it makes sandboxes, says so, and waits to be killed.
func abandon(t *testing.T, c Config, state string) {
	s := &suite{config: c, task: os.Getenv(taskVariable), token: os.Getenv(tokenVariable), state: state, driver: c.Open(t, state),
		ahead: os.Getenv(aheadVariable) != ""}
	t.Cleanup(func() { s.driver.Close() }) // should the parent die first
	if _, err := s.driver.Sweep(limited(t)); err != nil {
		t.Fatal(err)
	}
	s.report = s.driver.Report()
	for i := range abandonedBoxes {
		b := s.box(t)
		post := b.post()
		b.start("hold", post.address(), "stubborn")
		post.caller()
		b.hidden(post)
		b.must("write", b.Path("/tmp/file"), "x")
		if i == 0 && s.report.Can(sandbox.CanFreeze) {
			b.freeze()
		}
	}
	if s.ahead { // one that nobody had yet
		b := &box{Sandbox: s.begin(t, s.anySpec()), t: t, suite: s}
		b.startEarly()
	}
	fmt.Println(abandoned)
	io.Copy(io.Discard, os.Stdin)
}

func sweepAfterKill(t *testing.T, s *suite) {
	state, token := t.TempDir(), s.token+"y"
	s.killDaemon(t, state, token)
	next := s.another(t, state)
	next.token = token
	swept, err := next.driver.Sweep(limited(t))
	if err != nil {
		t.Fatalf("Sweep: %v", err)
	}
	t.Logf("swept %+v", swept)
	want := abandonedBoxes
	if s.ahead {
		want++
	}
	if swept.Sandboxes != want {
		t.Errorf("swept %d sandboxes, want %d", swept.Sandboxes, want)
	}
	s.expectNothingLeft(t, state, token)
	if swept, err := next.driver.Sweep(limited(t)); err != nil || swept != (sandbox.Swept{}) {
		t.Errorf("Sweep again: %+v, %v, want nothing", swept, err)
	}
	// Cleanups run in their reverse order: the sandbox goes before its driver.
	t.Cleanup(func() {
		if err := next.driver.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	// The names are free again.
	next.box(t).must("describe")
}

// killDaemon runs this test in a child and kills it when it has sandboxes.
func (s *suite) killDaemon(t *testing.T, state, token string) {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	child := exec.Command(os.Args[0], "-test.run=^"+regexp.QuoteMeta(name)+"$", "-test.timeout=120s")
	child.Env = append(os.Environ(), abandonVariable+"="+state, taskVariable+"="+s.task, tokenVariable+"="+token)
	if s.ahead {
		child.Env = append(child.Env, aheadVariable+"=1")
	}
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ready, said := false, ""
	for lines := bufio.NewScanner(stdout); !ready && lines.Scan(); {
		ready = lines.Text() == abandoned
		said += lines.Text() + "\n"
	}
	if ready && len(traces(state, token)) == 0 {
		t.Error("nothing is to be seen of the daemon's sandboxes, so the test would prove nothing")
	}
	if s.config.Keep != nil {
		s.config.Keep(t, state)
	}
	child.Process.Kill()
	child.Wait() // by a signal, as it was told
	if !ready {
		t.Fatalf("the child made no sandboxes:\n%s", said)
	}
}
