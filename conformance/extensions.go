package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"lambent/conformance/script"
)

const (
	nameHeader       = "Lambda-Extension-Name"
	identifierHeader = "Lambda-Extension-Identifier"
	featureHeader    = "Lambda-Extension-Accept-Feature"
	errorTypeHeader  = "Lambda-Extension-Function-Error-Type"
	nobody           = "22222222-2222-4222-8222-222222222222"
)

// reg is a registration of a name for events, without keeping anything.
func reg(name, body string) script.Step {
	s := post(extensionPath+"register", body)
	if name != "" {
		s = with(s, nameHeader, name)
	}
	return s
}

const notAllowed = "Error: State transition is not allowed"

// registration proves section 3.2.
func registration() []scenario {
	return []scenario{
		externalRegistration(), internalRegistration(), tenRegistrations(),
		{"register-late", function{bootstrap: plain(), extensions: map[string]script.Script{
			"late": at(map[string][]script.Step{"init": {external("late", "INVOKE")}, "invoke": steps(lateRows("an external extension"))}),
		}}, func(t *trial) {
			rows := lateRows("the runtime")
			t.check(rows, t.do(steps(rows)...).records())
			t.check(lateRows("an external extension"), t.collect())
		}},
	}
}

func lateRows(who string) []row {
	return []row{{section: "3.2", rule: "registering from " + who + " after Init is refused", step: reg("too-late", `{"events":["INVOKE"]}`),
		status: 403, errorType: "Extension.RegistrationClosed", message: "Extension registration closed already"}}
}

func externalRegistration() scenario {
	const next, initError, exitError = extensionPath + "event/next", extensionPath + "init/error", extensionPath + "exit/error"
	before := []row{
		{section: "3.2", rule: "a registration without a name is refused", step: reg("", `{"events":[]}`), status: 403, errorType: "Extension.InvalidExtensionName", message: "Empty extension name"},
		{section: "3.2", rule: "a registration with an empty name is refused", step: with(post(extensionPath+"register", "{}"), nameHeader, ""), status: 403, errorType: "Extension.InvalidExtensionName"},
		{section: "3.2", rule: "a body that is no JSON is refused", step: reg("full.sh", `{`), status: 403, errorType: "InvalidRequestFormat"},
		{section: "3.2", rule: "a body of another shape is refused", step: reg("full.sh", `{"events":"INVOKE"}`), status: 403, errorType: "InvalidRequestFormat"},
		{section: "3.2", rule: "configuration keys are refused", step: reg("full.sh", `{"events":[],"configurationKeys":["a"]}`), status: 403, errorType: "InvalidRequestFormat",
			message: "configurationKeys are deprecated; use environment variables instead"},
		{section: "3.2", rule: "an unknown event is refused", step: reg("full.sh", `{"events":["RESTORE"]}`), status: 403, errorType: "Extension.InvalidEventType", message: "RESTORE: .*"},
		{section: "3.2", rule: "events are written in capitals", step: reg("full.sh", `{"events":["invoke"]}`), status: 403, errorType: "Extension.InvalidEventType"},
		{section: "3.2", rule: "GET register is not allowed", step: get(extensionPath + "register"), status: 405},
		{section: "3.3", rule: "POST event/next is not allowed", step: post(next, ""), status: 405},
		{section: "3.4", rule: "GET init/error of an extension is not allowed", step: get(initError), status: 405},
		{section: "3.3", rule: "next without an identifier is refused", step: get(next), status: 403, errorType: "Extension.MissingExtensionIdentifier", message: "Missing Lambda-Extension-Identifier header"},
		{section: "3.3", rule: "next with an identifier that is no UUID is refused", step: with(get(next), identifierHeader, "me"), status: 403,
			errorType: "Extension.InvalidExtensionIdentifier", message: "Invalid Lambda-Extension-Identifier"},
		{section: "3.3", rule: "next with an unknown identifier is refused", step: with(get(next), identifierHeader, nobody), status: 403,
			errorType: "Extension.UnknownExtensionIdentifier", message: "Unknown extension " + nobody},
		{section: "3.4", rule: "init/error without an identifier is refused", step: post(initError, ""), status: 403, errorType: "Extension.MissingExtensionIdentifier"},
		{section: "3.4", rule: "exit/error without an identifier is refused", step: post(exitError, ""), status: 403, errorType: "Extension.MissingExtensionIdentifier"},
		{section: "3.4", rule: "init/error with an unknown identifier is refused", step: with(post(initError, ""), identifierHeader, nobody, errorTypeHeader, "A.B"), status: 403,
			errorType: "Extension.UnknownExtensionIdentifier", message: "Unknown Lambda-Extension-Identifier"},
		{section: "3.4", rule: "exit/error with an unknown identifier is refused", step: with(post(exitError, ""), identifierHeader, nobody, errorTypeHeader, "A.B"), status: 403,
			errorType: "Extension.UnknownExtensionIdentifier", message: "Unknown Lambda-Extension-Identifier"},
	}
	first := with(reg("full.sh", `{"events":["INVOKE","SHUTDOWN"]}`), featureHeader, "other, accountId")
	first.Save = map[string]string{"ext": identifierHeader}
	registered := []row{
		{section: "3.2", rule: "a registration tells the function, with the account when asked", step: first, status: 200,
			body: `\{"functionName":"[^"]+","functionVersion":"\$LATEST","handler":"the.handler","accountId":"\d{12}"\}\n?`, header: map[string]string{identifierHeader: uuid}},
		{section: "3.2", rule: "an external extension registers once", step: reg("full.sh", `{"events":[]}`), status: 403, errorType: "Extension.InvalidExtensionState",
			message: "State transition from Registered to Registered failed for extension full.sh. " + notAllowed},
		{section: "3.4", rule: "init/error without a type is refused", step: with(post(initError, ""), identifierHeader, "${ext}"), status: 403, errorType: "Extension.MissingHeader",
			message: "Lambda-Extension-Function-Error-Type not found"},
		{section: "3.4", rule: "exit/error without a type is refused", step: with(post(exitError, ""), identifierHeader, "${ext}"), status: 403, errorType: "Extension.MissingHeader"},
	}
	running := []row{
		{section: "3.4", rule: "Running refuses init/error", step: with(post(initError, ""), identifierHeader, "${ext}", errorTypeHeader, "Extension.Mine"), status: 403,
			errorType: "Extension.InvalidExtensionState", message: "State transition from Running to InitError failed for extension .*" + notAllowed},
		{section: "3.2", rule: "a running extension does not register again", step: reg("full.sh", `{}`), status: 403,
			errorType: "Extension.RegistrationClosed|Extension.InvalidExtensionState"},
	}
	return scenario{"register-external", function{bootstrap: plain(), extensions: map[string]script.Script{
		"full.sh": at(map[string][]script.Step{"init": append(steps(before), steps(registered)...), "invoke#1": steps(running)}),
		"bare":    simple(register("bare", "{}", "ext")),
		"none":    simple(register("none", `{"events":[]}`, "ext")),
	}}, func(t *trial) {
		t.do()
		got := t.collect()
		for _, rows := range [][]row{before, registered, running} {
			t.check(rows, got.of("full.sh"))
		}
		bare := row{status: 200, body: `\{"functionName":"[^"]+","functionVersion":"\$LATEST","handler":"the.handler"\}\n?`}
		problem := bare.problem(got.of("bare").one("register"))
		t.prove("3.2", "the account is told only when asked for", problem == "", "%s", problem)
		t.prove("3.2", "events may be missing", got.of("bare").one("register").Status == 200 && len(got.of("bare").all("event")) == 0, "%s", got.labels())
		t.prove("3.2", "events may be none", got.of("none").one("register").Status == 200 && len(got.of("none").all("event")) == 0, "%s", got.labels())
		t.prove("3.7", "a file's suffix is part of the extension's name", got.of("full.sh").one(label("3.2", registered[0].rule)).Status == 200, "%s", got.labels())
		ids := map[string]bool{}
		for _, r := range got {
			if id := r.Header["Lambda-Extension-Identifier"]; id != "" {
				ids[id] = true
			}
		}
		t.prove("3.2", "every extension has an identifier of its own", len(ids) == 3, "%v", ids)
	}}
}

// internalRegistration proves what is different for extensions within the runtime.
func internalRegistration() scenario {
	inside := register("inside", `{"events":["INVOKE"]}`, "in")
	inside.Label = ""
	rows := []row{
		{section: "3.2", rule: "an internal extension registers under any name", step: inside, status: 200, header: map[string]string{identifierHeader: uuid}},
		{section: "3.2", rule: "an internal extension may not ask for SHUTDOWN", step: reg("greedy", `{"events":["SHUTDOWN"]}`), status: 403, errorType: "Extension.InvalidEventType", message: "SHUTDOWN: .*"},
		{section: "3.2", rule: "nor for SHUTDOWN beside INVOKE", step: reg("greedy", `{"events":["INVOKE","SHUTDOWN"]}`), status: 403, errorType: "Extension.InvalidEventType"},
		{section: "3.2", rule: "a refused registration leaves the name free", step: reg("greedy", `{"events":"x"}`), status: 403, errorType: "InvalidRequestFormat"},
		{section: "3.2", rule: "an internal extension's name is taken once", step: reg("inside", `{"events":[]}`), status: 403, errorType: "Extension.InvalidExtensionState",
			message: "Extension with this name already registered"},
		{section: "3.2", rule: "the runtime cannot register an external one again", step: reg("beside", `{}`), status: 403, errorType: "Extension.InvalidExtensionState"},
	}
	follow := script.Step{Do: "repeat", Times: 1000, Steps: []script.Step{named("inside", extNext("in"))}}
	return scenario{"register-internal", function{
		bootstrap:  bootstrap(map[string][]script.Step{"init": append(steps(rows), async(follow))}),
		extensions: map[string]script.Script{"beside": simple(external("beside"))},
	}, func(t *trial) {
		t.do()
		a := t.do(sleep(100))
		got := t.collect()
		t.check(rows, got)
		events := got.all("inside")
		t.prove("3.7", "an internal extension gets INVOKE", len(events) >= 2 && strings.Contains(events[0].Body, `"eventType":"INVOKE"`), "%v", events)
		t.prove("1.2", "an invocation goes well beside an internal extension", a.fault == "", "%s", a)
	}}
}

// tenRegistrations proves the limit: nine files and one in the runtime are ten.
func tenRegistrations() scenario {
	files := map[string]script.Script{}
	for i := range 9 {
		name := fmt.Sprintf("x%d", i)
		files[name] = simple(external(name))
	}
	rows := []row{
		{section: "3.1", rule: "ten extensions may register", step: register("tenth", `{"events":[]}`, "in"), status: 200},
		{section: "3.2", rule: "the eleventh is refused", step: reg("eleventh", `{"events":[]}`), status: 403, errorType: "Extension.TooManyExtensions", message: `Extension limit \(10\) reached`},
	}
	return scenario{"register-ten", function{
		bootstrap:  bootstrap(map[string][]script.Step{"init": append(steps(rows), async(extNext("in")))}),
		extensions: files, memory: 256,
	}, func(t *trial) {
		t.check(rows, t.collect())
	}}
}

// extensionEvents proves section 3.3, and when an invocation is over.
func extensionEvents() []scenario {
	return []scenario{
		{"extension-events", function{bootstrap: plain(), extensions: map[string]script.Script{
			"keen":  at(map[string][]script.Step{"init": {external("keen", "INVOKE", "SHUTDOWN")}}),
			"quiet": simple(external("quiet", "SHUTDOWN")),
			"again": at(map[string][]script.Step{"init": {external("again", "INVOKE")}}),
		}}, playEventFields},
		{"extension-late", function{bootstrap: plain(), extensions: map[string]script.Script{
			"late": at(map[string][]script.Step{"init": {external("late", "INVOKE")}, "invoke#1": {sleep(900), note("done")}}),
		}}, playLate},
		{"extension-only-next", function{bootstrap: plain(), timeout: 3, extensions: map[string]script.Script{
			"keen": at(map[string][]script.Step{"init": {external("keen", "INVOKE")}, "invoke#2": {hang()}}),
		}}, func(t *trial) {
			t.do()
			a := t.invoke(call{payload: script.Event{}, early: true})
			t.prove("1.5", "the caller has the answer although an extension hangs", a.fault == "" && a.took < 2*time.Second, "%s", a)
			time.Sleep(3*time.Second + afterExternal)
			a = t.do()
			starts := t.collect().of("keen").all("started")
			t.prove("1.5", "the timeout is for the extensions too", a.fault == "" && len(starts) == 2, "%s, %d starts", a, len(starts))
		}},
		{"internal-late", function{
			bootstrap: bootstrap(map[string][]script.Step{"init": {
				register("inside", `{"events":["INVOKE"]}`, "in"),
				async(named("inside", extNext("in")), sleep(700), note("inside done"), script.Step{Do: "repeat", Times: 100, Steps: []script.Step{extNext("in")}}),
			}}),
		}, func(t *trial) {
			t.do()
			log, _ := t.logText()
			took := longest(log)
			t.prove("1.5", "an invocation lasts until internal extensions are done too", took >= 700, "%v ms, %s", took, log)
		}},
	}
}

type invokeEvent struct {
	EventType          string
	DeadlineMs         int64
	RequestID          string
	InvokedFunctionArn string
	Tracing            struct{ Type, Value string }
}

func playEventFields(t *trial) {
	a := t.do()
	h := a.header()
	t.do()
	got := t.collect()
	events := got.of("keen").all("event")
	t.prove("3.3", "an extension that asked for INVOKE gets one for each invocation", len(events) >= 2, "%s", got.labels())
	t.prove("3.3", "one that did not gets none", len(got.of("quiet").all("event")) == 0, "%s", got.labels())
	if len(events) == 0 {
		return
	}
	first := events[0]
	var e invokeEvent
	err := json.Unmarshal([]byte(first.Body), &e)
	t.prove("3.3", "an event is JSON", err == nil && first.Header["Content-Type"] == "application/json", "%v %v", err, first.Header)
	t.prove("3.3", "the event's type is INVOKE", e.EventType == "INVOKE", "%s", first.Body)
	t.prove("3.3", "the event has the runtime's request id", e.RequestID == h["Lambda-Runtime-Aws-Request-Id"], "%s, want %s", e.RequestID, h["Lambda-Runtime-Aws-Request-Id"])
	t.prove("3.3", "the event has the runtime's deadline", fmt.Sprint(e.DeadlineMs) == h["Lambda-Runtime-Deadline-Ms"], "%d, want %s", e.DeadlineMs, h["Lambda-Runtime-Deadline-Ms"])
	t.prove("3.3", "the event has the invoked ARN", e.InvokedFunctionArn == h["Lambda-Runtime-Invoked-Function-Arn"], "%s", first.Body)
	t.prove("3.3", "the event has the trace id", e.Tracing.Type == "X-Amzn-Trace-Id" && e.Tracing.Value == h["Lambda-Runtime-Trace-Id"], "%s, want %s", first.Body, h["Lambda-Runtime-Trace-Id"])
	t.prove("3.3", "the event has an identifier of its own", matches(uuid, first.Header["Lambda-Extension-Event-Identifier"]), "%v", first.Header)
	t.prove("3.3", "the event has no payload and no answer", !strings.Contains(first.Body, "steps") && !strings.Contains(first.Body, "records"), "%s", first.Body)
	again := got.of("again").all("event")
	t.prove("3.3", "each extension gets the event", len(again) >= 2 && again[0].Header["Lambda-Extension-Event-Identifier"] != first.Header["Lambda-Extension-Event-Identifier"], "%v", again)
}

func playLate(t *trial) {
	a := t.invoke(call{payload: script.Event{Steps: []script.Step{note("first")}}, early: true})
	t.prove("1.5", "the caller has the answer before the extension is done", a.fault == "" && a.took < 5*time.Second, "%s", a)
	time.Sleep(1500 * time.Millisecond)
	b := t.do(note("second"))
	got := t.collect()
	t.prove("1.5", "an extension goes on after the answer", got.before([2]string{"late", "done"}, [2]string{"bootstrap", "second"}), "%s", got.labels())
	t.prove("1.5", "the processes are the same", len(got.all("started")) == 2, "%s", got.labels())
	t.prove("7.2", "an invocation has its REPORT", strings.Contains(b.log, "REPORT RequestId"), "%s", b.log)
	log, err := t.awaitLog(`REPORT RequestId`)
	if err != nil {
		t.skip("1.5", "an extension's time is in the Duration", err.Error())
		return
	}
	t.prove("1.5", "an extension's time is in the Duration", longest(log) >= 900, "%s", log)
}

// longest is the longest Duration of the REPORT lines in a log, in milliseconds.
func longest(log string) (most float64) {
	for _, m := range regexp.MustCompile(`REPORT RequestId: \S+\tDuration: ([\d.]+) ms`).FindAllStringSubmatch(log, -1) {
		var duration float64
		_, _ = fmt.Sscan(m[1], &duration)
		most = max(most, duration)
	}
	return most
}

// extensionProcesses proves sections 3.1 and 3.6, and the order of Init.
func extensionProcesses() []scenario {
	variables := script.Step{Do: "environment", Label: "variables"}
	return []scenario{
		{"extension-process", function{
			bootstrap: bootstrap(map[string][]script.Step{"init": {variables}}),
			extensions: map[string]script.Script{
				"b-second": simple(external("b-second"), variables),
				"a-first":  simple(sleep(400), external("a-first"), variables, sleep(300), note("ready")),
			},
			layerFiles: map[string]string{"extensions/folder/program": "#!" + probePath + "\n{}"},
			env:        map[string]string{"MINE": "yours"},
		}, playProcesses},
		{"extension-files", function{
			bootstrap: bootstrap(map[string][]script.Step{"init": {{Do: "file", Path: "/tmp/from-extension", Label: "seen"}}}),
			extensions: map[string]script.Script{
				"writer": simple(script.Step{Do: "file", Path: "/tmp/from-extension", Text: "hello"},
					script.Step{Do: "file", Path: "/var/task/handler", Label: "code"}, external("writer")),
			},
		}, func(t *trial) {
			got := t.collect()
			t.prove("3.1", "extensions share /tmp with the function", got.one("seen").Body == "hello", "%+v", got.one("seen"))
			t.prove("3.1", "extensions see the function's code", got.one("code").Body == "here", "%+v", got.one("code"))
		}},
	}
}

func playProcesses(t *trial) {
	got := t.collect()
	own, ext := got.of("bootstrap").one("variables"), got.of("a-first").one("variables")
	for _, name := range []string{
		"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS",
		"LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "_HANDLER",
	} {
		value, has := ext.Header[name]
		t.prove("3.6", "an extension does not see "+name, !has && len(ext.Header) > 0, "%s", value)
	}
	private := ""
	for name := range ext.Header {
		if strings.HasPrefix(name, "_") {
			private += " " + name
		}
	}
	t.prove("3.6", "an extension sees no name that begins with an underscore", private == "", "%s", private)
	for _, name := range []string{
		"MINE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_INITIALIZATION_TYPE",
	} {
		t.prove("3.6", "an extension sees the function's "+name, ext.Header[name] == own.Header[name] && own.Header[name] != "", "%q, the function %q", ext.Header[name], own.Header[name])
	}
	t.prove("1.2", "an extension runs in /", ext.Body == "/", "%s", ext.Body)
	t.prove("1.2", "an extension leads its process group", ext.Status == 1, "%d", ext.Status)
	t.prove("3.1", "an extension runs as the function's user", ext.Count == own.Count, "%d, the function %d", ext.Count, own.Count)
	t.prove("3.1", "folders in the extensions' folder are not executed", len(got.of("folder")) == 0 && len(got.of("program")) == 0, "%s", got.labels())
	second := got.timeOf("b-second", "started")
	t.prove("1.2", "extensions start without waiting for each other", second != 0 && second < got.timeOf("a-first", "register"), "%s", got.labels())
	// The answer to the last registration may come later than the runtime starts.
	first := got.of("a-first").one("started").At
	t.prove("1.2", "the runtime starts when every external extension has registered",
		first != 0 && got.timeOf("bootstrap", "started")-first >= 400_000, "%s", got.labels())
	t.prove("1.2", "the runtime does not wait for extensions to be ready",
		got.before([2]string{"bootstrap", "started"}, [2]string{"a-first", "ready"}), "%s", got.labels())
	t.prove("1.2", "the first event comes when every extension is ready",
		got.before([2]string{"a-first", "ready"}, [2]string{"bootstrap", "next"}), "%s", got.labels())
}
