package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lambent/conformance/script"
)

const (
	telemetryPath = "/2022-07-01/telemetry"
	logsPath      = "/2020-08-15/logs"
)

// subscription is a body for the Telemetry or the Logs API; nil members are left out.
type subscription struct {
	Schema      string         `json:"schemaVersion,omitempty"`
	Types       []string       `json:"types,omitempty"`
	Buffering   map[string]int `json:"buffering,omitempty"`
	Destination map[string]any `json:"destination,omitempty"`
}

// wanted is a subscription to everything by HTTP, delivered at once, after changes.
func wanted(port int, change ...func(*subscription)) subscription {
	s := subscription{
		Schema: "2022-12-13", Types: []string{"platform", "function", "extension"},
		Buffering:   map[string]int{"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
		Destination: map[string]any{"protocol": "HTTP", "URI": fmt.Sprintf("http://sandbox.localdomain:%d", port)},
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

func buffering(name string, n int) func(*subscription) {
	return func(s *subscription) {
		b := map[string]int{}
		for k, v := range s.Buffering {
			b[k] = v
		}
		b[name] = n
		s.Buffering = b
	}
}

func schema(version string) func(*subscription) { return func(s *subscription) { s.Schema = version } }
func ofTypes(t ...string) func(*subscription)   { return func(s *subscription) { s.Types = t } }
func to(d map[string]any) func(*subscription)   { return func(s *subscription) { s.Destination = d } }

func uri(u string) func(*subscription) { return to(map[string]any{"protocol": "HTTP", "URI": u}) }

// put subscribes as the extension that the variable ext identifies.
func put(path string, s subscription) script.Step {
	body, _ := json.Marshal(s) // strings and numbers always encode
	return with(request("PUT", path, string(body)), identifierHeader, "${ext}")
}

// listen opens a receiver on the port.
func listen(port int, name string) script.Step {
	return script.Step{Do: "listen", Port: port, Label: name}
}

func printed(text string, times int) script.Step {
	return script.Step{Do: "print", Text: text, Times: times}
}

// watcher is an extension that listens and subscribes.
func watcher(name, path string, port int, s subscription, events ...string) script.Script {
	return simple(external(name, events...), listen(port, name), named("subscribe", put(path, s)))
}

// subscriptions proves section 4.1.
func subscriptions() []scenario {
	return []scenario{subscribing("telemetry", "4.1", telemetryPath, "ValidationError", "2022-07-01", telemetryExtras())}
}

// subscribing are the rules that both APIs share.
func subscribing(name, section, path, invalid, version string, extras []row) scenario {
	ok := func(rule string, change ...func(*subscription)) row {
		return row{section: section, rule: rule, step: put(path, wanted(8080, append([]func(*subscription){schema(version)}, change...)...)), status: 200, body: `"OK"`}
	}
	bad := func(rule string, change ...func(*subscription)) row {
		r := ok(rule, change...)
		r.status, r.body, r.errorType, r.message = 400, "", invalid, ".+"
		return r
	}
	rows := []row{
		{section: section, rule: "GET " + name + " is not allowed", step: with(get(path), identifierHeader, "${ext}"), status: 405},
		{section: section, rule: name + " without an identifier is refused", step: request("PUT", path, "{}"), status: 403, errorType: "Extension.MissingExtensionIdentifier"},
		{section: section, rule: name + " with an identifier that is no UUID is refused", step: with(request("PUT", path, "{}"), identifierHeader, "me"), status: 403, errorType: "Extension.InvalidExtensionIdentifier"},
		{section: section, rule: name + " with an unknown identifier is refused", step: with(put(path, wanted(8080, schema(version))), identifierHeader, nobody), status: 403, errorType: "Extension.UnknownExtensionIdentifier"},
		{section: section, rule: name + ": a body that is no JSON is refused", step: with(request("PUT", path, "{"), identifierHeader, "${ext}"), status: 400, errorType: invalid},
		bad(name+": an unknown schema version is refused", schema("1999-01-01")),
		bad(name+": no types are refused", ofTypes()),
		bad(name+": an unknown type is refused", ofTypes("platform", "kernel")),
		bad(name+": fewer than 1,000 items are refused", buffering("maxItems", 999)),
		bad(name+": more than 10,000 items are refused", buffering("maxItems", 10_001)),
		bad(name+": fewer than 262,144 bytes are refused", buffering("maxBytes", 262_143)),
		bad(name+": more than 1,048,576 bytes are refused", buffering("maxBytes", 1_048_577)),
		bad(name+": less than 25 ms are refused", buffering("timeoutMs", 24)),
		bad(name+": more than 30 s are refused", buffering("timeoutMs", 30_001)),
		bad(name+": port 9001 is reserved", uri("http://sandbox.localdomain:9001")),
		bad(name+": a destination needs a port", uri("http://sandbox.localdomain")),
		bad(name+": another host is refused", uri("http://example.com:8080")),
		bad(name+": https is refused", uri("https://sandbox.localdomain:8080")),
		bad(name+": another protocol is refused", to(map[string]any{"protocol": "UDP", "port": 8080})),
		bad(name+": a destination is needed", to(nil)),
		bad(name+": TCP needs a port", to(map[string]any{"protocol": "TCP"})),
		ok(name + ": the least are taken"),
		ok(name+": the most are taken", buffering("maxItems", 10_000), buffering("maxBytes", 1_048_576), buffering("timeoutMs", 30_000)),
		ok(name+": buffering may be left out", func(s *subscription) { s.Buffering = nil }),
		ok(name+": the older name of the host is taken", uri("http://sandbox:8080/path")),
		ok(name+": one type is enough", ofTypes("function")),
		ok(name+": TCP is taken", to(map[string]any{"protocol": "TCP", "port": 8081})),
	}
	rows = append(rows, extras...)
	rows = append(rows, ok(name+": subscribing again replaces what was", uri("http://sandbox.localdomain:8080/last")))
	return scenario{"subscribe-" + name, function{bootstrap: plain(), extensions: map[string]script.Script{
		"watcher": at(map[string][]script.Step{
			"init":     append([]script.Step{external("watcher", "INVOKE"), listen(8080, "http"), {Do: "listen", Port: 8081, Label: "tcp", Protocol: "TCP"}}, steps(rows)...),
			"invoke#1": steps(lateSubscription(name, section, path, version)),
		}),
	}}, func(t *trial) {
		t.do(printed("line\n", 1))
		t.check(rows, t.collect())
		t.check(lateSubscription(name, section, path, version), t.collect())
		got := t.await(func(r records) bool { return len(received(r, "http").of("platform.start")) > 0 })
		last := ""
		for _, r := range got.all("delivery:http").sorted() {
			last = r.Header["Path"]
		}
		t.prove(section, name+": the last subscription counts", last == "/last", "%q", last)
	}}
}

func lateSubscription(name, section, path, version string) []row {
	title, kind := "Telemetry", "Telemetry.SubscriptionClosed"
	if path == logsPath {
		title, kind = "Logs", "Logs.SubscriptionClosed"
	}
	return []row{{section: section, rule: name + ": after Init it is too late", step: put(path, wanted(8080, schema(version))), status: 403,
		errorType: kind, message: title + " API subscription is closed"}}
}

func telemetryExtras() []row {
	var rows []row
	for _, version := range []string{"2022-07-01", "2022-12-13", "2025-01-29"} {
		rows = append(rows, row{section: "4.1", rule: "schema " + version + " is taken", step: put(telemetryPath, wanted(8080, schema(version))), status: 200, body: `"OK"`})
	}
	return append(rows, row{section: "4.1", rule: "one extension does not get both APIs", step: put(logsPath, wanted(8080, schema("2020-08-15"))), errorType: ".*ValidationError.*"})
}

// delivered is a record of telemetry as it came.
type delivered struct {
	Time   string          `json:"time"`
	Type   string          `json:"type"`
	Record json.RawMessage `json:"record"`
	at     int64           // when it came
}

type deliveredList []delivered

// deliveries_ reads what a receiver got: arrays by HTTP, lines by TCP.
func received(r records, name string) deliveredList {
	var all deliveredList
	for _, d := range r.all("delivery:" + name).sorted() {
		if d.Status != 0 {
			continue // the receiver refused it
		}
		var list deliveredList
		if json.Unmarshal([]byte(d.Body), &list) != nil {
			var one delivered
			if json.Unmarshal([]byte(d.Body), &one) != nil {
				continue
			}
			list = deliveredList{one}
		}
		for _, one := range list {
			one.at = d.At
			all = append(all, one)
		}
	}
	return all
}

// of narrows to one type.
func (l deliveredList) of(kind string) deliveredList {
	var found deliveredList
	for _, d := range l {
		if d.Type == kind {
			found = append(found, d)
		}
	}
	return found
}

func (l deliveredList) types() string {
	var out []string
	for _, d := range l {
		out = append(out, d.Type)
	}
	return strings.Join(out, " ")
}

// into decodes the first record of a type.
func (l deliveredList) into(kind string, to any) (text string, ok bool) {
	found := l.of(kind)
	if len(found) == 0 {
		return "none came; there are: " + l.types(), false
	}
	return string(found[0].Record), json.Unmarshal(found[0].Record, to) == nil
}

// texts are the records of a type that are strings.
func (l deliveredList) texts(kind string) []string {
	var out []string
	for _, d := range l.of(kind) {
		var s string
		if json.Unmarshal(d.Record, &s) == nil {
			out = append(out, s)
		}
	}
	return out
}

// field is a member of a platform record that must be there.
type field struct {
	rule, path, pattern string // a path with dots; a number or true is matched as it is written
}

// proveFields proves members of the first record of a type.
func (t *trial) proveFields(section, kind string, list deliveredList, fields []field) {
	var record map[string]any
	text, ok := list.into(kind, &record)
	for _, f := range fields {
		value, has := lookup(record, f.path)
		kept := ok && (f.pattern == "" && !has || f.pattern != "" && has && matches(f.pattern, value))
		t.prove(section, kind+" "+f.rule, kept, "%s is %q in %s", f.path, value, text)
	}
}

// lookup finds a member by its path and writes it out.
func lookup(record any, path string) (value string, has bool) {
	for _, name := range strings.Split(path, ".") {
		object, ok := record.(map[string]any)
		if !ok {
			return "", false
		}
		if record, ok = object[name]; !ok {
			return "", false
		}
	}
	if s, ok := record.(string); ok {
		return s, true
	}
	text, err := json.Marshal(record)
	return string(text), err == nil
}

const (
	number  = `\d+(\.\d+)?`
	isoTime = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`
	absent  = ""
)

// telemetryEvents proves section 4.3.
func telemetryEvents() []scenario {
	return []scenario{
		{"telemetry-events", function{
			bootstrap: bootstrap(map[string][]script.Step{"init": {printed("starting\n", 1)}}),
			extensions: map[string]script.Script{
				"watcher": watcher("watcher", telemetryPath, 8080, wanted(8080), "INVOKE", "SHUTDOWN"),
				"printer": at(map[string][]script.Step{"init": {printed("printer starts\n", 1), external("printer", "INVOKE")}, "invoke": {sleep(50), printed("printer works\n", 1)}}),
			},
		}, playTelemetryEvents},
		{"telemetry-failures", function{bootstrap: plain(), timeout: 2, extensions: map[string]script.Script{
			"watcher": watcher("watcher", telemetryPath, 8080, wanted(8080), "SHUTDOWN"),
		}}, playTelemetryFailures},
		{"telemetry-json", function{bootstrap: plain(), json: true, extensions: map[string]script.Script{
			"newer": watcher("newer", telemetryPath, 8080, wanted(8080, ofTypes("function"))),
			"older": watcher("older", telemetryPath, 8081, wanted(8081, ofTypes("function"), schema("2022-07-01"))),
			"logs":  watcher("logs", logsPath, 8082, wanted(8082, ofTypes("function"), schema("2021-03-18"))),
		}}, playTelemetryJSON},
		{"telemetry-types", function{bootstrap: plain(), extensions: map[string]script.Script{
			"platform": watcher("platform", telemetryPath, 8080, wanted(8080, ofTypes("platform"))),
			"function": watcher("function", telemetryPath, 8081, wanted(8081, ofTypes("function"))),
			"extension": simple(external("extension"), listen(8082, "extension"),
				put(telemetryPath, wanted(8082, ofTypes("extension"))), printed("from an extension\n", 1)),
		}}, func(t *trial) {
			t.do(printed("from the function\n", 1), sleep(100))
			got := t.await(func(r records) bool {
				return len(received(r, "platform").of("platform.report")) > 0 && len(received(r, "function")) > 0
			})
			for name, want := range map[string]string{"platform": "platform.", "function": "function", "extension": "extension"} {
				list := received(got, name)
				other := ""
				for _, d := range list {
					if !strings.HasPrefix(d.Type, want) {
						other = d.Type
					}
				}
				t.prove("4.1", "who asks for the type "+name+" gets it and nothing else", len(list) > 0 && other == "", "%s", list.types())
			}
		}},
	}
}

func playTelemetryEvents(t *trial) {
	a := t.do(printed("hello\n", 1), printed("[é \\\"]\n", 1), sleep(100))
	t.do(sleep(100))
	got := t.await(func(r records) bool { return len(received(r, "watcher").of("platform.report")) >= 2 })
	list := received(got, "watcher")
	init := []field{
		{"has the initialization type", "initializationType", "on-demand"}, {"has the phase", "phase", "init"},
	}
	t.proveFields("4.3", "platform.initStart", list, append(init, []field{
		{"has the function's name", "functionName", t.function}, {"has the function's version", "functionVersion", `\$LATEST`},
		{"has the environment's memory", "instanceMaxMemory", number}, {"has the environment's id", "instanceId", ".+"},
	}...))
	t.proveFields("4.3", "platform.initRuntimeDone", list, append(init, field{"has the status", "status", "success"}, field{"has no error type", "errorType", absent}))
	t.proveFields("4.3", "platform.initReport", list, append(init, field{"has the status", "status", "success"}, field{"has the duration", "metrics.durationMs", number}))
	t.proveFields("4.3", "platform.telemetrySubscription", list, []field{
		{"has the name", "name", "watcher"}, {"has the state", "state", "Subscribed"}, {"has the types", "types", `\["platform","function","extension"\]`},
	})
	id := a.header()["Lambda-Runtime-Aws-Request-Id"]
	t.proveFields("4.3", "platform.start", list, []field{
		{"has the request id", "requestId", id}, {"has the version", "version", `\$LATEST`},
		{"has the trace", "tracing.value", ".*" + a.header()["Lambda-Runtime-Trace-Id"] + ".*"}, {"has the trace's type", "tracing.type", "X-Amzn-Trace-Id"},
		{"has no tenant", "tenantId", absent},
	})
	t.proveFields("4.3", "platform.runtimeDone", list, []field{
		{"has the request id", "requestId", id}, {"has the status", "status", "success"}, {"has the duration", "metrics.durationMs", number},
		{"has the bytes of the answer", "metrics.producedBytes", fmt.Sprint(len(a.payload))},
		{"has three spans", "spans", `\[.*"responseLatency".*"responseDuration".*"runtimeOverhead".*\]`},
		{"has the trace", "tracing.type", "X-Amzn-Trace-Id"},
	})
	t.proveFields("4.3", "platform.report", list, []field{
		{"has the request id", "requestId", id}, {"has the status", "status", "success"}, {"has the duration", "metrics.durationMs", number},
		{"has the billed duration", "metrics.billedDurationMs", `\d+`}, {"has the memory", "metrics.memorySizeMB", "128"},
		{"has the memory used", "metrics.maxMemoryUsedMB", `[1-9]\d*`}, {"has the Init's duration after a cold start", "metrics.initDurationMs", number},
		{"has the extensions' span", "spans", `\[.*"extensionOverhead".*\]`}, {"has the trace", "tracing.type", "X-Amzn-Trace-Id"},
	})
	if reports := list.of("platform.report"); len(reports) > 1 {
		t.prove("4.3", "platform.report of a warm start has no Init", !strings.Contains(string(reports[1].Record), "initDurationMs"), "%s", reports[1].Record)
	}
	t.proveExtensionRecords(list)
	t.proveLines(list)
	t.proveEnvelope(list)
}

func (t *trial) proveExtensionRecords(list deliveredList) {
	states := map[string]string{}
	for _, d := range list.of("platform.extension") {
		var x struct {
			Name, State string
			Events      []string
		}
		_ = json.Unmarshal(d.Record, &x)
		states[x.Name] = x.State + fmt.Sprint(x.Events)
	}
	t.prove("4.3", "platform.extension comes for every extension, with its state and events",
		len(states) == 2 && states["watcher"] == "Ready[INVOKE SHUTDOWN]" && states["printer"] == "Ready[INVOKE]", "%v", states)
}

func (t *trial) proveLines(list deliveredList) {
	has := func(kind, text string) bool {
		for _, s := range list.texts(kind) {
			if s == text {
				return true
			}
		}
		return false
	}
	t.prove("4.3", "a function's line is a string with its newline", has("function", "hello\n"), "%q", list.texts("function"))
	t.prove("4.3", "a line's characters are kept", has("function", "[é \\\"]\n"), "%q", list.texts("function"))
	t.prove("4.3", "lines of the Init come too", has("function", "starting\n"), "%q", list.texts("function"))
	t.prove("4.3", "an extension's line has its own type", has("extension", "printer works\n"), "%q", list.texts("extension"))
	t.prove("4.2", "a late subscriber gets lines that were written before", has("extension", "printer starts\n"), "%q", list.texts("extension"))
}

// proveEnvelope proves what all records share, and their order.
func (t *trial) proveEnvelope(list deliveredList) {
	wrong := ""
	for _, d := range list {
		if !matches(isoTime, d.Time) {
			wrong = d.Time
		}
	}
	t.prove("4.3", "times are ISO 8601 in UTC with milliseconds", wrong == "" && len(list) > 0, "%s", wrong)
	order := []string{"platform.initStart", "platform.initRuntimeDone", "platform.extension", "platform.initReport", "platform.start", "platform.runtimeDone", "platform.report"}
	place := func(kind string) int {
		for i, d := range list {
			if d.Type == kind {
				return i
			}
		}
		return -1
	}
	for i, kind := range order[:len(order)-1] {
		t.prove("4.2", kind+" comes before "+order[i+1], place(kind) >= 0 && place(kind) < place(order[i+1]), "%s", list.types())
	}
	start, done := place("platform.start"), place("platform.runtimeDone")
	line := -1
	for i, d := range list {
		if d.Type == "function" && string(d.Record) == `"hello\n"` {
			line = i
		}
	}
	t.prove("4.2", "an invocation's lines come between its start and its end", start < line && line < done, "%d %d %d", start, line, done)
}

func playTelemetryFailures(t *trial) {
	t.do(printed("one\n", 1))
	t.do(exit(3))
	time.Sleep(afterExternal)
	t.invoke(call{payload: script.Event{Steps: []script.Step{hang()}}})
	time.Sleep(afterExternal)
	t.do(sleep(50))
	got := t.await(func(r records) bool { return len(received(r, "watcher").of("platform.report")) >= 4 })
	list := received(got, "watcher")
	type outcome struct{ RequestID, Status, ErrorType, Phase string }
	outcomes := func(kind string) map[string]bool {
		found := map[string]bool{}
		for _, d := range list.of(kind) {
			var o outcome
			_ = json.Unmarshal(d.Record, &o)
			found[o.Status+" "+o.ErrorType] = true
			found["phase "+o.Phase] = true
		}
		return found
	}
	for _, c := range []struct{ rule, kind, want string }{
		{"after a crash platform.runtimeDone has the status error", "platform.runtimeDone", "error Runtime.ExitError"},
		{"after a crash platform.report has the status error", "platform.report", "error Runtime.ExitError"},
		{"after a timeout platform.runtimeDone has the status timeout", "platform.runtimeDone", "timeout Sandbox.Timedout"},
		{"after a timeout platform.report has the status timeout", "platform.report", "timeout Sandbox.Timedout"},
		{"an Init inside an invocation has the phase invoke", "platform.initStart", "phase invoke"},
		{"so has its initRuntimeDone", "platform.initRuntimeDone", "phase invoke"},
		{"so has its initReport", "platform.initReport", "phase invoke"},
	} {
		found := outcomes(c.kind)
		t.prove("4.3", c.rule, found[c.want] || found[strings.TrimSuffix(c.want, " Sandbox.Timedout")+" "] && strings.HasPrefix(c.want, "timeout"), "%v", found)
	}
}

func playTelemetryJSON(t *trial) {
	t.do(printed(`{"level":"INFO","message":"structured"}`+"\n", 1), printed("plain\n", 1), sleep(150))
	got := t.await(func(r records) bool {
		return len(received(r, "newer")) > 1 && len(received(r, "older")) > 1 && len(received(r, "logs")) > 1
	})
	find := func(name, part string) string {
		for _, d := range received(got, name) {
			if strings.Contains(string(d.Record), part) {
				return string(d.Record)
			}
		}
		return "nothing"
	}
	t.prove("4.3", "in the newer schemas a JSON line is an object", strings.HasPrefix(find("newer", "structured"), "{"), "%s", find("newer", "structured"))
	t.prove("4.3", "in schema 2022-07-01 a JSON line is a string", strings.HasPrefix(find("older", "structured"), `"`), "%s", find("older", "structured"))
	t.prove("4.5", "in the Logs API a JSON line is a string", strings.HasPrefix(find("logs", "structured"), `"`), "%s", find("logs", "structured"))
	t.prove("4.3", "a line that is no JSON is a string in every schema", strings.Contains(find("newer", "plain"), `"`), "%s", find("newer", "plain"))
}

// logsAPI proves section 4.5.
func logsAPI() []scenario {
	extras := []row{}
	for _, version := range []string{"2020-08-15", "2021-03-18"} {
		extras = append(extras, row{section: "4.5", rule: "schema " + version + " is taken", step: put(logsPath, wanted(8080, schema(version))), status: 200, body: `"OK"`})
	}
	method := func(m string) func(*subscription) {
		return to(map[string]any{"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/m", "method": m, "encoding": "JSON"})
	}
	extras = append(extras,
		row{section: "4.5", rule: "the method PUT is taken", step: put(logsPath, wanted(8080, schema("2020-08-15"), method("PUT"))), status: 200},
		row{section: "4.5", rule: "the method POST is taken", step: put(logsPath, wanted(8080, schema("2020-08-15"), method("POST"))), status: 200},
		row{section: "4.5", rule: "another method is refused", step: put(logsPath, wanted(8080, schema("2020-08-15"), method("PATCH"))), status: 400, errorType: "Logs.ValidationError"},
		row{section: "4.5", rule: "a schema of the Telemetry API is refused", step: put(logsPath, wanted(8080, schema("2022-07-01"))), status: 400, errorType: "Logs.ValidationError"},
		row{section: "4.5", rule: "one extension does not get both APIs either way", step: put(telemetryPath, wanted(8080)), errorType: ".*ValidationError.*"},
	)
	putting := wanted(8080, schema("2021-03-18"), to(map[string]any{"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/logs", "method": "PUT", "encoding": "JSON"}))
	return []scenario{
		subscribing("logs", "4.5", logsPath, "Logs.ValidationError", "2020-08-15", extras),
		{"logs-events", function{bootstrap: plain(), extensions: map[string]script.Script{
			"newer": watcher("newer", logsPath, 8080, putting, "INVOKE"),
			"older": watcher("older", logsPath, 8081, wanted(8081, schema("2020-08-15"))),
			"lines": simple(external("lines"), script.Step{Do: "listen", Port: 8082, Label: "lines", Protocol: "TCP"},
				put(logsPath, wanted(8082, schema("2021-03-18"), to(map[string]any{"protocol": "TCP", "port": 8082})))),
		}}, playLogsEvents},
	}
}

func playLogsEvents(t *trial) {
	a := t.do(printed("hello\n", 1), sleep(150))
	t.do(sleep(100))
	got := t.await(func(r records) bool {
		return len(received(r, "newer").of("platform.report")) > 0 && len(received(r, "older").of("platform.report")) > 0
	})
	list, older := received(got, "newer"), received(got, "older")
	id := a.header()["Lambda-Runtime-Aws-Request-Id"]
	t.proveFields("4.5", "platform.start", list, []field{{"has the request id", "requestId", id}, {"has the version", "version", `\$LATEST`}})
	t.proveFields("4.5", "platform.end", list, []field{{"has the request id", "requestId", id}})
	t.proveFields("4.5", "platform.runtimeDone", list, []field{{"has the request id", "requestId", id}, {"has the status", "status", "success"}})
	t.proveFields("4.5", "platform.report", list, []field{
		{"has the request id", "requestId", id}, {"has the duration", "metrics.durationMs", number}, {"has the billed duration", "metrics.billedDurationMs", `\d+`},
		{"has the memory", "metrics.memorySizeMB", "128"}, {"has the memory used", "metrics.maxMemoryUsedMB", `[1-9]\d*`}, {"has the Init's duration", "metrics.initDurationMs", number},
	})
	t.proveFields("4.5", "platform.extension", list, []field{{"has the state", "state", "Ready"}})
	t.proveFields("4.5", "platform.logsSubscription", list, []field{{"has the state", "state", "Subscribed"}})
	t.prove("4.5", "platform.runtimeDone is not in schema 2020-08-15", len(older.of("platform.runtimeDone")) == 0 && len(older.of("platform.report")) > 0, "%s", older.types())
	t.prove("4.5", "records of the Telemetry API do not come", len(list.of("platform.initStart"))+len(list.of("platform.initReport")) == 0, "%s", list.types())
	t.prove("4.5", "a function's line is a string", strings.Join(list.texts("function"), "") == "hello\n", "%q", list.texts("function"))
	d := got.one("delivery:newer")
	t.prove("4.5", "records come with the method and to the path that were asked for", d.Header["Method"] == "PUT" && d.Header["Path"] == "/logs", "%v", d.Header)
	t.prove("4.5", "records come as lines by TCP", len(received(got, "lines").of("platform.start")) > 0, "%s", got.labels())
}
