package trace_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lambent/internal/event"
	"lambent/internal/trace"
)

// stage says what happened in one environment, with times in milliseconds.
type stage struct {
	traces *trace.Traces
	origin *event.Origin
	zero   time.Time
}

func newStage(traces *trace.Traces, environment string) *stage {
	return &stage{traces, &event.Origin{Environment: environment, Function: "f", Version: "$LATEST", LogStream: "s"}, time.Unix(1000, 0)}
}

func (s *stage) at(millis int, records ...event.Record) {
	for _, r := range records {
		s.traces.Publish(event.Event{Time: s.zero.Add(time.Duration(millis) * time.Millisecond), Origin: s.origin, Record: r})
	}
}

const ms = time.Millisecond

func (s *stage) cold(id string) {
	s.at(10, event.Created{Duration: 10 * ms, Code: 4 * ms}, event.InitStart{Phase: event.PhaseInit})
	s.at(12, event.Executed{Extension: "x", Duration: ms})
	s.at(20, event.Registered{Extension: "x"})
	s.at(22, event.Executed{Duration: 2 * ms})
	s.at(25, event.Ready{Extension: "x"})
	s.at(40, event.Registered{Extension: "inside"}, event.Ready{Extension: "inside"}, event.Ready{})
	s.at(40, event.InitRuntimeDone{}, event.InitReport{}, event.Invoked{RequestID: id, Cold: true}, event.Start{RequestID: id})
	s.at(50, event.RuntimeDone{RequestID: id, Status: event.Success, Spans: []event.Span{
		{Name: "responseLatency", Start: s.zero.Add(40 * ms), Duration: 8 * ms},
		{Name: "responseDuration", Start: s.zero.Add(48 * ms), Duration: ms},
		{Name: "runtimeOverhead", Start: s.zero.Add(49 * ms), Duration: ms},
	}})
	s.at(55, event.Ready{Extension: "x", RequestID: id}, event.Report{RequestID: id, Status: event.Success, Spans: []event.Span{
		{Name: "extensionOverhead", Start: s.zero.Add(50 * ms), Duration: 5 * ms},
	}})
}

// shown writes a timeline as name@start+duration.
func (s *stage) shown(t *testing.T, id string) string {
	t.Helper()
	inv, kept := s.traces.Invocation(id)
	if !kept {
		return "not kept"
	}
	var out []string
	for _, span := range inv.Spans {
		out = append(out, fmt.Sprintf("%s@%d+%d", span.Name, span.Start.Sub(s.zero).Milliseconds(), span.Duration.Milliseconds()))
	}
	return strings.Join(out, ", ")
}

func (s *stage) expect(t *testing.T, id, want string) {
	t.Helper()
	if got := s.shown(t, id); got != want {
		t.Errorf("%s\ngot  %s\nwant %s", id, got, want)
	}
}

const coldSpans = "code@0+4, sandbox@4+6, start x@11+1, register x@12+8, start runtime@20+2, init x@20+5, " +
	"runtime and function init@22+18, until the response@40+8, response@48+1, runtime overhead@49+1, invoke@40+10, extension x@40+15, post-runtime extensions@50+5"

func TestTimelines(t *testing.T) {
	t.Parallel()
	s := newStage(trace.New(10), "e")
	s.cold("one")
	s.expect(t, "one", coldSpans)
	s.at(56, event.Frozen{})
	s.expect(t, "one", coldSpans+", freeze@55+1")
	if inv, _ := s.traces.Invocation("one"); !inv.Cold || inv.Status != event.Success || inv.Function != "f" || inv.Environment != "e" || inv.LogStream != "s" {
		t.Errorf("%+v", inv)
	}
	s.at(1002, event.Thawed{Duration: 2 * ms}, event.Invoked{RequestID: "two"}, event.Start{RequestID: "two"})
	s.expect(t, "two", "thaw@1000+2")
	if inv, _ := s.traces.Invocation("two"); inv.Cold || inv.Status != "" {
		t.Errorf("in progress: %+v", inv)
	}
	s.at(1010, event.RuntimeDone{RequestID: "two", Status: event.Error}, event.Report{RequestID: "two", Status: event.Error, ErrorType: "Runtime.ExitError"})
	s.expect(t, "two", "thaw@1000+2, invoke@1002+8")
	if inv, _ := s.traces.Invocation("two"); inv.Status != event.Error || inv.ErrorType != "Runtime.ExitError" {
		t.Errorf("failed: %+v", inv)
	}
	// The Init inside the next invocation is part of it.
	s.at(1020, event.Reset{Reason: "failure"})
	s.at(2000, event.InitStart{Phase: event.PhaseInvoke})
	s.at(2001, event.Executed{Duration: ms})
	s.at(2011, event.Ready{}, event.Invoked{RequestID: "three"}, event.Start{RequestID: "three"})
	s.expect(t, "three", "reset@1020+0, start runtime@2000+1, runtime and function init@2001+10")
}

func TestOnlyTheLastAreKept(t *testing.T) {
	t.Parallel()
	traces := trace.New(2)
	s := newStage(traces, "e")
	s.at(0, event.Created{})
	for i, id := range []string{"a", "b", "c"} {
		s.at(i, event.Invoked{RequestID: id}, event.Start{RequestID: id}, event.RuntimeDone{RequestID: id}, event.Report{RequestID: id})
	}
	s.expect(t, "a", "not kept")
	s.expect(t, "b", "invoke@1+0")
	s.expect(t, "c", "invoke@2+0")
	s.at(3, event.Gone{}, event.Invoked{RequestID: "d"})
	s.expect(t, "d", "not kept")
	s.expect(t, "c", "invoke@2+0")
}

// TestEnvironmentsDoNotMix: two environments in turns.
func TestEnvironmentsDoNotMix(t *testing.T) {
	t.Parallel()
	traces := trace.New(10)
	a, b := newStage(traces, "a"), newStage(traces, "b")
	a.at(1, event.Created{Duration: ms})
	b.at(2, event.Created{Duration: ms})
	a.at(3, event.Invoked{RequestID: "of a"}, event.Start{RequestID: "of a"})
	b.at(4, event.Invoked{RequestID: "of b"}, event.Start{RequestID: "of b"})
	a.at(5, event.RuntimeDone{RequestID: "of a"}, event.Report{RequestID: "of a"}, event.Frozen{})
	b.at(6, event.RuntimeDone{RequestID: "of b"}, event.Report{RequestID: "of b"})
	a.expect(t, "of a", "code@0+0, sandbox@0+1, invoke@3+2, freeze@5+0")
	b.expect(t, "of b", "code@1+0, sandbox@1+1, invoke@4+2")
}

// TestAnIdleEnvironmentIsBounded: one that is reset again and again without an
// invocation does not grow.
func TestAnIdleEnvironmentIsBounded(t *testing.T) {
	t.Parallel()
	s := newStage(trace.New(1), "e")
	s.at(0, event.Created{})
	for i := range 10_000 {
		s.at(i, event.Reset{})
	}
	s.at(10_000, event.Invoked{RequestID: "r"})
	if inv, _ := s.traces.Invocation("r"); len(inv.Spans) > 500 {
		t.Errorf("%d spans", len(inv.Spans))
	}
}

func BenchmarkWarm(b *testing.B) {
	s := newStage(trace.New(1000), "e")
	s.at(0, event.Created{})
	b.ReportAllocs()
	for i := range b.N {
		id := fmt.Sprint(i)
		s.at(i, event.Thawed{}, event.Invoked{RequestID: id}, event.Start{RequestID: id}, event.RuntimeDone{RequestID: id}, event.Report{RequestID: id}, event.Frozen{})
	}
}
