package python

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// TestException is F246.
func TestException(t *testing.T) {
	t.Parallel()
	const source = `
class CustomException(Exception): pass
def deeper():
    raise CustomException("some error occurred")
def handler(event, context):
    deeper()
`
	each(t, func(t *testing.T, f runtimes.Found) {
		for _, framed := range []bool{false, true} {
			o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(source), Framed: framed, Events: []runtimetest.Event{{}, {ID: "second"}}})
			request := `"requestId": "id-1", `
			if f.Runtime == "python3.8" {
				request = ""
			}
			body := `{"errorMessage": "some error occurred", "errorType": "CustomException", ` + request + `"stackTrace": ["  File \"{task}/app.py\", line 6, in handler\n    deeper()\n", "  File \"{task}/app.py\", line 4, in deeper\n    raise CustomException(\"some error occurred\")\n"]}`
			body = strings.ReplaceAll(body, "{task}", o.Task)
			if len(o.Answers) != 2 || o.Answers[0].Path != "invocation/id-1/error" || o.Answers[1].Path != "invocation/second/error" || o.Answers[0].Body != body {
				t.Fatalf("answers %+v, want %s", o.Answers, body)
			}
			event := "[ERROR] CustomException: some error occurred\nTraceback (most recent call last):\n\u00a0\u00a0File \"{task}/app.py\", line 6, in handler\n\u00a0\u00a0\u00a0\u00a0deeper()\n\u00a0\u00a0File \"{task}/app.py\", line 4, in deeper\n\u00a0\u00a0\u00a0\u00a0raise CustomException(\"some error occurred\")"
			event = strings.ReplaceAll(event, "{task}", o.Task)
			if framed {
				if len(o.Frames) != 2 || o.Frames[0].Text != event || o.Frames[0].Type != 0xa55a0017 || o.Stdout != "" {
					t.Errorf("frames %+v, want %q", o.Frames, event)
				}
				continue
			}
			event = strings.ReplaceAll(event, "\n", "\r") + "\n"
			if o.Stdout != event+event {
				t.Errorf("stdout %q, want twice %q", o.Stdout, event)
			}
			cause := o.Answers[0].Header.Get("Lambda-Runtime-Function-Xray-Error-Cause")
			var x struct {
				Exceptions []struct{ Message, Type string }
				Paths      []string
			}
			if json.Unmarshal([]byte(cause), &x) != nil || len(x.Exceptions) != 1 || x.Exceptions[0].Type != "CustomException" || len(x.Paths) != 1 {
				t.Errorf("cause %q", cause)
			}
		}
	})
}

// ends are handlers that end the process instead of answering.
var ends = []struct{ source, exit, stderr string }{
	{"import sys\ndef handler(e, c): sys.exit(7)", "exit status 7", ""},
	{"def handler(e, c): exit()", "exit status 0", ""},
	{"import os\ndef handler(e, c): os._exit(9)", "exit status 9", ""},
	{"import os\ndef handler(e, c): os.kill(os.getpid(), 9)", "signal: killed", ""},
	{"class Odd(BaseException): pass\ndef handler(e, c): raise Odd('why')", "exit status 1", "Odd: why"},
	{"import signal, os\ndef handler(e, c): os.kill(os.getpid(), signal.SIGTERM)", "signal: terminated", ""},
}

func TestEnds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		for _, c := range ends {
			o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(c.source)})
			if !o.Exited || o.Exit != c.exit || len(o.Answers) != 0 || !strings.Contains(o.Stderr, c.stderr) {
				t.Errorf("%q: %s, %+v, stderr %q; want %s", c.source, o.Exit, o.Answers, o.Stderr, c.exit)
			}
		}
	})
}

// TestContext is F240.
func TestContext(t *testing.T) {
	t.Parallel()
	const source = `
def handler(e, c):
    cc, i = c.client_context, c.identity
    return [c.aws_request_id, c.log_group_name, c.log_stream_name, c.function_name, c.memory_limit_in_mb, c.function_version,
            c.invoked_function_arn, c.tenant_id, cc and [cc.custom, cc.env, cc.client and cc.client.app_title],
            [i.cognito_identity_id, i.cognito_identity_pool_id], c.get_remaining_time_in_millis() > 1000, c._epoch_deadline_time_in_ms]
`
	each(t, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(source), Events: []runtimetest.Event{{}, {Header: map[string]string{
			"Lambda-Runtime-Client-Context":   `{"custom": {"k": "v"}, "env": {"e": 1}, "client": {"app_title": "t"}}`,
			"Lambda-Runtime-Cognito-Identity": `{"cognitoIdentityId": "id", "cognitoIdentityPoolId": "pool"}`,
			"Lambda-Runtime-Aws-Tenant-Id":    "blue",
			"Lambda-Runtime-Deadline-Ms":      "1000",
		}}, {Header: map[string]string{"Lambda-Runtime-Client-Context": "{"}}}})
		const same = `"/aws/lambda/test", "2026/01/01/[$LATEST]0", "test", "512", "$LATEST", "arn:aws:lambda:us-east-1:123456789012:function:test", `
		want := []string{
			`["id-1", ` + same + `null, null, [null, null], true, 4102444800000]`,
			`["id-2", ` + same + `"blue", [{"k": "v"}, {"e": 1}, "t"], ["id", "pool"], false, 1000]`,
		}
		if len(o.Answers) != 3 || o.Answers[0].Body != want[0] || o.Answers[1].Body != want[1] {
			t.Fatalf("answers %+v, want %s", o.Answers, want)
		}
		got := parse(t, o.Answers[2].Body)
		if got.Type != "Runtime.LambdaContextUnmarshalError" || !strings.HasPrefix(got.Message, "Unable to parse Client Context JSON: Expecting property name enclosed in double quotes") {
			t.Errorf("broken client context: %+v", got)
		}
	})
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	const source = `
from decimal import Decimal
def handler(e, c):
    if e == "bytes": return b"\x00\xff"
    if e == "async": return coro()
    if e == "decimal": return {"n": Decimal("1.10")}
    if e == "set": return {1}
    return e
async def coro(): pass
`
	big := `"` + strings.Repeat("é", 3<<20) + `"`
	each(t, func(t *testing.T, f runtimes.Found) {
		plain := runtimes.CompareVersions(string(f.Runtime), "python3.12") >= 0
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(source), Events: []runtimetest.Event{
			{Payload: `"bytes"`}, {Payload: `"async"`}, {Payload: `"decimal"`}, {Payload: `"set"`}, {Payload: " [1, {\"a\": \"\u00e9\"}]\n"},
			{Payload: `{`}, {Payload: `nope`}, {Payload: "x y", Header: map[string]string{"Content-Type": "text/plain"}}, {Payload: big},
			{Header: map[string]string{"Lambda-Runtime-Invocation-Id": "attempt-7"}},
		}})
		if len(o.Answers) != 10 {
			t.Fatalf("%s after %d answers: %s %s", o.Exit, len(o.Answers), o.Stdout, o.Stderr)
		}
		check := func(n int, kind, body string) {
			t.Helper()
			a := o.Answers[n]
			if a.Header.Get("Content-Type") != kind || a.Body != body {
				t.Errorf("event %d: %s %.200q, want %s %.200q", n, a.Header.Get("Content-Type"), a.Body, kind, body)
			}
		}
		checkFault := func(n int, kind, message string) {
			t.Helper()
			if got := parse(t, o.Answers[n].Body); got.Type != kind || !strings.HasPrefix(got.Message, message) {
				t.Errorf("event %d: %+v, want %s: %s", n, got, kind, message)
			}
		}
		check(0, "application/unknown", "\x00\xff")
		checkFault(1, "Runtime.MarshalError", "Unable to marshal response: Object of type coroutine is not JSON serializable")
		check(2, "application/json", `{"n": 1.10}`)
		checkFault(3, "Runtime.MarshalError", "Unable to marshal response: Object of type set is not JSON serializable")
		checkFault(5, "Runtime.UnmarshalError", "Unable to unmarshal input: Expecting property name enclosed in double quotes")
		checkFault(6, "Runtime.UnmarshalError", "Unable to unmarshal input: Expecting value: line 1 column 1 (char 0)")
		check(7, "application/unknown", "x y")
		if plain {
			check(4, "application/json", `[1, {"a": "é"}]`)
			check(8, "application/json", big)
		} else {
			check(4, "application/json", `[1, {"a": "\u00e9"}]`)
			check(8, "application/json", strings.ReplaceAll(big, "é", `\u00e9`))
		}
		if got := o.Answers[9].Header.Get("Lambda-Runtime-Invocation-Id"); got != "attempt-7" {
			t.Errorf("Lambda-Runtime-Invocation-Id %q, want it echoed", got)
		}
	})
}

const logs = `
import logging, sys
def handler(e, c):
    print("plain é", flush=False)
    log = logging.getLogger()
    logging.basicConfig(level="DEBUG")
    log.debug("debug")
    log.info("info %s", 1)
    log.warning("warn\nsecond")
    c.log("raw\n")
    logging.getLogger("mine").error("err", extra={"key": 5})
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("oops")
    print("end", file=sys.stderr)
`

// stamp hides what differs from run to run.
var stamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z`)

func TestTextLogs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(logs)})
		want := "plain é\n[WARNING]\tT\tid-1\twarn\nsecond\nraw\n[ERROR]\tT\tid-1\terr\n[ERROR]\tT\tid-1\toops\nTraceback (most recent call last):\n"
		got := stamp.ReplaceAllString(o.Stdout, "T")
		if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "\nZeroDivisionError: division by zero") || o.Stderr != "end\n" {
			t.Errorf("stdout %q, want at its start %q; stderr %q", got, want, o.Stderr)
		}
	})
}

func TestFramedLogs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		job := runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(logs), Framed: true}
		o := runtimetest.Run(t, job)
		want := []string{"a55a0003 [WARNING]\tT\tid-1\twarn\nsecond\n", "a55a0003 raw\n", "a55a0003 [ERROR]\tT\tid-1\terr\n", "a55a0003 [ERROR]\tT\tid-1\toops\nTraceback"}
		checkFrames(t, "default", o, want)

		job.Env = []lambda.Variable{{Name: "AWS_LAMBDA_LOG_LEVEL", Value: "INFO"}}
		o = runtimetest.Run(t, job)
		want = []string{"a55a000f [INFO]\tT\tid-1\tinfo 1\n", "a55a0013 [WARNING]\tT\tid-1\twarn\nsecond\n", "a55a0003 raw\n", "a55a0017 [ERROR]\tT\tid-1\terr\n", "a55a0017 [ERROR]\tT\tid-1\toops\nTraceback"}
		checkFrames(t, "INFO", o, want)

		job.Env = []lambda.Variable{{Name: "AWS_LAMBDA_LOG_LEVEL", Value: "TRACE"}, {Name: "AWS_LAMBDA_LOG_FORMAT", Value: "JSON"}}
		job.Events = []runtimetest.Event{{Header: map[string]string{"Lambda-Runtime-Aws-Tenant-Id": "blue"}}}
		o = runtimetest.Run(t, job)
		rest := `, "logger": "root", "requestId": "id-1", "tenantId": "blue"}` + "\n"
		want = []string{
			`a55a000a {"timestamp": "T", "level": "DEBUG", "message": "debug"` + rest,
			`a55a000e {"timestamp": "T", "level": "INFO", "message": "info 1"` + rest,
			`a55a0012 {"timestamp": "T", "level": "WARNING", "message": "warn\nsecond"` + rest,
			"a55a0003 raw\n",
			`a55a0016 {"timestamp": "T", "level": "ERROR", "message": "err", "logger": "mine", "requestId": "id-1", "tenantId": "blue", "key": 5}` + "\n",
			`a55a0016 {"timestamp": "T", "level": "ERROR", "message": "oops", "logger": "root", "stackTrace": ["  File `,
		}
		checkFrames(t, "JSON", o, want)
		last := o.Frames[len(o.Frames)-1].Text
		if !strings.HasSuffix(last, `, "errorType": "ZeroDivisionError", "errorMessage": "division by zero", "requestId": "id-1", "location": "`+o.Task+`/app.py:handler:15", "tenantId": "blue"}`+"\n") {
			t.Errorf("JSON: last frame %q", last)
		}
	})
}

// checkFrames compares frames with "type text"; the last may go on.
func checkFrames(t *testing.T, name string, o runtimetest.Outcome, want []string) {
	t.Helper()
	var got []string
	for _, frame := range o.Frames {
		got = append(got, fmt.Sprintf("%x %s", frame.Type, stamp.ReplaceAllString(frame.Text, "T")))
	}
	if len(got) != len(want) || o.Stdout != "plain é\n" {
		t.Fatalf("%s: frames %q, stdout %q; want %q; stderr %s", name, got, o.Stdout, want, o.Stderr)
	}
	for i := range want {
		if got[i] != want[i] && !(i == len(want)-1 && strings.HasPrefix(got[i], want[i])) {
			t.Errorf("%s: frame %d is %q, want %q", name, i, got[i], want[i])
		}
	}
}

func TestJSONErrorLog(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Framed: true, Task: app("def handler(e, c): raise Exception('é')"), Env: []lambda.Variable{{Name: "AWS_LAMBDA_LOG_FORMAT", Value: "JSON"}}})
		if len(o.Frames) != 1 || o.Frames[0].Type != 0xa55a0016 {
			t.Fatalf("frames %+v", o.Frames)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(o.Frames[0].Text), &got); err != nil || got["log_level"] != "ERROR" || got["errorMessage"] != "é" || got["errorType"] != "Exception" || got["timestamp"] == nil {
			t.Errorf("%v in %q", err, o.Frames[0].Text)
		}
	})
}

func TestInstrumentationSeams(t *testing.T) {
	t.Parallel()
	const source = `
import sys
b = sys.modules["__main__"].bootstrap
old, post = b.handle_event_request, b.LambdaRuntimeClient.post_invocation_result
seen = []
def handle(client, handler, *args, **kw):
    def wrapped(e, c):
        seen.append("handler")
        return handler(e, c)
    return old(client, wrapped, *args, **kw)
def post_result(*args, **kw):
    seen.append("post")
    return post(*args, **kw)
b.handle_event_request = handle
b.LambdaRuntimeClient.post_invocation_result = post_result
def handler(e, c): return seen
`
	each(t, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(source), Events: make([]runtimetest.Event, 2)})
		if len(o.Answers) != 2 || o.Answers[1].Body != `["handler", "post", "handler"]` {
			t.Errorf("answers %+v", o.Answers)
		}
	})
}

func TestConnections(t *testing.T) {
	t.Parallel()
	long := `"` + strings.Repeat("x", 1<<20) + `"`
	events := []runtimetest.Event{{Payload: `"abc"`}, {Payload: `"abcd"`, Chunked: true}, {Payload: long, Chunked: true}, {Payload: `""`}}
	each(t, func(t *testing.T, f runtimes.Found) {
		for _, closing := range []bool{false, true} {
			o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app("def handler(e, c): return len(e)"), Events: events, Close: closing})
			var got []string
			for _, a := range o.Answers {
				got = append(got, a.Body)
			}
			if strings.Join(got, " ") != "3 4 1048576 0" {
				t.Errorf("closing %v: %s, answers %q; %s %s", closing, o.Exit, got, o.Stdout, o.Stderr)
			}
		}
	})
}
