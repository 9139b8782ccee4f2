package logline

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"lambent/internal/event"
)

const requestID = "6d68ca91-49c9-448d-89b8-7ca3e6dc66aa"

var at = time.Date(2026, 1, 10, 0, 0, 15, 64_000_000, time.UTC)

func origin(format string) *event.Origin {
	return &event.Origin{
		Environment: "82561ce0", Function: "f", Version: "$LATEST", MemoryMB: 128, InitType: "on-demand", LogFormat: format,
	}
}

func messages(e event.Event, style Style) []string {
	text, ends := AppendMessages([]byte("before"), nil, e, style)
	var got []string
	begin := len("before")
	for _, end := range ends {
		got = append(got, string(text[begin:end]))
		begin = end
	}
	return got
}

func TestTextMessages(t *testing.T) {
	t.Parallel()
	report := event.Report{
		RequestID: requestID, Status: event.Success, Duration: 3012 * time.Microsecond, Billed: 114 * time.Millisecond,
		MemorySize: 128, MemoryUsed: 36, Init: 110100 * time.Microsecond,
	}
	warm := report
	warm.Init, warm.Billed = 0, 4*time.Millisecond
	timedOut := warm
	timedOut.Status, timedOut.ErrorType, timedOut.FaultText = event.Timeout, "Sandbox.Timedout", "Task timed out after 3.00 seconds"
	killed := report
	killed.Status, killed.ErrorType, killed.FaultText = event.Error, "Runtime.ExitError", "Runtime exited with error: signal: killed"
	traced := warm
	traced.Trace = "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled=1"

	const end = "END RequestId: " + requestID + "\n"
	const warmReport = "REPORT RequestId: " + requestID + "\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t"
	const coldReport = "REPORT RequestId: " + requestID + "\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 110.10 ms\t"
	for _, tc := range []struct {
		name   string
		record event.Record
		style  Style
		want   []string
	}{
		{"INIT_START (F272)", event.InitStart{Phase: event.PhaseInit, RuntimeVersion: "python:3.13.v60", RuntimeVersionARN: "arn:aws:lambda:us-east-1::runtime:0123"}, Style{},
			[]string{"INIT_START Runtime Version: python:3.13.v60\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:0123\n"}},
		{"no INIT_START within an invocation", event.InitStart{Phase: event.PhaseInvoke, RuntimeVersion: "python:3.13.v60"}, Style{}, nil},
		{"no INIT_START without a version", event.InitStart{Phase: event.PhaseInit}, Style{}, nil},
		{"no INIT_REPORT for success", event.InitReport{Phase: event.PhaseInit, Status: event.Success, Duration: time.Second}, Style{}, nil},
		{"INIT_REPORT timeout", event.InitReport{Phase: event.PhaseInit, Status: event.Timeout, ErrorType: "Runtime.Unknown", Duration: 1236040 * time.Microsecond}, Style{},
			[]string{"INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: timeout\n"}},
		{"INIT_REPORT error", event.InitReport{Phase: event.PhaseInvoke, Status: event.Error, ErrorType: "Extension.Crash", Duration: 1236040 * time.Microsecond}, Style{},
			[]string{"INIT_REPORT Init Duration: 1236.04 ms\tPhase: invoke\tStatus: error\tError Type: Extension.Crash\n"}},
		{"initRuntimeDone has no line", event.InitRuntimeDone{}, Style{}, nil},
		{"EXTENSION", event.Extension{Name: "my-ext", State: "Ready", Events: []string{"INVOKE", "SHUTDOWN"}}, Style{},
			[]string{"EXTENSION\tName: my-ext\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n"}},
		{"EXTENSION that failed", event.Extension{Name: "my-ext", State: "LaunchError", ErrorType: "PermissionDenied"}, Style{},
			[]string{"EXTENSION\tName: my-ext\tState: LaunchError\tEvents: []\tError Type: PermissionDenied\n"}},
		{"TELEMETRY", event.TelemetrySubscription{Name: "my-ext", State: "Subscribed", Types: []string{"platform", "function", "extension"}}, Style{},
			[]string{"TELEMETRY\tName: my-ext\tState: Subscribed\tTypes: [Platform, Function, Extension]\n"}},
		{"LOGS", event.TelemetrySubscription{Name: "my-ext", State: "Subscribed", Types: []string{"platform", "function"}, LogsAPI: true}, Style{},
			[]string{"LOGS\tName: my-ext\tState: Subscribed\tTypes: [Platform, Function]\n"}},
		{"dropped", event.LogsDropped{Reason: "too fast", Records: 2, Bytes: 30}, Style{}, []string{"LOGS_DROPPED Records: 2\tBytes: 30\tReason: too fast\n"}},
		{"START (F273)", event.Start{RequestID: requestID, Version: "$LATEST"}, Style{}, []string{"START RequestId: " + requestID + " Version: $LATEST\n"}},
		{"runtimeDone has no line", event.RuntimeDone{}, Style{}, nil},
		{"END and cold REPORT (F273)", report, Style{}, []string{end, coldReport + "\n"}},
		{"warm REPORT", warm, Style{}, []string{end, warmReport + "\n"}},
		{"timeout", timedOut, Style{}, []string{end, warmReport + "Status: timeout\n"}},
		{"timeout, old style", timedOut, Style{OldFaults: true},
			[]string{"2026-01-10T00:00:15.064Z " + requestID + " Task timed out after 3.00 seconds\n\n", end, warmReport + "\n"}},
		{"crash", killed, Style{}, []string{end, coldReport + "Status: error\tError Type: Runtime.ExitError\n"}},
		{"crash, old style", killed, Style{OldFaults: true},
			[]string{"RequestId: " + requestID + " Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n", end, coldReport + "\n"}},
		{"traced", traced, Style{}, []string{end, warmReport + "\nXRAY TraceId: 1-62e900b2-710d76f009d6e7785905449a\tSegmentId: 0efbd19962d95b05\tSampled: true\t\n"}},
		{"a line", event.Line{Text: []byte("another\rline\n")}, Style{}, []string{"another\rline\n"}},
		{"a traceback (F277)", event.Line{Text: []byte("[ERROR] E: x\nTraceback:\n\u00a0\u00a0File"), Framed: true}, Style{}, []string{"[ERROR] E: x\nTraceback:\n\u00a0\u00a0File"}},
		{"ours has no line", event.Thawed{}, Style{}, nil},
	} {
		if got := messages(event.Event{Time: at, Origin: origin("Text"), Record: tc.record}, tc.style); !slices.Equal(got, tc.want) {
			t.Errorf("%s:\n got %q\nwant %q", tc.name, got, tc.want)
		}
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	const trace = "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=54565fb41ac79632;Sampled=1"
	span := func(name string, d time.Duration) event.Span {
		return event.Span{Name: name, Start: at.Add(6 * time.Millisecond), Duration: d}
	}
	const head = `{"time":"2026-01-10T00:00:15.064Z","type":`
	for _, tc := range []struct {
		record event.Record
		want   string
	}{
		{event.InitStart{Phase: event.PhaseInit, RuntimeVersion: "python:3.13.v60", RuntimeVersionARN: "arn:x"},
			`"platform.initStart","record":{"initializationType":"on-demand","phase":"init","runtimeVersion":"python:3.13.v60","runtimeVersionArn":"arn:x","functionName":"f","functionVersion":"$LATEST","instanceId":"82561ce0","instanceMaxMemory":128}}`},
		{event.TelemetrySubscription{Name: "my-ext", State: "Subscribed", Types: []string{"platform", "function"}},
			`"platform.telemetrySubscription","record":{"name":"my-ext","state":"Subscribed","types":["platform","function"]}}`},
		{event.TelemetrySubscription{Name: "my-ext", State: "Subscribed", LogsAPI: true},
			`"platform.logsSubscription","record":{"name":"my-ext","state":"Subscribed","types":[]}}`},
		{event.InitRuntimeDone{Phase: event.PhaseInit, Status: event.Success},
			`"platform.initRuntimeDone","record":{"initializationType":"on-demand","phase":"init","status":"success"}}`},
		{event.Extension{Name: "my-ext", State: "Ready", Events: []string{"INVOKE", "SHUTDOWN"}},
			`"platform.extension","record":{"name":"my-ext","state":"Ready","events":["INVOKE","SHUTDOWN"]}}`},
		{event.InitReport{Phase: event.PhaseInvoke, Status: event.Error, ErrorType: "Runtime.ExitError", Duration: 125330 * time.Microsecond},
			`"platform.initReport","record":{"initializationType":"on-demand","phase":"invoke","status":"error","errorType":"Runtime.ExitError","metrics":{"durationMs":125.33}}}`},
		{event.Start{RequestID: "r", Version: "$LATEST", Trace: trace, Tenant: "blue"},
			`"platform.start","record":{"requestId":"r","version":"$LATEST","tracing":{"spanId":"54565fb41ac79632","type":"X-Amzn-Trace-Id","value":"` + trace + `"},"tenantId":"blue"}}`},
		{event.RuntimeDone{RequestID: "r", Status: event.Success, Duration: 140 * time.Millisecond, ProducedBytes: 16, Spans: []event.Span{span("responseLatency", 23020*time.Microsecond), span("responseDuration", 50*time.Microsecond)}},
			`"platform.runtimeDone","record":{"requestId":"r","status":"success","metrics":{"durationMs":140,"producedBytes":16},"spans":[{"name":"responseLatency","start":"2026-01-10T00:00:15.070Z","durationMs":23.02},{"name":"responseDuration","start":"2026-01-10T00:00:15.070Z","durationMs":0.05}]}}`},
		{event.Report{RequestID: "r", Status: event.Success, Duration: 141700 * time.Microsecond, Billed: 268 * time.Millisecond, MemorySize: 128, MemoryUsed: 84, Init: 125330 * time.Microsecond, Spans: []event.Span{span("extensionOverhead", 1200*time.Microsecond)}},
			`"platform.report","record":{"requestId":"r","status":"success","metrics":{"durationMs":141.7,"billedDurationMs":268,"memorySizeMB":128,"maxMemoryUsedMB":84,"initDurationMs":125.33},"spans":[{"name":"extensionOverhead","start":"2026-01-10T00:00:15.070Z","durationMs":1.2}]}}`},
		{event.Report{RequestID: "r", Status: event.Error, ErrorType: "Runtime.OutOfMemory", Duration: 900100 * time.Microsecond, Billed: 901 * time.Millisecond, MemorySize: 128, MemoryUsed: 128},
			`"platform.report","record":{"requestId":"r","status":"error","errorType":"Runtime.OutOfMemory","metrics":{"durationMs":900.1,"billedDurationMs":901,"memorySizeMB":128,"maxMemoryUsedMB":128}}}`},
		{event.LogsDropped{Reason: "slow", Records: 123, Bytes: 12345},
			`"platform.logsDropped","record":{"reason":"slow","droppedRecords":123,"droppedBytes":12345}}`},
		{event.Line{Text: []byte("[INFO] \"hello\"\t\x01\xff€\n")}, `"function","record":"[INFO] \"hello\"\t\u0001` + "\uFFFD" + `€\n"}`},
		{event.Line{Text: []byte(`{"level":"INFO"}` + "\n")}, `"function","record":{"level":"INFO"}}`},
		{event.Line{Extension: true, Text: []byte("e")}, `"extension","record":"e"}`},
	} {
		e := event.Event{Time: at, Origin: origin("JSON"), Record: tc.record}
		got := string(AppendRecord(nil, e))
		if got != head+tc.want {
			t.Errorf("record of %T:\n got %s\nwant %s", tc.record, got, head+tc.want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("record of %T is not JSON: %s", tc.record, got)
		}
		if _, isLine := tc.record.(event.Line); isLine {
			continue
		}
		if m := messages(e, Style{}); len(m) != 1 || m[0] != got+"\n" {
			t.Errorf("message of %T in JSON: got %q, want the record and a newline", tc.record, m)
		}
	}
	if got := AppendRecord(nil, event.Event{Time: at, Origin: origin("JSON"), Record: event.Frozen{}}); len(got) > 0 {
		t.Errorf("record of an event that AWS does not have: got %s", got)
	}
	line := event.Event{Time: at, Origin: origin("JSON"), Record: event.Line{Text: []byte("{}")}}
	if got, want := string(AppendStringRecord(nil, line)), head+`"function","record":"{}"}`; got != want {
		t.Errorf("object for an older schema: got %s, want %s", got, want)
	}
	line.Origin = origin("Text")
	if got, want := string(AppendRecord(nil, line)), head+`"function","record":"{}"}`; got != want {
		t.Errorf("object of a function that logs text: got %s, want %s", got, want)
	}
}

func TestRenderAllocatesNothing(t *testing.T) {
	for _, format := range []string{"Text", "JSON"} {
		e := event.Event{Time: at, Origin: origin(format), Record: event.Report{RequestID: requestID, Status: event.Success, Duration: 3012345, Init: 99999}}
		dst, ends := make([]byte, 0, 1024), make([]int, 0, 4)
		if n := testing.AllocsPerRun(100, func() { AppendMessages(dst, ends, e, Style{}) }); n != 0 {
			t.Errorf("allocations for a report in %s: %v, want 0", format, n)
		}
	}
}

func FuzzRecordIsJSON(f *testing.F) {
	f.Add([]byte("x\xed\xa0\x80\"\\\u2028"), true)
	f.Fuzz(func(t *testing.T, text []byte, object bool) {
		format := "Text"
		if object {
			format = "JSON"
		}
		e := event.Event{Time: at, Origin: origin(format), Record: event.Line{Text: text}}
		if got := AppendRecord(nil, e); !json.Valid(got) {
			t.Fatalf("record of %q is not JSON: %s", text, got)
		}
	})
}
