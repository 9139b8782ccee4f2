package e2e

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// TestColdThenWarm is S1, S8, S14, S22, S27 and F270: the first invocation starts an
// environment and the next ones find it, with all that it had made.
func TestColdThenWarm(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		name := s.deploy(t, function{code: `
import os, time, uuid
time.sleep(0.3)
ident = str(uuid.uuid4())
kept = open("/dev/null")
def handler(event, context):
    return {"event": event, "id": ident, "open": not kept.closed, "pid": os.getpid(), "request": context.aws_request_id}
`})
		type answer struct {
			Event   any
			ID      string
			Open    bool
			PID     int
			Request string
		}
		var first, now answer
		cold := s.call(t, name, `{"n": 0}`)
		cold.into(t, &first)
		if !cold.cold() || cold.report(t).init < 300 {
			t.Errorf("the first call is not cold:\n%s", cold.log)
		}
		for i := 1; i <= 3; i++ {
			r := s.call(t, name, fmt.Sprintf(`{"n": %d}`, i))
			r.into(t, &now)
			if now.ID != first.ID || now.PID != first.PID || !now.Open || now.Request == first.Request {
				t.Errorf("call %d: %+v after %+v", i, now, first)
			}
			if fmt.Sprint(now.Event) != fmt.Sprintf("map[n:%d]", i) {
				t.Errorf("event %v", now.Event)
			}
			if r.cold() || r.report(t).requestID != now.Request {
				t.Errorf("call %d:\n%s", i, r.log)
			}
		}
	})
}

// TestCustomRuntime is S40 and S49: a program that speaks the Runtime API with no
// client library is a runtime, and what it does wrong is refused.
func TestCustomRuntime(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		name := s.deploy(t, function{runtime: "provided.al2023", code: program(t, "bootstrap"), timeout: 20})
		for _, c := range []struct{ event, payload, fault string }{
			{`{"Do": "", "x": [1, "ä"]}`, `^{"event":{"Do":"","x":\[1,"ä"\]},"time":true}$`, ""},
			{`{"Do": "error", "Value": "{\"errorMessage\":\"mine\",\"extra\":7}"}`, `^{"errorMessage":"mine","extra":7}$`, "Unhandled"},
			{`{"Do": "wrong id"}`, `^"400 {\\"errorMessage\\":\\"Invalid request ID\\",\\"errorType\\":\\"InvalidRequestID\\"}"$`, ""},
			{`{"Do": "twice"}`, `^"first"$`, ""},
			{`{"Do": "headers"}`, `"Lambda-Runtime-Deadline-Ms":\["\d{13}"\],"Lambda-Runtime-Invocation-Id":\["` + uuid + `"\],"Lambda-Runtime-Invoked-Function-Arn":\["arn:aws:lambda:us-east-1:000000000000:function:` + name + `"\]`, ""},
		} {
			r := s.call(t, name, c.event)
			if r.fault != c.fault || !regexp.MustCompile(c.payload).MatchString(r.payload) {
				t.Errorf("%s: %s (%s), want %s (%s)\n%s", c.event, r.payload, r.fault, c.payload, c.fault, s.log(t, name))
			}
		}
		s.waitLog(t, name, `the second answer: 400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`)
		// The caller keeps a good answer although the runtime dies after it.
		payload, fault := s.raw(t, name, `{"Do": "answer and exit"}`)
		if string(payload) != `"done"` || fault != "" {
			t.Errorf("answer and exit: %s %s", payload, fault)
		}
		s.waitLog(t, name, "Status: error\tError Type: Runtime.ExitError")
		if r := s.call(t, name, `{}`); r.fault != "" {
			t.Errorf("after it: %+v", r)
		}
	})
}

// TestFaults is S18 and S20, and F238, F246, F251, F252, F255 and F269: what callers are told of invocations that go wrong,
// and that /tmp stays.
func TestFaults(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		name := s.deploy(t, function{timeout: 1, code: `
import ctypes, os, signal, sys, tempfile, time
fresh = True
note = os.path.join(tempfile.gettempdir(), "note")
class CustomException(Exception): pass
def handler(event, context):
    global fresh
    was, fresh = fresh, False
    what = event.get("do")
    if what: open(note, "a").write(what + "\n")
    if what == "raise": raise CustomException("some error occurred")
    if what == "sleep": time.sleep(30)
    if what == "exit 0": os._exit(0)
    if what == "sys.exit": sys.exit(0)
    if what == "exit 9": os._exit(9)
    if what == "segfault": os.kill(os.getpid(), signal.SIGSEGV)
    if what == "kill": os.kill(os.getpid(), signal.SIGKILL)
    if what == "bad json": return {1, 2}
    return {"fresh": was, "notes": open(note).read().split()[-1] if os.path.exists(note) else ""}
`})
		exit := func(text string) string {
			return `^{"errorType":"Runtime.ExitError","errorMessage":"RequestId: (` + uuid + `) Error: ` + text + `"}$`
		}
		for _, c := range []struct {
			do, payload, report string
			reset               bool
		}{
			{"raise", `^{"errorMessage": "some error occurred", "errorType": "CustomException", "requestId": "` + uuid + `", "stackTrace": \["  File \\".*/index.py\\", line \d+, in handler\\n    if what == \\"raise\\": raise CustomException\(\\"some error occurred\\"\)\\n"\]}$`, `MB\t(Init Duration: [\d.]+ ms\t)?$`, false},
			{"bad json", `^{"errorMessage": "Unable to marshal response: Object of type set is not JSON serializable", "errorType": "Runtime.MarshalError", "requestId": "` + uuid + `", "stackTrace": \[\]}$`, `MB\t$`, false},
			{"sleep", `^{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: (` + uuid + `) Error: Task timed out after 1.00 seconds"}$`, `Status: timeout$`, true},
			{"exit 0", exit("Runtime exited without providing a reason"), `Status: error\tError Type: Runtime.ExitError$`, true},
			{"sys.exit", exit("Runtime exited without providing a reason"), `Status: error\tError Type: Runtime.ExitError$`, true},
			{"exit 9", exit("Runtime exited with error: exit status 9"), `Status: error\tError Type: Runtime.ExitError$`, true},
			{"segfault", exit("Runtime exited with error: signal: segmentation fault"), `Status: error\tError Type: Runtime.ExitError$`, true},
			{"kill", exit("Runtime exited with error: signal: killed"), `Status: error\tError Type: Runtime.ExitError$`, true},
		} {
			r := s.call(t, name, fmt.Sprintf(`{"do": %q}`, c.do))
			if r.fault != "Unhandled" || r.version != "$LATEST" || !regexp.MustCompile(c.payload).MatchString(r.payload) {
				t.Errorf("%s: %s (%s), want %s", c.do, r.payload, r.fault, c.payload)
			}
			if !regexp.MustCompile(`(?m)^REPORT .*` + c.report).MatchString(r.log) {
				t.Errorf("%s: no %s in\n%s", c.do, c.report, r.log)
			}
			if m := regexp.MustCompile(c.payload).FindStringSubmatch(r.payload); len(m) > 1 && m[1] != r.report(t).requestID {
				t.Errorf("%s: the payload and REPORT are about different requests: %s\n%s", c.do, r.payload, r.log)
			}
			var after struct {
				Fresh bool
				Notes string
			}
			s.call(t, name, `{}`).into(t, &after)
			if after.Fresh != c.reset {
				t.Errorf("%s: fresh globals afterwards: %v", c.do, after.Fresh)
			}
			if last := strings.Fields(c.do); after.Notes != last[len(last)-1] {
				t.Errorf("%s: /tmp has %q afterwards", c.do, after.Notes)
			}
		}
	})
}

// TestTimeoutBoundsInitInsideInvocation is S6 and S19: the Init that follows a
// reset is on the function's time.
func TestTimeoutBoundsInitInsideInvocation(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{timeout: 1, code: `
import os, tempfile, time
mark = os.path.join(tempfile.gettempdir(), "mark")
if os.path.exists(mark): time.sleep(5)
open(mark, "w")
def handler(event, context):
    if event == "crash": os._exit(1)
    return "well"
`})
	s.call(t, name, `"crash"`)
	r := s.call(t, name, `{}`)
	if !strings.Contains(r.payload, "Task timed out after 1.00 seconds") || r.report(t).status != "timeout" {
		t.Errorf("%+v", r)
	}
}

// TestOneEventAtATime is S21 and S31: concurrent invocations each have an
// environment of their own, and each of those handles one event at a time.
func TestOneEventAtATime(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		const callers, rounds = 6, 3
		name := s.deploy(t, function{timeout: 20, code: `
import time, uuid
ident, inside, count = str(uuid.uuid4()), 0, 0
def handler(event, context):
    global inside, count
    inside += 1
    count += 1
    most = inside
    time.sleep(0.5)
    most = max(most, inside)
    inside -= 1
    return f"{ident} {event} {most}"
`})
		var mu sync.Mutex
		environments := map[string]int{}
		for range rounds {
			var wg sync.WaitGroup
			for i := range callers {
				wg.Go(func() {
					payload, fault := s.raw(t, name, fmt.Sprint(i))
					words := strings.Fields(strings.Trim(string(payload), `"`))
					if fault != "" || len(words) != 3 || words[1] != fmt.Sprint(i) || words[2] != "1" {
						t.Errorf("caller %d: %s %s", i, payload, fault)
						return
					}
					mu.Lock()
					environments[words[0]]++
					mu.Unlock()
				})
			}
			wg.Wait()
		}
		if n := len(environments); n < 2 || n > callers*rounds {
			t.Errorf("%d environments for %d callers at once", n, callers)
		}
		eventually(t, "all reports", func() bool { return len(reports(t, s.log(t, name))) == callers*rounds })
		if n := strings.Count(s.log(t, name), "Init Duration:"); n != len(environments) {
			t.Errorf("%d cold starts and %d environments", n, len(environments))
		}
	})
}

// TestInvocationTypes is DryRun, Event and the log tail as callers ask for them (F239).
func TestInvocationTypes(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: "def handler(event, context):\n    print('ran')\n    return context.client_context and context.client_context.custom"})
	dry, err := s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, InvocationType: types.InvocationTypeDryRun})
	if err != nil || dry.StatusCode != http.StatusNoContent {
		t.Errorf("DryRun: %+v, %v", dry, err)
	}
	if log := s.log(t, name); log != "" {
		t.Errorf("DryRun ran:\n%s", log)
	}
	client := base64.StdEncoding.EncodeToString([]byte(`{"custom": {"a": "b"}}`))
	out, err := s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, ClientContext: &client})
	if err != nil || string(out.Payload) != `{"a": "b"}` || out.LogResult != nil || out.StatusCode != http.StatusOK {
		t.Errorf("ClientContext: %+v, %v", out, err)
	}
	tail, err := s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, LogType: types.LogTypeTail, Qualifier: aws.String("$LATEST")})
	if err != nil || aws.ToString(tail.ExecutedVersion) != "$LATEST" || string(tail.Payload) != "null" {
		t.Errorf("Tail: %+v, %v", tail, err)
	}
	text, _ := base64.StdEncoding.DecodeString(aws.ToString(tail.LogResult)) // checked by its content
	if !regexp.MustCompile(`^START RequestId: ` + uuid + ` Version: \$LATEST\nran\nEND RequestId: ` + uuid + `\nREPORT RequestId: [^\n]*\t\n$`).Match(text) {
		t.Errorf("tail %q", text)
	}
	_, err = s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, InvocationType: types.InvocationTypeEvent})
	var refused smithy.APIError
	if err != nil && (!errors.As(err, &refused) || !strings.Contains(refused.ErrorMessage(), "Event")) {
		t.Errorf("Event: neither taken nor clearly refused: %v", err)
	}
}

// TestTailIsTheLastFourKilobytes: a longer log is cut at its beginning.
func TestTailIsTheLastFourKilobytes(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: "def handler(event, context):\n    for i in range(1000): print('line', i, 'x' * 20)"})
	r := s.call(t, name, `{}`)
	if len(r.log) > 4096 || len(r.log) < 3500 || !strings.Contains(r.log, "line 999 ") || strings.Contains(r.log, "line 1 ") || len(reports(t, r.log)) != 1 {
		t.Errorf("%d bytes:\n%s", len(r.log), r.log)
	}
}

// TestChangesWhileInvocationsRun is S28: an invocation in progress ends with the
// code that it began with, and the next ones get a new environment.
func TestChangesWhileInvocationsRun(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := func(what string) string {
		return fmt.Sprintf(`
import os, time
def handler(event, context):
    print("began")
    time.sleep(event)
    return %q + os.environ.get("MORE", "")
`, what)
	}
	name := s.deploy(t, function{timeout: 20, code: code("first")})
	running := make(chan string, 1)
	go func() {
		payload, _ := s.raw(t, name, "2")
		running <- string(payload)
	}()
	s.waitLog(t, name, "began")
	if _, err := s.client().UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{
		FunctionName: &name, ZipFile: zipOf(t, map[string]string{"index.py": code("second")}),
	}); err != nil {
		t.Fatalf("update code: %v", err)
	}
	s.waitUpdated(t, name)
	if r := s.call(t, name, "0"); r.payload != `"second"` || !r.cold() {
		t.Errorf("after new code: %+v", r)
	}
	if got := <-running; got != `"first"` {
		t.Errorf("the running invocation gave %s", got)
	}
	if _, err := s.client().UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &name, Environment: &types.Environment{Variables: map[string]string{"MORE": " and more"}},
	}); err != nil {
		t.Fatalf("update configuration: %v", err)
	}
	s.waitUpdated(t, name)
	if r := s.call(t, name, "0"); r.payload != `"second and more"` || !r.cold() {
		t.Errorf("after new settings: %+v", r)
	}
}

// TestDeleteWhileInvocationRuns is F085: it finishes, and then nothing is left.
func TestDeleteWhileInvocationRuns(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{timeout: 20, code: "import time\ndef handler(event, context):\n    print('began')\n    time.sleep(1)\n    return 'done'"})
	running := make(chan string, 1)
	go func() {
		payload, fault := s.raw(t, name, "2")
		running <- string(payload) + fault
	}()
	s.waitLog(t, name, "began")
	if _, err := s.client().DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: &name}); err != nil {
		t.Fatalf("delete: %v", err)
	}
	_, err := s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name})
	var gone *types.ResourceNotFoundException
	if !errors.As(err, &gone) {
		t.Errorf("invoke of a deleted function: %v", err)
	}
	if got := <-running; got != `"done"` {
		t.Errorf("the running invocation gave %s", got)
	}
}

// TestCallerGoesAway: whoever hangs up ends nobody's function.
func TestCallerGoesAway(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{timeout: 20, code: "import time\ndef handler(event, context):\n    print('began')\n    time.sleep(1)\n    print('went on')"})
	req, err := http.NewRequest(http.MethodPost, s.url+"/2015-03-31/functions/"+name+"/invocations", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req.WithContext(ctx))
		if err == nil {
			resp.Body.Close()
		}
		ended <- err
	}()
	s.waitLog(t, name, "began")
	hangUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the call ended with %v", err)
	}
	log := s.waitLog(t, name, "REPORT RequestId")
	if !strings.Contains(log, "went on\n") {
		t.Errorf("the function did not go on:\n%s", log)
	}
}
