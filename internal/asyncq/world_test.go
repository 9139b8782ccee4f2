package asyncq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lambent/internal/lambda"
	"lambent/internal/retry"
	"lambent/internal/store"
	"lambent/internal/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var home = lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"}

// world is everything around a queue: functions, their settings, destinations.
type world struct {
	t     *testing.T
	start time.Time
	data  memory.Data
	store Store
	close func() error

	mu        sync.Mutex
	run       func(ctx context.Context, function string, call int) (lambda.Result, error)
	calls     []call
	settings  Settings
	deliver   func(d lambda.Delivery) error
	delivered []lambda.Delivery
	answered  map[string]int // by request id
	busy      map[string]int
	busiest   map[string]int
	counts    map[string]int // what was observed
	oldest    time.Duration

	concurrency int
	queue       *Queue
}

// call is one run of a function.
type call struct {
	at       time.Duration // since the world's start
	function lambda.Reference
	inv      lambda.Invocation
}

// play runs a test in virtual time.
func play(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, start: time.Now(), settings: Settings{Retry: retry.Default()}, concurrency: 8,
			answered: map[string]int{}, busy: map[string]int{}, busiest: map[string]int{},
			run:     func(context.Context, string, int) (lambda.Result, error) { return good(), nil },
			deliver: func(lambda.Delivery) error { return nil },
		}
		w.open()
		test(t, w)
		w.shut(0)
	})
}

func (w *world) open() {
	s := memory.Open(&w.data)
	w.openOn(s, s.Close)
}

func (w *world) openOn(s Store, closeStore func() error) {
	w.store, w.close = s, closeStore
	w.queue = New(Config{
		Home: home, Store: s, Invoker: w, Chooser: w, Destinations: w, Delays: retry.AWS(), Observer: w, Concurrency: w.concurrency,
		DeadAge: 14 * 24 * time.Hour, DeadCount: 100, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err := w.queue.Start(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// shut closes the queue, after so much patience, and its store.
func (w *world) shut(patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w.queue.Close(ctx)
	if err := w.close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) Invoke(ctx context.Context, f lambda.Reference, inv lambda.Invocation) (lambda.Result, error) {
	w.mu.Lock()
	n := 0
	for _, c := range w.calls {
		if c.inv.RequestID == inv.RequestID {
			n++
		}
	}
	w.calls = append(w.calls, call{time.Since(w.start), f, inv})
	w.busy[f.Name]++
	w.busy[""]++
	w.busiest[f.Name] = max(w.busiest[f.Name], w.busy[f.Name])
	w.busiest[""] = max(w.busiest[""], w.busy[""])
	run := w.run
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.busy[f.Name]--
		w.busy[""]--
	}()
	result, err := run(ctx, f.Name, n+1)
	if err == nil && result.Fault == nil {
		w.mu.Lock()
		w.answered[inv.RequestID]++
		w.mu.Unlock()
	}
	return result, err
}

func (w *world) Settings(string, string) Settings {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.settings
}

func (w *world) Deliver(_ context.Context, d lambda.Delivery) error {
	w.mu.Lock()
	deliver := w.deliver
	w.mu.Unlock()
	if err := deliver(d); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delivered = append(w.delivered, d)
	return nil
}

func good() lambda.Result { return lambda.Result{Payload: []byte(`"ok"`), Version: lambda.Latest} }

func bad() lambda.Result {
	return lambda.Result{
		Payload: []byte(`{"errorMessage":"no luck","errorType":"Error","requestId":"r","stackTrace":[]}`), Version: lambda.Latest,
		Fault: &lambda.Fault{Type: "Error"},
	}
}

func throttled() error {
	return &lambda.Error{Kind: lambda.Throttled, Message: "Rate Exceeded.", Reason: "ReservedFunctionConcurrentInvocationLimitExceeded"}
}

func (w *world) accept(function, id string) {
	w.t.Helper()
	err := w.queue.Accept(context.Background(), lambda.Reference{Name: function}, lambda.Invocation{
		RequestID: id, Payload: []byte(`{"a": "<1>"}`), Trace: "Root=1-2-3",
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// wait lets virtual time pass.
func (w *world) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// runs is all that was run.
func (w *world) runs() []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// sent is all that destinations got.
func (w *world) sent() []lambda.Delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.delivered)
}

// most is how many of a function ran at once, of all together for "".
func (w *world) most(function string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.busiest[function]
}

// callTimes is when an event was run.
func (w *world) callTimes(id string) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	times := []time.Duration{}
	for _, c := range w.calls {
		if c.inv.RequestID == id {
			times = append(times, c.at)
		}
	}
	return times
}

func (w *world) wantCalls(id string, want ...time.Duration) {
	w.t.Helper()
	if got := w.callTimes(id); fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("%s was run at %v, want %v", id, got, want)
	}
}

// left is the queue's content.
func (w *world) left() (waiting, dead []store.Event) {
	w.t.Helper()
	waiting, err := w.store.Events(context.Background(), store.EventFilter{Limit: -1})
	if err == nil {
		dead, err = w.store.Events(context.Background(), store.EventFilter{Dead: true, Limit: -1})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return waiting, dead
}

func (w *world) wantLeft(waiting, dead int) {
	w.t.Helper()
	gotWaiting, gotDead := w.left()
	if len(gotWaiting) != waiting || len(gotDead) != dead {
		w.t.Errorf("%d waiting and %d dead, want %d and %d", len(gotWaiting), len(gotDead), waiting, dead)
	}
}

// context decodes the requestContext of a delivered record.
func contextOf(t *testing.T, d lambda.Delivery) (condition string, count int, answered bool) {
	t.Helper()
	var r struct {
		RequestContext struct {
			Condition              string
			ApproximateInvokeCount int
		}
		ResponseContext *struct{}
	}
	if err := json.Unmarshal(d.Body, &r); err != nil {
		t.Fatalf("record %s: %v", d.Body, err)
	}
	return r.RequestContext.Condition, r.RequestContext.ApproximateInvokeCount, r.ResponseContext != nil
}

var errDown = errors.New("connection refused")

func (w *world) Accepted(lambda.Reference) { w.count("accepted", 0) }

func (w *world) Began(_ lambda.Reference, age time.Duration) { w.count("began", age) }

func (w *world) Dropped(lambda.Reference) { w.count("dropped", 0) }

func (w *world) Undelivered(_ lambda.Reference, deadLetter bool) {
	w.count(fmt.Sprintf("undelivered %v", deadLetter), 0)
}

func (w *world) count(what string, age time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.counts == nil {
		w.counts = map[string]int{}
	}
	w.counts[what]++
	w.oldest = max(w.oldest, age)
}
