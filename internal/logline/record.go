package logline

import (
	"bytes"
	"time"

	"lambent/internal/event"
)

// AppendRecord appends the event as the Telemetry API's envelope,
// {"time":…,"type":…,"record":{…}}, without a newline. A function's line is a
// string, or the object itself when the function logs in JSON and the line is
// one. Events that AWS does not have append nothing.
func AppendRecord(dst []byte, e event.Event) []byte {
	line, isLine := e.Record.(event.Line)
	if !isLine {
		return appendPlatform(dst, e)
	}
	dst = openEnvelope(dst, e.Time, lineType(line))
	if e.Origin.LogFormat == formatJSON && IsObject(line.Text) {
		dst = append(dst, bytes.TrimSpace(line.Text)...)
	} else {
		dst = appendString(dst, line.Text)
	}
	return append(dst, '}')
}

// AppendStringRecord is AppendRecord for subscribers of the older schemas, in
// which a line is a string whatever it holds.
func AppendStringRecord(dst []byte, e event.Event) []byte {
	line, isLine := e.Record.(event.Line)
	if !isLine {
		return appendPlatform(dst, e)
	}
	dst = openEnvelope(dst, e.Time, lineType(line))
	dst = appendString(dst, line.Text)
	return append(dst, '}')
}

func lineType(line event.Line) string {
	if line.Extension {
		return "extension"
	}
	return "function"
}

// Type is the event's type as AWS names it, "" for those that AWS does not have.
func Type(r event.Record) string {
	switch r := r.(type) {
	case event.InitStart:
		return "platform.initStart"
	case event.InitRuntimeDone:
		return "platform.initRuntimeDone"
	case event.InitReport:
		return "platform.initReport"
	case event.Extension:
		return "platform.extension"
	case event.TelemetrySubscription:
		if r.LogsAPI {
			return "platform.logsSubscription"
		}
		return "platform.telemetrySubscription"
	case event.LogsDropped:
		return "platform.logsDropped"
	case event.Start:
		return "platform.start"
	case event.RuntimeDone:
		return "platform.runtimeDone"
	case event.Report:
		return "platform.report"
	case event.Line:
		return lineType(r)
	}
	return ""
}

func openEnvelope(dst []byte, t time.Time, kind string) []byte {
	dst = append(dst, `{"time":`...)
	dst = appendTime(dst, t)
	dst = append(dst, `,"type":"`...)
	dst = append(dst, kind...)
	return append(dst, `","record":`...)
}

func appendPlatform(dst []byte, e event.Event) []byte {
	kind := Type(e.Record)
	if kind == "" {
		return dst
	}
	o := object{append(openEnvelope(dst, e.Time, kind), '{')}
	switch r := e.Record.(type) {
	case event.InitStart:
		o.initStart(e.Origin, r)
	case event.InitRuntimeDone:
		o.initPhase(e.Origin, r.Phase)
		o.outcome(r.Status, r.ErrorType)
	case event.InitReport:
		o.initPhase(e.Origin, r.Phase)
		o.outcome(r.Status, r.ErrorType)
		o.open("metrics")
		o.millis("durationMs", r.Duration)
		o.close()
	case event.Extension:
		o.text("name", r.Name)
		o.text("state", r.State)
		o.texts("events", r.Events)
		o.textIf("errorType", r.ErrorType)
	case event.TelemetrySubscription:
		o.text("name", r.Name)
		o.text("state", r.State)
		o.texts("types", r.Types)
	case event.LogsDropped:
		o.text("reason", r.Reason)
		o.integer("droppedRecords", r.Records)
		o.integer("droppedBytes", r.Bytes)
	case event.Start:
		o.text("requestId", r.RequestID)
		o.textIf("version", r.Version)
		o.tracing(r.Trace)
		o.textIf("tenantId", r.Tenant)
	case event.RuntimeDone:
		o.runtimeDone(r)
	case event.Report:
		o.report(r)
	}
	return append(o.dst, '}', '}')
}

func (o *object) initPhase(origin *event.Origin, phase event.Phase) {
	o.text("initializationType", origin.InitType)
	o.text("phase", string(phase))
}

func (o *object) initStart(origin *event.Origin, r event.InitStart) {
	o.initPhase(origin, r.Phase)
	o.textIf("runtimeVersion", r.RuntimeVersion)
	o.textIf("runtimeVersionArn", r.RuntimeVersionARN)
	o.text("functionName", origin.Function)
	o.text("functionVersion", origin.Version)
	o.text("instanceId", origin.Environment)
	o.integer("instanceMaxMemory", int64(origin.MemoryMB))
}

func (o *object) runtimeDone(r event.RuntimeDone) {
	o.text("requestId", r.RequestID)
	o.outcome(r.Status, r.ErrorType)
	o.open("metrics")
	o.millis("durationMs", r.Duration)
	if r.Status == event.Success {
		o.integer("producedBytes", r.ProducedBytes)
	}
	o.close()
	o.spans(r.Spans)
	o.tracing(r.Trace)
	o.textIf("tenantId", r.Tenant)
}

func (o *object) report(r event.Report) {
	o.text("requestId", r.RequestID)
	o.outcome(r.Status, r.ErrorType)
	o.open("metrics")
	o.millis("durationMs", r.Duration)
	o.integer("billedDurationMs", r.Billed.Milliseconds())
	o.integer("memorySizeMB", int64(r.MemorySize))
	o.integer("maxMemoryUsedMB", int64(r.MemoryUsed))
	if r.Init > 0 {
		o.millis("initDurationMs", r.Init)
	}
	o.close()
	o.spans(r.Spans)
	o.tracing(r.Trace)
	o.textIf("tenantId", r.Tenant)
}

func (o *object) outcome(status event.Status, errorType string) {
	o.text("status", string(status))
	o.textIf("errorType", errorType)
}

func (o *object) spans(spans []event.Span) {
	if len(spans) == 0 {
		return
	}
	o.key("spans")
	o.dst = append(o.dst, '[')
	for i, s := range spans {
		if i > 0 {
			o.dst = append(o.dst, ',')
		}
		o.dst = append(o.dst, '{')
		o.text("name", s.Name)
		o.time("start", s.Start)
		o.millis("durationMs", s.Duration)
		o.close()
	}
	o.dst = append(o.dst, ']')
}

func (o *object) tracing(trace string) {
	if trace == "" {
		return
	}
	o.open("tracing")
	o.textIf("spanId", traceField(trace, "Parent"))
	o.text("type", "X-Amzn-Trace-Id")
	o.text("value", trace)
	o.close()
}
