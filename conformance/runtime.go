package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"lambent/conformance/script"
)

// runtimeAPI proves what the Runtime API says to a runtime that has an event.
func runtimeAPI() []scenario {
	return []scenario{
		{"runtime-transport", function{bootstrap: plain()}, func(t *trial) {
			rows := transportRows()
			t.do(steps(rows)...)
			t.check(rows, t.collect())
		}},
		{"runtime-answers", function{bootstrap: plain()}, playAnswers},
		{"runtime-events", function{bootstrap: plain()}, playEvents},
		{"runtime-errors", function{bootstrap: plain()}, playErrors},
		{"runtime-sizes", function{bootstrap: plain(), memory: 256}, playSizes},
	}
}

func transportRows() []row {
	const next, respondTo = runtimePath + "invocation/next", runtimePath + "invocation/${id}/response"
	unfound := func(rule, path string) row {
		return row{section: "2.1", rule: rule, step: get(path), status: 404}
	}
	refused := func(rule string, s script.Step) row { return row{section: "2.1", rule: rule, step: s, status: 405} }
	return []row{
		{section: "2.1", rule: "ping is answered with pong", step: get("/2018-06-01/ping"), status: 200, body: "pong"},
		unfound("an unknown path is not found", "/2018-06-01/runtime/invocation/previous"),
		unfound("an unknown version is not found", "/2019-01-01/runtime/invocation/next"),
		unfound("the root is not found", "/"),
		refused("POST next is not allowed", post(next, "")),
		refused("GET response is not allowed", get(respondTo)),
		refused("GET error is not allowed", get(runtimePath+"invocation/${id}/error")),
		refused("GET init/error is not allowed", get(runtimePath+"init/error")),
		refused("PUT response is not allowed", request("PUT", respondTo, "{}")),
		{section: "2.1", rule: "an error has a JSON body of two strings", step: post(runtimePath+"invocation/wrong/response", "{}"),
			status: 400, body: `\{"errorMessage":"[^"]+","errorType":"[^"]+"\}\n?`, header: map[string]string{"Content-Type": "application/json"}},
		{section: "2.6", rule: "restore/next is not found in a function without SnapStart", step: get(runtimePath + "restore/next"), status: 404},
		{section: "2.6", rule: "restore/error is not found in a function without SnapStart", step: post(runtimePath+"restore/error", "{}"), status: 404},
		{section: "2.6", rule: "credentials are not found in a function without SnapStart", step: with(get("/2021-04-23/credentials"), "Authorization", "x"), status: 404},
		{section: "2.3", rule: "what was accepted is answered with a status of OK", step: respond(`"done"`), status: 202, body: okBody,
			header: map[string]string{"Content-Type": "application/json"}},
	}
}

// playAnswers proves section 2.3: which answers are taken, and how often.
func playAnswers(t *trial) {
	const path = runtimePath + "invocation/"
	other := "00000000-0000-4000-8000-000000000000"
	before := []row{
		{section: "2.3", rule: "a response to another id is refused", step: post(path+other+"/response", "{}"), status: 400, errorType: "InvalidRequestID", message: "Invalid request ID"},
		{section: "2.4", rule: "an error to another id is refused", step: post(path+other+"/error", "{}"), status: 400, errorType: "InvalidRequestID", message: "Invalid request ID"},
		{section: "2.3", rule: "an id that is no UUID is refused", step: post(path+"mine/response", "{}"), status: 400, errorType: "InvalidRequestID"},
		{section: "2.2", rule: "a response with another attempt's id is refused", step: with(respond("{}"), "Lambda-Runtime-Invocation-Id", other), status: 400, errorType: "InvalidInvocationId"},
		{section: "2.2", rule: "an error with another attempt's id is refused", step: with(fail("{}"), "Lambda-Runtime-Invocation-Id", other), status: 400, errorType: "InvalidInvocationId"},
		{section: "2.2", rule: "next in the middle of an invocation gives the same event", step: within(3000, get(path+"next")), status: 200,
			body: ".*same event.*", header: map[string]string{"Lambda-Runtime-Aws-Request-Id": uuid}},
		{section: "2.7", rule: "init/error in the middle of an invocation is refused", step: post(runtimePath+"init/error", "{}"), status: 403, errorType: "InvalidStateTransition",
			message: "State transition from Running to InitError failed for runtime. Error: State transition is not allowed"},
		{section: "2.2", rule: "a response with this attempt's id is taken", step: with(respond(`{"mine":true}`), "Lambda-Runtime-Invocation-Id", "${attempt}"), status: 202, body: okBody},
		{section: "2.3", rule: "a second response is refused", step: respond("2"), status: 400, errorType: "InvalidRequestID", message: "Invalid request ID"},
		{section: "2.4", rule: "an error after the response is refused", step: fail("{}"), status: 400, errorType: "InvalidRequestID", message: "Invalid request ID"},
		{section: "2.7", rule: "init/error after a response is refused", step: post(runtimePath+"init/error", "{}"), status: 403, errorType: "InvalidStateTransition"},
	}
	// Running next again makes the runtime's own next of the loop the second one.
	event := steps(before)
	event = append(event, script.Step{Do: "print", Text: "same event"})
	a := t.do(event...)
	t.prove("2.3", "the caller gets the response as it was sent", a.payload == `{"mine":true}` && a.fault == "", "%s", a)
	got := t.collect()
	t.check(before, got)
	plainPost := []row{{section: "2.2", rule: "a response without an attempt's id is taken", step: respond(`"x"`), status: 202}}
	t.do(steps(plainPost)...)
	t.check(plainPost, t.collect())
}

// playEvents proves section 2.2: what a runtime learns with an event.
func playEvents(t *trial) {
	a := t.invoke(call{payload: ` {"steps" : [ ],   "x": "é" } `})
	h := a.header()
	got := t.collect()
	event := got.one("next")
	t.prove("2.2", "the body is the event verbatim", event.Body == ` {"steps" : [ ],   "x": "é" } `, "%q", event.Body)
	for _, c := range []struct{ rule, name, pattern string }{
		{"the request id is a UUID", "Lambda-Runtime-Aws-Request-Id", uuid},
		{"the attempt has an id of its own", "Lambda-Runtime-Invocation-Id", ".+"},
		{"the deadline is in milliseconds", "Lambda-Runtime-Deadline-Ms", `\d{13}`},
		{"the ARN is the function's", "Lambda-Runtime-Invoked-Function-Arn", `arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:` + t.function},
		{"the trace id has a root", "Lambda-Runtime-Trace-Id", `Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;.*)?`},
		{"the content type is JSON", "Content-Type", "application/json"},
		{"without a client context there is no header for one", "Lambda-Runtime-Client-Context", ""},
		{"without an identity there is no header for one", "Lambda-Runtime-Cognito-Identity", ""},
		{"without a tenant there is no header for one", "Lambda-Runtime-Aws-Tenant-Id", ""},
	} {
		t.prove("2.2", c.rule, matches(c.pattern, h[c.name]), "%s: %q", c.name, h[c.name])
	}
	deadline, _ := strconv.ParseInt(h["Lambda-Runtime-Deadline-Ms"], 10, 64)
	left := time.UnixMilli(deadline).Sub(time.UnixMicro(event.At))
	t.prove("2.2", "the deadline is the function's timeout away", left > 8*time.Second && left <= 10*time.Second+50*time.Millisecond, "%v", left)

	second := t.invoke(call{payload: "{}", client: `{"custom":{"who":"me"}}`}).header()
	t.prove("2.2", "every invocation has its own request id", second["Lambda-Runtime-Aws-Request-Id"] != h["Lambda-Runtime-Aws-Request-Id"], "%v", second)
	t.prove("2.2", "the client context is decoded JSON", second["Lambda-Runtime-Client-Context"] == `{"custom":{"who":"me"}}`, "%v", second)
	t.playQualifiers()
	time.Sleep(1500 * time.Millisecond)
	a = t.invoke(call{payload: "{}"})
	t.prove("2.1", "next waits as long as it takes", a.fault == "" && t.collect().one("started").Run == 1, "%s", a)
}

// playQualifiers proves that the ARN is the one that was invoked.
func (t *trial) playQualifiers() {
	v, err := t.client.PublishVersion(t.ctx, &lambda.PublishVersionInput{FunctionName: &t.function})
	if err != nil {
		t.broken = err
		return
	}
	_, err = t.client.CreateAlias(t.ctx, &lambda.CreateAliasInput{FunctionName: &t.function, FunctionVersion: v.Version, Name: aws.String("live")})
	if err != nil {
		t.broken = err
		return
	}
	for _, q := range []string{"1", "live", "$LATEST"} {
		arn := t.invoke(call{payload: "{}", qualifier: q}).header()["Lambda-Runtime-Invoked-Function-Arn"]
		t.prove("2.2", "the ARN has the qualifier "+q, strings.HasSuffix(arn, ":function:"+t.function+":"+q), "%s", arn)
	}
}

// playErrors proves section 2.4.
func playErrors(t *trial) {
	const kind = "Lambda-Runtime-Function-Error-Type"
	const cause = "application/vnd.aws.lambda.error.cause+json"
	for _, c := range []struct {
		section, rule string
		step          script.Step
		payload       string // a pattern
	}{
		{"2.4", "the body of an error is passed on verbatim", fail(` {"errorMessage" : "é", "mine":[1] } `), ` \{"errorMessage" : "é", "mine":\[1\] \} `},
		{"2.4", "an error may have a type", with(fail(`{"errorMessage":"m"}`), kind, "Function.Mine"), `\{"errorMessage":"m"\}`},
		{"2.4", "the type in the header does not change the body", with(fail(`{"errorType":"Mine"}`), kind, "Function.Other"), `\{"errorType":"Mine"\}`},
		{"2.4", "an error may have no body", fail(""), ""},
		{"2.4", "an error may be no JSON", fail("plain words"), "plain words"},
		{"2.4", "an error may have an X-Ray cause", with(fail(`{"errorMessage":"c"}`), "Lambda-Runtime-Function-Xray-Error-Cause",
			`{"working_directory":"/var/task","exceptions":[],"paths":[]}`), `\{"errorMessage":"c"\}`},
		{"2.4", "an X-Ray cause that is no JSON is dropped", with(fail(`{"errorMessage":"d"}`), "Lambda-Runtime-Function-Xray-Error-Cause", "{"), `\{"errorMessage":"d"\}`},
		{"2.4", "an X-Ray cause of more than 64 KiB is cropped", with(fail(`{"errorMessage":"e"}`), "Lambda-Runtime-Function-Xray-Error-Cause",
			`{"working_directory":"/var/task","message":"`+strings.Repeat("m", 70_000)+`"}`), `\{"errorMessage":"e"\}`},
		{"2.4", "a cause inside the body is split off", with(fail(`{"errorMessage":"m","errorType":"T","errorCause":{"working_directory":"/"}}`), "Content-Type", cause),
			`\{"errorMessage":"m","errorType":"T"[^}]*\}`},
		{"2.4", "a body with a cause that cannot be read is replaced", with(fail("{"), "Content-Type", cause), `.*Invalid error body.*`},
	} {
		a := t.do(named("post", c.step))
		posted := t.collect().sorted().all("post")
		last := posted[max(len(posted)-1, 0):].one("post")
		t.prove(c.section, c.rule, a.fault == "Unhandled" && matches(c.payload, a.payload) && last.Status == 202 && matches(okBody, last.Body),
			"%s; the post got %d %s", a, last.Status, last.Body)
	}
	starts := t.collect().all("started")
	t.prove("2.4", "an error does not end the environment", len(starts) == 1, "%d starts", len(starts))
}

// playSizes proves the limit of a response.
func playSizes(t *trial) {
	const limit = 6<<20 + 100
	fits := named("fits", respond(`"`))
	fits.Size = limit - 1
	a := t.do(fits)
	t.prove("2.3", "a response of 6291556 bytes is taken", len(a.payload) == limit && a.fault == "", "%d bytes, fault %q", len(a.payload), a.fault)

	big := named("big", respond(`"`))
	big.Size = limit
	a = t.do(big)
	want := `{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}`
	t.prove("2.3", "the caller is told of a response that is too big", a.payload == want && a.fault == "Unhandled", "%s", a)
	chunked := named("chunked", respond(`"`))
	chunked.Size, chunked.Chunked = limit, true
	a = t.do(chunked)
	t.prove("2.3", "so it is of one whose length is not told", a.payload == want && a.fault == "Unhandled", "%s", a)
	got := t.collect()
	for _, c := range [][2]string{{"big", "the runtime is told that the response is too big"}, {"chunked", "so it is after chunks"}} {
		r := row{status: 413, errorType: "RequestEntityTooLarge", message: regexp.QuoteMeta("Exceeded maximum allowed payload size (6291556 bytes).")}
		problem := r.problem(got.one(c[0]))
		t.prove("2.3", c[1], problem == "", "%s", problem)
	}
	t.prove("2.3", "a runtime goes on after a response that was too big", len(got.all("started")) == 1, "%d starts", len(got.all("started")))
}

// runtimeStates proves the table of section 2.7 outside of an invocation.
func runtimeStates() []scenario {
	const invocation = runtimePath + "invocation/"
	const id = "11111111-1111-4111-8111-111111111111"
	refuse := "InvalidRequestID|InvalidStateTransition"
	started := []row{
		{section: "2.7", rule: "Started refuses a response", step: post(invocation+id+"/response", "{}"), errorType: refuse},
		{section: "2.7", rule: "Started refuses an error", step: post(invocation+id+"/error", "{}"), errorType: refuse},
	}
	ready := []row{
		{section: "2.7", rule: "Ready refuses a response", step: post(invocation+id+"/response", "{}"), errorType: refuse},
		{section: "2.7", rule: "Ready refuses an error", step: post(invocation+id+"/error", "{}"), errorType: refuse},
		{section: "2.7", rule: "Ready refuses init/error", step: post(runtimePath+"init/error", "{}"), status: 403, errorType: "InvalidStateTransition",
			message: "State transition from Ready to InitError failed for runtime. Error: State transition is not allowed"},
	}
	failed := []row{
		{section: "2.5", rule: "init/error is taken", step: with(post(runtimePath+"init/error", `{"errorMessage":"m","errorType":"Mine.Own"}`),
			"Lambda-Runtime-Function-Error-Type", "Runtime.MyInit"), status: 202, body: okBody},
		{section: "2.2", rule: "next after init/error is refused", step: within(3000, get(invocation+"next")), status: 403, errorType: "InvalidStateTransition",
			message: "State transition from InitError to Ready failed for runtime. Error: State transition is not allowed"},
		{section: "2.5", rule: "a second init/error is refused", step: post(runtimePath+"init/error", "{}"), status: 403, errorType: "InvalidStateTransition"},
		{section: "2.7", rule: "InitError refuses a response", step: post(invocation+id+"/response", "{}"), errorType: refuse},
	}
	// The runtime is Ready while the extension is not, and asks beside its next.
	inits := append(steps(started), async(append([]script.Step{sleep(300)}, steps(ready)...)...))
	return []scenario{
		{"runtime-started-and-ready", function{
			bootstrap: bootstrap(map[string][]script.Step{"init": inits}),
			extensions: map[string]script.Script{"slow": at(map[string][]script.Step{
				"init": {external("slow"), sleep(1200)},
			})},
		}, func(t *trial) {
			got := t.collect()
			t.check(started, got)
			t.check(ready, got)
		}},
		{"runtime-init-error", function{
			bootstrap: bootstrap(map[string][]script.Step{"init": append(steps(failed), exit(1)), "init#3": {}}),
		}, func(t *trial) {
			a := t.invoke(call{payload: "{}"})
			t.prove("2.5", "the caller gets the body of init/error", a.payload == `{"errorMessage":"m","errorType":"Mine.Own"}` && a.fault == "Unhandled", "%s", a)
			t.prove("1.10", "REPORT has the error's type", strings.Contains(a.log, "Error Type: Runtime.MyInit"), "%s", a.log)
			got := t.collect()
			t.check(failed, got)
			t.prove("2.5", "init/error does not end the process", got.timeOf("bootstrap", label("2.7", "InitError refuses a response")) > 0, "%s", got.labels())
			t.prove("1.4", "Init is tried again inside the invocation", len(got.all("started")) == 3, "%d starts", len(got.all("started")))
		}},
		{"runtime-init-error-without-json", function{
			bootstrap: bootstrap(map[string][]script.Step{"init": {post(runtimePath+"init/error", "words"), exit(1)}}),
		}, func(t *trial) {
			a := t.invoke(call{payload: "{}"})
			t.prove("2.5", "init/error may be no JSON", a.payload == "words" && a.fault == "Unhandled", "%s", a)
		}},
	}
}

// runtimeEnds proves sections 1.5 to 1.9 as far as the Runtime API shows them.
func runtimeEnds() []scenario {
	ends := func(rule, want string, steps ...script.Step) func(*trial) {
		return func(t *trial) {
			a := t.invoke(call{payload: script.Event{Steps: append([]script.Step{{Do: "file", Path: "/tmp/kept", Text: "here"}}, steps...), Silent: true}})
			errorType, message := a.failure()
			got := errorType + ": " + message
			t.prove("1.9", rule, a.fault == "Unhandled" && matches(want, got), "%s, want %s", a, want)
			time.Sleep(afterInternal)
			all := t.do(named("kept", script.Step{Do: "file", Path: "/tmp/kept"})).records()
			t.prove("1.6", rule+", and /tmp stays", all.one("kept").Body == "here", "%+v", all.one("kept"))
			t.prove("1.6", rule+", and the processes are new", len(t.collect().all("started")) == 2, "%s", t.collect().labels())
		}
	}
	prefix := "RequestId: " + uuid + " Error: "
	f := func() function { return function{bootstrap: plain(), timeout: 2} }
	return []scenario{
		{"exit-0", f(), ends("a runtime that exits well fails the invocation", "Runtime.ExitError: "+prefix+"Runtime exited without providing a reason", exit(0))},
		{"exit-1", f(), ends("a runtime that exits badly does so", "Runtime.ExitError: "+prefix+"Runtime exited with error: exit status 1", exit(1))},
		{"killed", f(), ends("one that is killed does so", "Runtime.ExitError: "+prefix+"Runtime exited with error: signal: killed", script.Step{Do: "signal", Code: 9})},
		{"hanging", f(), ends("the timeout fails the invocation", "Sandbox.Timedout: "+prefix+`Task timed out after 2.00 seconds`, hang())},
		{"exit-after-response", f(), func(t *trial) {
			a := t.do(respond(`"good"`), exit(3))
			t.prove("1.5", "a response counts although the runtime exits behind it", a.payload == `"good"` && a.fault == "", "%s", a)
			time.Sleep(afterInternal)
			t.prove("1.5", "the exit is in the REPORT", strings.Contains(a.log, "Error Type: Runtime.ExitError"), "%s", a.log)
			t.prove("1.5", "a reset follows", len(t.collect().all("started")) == 2, "%s", t.collect().labels())
		}},
		{"truncated", f(), func(t *trial) {
			a := t.invoke(call{payload: script.Event{Silent: true, Steps: []script.Step{
				{Do: "raw", Label: "cut", Code: 1, Text: "POST /2018-06-01/runtime/invocation/${id}/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"half\":"},
				hang(),
			}}})
			time.Sleep(afterInternal)
			errorType, _ := a.failure()
			t.prove("2.3", "a response that is cut off fails the invocation", errorType == "Runtime.TruncatedResponse" && a.fault == "Unhandled", "%s", a)
			t.prove("2.3", "a response that is cut off ends the processes", len(t.collect().all("started")) == 2, "%s", t.collect().labels())
		}},
		{"response-mode", f(), func(t *trial) {
			r := row{section: "2.3", rule: "a response mode other than streaming is refused",
				step:   with(respond("{}"), "Lambda-Runtime-Function-Response-Mode", "buffered"),
				status: 400, errorType: "InvalidFunctionResponseMode", message: "Invalid function response mode"}
			a := t.invoke(call{payload: script.Event{Silent: true, Steps: append(steps([]row{r}), hang())}})
			time.Sleep(afterInternal)
			errorType, _ := a.failure()
			t.prove("2.3", "a wrong response mode fails the invocation", errorType == "Runtime.InvalidResponseModeHeader", "%s", a)
			if got := t.collect(); got.one(label(r.section, r.rule)).Status != 0 { // it may be killed before it has its answer
				t.check([]row{r}, got)
			}
		}},
		{"chunks-cut", f(), func(t *trial) {
			a := t.invoke(call{payload: script.Event{Silent: true, Steps: []script.Step{
				{Do: "raw", Label: "cut", Code: 1, Text: "POST /2018-06-01/runtime/invocation/${id}/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"},
				hang(),
			}}})
			errorType, _ := a.failure()
			t.prove("2.3", "chunks without an end fail the invocation", errorType == "Runtime.TruncatedResponse", "%s", a)
		}},
	}
}

// streaming proves section 2.8 as far as an ordinary Invoke shows it.
func streaming() []scenario {
	mode := func(s script.Step) script.Step {
		s = with(s, "Lambda-Runtime-Function-Response-Mode", "streaming")
		s.Chunked = true
		return s
	}
	return []scenario{{"streaming", function{bootstrap: plain()}, func(t *trial) {
		a := t.do(mode(respond(`{"streamed":1}`)))
		t.prove("2.8", "a streamed response is buffered for an ordinary Invoke", a.payload == `{"streamed":1}` && a.fault == "", "%s", a)

		failing := mode(respond(`{"half":`))
		failing.Trailer = map[string]string{
			"Lambda-Runtime-Function-Error-Type": "Function.Midway",
			"Lambda-Runtime-Function-Error-Body": "eyJlcnJvck1lc3NhZ2UiOiJtaWR3YXkifQ==",
		}
		a = t.do(failing)
		t.prove("2.8", "an error in the trailers is the invocation's", a.payload == `{"errorMessage":"midway"}` && a.fault == "Unhandled", "%s", a)

		prelude := with(mode(respond("{\"statusCode\":200}\x00\x00\x00\x00\x00\x00\x00\x00body")), "Content-Type", "application/vnd.awslambda.http-integration-response")
		a = t.do(prelude)
		t.prove("2.8", "the prelude of HTTP integrations is passed on", strings.Contains(a.payload, `{"statusCode":200}`) && strings.HasSuffix(a.payload, "body"), "%s", a)

		a = t.do(with(mode(respond("\xff\xfe raw")), "Content-Type", "application/octet-stream"))
		t.prove("2.8", "a stream may be of any bytes", a.fault == "" && strings.HasSuffix(a.payload, " raw"), "%s", a)
		t.prove("2.8", "a runtime that streams lives on", len(t.collect().all("started")) == 1, "%s", t.collect().labels())
	}}}
}

// bootstraps proves section 2.11.
func bootstraps() []scenario {
	text, err := interpreted(at(nil))
	fromLayer := func(t *trial) {
		a := t.invoke(call{payload: "{}"})
		t.prove("2.11", "bootstrap is found in a layer", a.fault == "" && err == nil, "%s %v", a, err)
	}
	return []scenario{
		{"bootstrap-in-layer", function{layerFiles: map[string]string{"bootstrap": text}}, fromLayer},
		{"bootstrap-in-both", function{
			bootstrap:  bootstrap(map[string][]script.Step{"init": {note("package")}}),
			layerFiles: map[string]string{"bootstrap": text},
		}, func(t *trial) {
			got := t.collect()
			t.prove("2.11", "the package's bootstrap comes before a layer's", len(got.all("package")) == 1, "%s", got.labels())
		}},
		{"bootstrap-missing", function{}, func(t *trial) {
			a := t.invoke(call{payload: "{}"})
			errorType, message := a.failure()
			want := "RequestId: " + uuid + regexp.QuoteMeta(" Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
			t.prove("2.11", "without a bootstrap there is no entrypoint", errorType == "Runtime.InvalidEntrypoint" && matches(want, message), "%s", a)
		}},
		{"bootstrap-not-executable", function{files: map[string]string{"bootstrap": notExecutable + text}}, func(t *trial) {
			a := t.invoke(call{payload: "{}"})
			errorType, _ := a.failure()
			t.prove("2.11", "a bootstrap that may not be executed fails the Init", a.fault == "Unhandled" && errorType != "", "%s", a)
		}},
		{"bootstrap-process", function{bootstrap: bootstrap(map[string][]script.Step{"init": {{Do: "environment", Label: "variables"}}})}, func(t *trial) {
			r := t.collect().one("variables")
			for _, name := range []string{
				"_HANDLER", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_NAME",
				"AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
				"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
			} {
				t.prove("2.11", "a runtime finds "+name+" among its variables", r.Header[name] != "", "%v", r.Header)
			}
			t.prove("2.11", "_HANDLER is the configured handler", r.Header["_HANDLER"] == "the.handler", "%s", r.Header["_HANDLER"])
			t.prove("2.1", "AWS_LAMBDA_RUNTIME_API is host and port", regexp.MustCompile(`^[0-9.]+:\d+$`).MatchString(r.Header["AWS_LAMBDA_RUNTIME_API"]), "%s", r.Header["AWS_LAMBDA_RUNTIME_API"])
			t.prove("1.2", "a runtime runs in the task root", r.Body == "/var/task", "%s", r.Body)
			t.prove("1.2", "a runtime leads its process group", r.Status == 1, "%s", fmt.Sprint(r.Status))
		}},
	}
}
