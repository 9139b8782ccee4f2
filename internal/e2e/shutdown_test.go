package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// cleanupCode says when it is told to end, by a signal handler and at exit.
const cleanupCode = `
import atexit, signal, sys
atexit.register(lambda: print("atexit ran"))
def told(number, frame):
    print("told by", signal.Signals(number).name)
    sys.exit(0)
signal.signal(signal.SIGTERM, told)
def handler(event, context):
    return 1
`

// TestNoCleanupWithoutExtension is S38 and S94: without an extension the runtime
// is killed, and neither a handler of SIGTERM nor atexit runs.
func TestNoCleanupWithoutExtension(t *testing.T) {
	t.Parallel()
	for _, g := range grounds() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			s := ownOn(t, g, dataDir(t), noPool, "--idle-timeout", "500ms")
			name := s.deploy(t, function{code: cleanupCode})
			s.call(t, name, `{}`)
			eventually(t, "the environment's end", func() bool { return len(s.children(t)) == 0 })
			if log := s.waitLog(t, name, "REPORT"); strings.Contains(log, "told by") || strings.Contains(log, "atexit ran") {
				t.Errorf("the function was told of its end:\n%s", log)
			}
		})
	}
}

// TestSIGTERMWithExtension is S37 and S38: with any extension, an internal one of
// no events too, the runtime gets SIGTERM and may end by itself in its time. That
// is 150 ms with an internal one and 600 with an external one, in which a busy host
// may not let it run at all: then there is another attempt.
func TestSIGTERMWithExtension(t *testing.T) {
	t.Parallel()
	inside := insideCode + `
status, text, ident = call("POST", "register", {"events": []}, {"Lambda-Extension-Name": "inside"})
follow(ident, [])
`
	attempts := func(once func() (log string)) (log string) {
		for range 20 {
			if log = once(); strings.Contains(log, "atexit ran\n") {
				break
			}
		}
		return log
	}
	for _, g := range grounds() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			s := startOn(t, g, noPool, "--idle-timeout", "500ms")
			t.Run("internal", func(t *testing.T) {
				log := attempts(func() string {
					name := s.deploy(t, function{code: inside + cleanupCode, memory: 1769})
					s.call(t, name, `{}`)
					eventually(t, "the environment's end", func() bool { return len(s.children(t)) == 0 })
					return s.log(t, name)
				})
				inOrder(t, log, "REPORT", "told by SIGTERM\n", "atexit ran\n")
			})
			t.Run("external", func(t *testing.T) {
				log := attempts(func() string {
					name := s.extended(t, "", "SHUTDOWN", function{code: cleanupCode, memory: 1769})
					s.call(t, name, `{}`)
					return s.waitLog(t, name, "agent goodbye\n")
				})
				inOrder(t, log, "REPORT", "told by SIGTERM\n", "atexit ran\n", "agent SHUTDOWN spindown left ", "agent goodbye\n")
			})
		})
	}
}

// TestAtexitAloneIsNotRun is S38: SIGTERM ends Python without atexit.
func TestAtexitAloneIsNotRun(t *testing.T) {
	t.Parallel()
	s := start(t, "--idle-timeout", "500ms")
	name := s.extended(t, "", "SHUTDOWN", function{code: `
import atexit
atexit.register(lambda: print("atexit ran"))
def handler(event, context):
    return 1
`})
	s.call(t, name, `{}`)
	if log := s.waitLog(t, name, "agent goodbye\n"); strings.Contains(log, "atexit ran") {
		t.Errorf("SIGTERM ran atexit:\n%s", log)
	}
}

// TestShutdownHasAnEnd is S36 and S37: a runtime that ignores SIGTERM is killed
// after 30 % of the time, an extension that does not end after all of it.
func TestShutdownHasAnEnd(t *testing.T) {
	t.Parallel()
	s := own(t, dataDir(t), noPool, "--idle-timeout", "500ms")
	name := s.extended(t, "hang-at-shutdown", "SHUTDOWN", function{code: `
import signal, threading, time
def told(number, frame):
    print("still here")
    time.sleep(1000)
signal.signal(signal.SIGTERM, told)
def handler(event, context):
    return 1
`})
	s.call(t, name, `{}`)
	log := s.waitLog(t, name, "agent hangs")
	m := regexp.MustCompile(`agent SHUTDOWN spindown left (-?\d+)\n`).FindStringSubmatch(log)
	if m == nil {
		t.Fatalf("no SHUTDOWN:\n%s", log)
	}
	// 600 ms of the 2,000 were the runtime's.
	if left := decimal(t, m[1]); left > 1450 {
		t.Errorf("the extension was told with %v ms left, while the runtime had its time", left)
	}
	eventually(t, "the environment's end", func() bool { return len(s.children(t)) == 0 })
	if after := s.log(t, name); strings.Contains(after, "agent goodbye") || !strings.Contains(after, "still here") {
		t.Errorf("somebody outlived the shutdown, or was not told of it:\n%s", after)
	}
}

// TestServerStopTellsExtensions is S35 and S36 for a server that is stopped: its
// idle environments get their shutdown, and the functions' logs are complete.
func TestServerStopTellsExtensions(t *testing.T) {
	t.Parallel()
	s := own(t, dataDir(t))
	name := s.extended(t, "", "SHUTDOWN", function{code: cleanupCode})
	s.call(t, name, `{}`)
	if err := s.stop(); err != nil {
		t.Fatalf("stop: %v\n%s", err, s.said)
	}
	inOrder(t, s.log(t, name), "REPORT RequestId", "told by SIGTERM", "agent SHUTDOWN spindown", "agent goodbye")
}

// TestStopDrains: invocations that have begun are answered before a server that
// is told to stop ends.
func TestStopDrains(t *testing.T) {
	t.Parallel()
	everywhereOwn(t, func(t *testing.T, s *server) {
		name := s.deploy(t, function{timeout: 20, code: "import time\ndef handler(event, context):\n    print('began')\n    time.sleep(1)\n    return 'done'"})
		answer := make(chan string, 1)
		go func() {
			payload, fault := s.raw(t, name, `{}`)
			answer <- string(payload) + fault
		}()
		s.waitLog(t, name, "began")
		if strings.HasSuffix(t.Name(), "/namespace") && len(s.cgroups(false)) == 0 {
			t.Error("a living environment has no cgroup: this test would not see one left behind")
		}
		if err := s.stop(); err != nil {
			t.Errorf("stop: %v\n%s", err, s.said)
		}
		if got := <-answer; got != `"done"` {
			t.Errorf("the invocation in progress gave %s", got)
		}
		if left := s.traces(t, true); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
}
