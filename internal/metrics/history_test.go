package metrics

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lambent/internal/event"
	"lambent/internal/lambda"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestBuckets: every duration is between the bounds of its bucket, and a bucket is no
// wider than an eighth of it.
func TestBuckets(t *testing.T) {
	t.Parallel()
	last := 0
	for d := time.Duration(1); d < 17*time.Minute; d += 1 + d/50 {
		i := bucketOf(d)
		low, high := bucketFrom(i), bucketFrom(i+1)
		if d < low || d >= high || i < last || d > 100*time.Microsecond && high-low > d/8 {
			t.Fatalf("%v is in bucket %d, from %v to %v", d, i, low, high)
		}
		last = i
	}
	if i := bucketOf(time.Duration(math.MaxInt64)); i != buckets-1 {
		t.Errorf("what is beyond is in bucket %d", i)
	}
	if i := bucketOf(-time.Second); i != 0 {
		t.Errorf("a negative one is in bucket %d", i)
	}
}

func sampled(m *Metrics, id lambda.MetricID) string {
	var all []string
	for _, s := range m.Samples(id, time.Time{}, time.Now().Add(time.Hour)) {
		all = append(all, fmt.Sprintf("%s n=%g sum=%g min=%g max=%g", s.At.Format("15:04"), s.Count, s.Sum, s.Min, s.Max))
	}
	return strings.Join(all, "; ")
}

func TestHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := New()
		defer m.Watch(func() Levels { return Levels{Concurrent: 3, Unreserved: 2, Claimed: 52} })()
		invoke(m, origin("f"), arn+"f:live", event.Success, 10*time.Millisecond)
		time.Sleep(61 * time.Second)
		invoke(m, origin("f"), arn+"f:live", event.Success, 30*time.Millisecond)
		invoke(m, origin("f"), arn+"f", event.Error, 50*time.Millisecond)
		m.Refused(lambda.Reference{Name: "f"}, lambda.Errorf(lambda.Throttled, "Rate Exceeded."))
		m.Accepted(lambda.Reference{Name: "f"})
		m.Began(lambda.Reference{Name: "f"}, 3*time.Second)
		m.Answered(lambda.Reference{Name: "f"}, 404, 7*time.Millisecond)
		for id, want := range map[lambda.MetricID]string{
			{Metric: "Invocations", Function: "f"}: "00:00 n=1 sum=1 min=1 max=1; 00:01 n=2 sum=2 min=1 max=1",
			{Metric: "Errors", Function: "f"}:      "00:00 n=1 sum=0 min=0 max=0; 00:01 n=2 sum=1 min=0 max=1",
			{Metric: "Throttles", Function: "f"}:   "00:00 n=1 sum=0 min=0 max=0; 00:01 n=3 sum=1 min=0 max=1",
			{Metric: "Duration", Function: "f"}:    "00:00 n=1 sum=10 min=10 max=10; 00:01 n=2 sum=80 min=30 max=50",
			{Metric: "Duration"}:                   "00:00 n=1 sum=10 min=10 max=10; 00:01 n=2 sum=80 min=30 max=50",

			{Metric: "Duration", Function: "f", Resource: "f:live"}:               "00:00 n=1 sum=10 min=10 max=10; 00:01 n=1 sum=30 min=30 max=30",
			{Metric: "Duration", Function: "f", Resource: "f:live", Version: "1"}: "00:00 n=1 sum=10 min=10 max=10; 00:01 n=1 sum=30 min=30 max=30",
			{Metric: "Duration", Function: "f", Resource: "f:live", Version: "2"}: "",
			{Metric: "Duration", Function: "g"}:                                   "",

			{Metric: "AsyncEventsReceived", Function: "f"}: "00:01 n=1 sum=1 min=1 max=1",
			{Metric: "AsyncEventAge", Function: "f"}:       "00:01 n=1 sum=3000 min=3000 max=3000",
			{Metric: "UrlRequestLatency", Function: "f"}:   "00:01 n=1 sum=7 min=7 max=7",
			{Metric: "Url4xxCount", Function: "f"}:         "00:01 n=1 sum=1 min=1 max=1",
			{Metric: "Url5xxCount", Function: "f"}:         "00:01 n=1 sum=0 min=0 max=0",
			{Metric: "ConcurrentExecutions"}:               "00:00 n=12 sum=36 min=3 max=3; 00:01 n=1 sum=3 min=3 max=3",
			{Metric: "UnreservedConcurrentExecutions"}:     "00:00 n=12 sum=24 min=2 max=2; 00:01 n=1 sum=2 min=2 max=2",
			{Metric: "ClaimedAccountConcurrency"}:          "00:00 n=12 sum=624 min=52 max=52; 00:01 n=1 sum=52 min=52 max=52",
		} {
			if got := sampled(m, id); got != want {
				t.Errorf("%+v: %s, want %s", id, got, want)
			}
		}
		if got := sampled(m, lambda.MetricID{Metric: "ConcurrentExecutions", Function: "f"}); !strings.HasPrefix(got, "00:00 n=1 sum=1 min=1 max=1; 00:01") {
			t.Errorf("executions of the function: %s, want one at a time", got)
		}
		long := event.Event{Origin: origin("f"), Record: event.Start{RequestID: "r", FunctionARN: arn + "f:live"}}
		m.Publish(long)
		m.Publish(long)
		time.Sleep(time.Minute)
		for _, version := range []string{"", "1"} { // they are emitted for versions and aliases too, and while they run
			got := sampled(m, lambda.MetricID{Metric: "ConcurrentExecutions", Function: "f", Resource: "f:live", Version: version})
			if want := "00:00 n=1 sum=1 min=1 max=1; 00:01 n=12 sum=23 min=1 max=2; 00:02 n=1 sum=2 min=2 max=2"; got != want {
				t.Errorf("executions of the alias, version %q: %s, want %s", version, got, want)
			}
		}
		if !slices.Contains(m.Names(), lambda.MetricID{Metric: "Duration", Function: "f", Resource: "f:live", Version: "1"}) {
			t.Errorf("names: %v", m.Names())
		}
	})
}

// TestHistoryEnds: what is kept has an end, in time and in memory.
func TestHistoryEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := New()
		stop := m.Watch(func() Levels { return Levels{} })
		invoke(m, origin("f"), arn+"f", event.Success, time.Millisecond)
		time.Sleep(keptMinutes * time.Minute)
		synctest.Wait()
		if got := sampled(m, lambda.MetricID{Metric: "Invocations", Function: "f"}); got == "" {
			t.Error("forgotten too early")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := sampled(m, lambda.MetricID{Metric: "Invocations", Function: "f"}); got != "" {
			t.Errorf("still there: %s", got)
		}
		stop()
		for round := range 3 * keptPoints / maxSeries {
			for i := range maxSeries + 10 {
				m.Accepted(lambda.Reference{Name: fmt.Sprint("f", i)})
			}
			m.tick(time.Now().Add(time.Duration(round+1) * time.Minute))
		}
		if m.history.points > keptPoints || m.history.points < keptPoints/2 {
			t.Errorf("%d points kept, want at most %d and not much less", m.history.points, keptPoints)
		}
		if m.kept != maxSeries {
			t.Errorf("%d series kept, want %d", m.kept, maxSeries)
		}
	})
}

func TestLevels(t *testing.T) {
	t.Parallel()
	m := New()
	now := Levels{Concurrent: 5, Unreserved: 3, Claimed: 13, Functions: []FunctionLevels{{Name: "f", Concurrent: 5, Versions: []VersionLevels{
		{Number: "1", Ready: 4, Running: 1, Spilled: 2}, {Number: "2", Ready: 0}, {Number: "3", Alias: "live", Ready: 3, Running: 2, Spilled: 5}, {Number: "4", Alias: "live", Ready: 1, Running: 1},
	}}}}
	m.history.look = func() Levels { return now }
	_ = text(m)
	now.Functions[0].Versions[0].Spilled, now.Functions[0].Versions[2].Spilled = 7, 6
	got := text(m)
	for _, want := range []string{
		`unreserved_concurrent_executions 3`, `claimed_account_concurrency 13`,
		`provisioned_concurrent_executions{function_name="f"} 4`, `provisioned_concurrent_executions{function_name="f",resource="f:1"} 1`,
		`provisioned_concurrency_utilization{function_name="f",resource="f:1"} 0.25`, `provisioned_concurrency_utilization{function_name="f"} 0.5`,
		`provisioned_concurrent_executions{function_name="f",resource="f:live"} 3`, `provisioned_concurrency_utilization{function_name="f",resource="f:live"} 0.75`,
		`provisioned_concurrency_spillover_invocations_total{function_name="f",resource="f:live"} 6`, `provisioned_concurrency_spillover_invocations_total{function_name="f",resource="f:3"} 6`,
		`provisioned_concurrency_spillover_invocations_total{function_name="f",resource="f:1"} 7`, `provisioned_concurrency_spillover_invocations_total 13`,
	} {
		if !strings.Contains(got, "\naws_lambda_"+want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	if strings.Contains(got, `utilization{function_name="f",resource="f:2"}`) {
		t.Error("nothing of version 2 can be used, and yet a part of it is")
	}
	now.Functions = nil
	if got := text(m); strings.Contains(got, "utilization{") {
		t.Error("levels of what is gone are shown")
	}
}
