package e2e

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// orderCode appends to the file in /tmp that the test extensions write their
// steps to, and gives it back when invoked.
const orderCode = `
import os, tempfile
order = os.path.join(tempfile.gettempdir(), "order")
def step(text):
    with open(order, "a") as f:
        f.write(text + "\n")
step("module")
def handler(event, context):
    step("handler")
    return open(order).read().split("\n")
`

// TestLifeInOrder is S1, S2, S3, S5 and S47: extensions start, then the runtime
// once all of them have registered, then the function's own code; the first
// event waits for all to be ready; in the end everybody is told.
func TestLifeInOrder(t *testing.T) {
	t.Parallel()
	s := own(t, dataDir(t), "--idle-timeout", "2s")
	name := s.deploy(t, function{
		code: orderCode, timeout: 20, layers: []string{s.extensionLayer(t, "one", "two")},
		env: map[string]string{"EXTENSION": "slow-register slow-init", "EXTENSION_EVENTS": "INVOKE,SHUTDOWN"},
	})
	var steps []string
	s.call(t, name, `{}`).into(t, &steps)
	at := func(beginning string) int {
		i := slices.IndexFunc(steps, func(s string) bool { return strings.HasPrefix(s, beginning) })
		if i < 0 {
			t.Fatalf("no step %q in %q", beginning, steps)
		}
		return i
	}
	for _, x := range []string{"one", "two"} {
		for _, pair := range [][2]string{
			{x + " started", "module"}, {"module", x + " ready"}, {x + " started", x + " registered 200"}, {x + " ready", "handler"},
		} {
			// "registered" is said after the call, so it may come after the module's step.
			if at(pair[0]) > at(pair[1]) {
				t.Errorf("%q comes after %q in %q", pair[0], pair[1], steps)
			}
		}
	}
	s.call(t, name, `{}`)
	s.waitLog(t, name, " goodbye")
	streams := s.streams(t, "/aws/lambda/"+name)
	if len(streams) != 1 {
		t.Fatalf("%d log streams for one environment", len(streams))
	}
	log := streams[0].text()
	inOrder(t, log, "INIT_START Runtime Version: python:3.11.", "START RequestId", "END RequestId", "REPORT RequestId",
		"START RequestId", "REPORT RequestId", " SHUTDOWN spindown", " goodbye")
	for _, x := range []string{"one", "two"} {
		want := "EXTENSION\tName: " + x + "\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n"
		if !strings.Contains(log, want) || strings.Index(log, want) > strings.Index(log, "START RequestId") {
			t.Errorf("no %q before START:\n%s", want, log)
		}
	}
}

// inOrder checks that the texts are found one after another.
func inOrder(t *testing.T, in string, texts ...string) {
	t.Helper()
	rest := in
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Errorf("no %q in its place (of %q) in:\n%s", text, texts, in)
			return
		}
		rest = after
	}
}

// TestInitCodeRunsOnce is S4, S11 and S23: code at module level runs once for
// each environment and nothing else does before the first event; what belongs
// to an invocation is gone with it.
func TestInitCodeRunsOnce(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		name := s.deploy(t, function{code: `
print("at module level")
seen = []
def init(*args):
    print("an init handler")
def handler(event, context):
    before = "local" in locals()
    local = event["value"]
    seen.append(local)
    return [before, local, seen]
`})
		var got []any
		s.call(t, name, `{"value": "a"}`).into(t, &got)
		s.call(t, name, `{"value": "b"}`).into(t, &got)
		if fmt.Sprint(got) != "[false b [a b]]" {
			t.Errorf("second invocation: %v", got)
		}
		s.waitLog(t, name, "REPORT")
		log := s.log(t, name)
		if n := strings.Count(log, "at module level\n"); n != 1 || strings.Contains(log, "an init handler") {
			t.Errorf("module code ran %d times:\n%s", n, log)
		}
	})
}

// TestNoEnvironmentBeforeTheFirstEvent is S7: an on-demand function gets its
// environment with its first invocation.
func TestNoEnvironmentBeforeTheFirstEvent(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: "def handler(event, context):\n    return 1"})
	if got := s.streams(t, "/aws/lambda/"+name); len(got) != 0 {
		t.Errorf("log streams before the first invocation: %v", got)
	}
	r := s.call(t, name, `{}`)
	if !r.cold() {
		t.Errorf("the first invocation has no Init Duration:\n%s", r.log)
	}
	s.waitLog(t, name, "REPORT RequestId")
	if got := s.streams(t, "/aws/lambda/"+name); len(got) != 1 {
		t.Errorf("%d log streams after it", len(got))
	}
}

// TestInitIsMeasuredAndBilled is S9, S12 and S72: a cold start's REPORT shows
// what Init took and bills it; a warm one's does not.
func TestInitIsMeasuredAndBilled(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		name := s.deploy(t, function{memory: 512, code: `
import time
time.sleep(0.4)
def handler(event, context):
    time.sleep(0.1)
`})
		cold, warm := s.call(t, name, `{}`).report(t), s.call(t, name, `{}`).report(t)
		if cold.init < 400 || cold.duration < 100 {
			t.Errorf("an Init of 400 ms and an invocation of 100 ms: %s", cold.whole)
		}
		if want := cold.duration + cold.init; math.Abs(float64(cold.billed)-math.Ceil(want)) > 1 {
			t.Errorf("billed %d ms, want %.2f rounded up: %s", cold.billed, want, cold.whole)
		}
		if warm.init != 0 || warm.duration < 100 || math.Abs(float64(warm.billed)-math.Ceil(warm.duration)) > 1 {
			t.Errorf("warm: %s", warm.whole)
		}
		for _, r := range []report{cold, warm} {
			if r.memory != 512 || r.used < 1 || r.used > 512 || r.status != "" {
				t.Errorf("%s", r.whole)
			}
		}
	})
}

// TestExtensionsHoldInit is S5: Init lasts until every extension is ready.
func TestExtensionsHoldInit(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: orderCode, layers: []string{s.extensionLayer(t, "slow")}, env: map[string]string{"EXTENSION": "slow-init"}})
	r := s.call(t, name, `{}`)
	var steps []string
	r.into(t, &steps)
	if !slices.Contains(steps, "slow ready") {
		t.Errorf("the handler ran before the extension was ready: %q", steps)
	}
	if init := r.report(t).init; init < 700 {
		t.Errorf("Init took %.2f ms, the extension alone 700:\n%s", init, r.log)
	}
}

// failing is a function whose environment cannot start.
type failing struct {
	name     string
	function function
	payload  string   // a pattern
	log      []string // patterns
}

// bootstrapless is what a custom runtime without a bootstrap gives.
const bootstrapless = `^{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: ` + uuid +
	` Error: Couldn't find valid bootstrap\(s\): \[/var/task/bootstrap /opt/bootstrap\]"}$`

func failures() []failing {
	initReports := func(status string) []string {
		return []string{
			`(?m)^INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\tStatus: ` + status + `$`,
			`(?m)^INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: invoke\tStatus: ` + status + `$`,
		}
	}
	return []failing{
		{
			name: "import error", function: function{code: "import nowhere"},
			payload: `^{"errorMessage": "Unable to import module 'index': No module named 'nowhere'", "errorType": "Runtime.ImportModuleError", "requestId": "", "stackTrace": \[\]}$`,
			log: append(initReports(`error\tError Type: Runtime.ImportModuleError`),
				`(?s)\[ERROR\] Runtime.ImportModuleError: Unable to import module 'index': No module named 'nowhere'.*\[ERROR\] Runtime.ImportModuleError: Unable`),
		},
		{
			name: "no such handler", function: function{code: "x = 1"},
			payload: `^{"errorMessage": "Handler 'handler' missing on module 'index'", "errorType": "Runtime.HandlerNotFound", "requestId": "", "stackTrace": \[\]}$`,
			log:     initReports(`error\tError Type: Runtime.HandlerNotFound`),
		},
		{
			name: "bad handler name", function: function{code: "x = 1", handler: "handler"},
			payload: `"errorType": "Runtime.MalformedHandlerName"`,
			log:     initReports(`error\tError Type: Runtime.MalformedHandlerName`),
		},
		{
			name: "syntax error", function: function{code: "def handler(:"},
			payload: `"errorType": "Runtime.UserCodeSyntaxError"`,
			log:     initReports(`error\tError Type: Runtime.UserCodeSyntaxError`),
		},
		{
			name: "exit while loading", function: function{code: "import os\nos._exit(4)"},
			payload: `^{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + uuid + ` Error: Runtime exited with error: exit status 4"}$`,
			log:     initReports(`error\tError Type: Runtime.ExitError`),
		},
		{
			name: "node import error", function: function{runtime: "nodejs20.x", code: `require("nowhere")`},
			payload: `"errorType":"Runtime.ImportModuleError"`,
			log:     initReports(`error\tError Type: Runtime.ImportModuleError`),
		},
		{
			name: "no bootstrap", function: function{runtime: "provided.al2023", files: map[string]string{"other": "x"}},
			payload: bootstrapless, log: initReports(`error\tError Type: Runtime.InvalidEntrypoint`),
		},
		{
			name: "init error of a custom runtime", function: function{runtime: "provided.al2023", env: map[string]string{"TEST_INIT": "error"}},
			payload: `^{"errorMessage":"not today","errorType":"Mine.NotToday"}$`,
			log:     initReports(`error\tError Type: Runtime.NotToday`),
		},
		{
			name: "missing wrapper", function: function{code: "x = 1", env: map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/nowhere"}},
			payload: `^{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + uuid + ` Error: Runtime exited with error: exit status 127"}$`,
			log:     initReports(`error\tError Type: Runtime.ExitError`),
		},
	}
}

// TestFailedInit is S6 and S19: what cannot start is tried again inside the first
// invocation, and the caller is told what the second try said.
func TestFailedInit(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, c := range failures() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := c.function
			f.timeout = 20
			if f.env["TEST_INIT"] != "" {
				f.code = program(t, "bootstrap")
			}
			name := s.deploy(t, f)
			r := s.call(t, name, `{}`)
			if r.fault != "Unhandled" || !regexp.MustCompile(c.payload).MatchString(r.payload) {
				t.Errorf("payload %s (%s), want %s", r.payload, r.fault, c.payload)
			}
			log := s.waitLog(t, name, "REPORT RequestId")
			for _, want := range c.log {
				if !regexp.MustCompile(want).MatchString(log) {
					t.Errorf("no %s in\n%s", want, log)
				}
			}
			if rep := r.report(t); rep.init != 0 || rep.status != "error" {
				t.Errorf("an Init inside the invocation is no Init Duration: %s", rep.whole)
			}
			if n := strings.Count(log, "INIT_START Runtime"); n > 1 {
				t.Errorf("%d INIT_START lines", n)
			}
		})
	}
}

// TestJSONInitReport is S6 in the JSON log format.
func TestJSONInitReport(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{
		code: "import nowhere", logging: &types.LoggingConfig{LogFormat: types.LogFormatJson},
	})
	s.call(t, name, `{}`)
	log := s.waitLog(t, name, `"type":"platform.report"`)
	want := regexp.MustCompile(`{"time":"[^"]+","type":"platform.initReport","record":{"initializationType":"on-demand","phase":"init","status":"error","errorType":"Runtime.ImportModuleError","metrics":{"durationMs":[\d.]+}`)
	if !want.MatchString(log) {
		t.Errorf("no %s in\n%s", want, log)
	}
}
