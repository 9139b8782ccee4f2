package async

import (
	_ "embed"
	"io"
	"net/http"
	"strings"
	"testing"

	"lambent/internal/recursion"
)

//go:embed testdata/async.py
var asyncCode string

// TestAsyncByBoto3 is the main rules of docs/environment.md §8.4 and §8.5, with a
// function in Python and boto3: acceptance, retries, records of failures, limits, and
// a circle that is broken.
func TestAsyncByBoto3(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	s := own(t, quick, "--aws-endpoint", c.URL)
	rec := newRecorder(t)
	boto3(t, s, asyncCode, rec.url(s))
	ran := func(n int) (count int) {
		for _, r := range rec.runs() {
			if r.n == n {
				count++
			}
		}
		return count
	}
	eventually(t, "the runs", func() bool { return ran(1) == 1 && ran(2) == 1 && ran(3) == 2 })
	eventually(t, "two records", func() bool { return len(c.arrived("sqs", "/bad")) == 2 })
	last := 100 + recursion.Limit - 1
	eventually(t, "the circle's last run", func() bool { return ran(last) == 1 })
	eventually(t, "the end of a circle that is allowed", func() bool { return ran(220) == 1 })
	eventually(t, "an empty queue", func() bool { return s.queued(t, false).Total == 0 })
	if ran(last+1) != 0 {
		t.Errorf("the circle went on after %d runs", recursion.Limit)
	}
	for _, a := range c.arrived("sqs", "/bad") {
		r := decode(t, a)
		switch payload := string(r.RequestPayload); {
		case strings.Contains(payload, "fail"):
			if r.RequestContext.Condition != "RetriesExhausted" || r.RequestContext.ApproximateInvokeCount != 2 || r.ResponseContext == nil ||
				r.ResponseContext.FunctionError != "Unhandled" || !strings.Contains(string(r.ResponsePayload), `"errorType": "ValueError"`) && !strings.Contains(string(r.ResponsePayload), `"errorType":"ValueError"`) {
				t.Errorf("record of the failure: %s", a.body)
			}
		case strings.Contains(payload, "loop"):
			if r.RequestContext.ApproximateInvokeCount != 0 || r.ResponseContext != nil {
				t.Errorf("record of the circle: %s", a.body)
			}
		default:
			t.Errorf("record %s", a.body)
		}
	}
	for _, want := range []string{
		`recursive_invocations_dropped_total{function_name="py"} 1`, `recursive_invocations_dropped_total{function_name="free"} 0`, `errors_total{function_name="py"} 2`,
		`async_events_dropped_total{function_name="py"} 2`, `async_events_received_total 41`,
		`invocations_total{function_name="py"} 20`, `concurrent_executions 0`, `destination_delivery_failures_total 0`,
	} { // a report comes after the answer
		eventually(t, "the metric "+want, func() bool { return strings.Contains(s.metrics(t), "\naws_lambda_"+want+"\n") })
	}
}

// metrics is what the server counts.
func (s *server) metrics(t testing.TB) string {
	t.Helper()
	resp, err := http.Get(s.url + "/_lambent/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
