package main

import (
	"strings"
	"testing"
	"time"

	"lambent/internal/ownapi"
)

// TestDrawTrace: a cold start whose environment had waited for a minute.
func TestDrawTrace(t *testing.T) {
	t.Parallel()
	invoked := time.Date(2026, 1, 10, 0, 1, 0, 0, time.UTC)
	span := func(name string, offset, took time.Duration) ownapi.Span {
		return ownapi.Span{Name: name, Start: invoked.Add(offset), Duration: float64(took.Microseconds()) / 1000}
	}
	var out strings.Builder
	err := drawTrace(&out, ownapi.Trace{
		RequestID: "r", Function: "f", Version: "3", Environment: "e", LogStream: "s", Cold: true, Status: "error", ErrorType: "Runtime.ExitError",
		Spans: []ownapi.Span{
			span("sandbox", -time.Minute, 10*time.Millisecond),
			span("runtime and function init", -time.Minute+10*time.Millisecond, 40*time.Millisecond),
			span("invoke", 0, 50*time.Millisecond),
			span("freeze", 50*time.Millisecond, 0),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `r  f:3  cold start, error (Runtime.ExitError)
environment e, log stream s

sandbox                     -60000.00  ━━━━━                                                         10.00 ms
runtime and function init   -59990.00       ━━━━━━━━━━━━━━━━━━━━━━━                                  40.00 ms
invoke                           0.00                              ━━━━━━━━━━━━━━━━━━━━━━━━━━━━      50.00 ms
freeze                          50.00                                                          ━      0.00 ms
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDrawTraceOfNothing: an invocation that has just begun.
func TestDrawTraceOfNothing(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := drawTrace(&out, ownapi.Trace{RequestID: "r", Function: "f", Version: "$LATEST"}); err != nil {
		t.Fatal(err)
	}
	if want := "r  f:$LATEST  warm start, in progress\n"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("got %q", out.String())
	}
}
