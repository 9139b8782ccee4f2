package node

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// answers are handlers of any style and what the caller gets: a body, or an
// error as "type: message". An empty want means that the version has no such style.
var answers = []struct{ name, source, classic, modern string }{
	{"async", "exports.handler = async (e) => ({ got: e })", `{"got":{"a":1}}`, `{"got":{"a":1}}`},
	{"promise", "exports.handler = (e) => Promise.resolve([1])", `[1]`, `[1]`},
	{"thenable", "exports.handler = (e) => ({ then: (ok) => ok(7) })", `7`, `7`},
	{"undefined", "exports.handler = async () => {}", `null`, `null`},
	{"sync", "exports.handler = () => 5", `null`, `5`},
	{"function result", "exports.handler = async () => () => 1", `null`, `null`},
	{"callback", "exports.handler = (e, c, cb) => { setTimeout(() => cb(null, 'ok'), 5) }", `"ok"`, ""},
	{"callback without result", "exports.handler = (e, c, cb) => cb()", `null`, ""},
	{"callback twice", "exports.handler = (e, c, cb) => { cb(null, 1); cb(null, 2) }", `1`, ""},
	{"callback error", "exports.handler = (e, c, cb) => cb(new RangeError('no'))", "RangeError: no", ""},
	{"callback text", "exports.handler = (e, c, cb) => cb('no')", "string: no", ""},
	{"succeed", "exports.handler = (e, c) => { c.succeed({ a: 1 }) }", `{"a":1}`, "TypeError: c.succeed is not a function"},
	{"done", "exports.handler = (e, c) => { c.done(null, 2) }", `2`, "TypeError: c.done is not a function"},
	{"fail", "exports.handler = (e, c) => { c.fail(new Error('no')) }", "Error: no", "TypeError: c.fail is not a function"},
	{"fail with nothing", "exports.handler = (e, c) => { c.fail() }", "string: handled", "TypeError: c.fail is not a function"},
	{"waits for the loop", "exports.handler = (e, c, cb) => { const l = []; setTimeout(() => l.push('timer'), 20); cb(null, l) }", `["timer"]`, ""},
	{"does not wait", "exports.handler = (e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; const l = []; setTimeout(() => l.push('timer'), 20); cb(null, l) }", `[]`, ""},
	{"async does not wait", "exports.handler = async () => { const l = []; setTimeout(() => l.push('timer'), 20); return l }", `[]`, `[]`},
	{"never answers", "exports.handler = (e, c, cb) => {}", `null`, ""},
	{"throws", "exports.handler = () => { throw new TypeError('bad') }", "TypeError: bad", "TypeError: bad"},
	{"rejects", "exports.handler = async () => { throw new TypeError('bad') }", "TypeError: bad", "TypeError: bad"},
	{"rejects with text", "exports.handler = async () => { throw 'text' }", "string: text", "string: text"},
	{"rejects with nothing", "exports.handler = async () => { throw undefined }", "string: handled", "undefined: undefined"},
	{"rejects with an object", "exports.handler = async () => { throw { a: 1 } }", "object: [object Object]", "object: [object Object]"},
	{"own error", "class Mine extends Error { constructor(m) { super(m); this.name = 'Mine' } }\nexports.handler = async () => { throw new Mine('x\\x7f') }", "Mine: x%7F", "Mine: x%7F"},
	{"circular", "exports.handler = async () => { const a = {}; a.a = a; return a }", "Error: Unable to stringify response body", "Runtime.JSONStringifyError: Unable to stringify response body"},
	{"big integer", "exports.handler = (e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; cb(null, 1n) }", "Error: Unable to stringify response body", ""},
	{"text beyond ASCII", "exports.handler = async () => 'é\u2028😀'", "\"é\u2028😀\"", "\"é\u2028😀\""},
}

// together makes one handler of many, to save starts, and the events that call
// each of them twice. parameters are the handlers'.
func together(parameters string, sources []string) (string, []runtimetest.Event) {
	var events []runtimetest.Event
	source := "const all = [];\n"
	for i, one := range sources {
		source += "all.push(((exports) => {" + one + "; return exports.handler })({}));\n"
		e := runtimetest.Event{Payload: fmt.Sprintf(`{"n":%d,"a":1}`, i)}
		events = append(events, e, e)
	}
	return source + "const handler = (" + parameters + ") => { const { n, ...rest } = e; e = rest; return all[n](" + parameters + ") };\n", events
}

// possible are the answers that a generation gives, and its handlers' parameters.
func possible(r lambda.Runtime) (parameters string, names, sources, wants []string) {
	parameters = "e, c, cb"
	if r == "nodejs24.x" {
		parameters = "e, c"
	}
	for _, c := range answers {
		want := c.classic
		if r == "nodejs24.x" {
			want = c.modern
		}
		if want != "" {
			names, sources, wants = append(names, c.name), append(sources, c.source), append(wants, want)
		}
	}
	return parameters, names, sources, wants
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		parameters, names, sources, wants := possible(f.Runtime)
		source, events := together(parameters, sources)
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(source + "exports.handler = handler"), Events: events})
		if len(o.Answers) != len(events) {
			t.Fatalf("%s after %d answers of %d; %s %s", o.Exit, len(o.Answers), len(events), o.Stdout, o.Stderr)
		}
		for i, a := range o.Answers {
			got, path := a.Body, "response"
			if strings.HasSuffix(a.Path, "/error") {
				e := parse(t, a.Body)
				got, path = e.Type+": "+e.Message, "error"
			}
			if got != wants[i/2] || a.Path != fmt.Sprintf("invocation/id-%d/%s", i+1, path) || a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %s %q, want %q", names[i/2], a.Path, got, wants[i/2])
			}
		}
	})
}

// TestErrorBodyAndLog is F247.
func TestErrorBodyAndLog(t *testing.T) {
	t.Parallel()
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app("exports.handler = async () => {\n  throw Object.assign(new Error('bad\\nworse'), { code: 'E1', extra: 2 })\n}")})
		got := parse(t, o.Answers[0].Body)
		if len(got.Trace) < 3 || got.Trace[0] != "Error: bad" || got.Trace[1] != "worse" || !strings.Contains(got.Trace[2], o.Task+"/app.js:2:") {
			t.Errorf("trace %q", got.Trace)
		}
		log := stamp.ReplaceAllString(o.Stdout, "T")
		if !strings.HasPrefix(log, "T\tid-1\tERROR\tInvoke Error \t{\"errorType\":\"Error\",\"errorMessage\":\"bad\\nworse\",\"code\":\"E1\",\"extra\":2,\"stack\":[\"Error: bad\",\"worse\",") {
			t.Errorf("log %q", log)
		}
		cause := o.Answers[0].Header.Get("Lambda-Runtime-Function-Xray-Error-Cause")
		if !strings.Contains(cause, `"exceptions":[{"type":"Error","message":"bad\nworse","stack":[`) || !strings.Contains(cause, `{"path":"`+o.Task+`/app.js","line":2,"label":"`) {
			t.Errorf("cause %q", cause)
		}
	})
}

// ends are handlers that end the process.
var ends = []struct{ name, source, classic, classicFault, modern, modernFault string }{
	{"exit", "exports.handler = async () => process.exit(3)", "exit status 3", "", "exit status 3", ""},
	{"uncaught", "exports.handler = async () => new Promise(() => setTimeout(() => { throw new RangeError('late') }, 5))", "exit status 129", "RangeError: late", "exit status 1", ""},
	{"unhandled", "exports.handler = async () => { Promise.reject(new Error('lost')); await new Promise((r) => setTimeout(r, 500)) }", "exit status 128", "Runtime.UnhandledPromiseRejection: Error: lost", "exit status 1", ""},
	{"never settles", "exports.handler = async () => new Promise(() => {})", "", "", "exit status 13", "Runtime.NodeJsExit: The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes"},
	{"signal", "exports.handler = async () => { process.kill(process.pid, 'SIGTERM'); await new Promise((r) => setTimeout(r, 5000)) }", "signal: terminated", "", "signal: terminated", ""},
}

func TestEnds(t *testing.T) {
	t.Parallel()
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		for _, c := range ends {
			exit, want := c.classic, c.classicFault
			if f.Runtime == "nodejs24.x" {
				exit, want = c.modern, c.modernFault
			}
			if exit == "" {
				continue
			}
			o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(c.source)})
			got := ""
			if len(o.Answers) == 1 && o.Answers[0].Path == "invocation/id-1/error" {
				e := parse(t, o.Answers[0].Body)
				got = e.Type + ": " + e.Message
			}
			if !o.Exited || o.Exit != exit || got != want {
				t.Errorf("%s: %s, %+v; want %s and %q; %s", c.name, o.Exit, o.Answers, exit, want, o.Stderr)
			}
		}
	})
}

func TestNullForNeverSettled(t *testing.T) {
	t.Parallel()
	each(t, 16, 22, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app("exports.handler = async () => new Promise(() => {})"), Events: make([]runtimetest.Event, 2)})
		if len(o.Answers) != 2 || o.Answers[1].Body != "null" {
			t.Errorf("%s, %+v", o.Exit, o.Answers)
		}
	})
}

// TestContext is F240.
func TestContext(t *testing.T) {
	t.Parallel()
	const source = "exports.handler = async (e, c) => [c, c.getRemainingTimeInMillis() > 1000, process.env._X_AMZN_TRACE_ID, '_LAMBDA_TELEMETRY_LOG_FD' in process.env, process.argv.length, process.cwd()]"
	const same = `"invokedFunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:test","awsRequestId":"id-%s`
	const trace = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(source), Framed: true, Events: []runtimetest.Event{{}, {Header: map[string]string{
			"Lambda-Runtime-Client-Context":   `{"custom":{"k":"v"}}`,
			"Lambda-Runtime-Cognito-Identity": `{"cognitoIdentityId":"id"}`,
			"Lambda-Runtime-Aws-Tenant-Id":    "blue",
			"Lambda-Runtime-Deadline-Ms":      "1000",
			"Lambda-Runtime-Trace-Id":         "",
			"Lambda-Runtime-Invocation-Id":    "attempt-7",
		}}, {Header: map[string]string{"Lambda-Runtime-Client-Context": "{"}}}})
		if len(o.Answers) != 3 {
			t.Fatalf("%s after %d answers: %s", o.Exit, len(o.Answers), o.Stderr)
		}
		classic := `"callbackWaitsForEmptyEventLoop":true,"functionVersion":"$LATEST","functionName":"test","memoryLimitInMB":"512","logGroupName":"/aws/lambda/test","logStreamName":"2026/01/01/[$LATEST]0",`
		tail := `,true,"` + trace + `",false,2,"` + o.Task + `"]`
		want := []string{
			`[{` + classic + fmt.Sprintf(same, `1"`) + `}` + tail,
			`[{` + classic + `"clientContext":{"custom":{"k":"v"}},"identity":{"cognitoIdentityId":"id"},` + fmt.Sprintf(same, `2","tenantId":"blue"`) + `},false,null,false,2,"` + o.Task + `"]`,
		}
		if f.Runtime == "nodejs24.x" {
			rest := `"functionName":"test","functionVersion":"$LATEST","memoryLimitInMB":"512","logGroupName":"/aws/lambda/test","logStreamName":"2026/01/01/[$LATEST]0"}`
			want = []string{
				`[{` + fmt.Sprintf(same, `1",`) + `"xRayTraceId":"` + trace + `",` + rest + tail,
				`[{"clientContext":{"custom":{"k":"v"}},"identity":{"cognitoIdentityId":"id"},` + fmt.Sprintf(same, `2","tenantId":"blue",`) + rest + `,false,null,false,2,"` + o.Task + `"]`,
			}
		}
		for i := range want {
			if o.Answers[i].Body != want[i] {
				t.Errorf("event %d: %s, want %s", i, o.Answers[i].Body, want[i])
			}
		}
		if got := o.Answers[1].Header.Get("Lambda-Runtime-Invocation-Id"); got != "attempt-7" {
			t.Errorf("Lambda-Runtime-Invocation-Id %q, want it echoed", got)
		}
		if e := parse(t, o.Answers[2].Body); !strings.HasPrefix(e.Message, "Cannot parse ClientContext as json: ") {
			t.Errorf("broken client context: %+v", e)
		}
	})
}

func TestLargePayloads(t *testing.T) {
	t.Parallel()
	big := `"` + strings.Repeat("é", 3<<20) + `"`
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app("exports.handler = async (e) => e"), Events: []runtimetest.Event{{Payload: big}, {Payload: "1"}, {Payload: big}}})
		if len(o.Answers) != 3 || o.Answers[0].Body != big || o.Answers[1].Body != "1" || o.Answers[2].Body != big {
			t.Errorf("%s after %d answers", o.Exit, len(o.Answers))
		}
	})
}

const logs = `
exports.handler = async () => {
  console.log("plain", { a: 1 });
  console.trace("t"); console.debug("d"); console.info("two\nlines"); console.warn("w %s", "x"); console.error(new Error("bad").message); console.fatal("f");
  console.log(new RangeError("whole").message, 1n);
  console.log({ k: "v" });
  console.error("with", Object.assign(new RangeError("inner"), { stack: "S1\nS2" }));
};`

func TestTextLogs(t *testing.T) {
	t.Parallel()
	want := []string{"TRACE\tt", "DEBUG\td", "INFO\ttwo\nlines", "WARN\tw x", "ERROR\tbad", "FATAL\tf", "INFO\twhole 1n", "INFO\t{ k: 'v' }", "ERROR\twith [S1\nS2]"}
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(logs)})
		text := "T\tid-1\tINFO\tplain { a: 1 }\n"
		for _, line := range want {
			text += "T\tid-1\t" + strings.ReplaceAll(line, "\n", "\r") + "\n"
		}
		if got := stamp.ReplaceAllString(o.Stdout, "T"); got != text {
			t.Errorf("stdout %q, want %q", got, text)
		}
		o = runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(logs), Framed: true, Env: []lambda.Variable{{Name: "AWS_LAMBDA_LOG_LEVEL", Value: "warn"}}})
		var got []string
		for _, frame := range o.Frames {
			got = append(got, fmt.Sprintf("%x %s", frame.Type, stamp.ReplaceAllString(frame.Text, "T")))
		}
		wanted := "a55a0013 T\tid-1\tWARN\tw x\n|a55a0017 T\tid-1\tERROR\tbad\n|a55a001b T\tid-1\tFATAL\tf\n|a55a0017 T\tid-1\tERROR\twith [S1\nS2]\n"
		if strings.Join(got, "|") != wanted || o.Stdout != "" {
			t.Errorf("frames %q, want %q", strings.Join(got, "|"), wanted)
		}
	})
}

func TestJSONLogs(t *testing.T) {
	t.Parallel()
	want := []string{
		`a55a000e {"timestamp":"T","level":"INFO","requestId":"id-1","tenantId":"blue","message":"plain { a: 1 }"}`,
		`a55a000e {"timestamp":"T","level":"INFO","requestId":"id-1","tenantId":"blue","message":"two\nlines"}`,
		`a55a0012 {"timestamp":"T","level":"WARN","requestId":"id-1","tenantId":"blue","message":"w x"}`,
		`a55a0016 {"timestamp":"T","level":"ERROR","requestId":"id-1","tenantId":"blue","message":"bad"}`,
		`a55a001a {"timestamp":"T","level":"FATAL","requestId":"id-1","tenantId":"blue","message":"f"}`,
		`a55a000e {"timestamp":"T","level":"INFO","requestId":"id-1","tenantId":"blue","message":"whole 1n"}`,
		`a55a000e {"timestamp":"T","level":"INFO","requestId":"id-1","tenantId":"blue","message":{"k":"v"}}`,
		`a55a0016 {"timestamp":"T","level":"ERROR","requestId":"id-1","tenantId":"blue","message":"with [S1\nS2]","errorType":"RangeError","errorMessage":"inner","stackTrace":["S1","S2"]}`,
	}
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{
			Set: set, Runtime: f.Runtime, Task: app(logs), Framed: true,
			Env:    []lambda.Variable{{Name: "AWS_LAMBDA_LOG_LEVEL", Value: "INFO"}, {Name: "AWS_LAMBDA_LOG_FORMAT", Value: "JSON"}},
			Events: []runtimetest.Event{{Header: map[string]string{"Lambda-Runtime-Aws-Tenant-Id": "blue"}}},
		})
		var got []string
		for _, frame := range o.Frames {
			got = append(got, fmt.Sprintf("%x %s", frame.Type, stamp.ReplaceAllString(frame.Text, "T")))
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("frames\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestCallbackWarning(t *testing.T) {
	t.Parallel()
	const source = "exports.handler = (e, c, cb) => cb(null, 1)"
	each(t, 16, 22, func(t *testing.T, f runtimes.Found) {
		job := runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(source)}
		warned := strings.Contains(runtimetest.Run(t, job).Stdout, "\tWARN\tAWS Lambda plans to remove support for callback-based function handlers starting with Node.js 24.")
		job.Env = []lambda.Variable{{Name: "AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING", Value: "1"}}
		quiet := runtimetest.Run(t, job).Stdout == ""
		if recent := runtimes.CompareVersions(f.Version, "20") >= 0; warned != recent || !quiet {
			t.Errorf("warned %v, want %v; quiet when told %v", warned, recent, quiet)
		}
	})
	each(t, 24, 24, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(source)})
		if len(o.Answers) != 1 || parse(t, o.Answers[0].Body).Type != "Runtime.CallbackHandlerDeprecated" || o.Exit != "exit status 1" {
			t.Errorf("%s, %+v", o.Exit, o.Answers)
		}
	})
}

const octets, http = "application/octet-stream", "application/vnd.awslambda.http-integration-response"

func streamed(body string) string {
	return "exports.handler = awslambda.streamifyResponse(async (event, stream, context) => { " + body + " })"
}

// streams are handlers that stream, and what they send.
var streams = []struct{ name, source, kind, body, fault string }{
	{"chunks", streamed("stream.write('a'); await new Promise((r) => setTimeout(r, 5)); stream.write(Buffer.from('b')); stream.end('c')"), octets, "abc", ""},
	{"empty", streamed("stream.end()"), octets, "", ""},
	{"object", streamed("stream.write({ a: 1 }); stream.end()"), octets, `{"a":1}`, ""},
	{"type", streamed("stream.setContentType('text/html'); stream.end('x')"), "text/html", "x", ""},
	{"http", streamed("stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 }); stream.write('hi'); stream.end()"), http, `{"statusCode":201}` + strings.Repeat("\x00", 8) + "hi", ""},
	{"pipeline", streamed("await require('util').promisify(require('stream').pipeline)(require('stream').Readable.from(['x', 'y']), stream)"), octets, "xy", ""},
	{"error before", streamed("throw new RangeError('early')"), octets, "", "RangeError: early"},
	{"error within", streamed("stream.write('part'); throw new RangeError('mid')"), octets, "part", "RangeError: mid"},
	{"not async", "exports.handler = awslambda.streamifyResponse((e, s) => { s.end('x') })", octets, "x", ""},
}

// streaming makes one handler of those that stream.
func streaming() (string, []runtimetest.Event) {
	var sources []string
	for _, c := range streams {
		sources = append(sources, c.source)
	}
	source, events := together("e, s, c", sources)
	return source + "exports.handler = awslambda.streamifyResponse(handler)", events
}

func TestStreaming(t *testing.T) {
	t.Parallel()
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		source, events := streaming()
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(source), Events: events})
		if len(o.Answers) != len(events) {
			t.Fatalf("%s after %d answers of %d; %s %s", o.Exit, len(o.Answers), len(events), o.Stdout, o.Stderr)
		}
		for i, a := range o.Answers {
			c := streams[i/2]
			fault := ""
			if a.Trailer.Get("Lambda-Runtime-Function-Error-Type") != "" {
				body, _ := base64.StdEncoding.DecodeString(a.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
				e := parse(t, string(body))
				fault = e.Type + ": " + e.Message
			}
			if a.Path != fmt.Sprintf("invocation/id-%d/response", i+1) || a.Header.Get("Lambda-Runtime-Function-Response-Mode") != "streaming" || a.Header.Get("Content-Type") != c.kind || a.Body != c.body || fault != c.fault {
				t.Errorf("%s: %+v, fault %q; want %s %q %q", c.name, a, fault, c.kind, c.body, c.fault)
			}
		}
	})
}

func TestConnections(t *testing.T) {
	t.Parallel()
	long := `"` + strings.Repeat("x", 1<<20) + `"`
	events := []runtimetest.Event{{Payload: `"abc"`}, {Payload: `"abcd"`, Chunked: true}, {Payload: long, Chunked: true}, {Payload: `""`}}
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		for _, closing := range []bool{false, true} {
			o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app("exports.handler = async (e) => e.length"), Events: events, Close: closing})
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
