package trace

import (
	"time"

	"lambent/internal/event"
)

// environment is what is known of one that exists.
type environment struct {
	origin *event.Origin

	// beginning is what came before the next invocation and belongs to it.
	beginning []Span
	running   map[string]time.Time // processes in their Init, by extension; since when

	current *Invocation // in progress, or the last one
	offered time.Time   // when its event was handed over
	over    time.Time   // when it was reported; zero while it runs
}

func (e *environment) take(t *Traces, ev event.Event) {
	at := ev.Time
	switch r := ev.Record.(type) {
	case event.Created:
		began := at.Add(-r.Duration)
		e.begin(spanCode, began, r.Code)
		e.begin(spanSandbox, began.Add(r.Code), r.Duration-r.Code)
	case event.InitStart:
		e.running = map[string]time.Time{}
	case event.Executed:
		e.executed(at, r)
	case event.Registered:
		if since, runs := e.running[r.Extension]; runs {
			e.begin(spanRegister+r.Extension, since, at.Sub(since))
			e.running[r.Extension] = at
		}
	case event.Ready:
		e.ready(at, r)
	case event.Thawed:
		e.begin(spanThaw, at.Add(-r.Duration), r.Duration)
	case event.Invoked:
		e.invoked(t, r)
	case event.Start:
		e.offered = at
	case event.RuntimeDone:
		e.runtimeDone(at, r)
	case event.Report:
		e.report(at, r)
	case event.Frozen:
		if e.current != nil && !e.over.IsZero() {
			e.end(spanFreeze, e.over, at.Sub(e.over))
			e.current = nil
		}
	case event.Reset:
		e.begin(spanReset, at, 0)
	case event.InitRuntimeDone, event.InitReport, event.Extension, event.TelemetrySubscription, event.LogsDropped,
		event.Line, event.Ending, event.Gone:
	}
}

// warmSpans is how many an invocation without extensions ends with.
const warmSpans = 5

// maxBeginning bounds what an environment may go through without an invocation.
const maxBeginning = 200

// begin notes what belongs to the next invocation.
func (e *environment) begin(name string, start time.Time, d time.Duration) {
	if len(e.beginning) < maxBeginning {
		e.beginning = append(e.beginning, Span{name, start, max(d, 0)})
	}
}

// end notes what belongs to the invocation in progress.
func (e *environment) end(name string, start time.Time, d time.Duration) {
	if e.current != nil {
		e.current.Spans = append(e.current.Spans, Span{name, start, max(d, 0)})
	}
}

func (e *environment) executed(at time.Time, r event.Executed) {
	name := spanRuntime
	if r.Extension != "" {
		name = r.Extension
	}
	e.begin(spanExecute+name, at.Add(-r.Duration), r.Duration)
	if e.running != nil {
		e.running[r.Extension] = at
	}
}

func (e *environment) ready(at time.Time, r event.Ready) {
	if r.RequestID != "" {
		e.end(spanWork+r.Extension, e.offered, at.Sub(e.offered))
		return
	}
	since, runs := e.running[r.Extension]
	if !runs {
		return // an internal extension: its Init is the runtime's
	}
	delete(e.running, r.Extension)
	name := spanRuntimeInit
	if r.Extension != "" {
		name = spanExtension + r.Extension
	}
	e.begin(name, since, at.Sub(since))
}

// invoked begins a timeline with all that came before it.
func (e *environment) invoked(t *Traces, r event.Invoked) {
	e.current = &Invocation{
		RequestID: r.RequestID, Function: e.origin.Function, Version: e.origin.Version, Environment: e.origin.Environment,
		LogStream: e.origin.LogStream, Cold: r.Cold, Spans: append(make([]Span, 0, len(e.beginning)+warmSpans), e.beginning...),
	}
	e.beginning, e.over = e.beginning[:0], time.Time{}
	t.keep(e.current)
}

func (e *environment) runtimeDone(at time.Time, r event.RuntimeDone) {
	for _, s := range r.Spans {
		e.end(nameOf(s), s.Start, s.Duration)
	}
	e.end(spanInvoke, e.offered, at.Sub(e.offered))
}

// nameOf is ours for a span of AWS's.
func nameOf(s event.Span) string {
	switch s.Name {
	case "responseLatency":
		return spanLatency
	case "responseDuration":
		return spanResponse
	case "runtimeOverhead":
		return spanOverhead
	}
	return s.Name
}

func (e *environment) report(at time.Time, r event.Report) {
	for _, s := range r.Spans {
		e.end(spanPost, s.Start, s.Duration)
	}
	if e.current != nil {
		e.current.Status, e.current.ErrorType = r.Status, r.ErrorType
	}
	e.over = at
}
