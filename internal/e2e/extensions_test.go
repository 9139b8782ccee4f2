package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// extended is a function with one external extension, in words of testprog/extension.
func (s *server) extended(t *testing.T, words, events string, f function) string {
	t.Helper()
	if f.env == nil {
		f.env = map[string]string{}
	}
	f.env["EXTENSION"], f.env["EXTENSION_EVENTS"] = words, events
	f.layers = append(f.layers, s.extensionLayer(t, "agent"))
	if f.timeout == 0 {
		f.timeout = 20
	}
	return s.deploy(t, f)
}

// TestExtensionsHearOfInvocations is S13, S41 and S47: the extensions that asked
// for INVOKE get an event with each invocation, and the others none.
func TestExtensionsHearOfInvocations(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{
		timeout: 20, layers: []string{s.extensionLayer(t, "keen", "quiet")},
		env:  map[string]string{"EXTENSION_EVENTS_keen": "INVOKE", "EXTENSION_EVENTS_quiet": ""},
		code: "def handler(event, context):\n    return [context.aws_request_id, context.invoked_function_arn]",
	})
	for range 2 {
		var got []string
		s.call(t, name, `{}`).into(t, &got)
		s.waitLog(t, name, fmt.Sprintf("keen INVOKE %s %s left 1", got[0], got[1])) // of 20 s, 19 and some or 20
	}
	log := s.log(t, name)
	if n := strings.Count(log, "keen INVOKE"); n != 2 || strings.Contains(log, "quiet INVOKE") {
		t.Errorf("%d events:\n%s", n, log)
	}
	want := regexp.MustCompile(`keen registered 200 {"functionName":"` + name + `","functionVersion":"\$LATEST","handler":"index.handler","accountId":"000000000000"}`)
	if !want.MatchString(log) {
		t.Errorf("no %s in\n%s", want, log)
	}
}

// TestExtensionOutlastsTheAnswer is S16, S17 and S44: the caller has the answer
// while an extension still works; the invocation lasts until it is done, and the
// next one begins after that.
func TestExtensionOutlastsTheAnswer(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.extended(t, "late", "INVOKE", function{code: orderCode})
	s.call(t, name, `{}`)
	began := time.Now()
	answered := make(chan time.Duration, 1)
	var steps []string
	go func() {
		defer func() { answered <- time.Since(began) }()
		_, _ = s.raw(t, name, `{}`)
	}()
	<-answered
	r := s.call(t, name, `{}`)
	r.into(t, &steps)
	// Each handler's step comes after the extension was done with the invocation before.
	var done int
	for i, step := range steps {
		switch {
		case strings.HasPrefix(step, "agent is done"):
			done++
		case step == "handler":
			if handled := count(steps[:i], "handler"); done < handled {
				t.Errorf("invocation %d began while the extension was at work: %q", handled+1, steps)
			}
		}
	}
	if got := r.report(t); got.duration < 700 {
		t.Errorf("the extension's 700 ms are not in the Duration: %s", got.whole)
	}
}

func count(all []string, one string) int {
	n := 0
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}

// TestAnswerComesBeforeExtensionsAreDone is S16: without a log tail the caller
// does not wait for the extension.
func TestAnswerComesBeforeExtensionsAreDone(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.extended(t, "hang-at-invoke", "INVOKE", function{timeout: 6, code: "def handler(event, context):\n    return 'early'"})
	payload, fault := s.raw(t, name, `{}`)
	if string(payload) != `"early"` || fault != "" {
		t.Errorf("got %s %s", payload, fault)
	}
	if log := s.log(t, name); strings.Contains(log, "REPORT") {
		t.Errorf("the invocation is over although an extension hangs:\n%s", log)
	}
	// S15: the timeout is for runtime and extensions together.
	log := s.waitLog(t, name, "REPORT RequestId")
	if r := reports(t, log); len(r) != 1 || r[0].status != "timeout" || r[0].duration < 6000 {
		t.Errorf("reports: %+v", r)
	}
}

// TestFailingExtensions is S18: what becomes of an invocation whose extension fails.
func TestFailingExtensions(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, c := range []struct{ name, words, payload, log string }{
		{"exits while loading", "exit-at-init", `^{"errorType":"Extension.Crash","errorMessage":"RequestId: ` + uuid + ` Error: exit status 7"}$`,
			`INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: error\tError Type: Extension.Crash`},
		{"ends while loading", "end-at-init", `^{"errorType":"Extension.Crash","errorMessage":"RequestId: ` + uuid + ` Error: exit code 0"}$`,
			`INIT_REPORT .*Phase: invoke\tStatus: error\tError Type: Extension.Crash`},
		{"exits before it registers", "exit-at-start", `"errorType":"Extension.Crash"`, `INIT_REPORT .*Error Type: Extension.Crash`},
		{"says that it cannot start", "fail-at-init", `^{"errorType":"Extension.InitError","errorMessage":"RequestId: ` + uuid + ` Error: exit status 1"}$`,
			`agent told init/error: 202 {"status":"OK"}`},
		{"exits in an invocation", "exit-at-invoke", `^{"errorType":"Extension.Crash","errorMessage":"RequestId: ` + uuid + ` Error: exit status 7"}$`,
			`REPORT RequestId: .*Status: error\tError Type: Extension.Crash`},
		{"says that it must exit", "fail-at-invoke", `^{"errorType":"Extension.ExitError","errorMessage":"RequestId: ` + uuid + ` Error: exit status 1"}$`,
			`agent told exit/error: 202 {"status":"OK"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// The function does not answer before the extension is gone.
			name := s.extended(t, c.words, "INVOKE,SHUTDOWN", function{timeout: 12, code: `
import time
def handler(event, context):
    time.sleep(11)
`})
			r := s.call(t, name, `{}`)
			if r.fault != "Unhandled" || !regexp.MustCompile(c.payload).MatchString(r.payload) {
				t.Errorf("payload %s (%s), want %s", r.payload, r.fault, c.payload)
			}
			log := s.waitLog(t, name, "REPORT RequestId")
			if !regexp.MustCompile(c.log).MatchString(log) {
				t.Errorf("no %s in\n%s", c.log, log)
			}
		})
	}
}

// TestExtensionHearsWhy is S18 and the end of S95: after a crash and after a
// timeout the runtime is gone first, and extensions that asked for it hear why.
func TestExtensionHearsWhy(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		name := s.extended(t, "", "INVOKE,SHUTDOWN", function{timeout: 2, code: `
import os, time
print("module")
def handler(event, context):
    if event == "crash": os._exit(3)
    if event == "sleep": time.sleep(60)
    return event
`})
		if r := s.call(t, name, `"crash"`); !strings.Contains(r.payload, "Runtime.ExitError") {
			t.Errorf("crash: %+v", r)
		}
		s.waitLog(t, name, "agent SHUTDOWN failure left ")
		if r := s.call(t, name, `"sleep"`); !strings.Contains(r.payload, "Sandbox.Timedout") {
			t.Errorf("sleep: %+v", r)
		}
		log := s.waitLog(t, name, "agent SHUTDOWN timeout left ")
		// S19: in an environment everything starts anew after each of them.
		if r := s.call(t, name, `"well"`); r.payload != `"well"` {
			t.Errorf("well: %+v", r)
		}
		for _, one := range s.streams(t, "/aws/lambda/"+name) {
			started, ended := strings.Count(one.text(), "agent started\n"), strings.Count(one.text(), "agent SHUTDOWN ")
			if started-ended != 0 && started-ended != 1 {
				t.Errorf("the extension started %d times and was told to end %d times:\n%s", started, ended, one.text())
			}
		}
		for _, m := range regexp.MustCompile(`agent SHUTDOWN \w+ left (-?\d+)`).FindAllStringSubmatch(log, -1) {
			if left := decimal(t, m[1]); left > 2000 {
				t.Errorf("%s ms for a shutdown", m[1])
			}
		}
	})
}

// TestExtensionsShareTheEnvironment is S43: extensions are processes of their own
// that share the function's files, user and variables, but for the runtime's.
func TestExtensionsShareTheEnvironment(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.extended(t, "variables", "", function{env: map[string]string{"MINE": "is yours"}, code: `
import os
def handler(event, context):
    return dict(os.environ)
`})
	var function map[string]string
	s.call(t, name, `{}`).into(t, &function)
	log := s.waitLog(t, name, "agent variables ")
	var list []string
	text, _, _ := strings.Cut(log[strings.Index(log, "agent variables ")+len("agent variables "):], "\n")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	extension := map[string]string{}
	for _, pair := range list {
		k, v, _ := strings.Cut(pair, "=")
		extension[k] = v
	}
	for _, k := range []string{
		"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING",
		"AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "_HANDLER",
	} {
		if v, has := extension[k]; has {
			t.Errorf("the extension sees %s=%s", k, v)
		}
		if _, has := function[k]; !has {
			t.Errorf("the function does not see %s", k)
		}
	}
	for _, k := range []string{
		"MINE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_LAMBDA_RUNTIME_API",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_INITIALIZATION_TYPE",
	} {
		if extension[k] != function[k] || extension[k] == "" {
			t.Errorf("%s is %q to the extension and %q to the function", k, extension[k], function[k])
		}
	}
}

// TestExtensionUsesTheFunctionsMemory is S45.
func TestExtensionUsesTheFunctionsMemory(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := "def handler(event, context):\n    return 1"
	with := s.extended(t, "memory", "", function{memory: 256, code: code})
	used := s.call(t, with, `{}`).report(t).used
	if used < 60 {
		t.Errorf("Max Memory Used is %d MB, the extension alone holds 60", used)
	}
}

// TestElevenExtensionsAreTooMany: ten are AWS's limit.
func TestElevenExtensionsAreTooMany(t *testing.T) {
	t.Parallel()
	s := start(t)
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprintf("x%02d", i))
	}
	code := "def handler(event, context):\n    return 1"
	ten := s.deploy(t, function{code: code, memory: 512, timeout: 20, layers: []string{s.extensionLayer(t, names...)}})
	if r := s.call(t, ten, `{}`); r.payload != "1" {
		t.Errorf("ten extensions: %+v", r)
	}
}

// TestTelemetryReachesExtensions is S42 and S82: an extension that subscribed
// gets what the platform did and what the function wrote.
func TestTelemetryReachesExtensions(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.extended(t, "telemetry", "INVOKE,SHUTDOWN", function{code: "import time\ndef handler(event, context):\n    print('hello telemetry')\n    time.sleep(event)\n    return 1"})
	if r := s.call(t, name, `0`); r.payload != "1" {
		t.Fatalf("%+v", r)
	}
	s.waitLog(t, name, "agent subscribed 200 \"OK\"")
	s.call(t, name, `0.5`) // thaws for long enough, so that the rest of the first is delivered
	log := s.waitLog(t, name, `"type":"platform.report"`)
	for _, kind := range []string{"platform.initStart", "platform.initRuntimeDone", "platform.initReport", "platform.start", "platform.runtimeDone", "platform.report", "function"} {
		if !strings.Contains(log, `"type":"`+kind+`"`) {
			t.Errorf("no %s:\n%s", kind, log)
		}
	}
	if !regexp.MustCompile(`agent telemetry {"time":"[^"]+","type":"function","record":"hello telemetry\\n"}`).MatchString(log) {
		t.Errorf("not the function's line:\n%s", log)
	}
	inOrder(t, log, "TELEMETRY\tName: agent\tState: Subscribed\tTypes: [Platform, Function]", "START RequestId")
}

// TestInternalExtension is S44: one that registers in the runtime's own process
// gets INVOKE and may not ask for SHUTDOWN.
func TestInternalExtension(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{timeout: 20, code: insideCode + `
status, text, ident = call("POST", "register", {"events": ["SHUTDOWN"]}, {"Lambda-Extension-Name": "greedy"})
refused = [status, json.loads(text)["errorType"]]
status, text, ident = call("POST", "register", {"events": ["INVOKE"]}, {"Lambda-Extension-Name": "inside"})
seen = []
follow(ident, seen)
def handler(event, context):
    while not any(e["requestId"] == context.aws_request_id for e in seen): pass
    return [refused, [e["eventType"] for e in seen]]
`})
	var got []any
	s.call(t, name, `{}`).into(t, &got)
	s.call(t, name, `{}`).into(t, &got)
	if want := "[[403 Extension.InvalidEventType] [INVOKE INVOKE]]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// insideCode lets Python code be an internal extension.
const insideCode = `
import http.client, json, os, signal, sys, threading
def call(method, path, body=None, headers={}):
    c = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    c.request(method, "/2020-01-01/extension/" + path, json.dumps(body) if body is not None else None, headers)
    r = c.getresponse()
    return r.status, r.read().decode(), r.getheader("Lambda-Extension-Identifier")
def follow(ident, seen):
    def loop():
        while True:
            status, text, _ = call("GET", "event/next", None, {"Lambda-Extension-Identifier": ident})
            seen.append(json.loads(text))
    threading.Thread(target=loop, daemon=True).start()
`

// TestLateRegistrationIsRefused: the door closes with the runtime's first Next.
func TestLateRegistrationIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: insideCode + `
def handler(event, context):
    status, text, ident = call("POST", "register", {"events": ["INVOKE"]}, {"Lambda-Extension-Name": "late"})
    return [status, json.loads(text)["errorType"]]
`})
	var got []any
	s.call(t, name, `{}`).into(t, &got)
	if !slices.Equal(got, []any{403.0, "Extension.RegistrationClosed"}) {
		t.Errorf("got %v", got)
	}
}
