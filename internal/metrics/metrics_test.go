package metrics

import (
	"errors"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
)

func origin(function string) *event.Origin {
	return &event.Origin{Environment: "e", Function: function, Version: "1", InitType: "on-demand"}
}

func invoke(m *Metrics, o *event.Origin, arn string, status event.Status, d time.Duration) {
	m.Publish(event.Event{Origin: o, Record: event.Start{RequestID: "r", FunctionARN: arn}})
	m.Publish(event.Event{Origin: o, Record: event.Report{RequestID: "r", FunctionARN: arn, Status: status, Failed: status != event.Success, Duration: d}})
}

func text(m *Metrics) string {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/_lambent/metrics", nil))
	return w.Body.String()
}

const arn = "arn:aws:lambda:us-east-1:111111111111:function:"

func TestCounts(t *testing.T) {
	t.Parallel()
	m := New()
	invoke(m, origin("f"), arn+"f", event.Success, 3*time.Millisecond)
	invoke(m, origin("f"), arn+"f:live", event.Error, 40*time.Millisecond)
	provisioned := origin("g")
	provisioned.InitType = "provisioned-concurrency"
	invoke(m, provisioned, arn+"g:1", event.Timeout, 20*time.Minute)
	m.Publish(event.Event{Origin: provisioned, Record: event.Start{RequestID: "r", FunctionARN: arn + "g:1"}})
	m.Refused(lambda.Reference{Name: "f"}, lambda.Errorf(lambda.Throttled, "Rate Exceeded."))
	m.Refused(lambda.Reference{Name: "f", Qualifier: "live"}, lambda.Errorf(lambda.Recursive, "loop"))
	m.Refused(lambda.Reference{Name: "nobody"}, lambda.Errorf(lambda.NotFound, "not here"))
	m.Refused(lambda.Reference{Name: "f"}, errors.New("ours"))
	f, live := lambda.Reference{Name: "f"}, lambda.Reference{Name: "f", Qualifier: "live"}
	m.Accepted(f)
	m.Accepted(live)
	m.Began(f, time.Second)
	m.Began(live, 500*time.Millisecond)
	m.Dropped(live)
	m.Undelivered(live, true)
	m.Undelivered(f, false)
	got := text(m)
	for _, want := range []string{
		`invocations_total 3`, `invocations_total{function_name="f"} 2`, `invocations_total{function_name="f",resource="f:live"} 1`,
		`errors_total 2`, `errors_total{function_name="f"} 1`, `errors_total{function_name="f",resource="f:live"} 1`, `errors_total{function_name="g",resource="g:1"} 1`,
		`throttles_total 1`, `throttles_total{function_name="f"} 1`, `throttles_total{function_name="f",resource="f:live"} 0`,
		`recursive_invocations_dropped_total{function_name="f",resource="f:live"} 1`, `recursive_invocations_dropped_total 1`,
		`provisioned_concurrency_invocations_total{function_name="g"} 1`, `provisioned_concurrency_invocations_total{function_name="f"} 0`,
		`async_events_received_total 2`, `async_events_received_total{function_name="f"} 2`, `async_events_received_total{function_name="f",resource="f:live"} 1`,
		`async_events_dropped_total 1`, `async_events_dropped_total{function_name="f"} 1`, `async_events_dropped_total{function_name="f",resource="f:live"} 1`,
		`dead_letter_errors_total{function_name="f"} 1`, `dead_letter_errors_total{function_name="f",resource="f:live"} 1`,
		`destination_delivery_failures_total{function_name="f"} 1`, `destination_delivery_failures_total{function_name="f",resource="f:live"} 0`,
		`concurrent_executions 1`, `concurrent_executions{function_name="f"} 0`, `concurrent_executions{function_name="g"} 1`,
		`concurrent_executions{function_name="g",resource="g:1"} 1`, `concurrent_executions{function_name="f",resource="f:live"} 0`,
		`duration_seconds_bucket{function_name="f",le="0.002"} 0`, `duration_seconds_bucket{function_name="f",le="0.005"} 1`,
		`duration_seconds_bucket{function_name="f",le="0.05"} 2`, `duration_seconds_bucket{function_name="g",le="900"} 0`,
		`duration_seconds_bucket{function_name="g",le="+Inf"} 1`, `duration_seconds_sum{function_name="f"} 0.043`, `duration_seconds_count 3`,
		`async_event_age_seconds_bucket{le="2.5"} 2`, `async_event_age_seconds_sum{function_name="f"} 1.5`,
		`async_event_age_seconds_sum{function_name="f",resource="f:live"} 0.5`,
	} {
		if !strings.Contains(got, "\naws_lambda_"+want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	if strings.Contains(got, "nobody") {
		t.Error("there is a series for a function that does not exist")
	}
	if t.Failed() {
		t.Log(got)
	}
}

// TestFormat: every line is what the format allows, and each metric has its head.
func TestFormat(t *testing.T) {
	t.Parallel()
	m := New()
	invoke(m, origin(`a"\`+"\n"), arn+"x:y", event.Success, time.Second)
	sample := regexp.MustCompile(`^(aws_lambda_[a-z0-9_]+?|go_goroutines)(_bucket|_sum|_count)?(\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)+\})? [0-9.e+-]+$`)
	head := regexp.MustCompile(`^# (HELP (aws_lambda|go)_[a-z0-9_]+ .+|TYPE (aws_lambda|go)_[a-z0-9_]+ (counter|gauge|histogram))$`)
	for line := range strings.Lines(text(m)) {
		line = strings.TrimSuffix(line, "\n")
		if !sample.MatchString(line) && !head.MatchString(line) {
			t.Errorf("line %q", line)
		}
	}
	if w := httptest.NewRecorder(); true {
		m.ServeHTTP(w, httptest.NewRequest("POST", "/_lambent/metrics", nil))
		if w.Code != 405 {
			t.Errorf("POST: %d, want 405", w.Code)
		}
	}
}

func TestConcurrent(t *testing.T) {
	t.Parallel()
	m := New()
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			name := string(rune('a' + n%3))
			o := origin(name)
			for range 1000 {
				invoke(m, o, arn+name+":y", event.Success, time.Millisecond)
			}
		})
	}
	all.Wait()
	if n := m.account.invocations.Load(); n != 8000 {
		t.Errorf("%d invocations, want 8000", n)
	}
	if n := m.find("a", "a:y").invocations.Load(); n != 3000 {
		t.Errorf("%d invocations of one, want 3000", n)
	}
}

// TestCountsWithoutAllocating: the counts of a warm invocation cost no memory.
func TestCountsWithoutAllocating(t *testing.T) {
	m, o := New(), origin("f")
	start := event.Event{Origin: o, Record: event.Start{RequestID: "r"}}
	report := event.Event{Origin: o, Record: event.Report{RequestID: "r", FunctionARN: arn + "f:live", Status: event.Success}}
	if n := testing.AllocsPerRun(1000, func() { m.Publish(start); m.Publish(report) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkPublish(b *testing.B) {
	m, o := New(), origin("f")
	start := event.Event{Origin: o, Record: event.Start{RequestID: "r"}}
	report := event.Event{Origin: o, Record: event.Report{RequestID: "r", FunctionARN: arn + "f", Status: event.Success, Duration: 3 * time.Millisecond}}
	b.ReportAllocs()
	for b.Loop() {
		m.Publish(start)
		m.Publish(report)
	}
}
