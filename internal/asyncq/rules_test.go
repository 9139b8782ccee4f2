package asyncq

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/retry"
)

const (
	onSuccess = "arn:aws:sqs:us-east-1:111111111111:good"
	onFailure = "arn:aws:sqs:us-east-1:111111111111:bad"
	letters   = "arn:aws:sns:us-east-1:111111111111:dead"
)

func always(r lambda.Result, err error) func(context.Context, string, int) (lambda.Result, error) {
	return func(context.Context, string, int) (lambda.Result, error) { return r, err }
}

func TestSuccessRunsOnce(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.settings.OnFailure, w.settings.DeadLetter = onFailure, letters
		err := w.queue.Accept(t.Context(), lambda.Reference{Name: "f", Qualifier: "live"}, lambda.Invocation{RequestID: "r", Payload: []byte("1"), Trace: "Root=1", Tenant: "blue"})
		if err != nil {
			t.Fatal(err)
		}
		w.wait(time.Hour)
		w.wantCalls("r", 0)
		w.wantLeft(0, 0)
		c := w.runs()[0]
		if (c.function != lambda.Reference{Name: "f", Qualifier: "live"}) || string(c.inv.Payload) != "1" || c.inv.Trace != "Root=1" || c.inv.Tenant != "blue" || c.inv.ContentType != "application/json" {
			t.Errorf("ran %+v", c)
		}
		if len(w.sent()) != 0 {
			t.Errorf("told %v of a success", w.sent())
		}
	})
}

// TestSuccessRecord is F281 to F283 and F286 for a success, byte by byte.
func TestSuccessRecord(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.settings.OnSuccess = onSuccess
		w.accept("f", "r")
		w.wait(0)
		want := `{"version":"1.0","timestamp":"2000-01-01T00:00:00.000Z","requestContext":{"requestId":"r",` +
			`"functionArn":"arn:aws:lambda:us-east-1:111111111111:function:f:$LATEST","condition":"Success","approximateInvokeCount":1},` +
			`"requestPayload":{"a":"<1>"},"responseContext":{"statusCode":200,"executedVersion":"$LATEST"},"responsePayload":"ok"}`
		if len(w.sent()) != 1 || string(w.sent()[0].Body) != want {
			t.Fatalf("delivered %+v, want %s", w.sent(), want)
		}
		d := w.sent()[0]
		if d.Target != onSuccess || !d.Success || d.Trace != "Root=1-2-3;Lineage=1:e30c2799:0" || d.DeadLetter != nil || d.Function != "f" ||
			d.FunctionARN != "arn:aws:lambda:us-east-1:111111111111:function:f:$LATEST" {
			t.Errorf("delivered %+v", d)
		}
		w.wantLeft(0, 0)
	})
}

// TestRetriesExhausted is F278 to F283, F285, F288 for a failure.
func TestRetriesExhausted(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.settings.OnFailure, w.settings.DeadLetter = onFailure, letters
		w.run = always(bad(), nil)
		w.accept("f", "r")
		w.wait(time.Hour)
		w.wantCalls("r", 0, time.Minute, 3*time.Minute)
		w.wantLeft(0, 0)
		if len(w.sent()) != 2 {
			t.Fatalf("delivered %d, want a record and a dead letter", len(w.sent()))
		}
		want := `{"version":"1.0","timestamp":"2000-01-01T00:03:00.000Z","requestContext":{"requestId":"r",` +
			`"functionArn":"arn:aws:lambda:us-east-1:111111111111:function:f:$LATEST","condition":"RetriesExhausted","approximateInvokeCount":3},` +
			`"requestPayload":{"a":"<1>"},"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},` +
			`"responsePayload":{"errorMessage":"no luck","errorType":"Error","requestId":"r","stackTrace":[]}}`
		if got := string(w.sent()[0].Body); got != want || w.sent()[0].Success {
			t.Errorf("record\n%s, want\n%s", got, want)
		}
		letter := w.sent()[1]
		if string(letter.Body) != `{"a": "<1>"}` || letter.DeadLetter == nil || *letter.DeadLetter != (lambda.DeadLetter{Code: 200, Message: "no luck"}) || letter.Target != letters {
			t.Errorf("dead letter %+v %+v with %s", letter, letter.DeadLetter, letter.Body)
		}
	})
}

// TestLives plays one event through every rule of retries and ages.
func TestLives(t *testing.T) {
	t.Parallel()
	const s, m = time.Second, time.Minute
	for name, c := range map[string]struct {
		settings  retry.Settings
		run       func(ctx context.Context, function string, call int) (lambda.Result, error)
		off       bool
		calls     []time.Duration
		condition string
		count     int
		answered  bool
	}{
		"no retries (F283)": {retry.Settings{Retries: 0, Age: retry.MaxAge}, always(bad(), nil), false, []time.Duration{0}, "RetriesExhausted", 1, true},
		"one retry":         {retry.Settings{Retries: 1, Age: retry.MaxAge}, always(bad(), nil), false, []time.Duration{0, m}, "RetriesExhausted", 2, true},
		"first retry is too late (F284)": {retry.Settings{Retries: 2, Age: m}, func(context.Context, string, int) (lambda.Result, error) {
			time.Sleep(s)
			return bad(), nil
		}, false, []time.Duration{0}, "EventAgeExceeded", 1, true},
		"second retry is too late (F284)": {retry.Settings{Retries: 2, Age: 2 * m}, always(bad(), nil), false, []time.Duration{0, m}, "EventAgeExceeded", 2, true},
		"throttled until it is too old": {retry.Settings{Retries: 2, Age: m}, always(lambda.Result{}, throttled()), false,
			[]time.Duration{0, s, 3 * s, 7 * s, 15 * s, 31 * s}, "EventAgeExceeded", 0, false},
		"our error is no attempt of the function": {retry.Settings{Retries: 0, Age: retry.MaxAge}, func(_ context.Context, _ string, call int) (lambda.Result, error) {
			if call < 3 {
				return lambda.Result{}, errors.New("disk on fire")
			}
			return bad(), nil
		}, false, []time.Duration{0, s, 3 * s}, "RetriesExhausted", 1, true},
		"a failure, a throttle, a failure, a failure": {retry.Default(), func(_ context.Context, _ string, call int) (lambda.Result, error) {
			if call == 2 {
				return lambda.Result{}, throttled()
			}
			return bad(), nil
		}, false, []time.Duration{0, m, m + s, 3*m + s}, "RetriesExhausted", 3, true},
		"no concurrency reserved (F160)": {retry.Default(), always(good(), nil), true, nil, "ZeroReservedConcurrency", 0, false},
		"the function is gone":           {retry.Default(), always(lambda.Result{}, lambda.Errorf(lambda.NotFound, "Function not found")), false, []time.Duration{0}, "RetriesExhausted", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(t *testing.T, w *world) {
				w.settings = Settings{Retry: c.settings, OnFailure: onFailure, Off: c.off}
				w.run = c.run
				w.accept("f", "r")
				w.wait(7 * time.Hour)
				w.wantCalls("r", c.calls...)
				w.wantLeft(0, 0)
				if len(w.sent()) != 1 {
					t.Fatalf("%d records, want 1", len(w.sent()))
				}
				condition, count, answered := contextOf(t, w.sent()[0])
				if condition != c.condition || count != c.count || answered != c.answered {
					t.Errorf("record says %s, %d invocations, response %v; want %s, %d, %v", condition, count, answered, c.condition, c.count, c.answered)
				}
			})
		})
	}
}

// TestThrottledForSixHours: the waits grow to five minutes and end with the age.
func TestThrottledForSixHours(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.settings.DeadLetter = letters
		w.run = always(lambda.Result{}, throttled())
		w.accept("f", "r")
		w.wait(7 * time.Hour)
		times := w.callTimes("r")
		for i := 1; i < len(times); i++ {
			if wait, want := times[i]-times[i-1], retry.AWS().Backoff(i); wait != want {
				t.Errorf("wait %d is %v, want %v", i, wait, want)
			}
		}
		if last := times[len(times)-1]; last > retry.MaxAge || last < retry.MaxAge-5*time.Minute {
			t.Errorf("the last attempt is %v after acceptance, want within five minutes of %v", last, retry.MaxAge)
		}
		if len(w.sent()) != 1 || *w.sent()[0].DeadLetter != (lambda.DeadLetter{Code: 429, Message: "Rate Exceeded."}) {
			t.Errorf("delivered %+v", w.sent())
		}
	})
}

// TestSettingsOfTheMomentCount: what is configured while an event waits applies to
// it, and its version is the one of the moment it is run (F077).
func TestSettingsOfTheMomentCount(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.run = always(bad(), nil)
		w.accept("f", "r")
		w.wait(time.Second)
		w.mu.Lock()
		w.settings.Off, w.settings.OnFailure = true, onFailure
		w.mu.Unlock()
		w.wait(time.Hour)
		w.wantCalls("r", 0)
		if condition, count, _ := contextOf(t, w.sent()[0]); condition != "ZeroReservedConcurrency" || count != 1 {
			t.Errorf("record says %s, %d", condition, count)
		}
		if w.runs()[0].function.Qualifier != "" {
			t.Errorf("the qualifier was resolved to %q before the function ran", w.runs()[0].function.Qualifier)
		}
	})
}

// TestLongRecords: what a target has no room for goes without its payloads.
func TestLongRecords(t *testing.T) {
	t.Parallel()
	const head = `{"version":"1.0","timestamp":"2000-01-01T00:00:00.000Z","requestContext":{"requestId":"r",` +
		`"functionArn":"arn:aws:lambda:us-east-1:111111111111:function:f:$LATEST","condition":"Success","approximateInvokeCount":1},`
	const request, answered = `"requestPayload":{"a":"<1>"},`, `"responseContext":{"statusCode":200,"executedVersion":"$LATEST"}`
	for target, room := range map[string]int{
		"arn:aws:sns:us-east-1:111111111111:t": 256 << 10, "arn:aws:sqs:us-east-1:111111111111:q": 1 << 20,
		"arn:aws:lambda:us-east-1:111111111111:function:g": 1 << 20, "arn:aws:events:us-east-1:111111111111:event-bus/b": 1<<20 - 2<<10,
		"arn:aws:s3:::b": 7 << 20, // all
	} {
		for _, extra := range []int{0, 1} {
			play(t, func(t *testing.T, w *world) {
				w.settings.OnSuccess = target
				fill := room - len(head) - len(request) - len(answered) - len(`,"responsePayload":""}`) + extra
				w.run = always(lambda.Result{Payload: []byte(`"` + strings.Repeat("a", fill) + `"`), Version: lambda.Latest}, nil)
				w.accept("f", "r")
				w.wait(0)
				got := string(w.sent()[0].Body)
				if extra == 0 || target == "arn:aws:s3:::b" {
					if len(got) != room+extra || !strings.HasPrefix(got, head+request+answered+`,"responsePayload":"a`) {
						t.Errorf("%s got %d bytes, %.500s", target, len(got), got)
					}
					return
				}
				if got != head+answered+"}" {
					t.Errorf("%s got %d bytes, %.500s", target, len(got), got)
				}
			})
		}
	}
}

func TestRecordOfWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.settings.OnSuccess, w.settings.OnFailure, w.settings.DeadLetter = onSuccess, onFailure, letters
		w.settings.Retry.Retries = 0
		long := strings.Repeat("é", 1000)
		w.run = func(_ context.Context, function string, _ int) (lambda.Result, error) {
			if function == "g" {
				return lambda.Result{Payload: []byte("<not> \"JSON\" \xff"), Version: "3"}, nil
			}
			return lambda.Result{Payload: []byte("x" + long), Version: "3", Fault: &lambda.Fault{}}, nil
		}
		w.accept("g", "r1")
		w.wait(0)
		w.accept("f", "r2")
		w.wait(0)
		if got, want := string(w.sent()[0].Body), `"executedVersion":"3"},"responsePayload":"<not> \"JSON\" `+"\uFFFD"+`"}`; !strings.HasSuffix(got, want) {
			t.Errorf("record %s, want it to end with %s", got, want)
		}
		if got, want := w.sent()[2].DeadLetter.Message, "x"+strings.Repeat("é", 511); got != want {
			t.Errorf("message of %d bytes, want %d: cut between characters", len(got), len(want))
		}
	})
}
