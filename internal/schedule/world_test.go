package schedule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lambent/internal/lambda"
	"lambent/internal/store"
	"lambent/internal/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var home = lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"}

const f = "arn:aws:lambda:us-east-1:111111111111:function:f"

// world is everything around an engine: a store that outlives it, and a queue.
type world struct {
	*Engine
	t     *testing.T
	start time.Time
	data  memory.Data
	store *memory.Store

	mu    sync.Mutex
	fired []firing
	fail  error
	ids   atomic.Int64
}

// firing is one tick that the queue took.
type firing struct {
	key  string
	at   time.Duration // of the tick, since the world's start
	took time.Duration // when it came
	due  []lambda.Due
}

// play runs a test in virtual time, which begins at midnight of 1 January 2000.
func play(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, start: time.Now()}
		w.open()
		test(t, w)
		w.shut()
	})
}

func (w *world) open() {
	w.store = memory.Open(&w.data)
	w.Engine = New(Config{
		Home: home, Store: w.store, Queue: w, Functions: w, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		NewID: func() string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", w.ids.Add(1)) },
	})
	if err := w.Start(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) shut() {
	w.Close()
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) Fire(ctx context.Context, tick store.Tick, due []lambda.Due) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return false, w.fail
	}
	fired, err := w.store.Fire(ctx, tick, nil)
	if fired {
		w.fired = append(w.fired, firing{tick.Key, tick.At.Sub(w.start), time.Since(w.start), due})
	}
	return fired, err
}

func (w *world) Exists(ref lambda.Reference) error {
	if ref.Name == "panics" {
		panic("a bug")
	}
	if ref.Name != "f" {
		return lambda.Errorf(lambda.NotFound, "Function not found: %s", ref.Name)
	}
	return nil
}

// after lets time pass, and tells the ticks since the last call as text.
func (w *world) after(d time.Duration) (ticks []string) {
	time.Sleep(d)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.fired {
		late := ""
		if f.took > f.at {
			late = " late " + (f.took - f.at).String()
		}
		ticks = append(ticks, f.key+" "+f.at.String()+late)
	}
	w.fired = nil
	return ticks
}

func (w *world) expect(d time.Duration, want ...string) {
	w.t.Helper()
	if got := w.after(d); fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("in %v until %v: ticks %q, want %q", d, time.Since(w.start), got, want)
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// rule makes an enabled rule with one target.
func (w *world) rule(name, expression string) {
	w.t.Helper()
	ctx := context.Background()
	w.must(w.PutRule(ctx, lambda.Rule{Name: name, Expression: expression, State: "ENABLED"}))
	w.must(w.PutTargets(ctx, name, []lambda.RuleTarget{{ID: "1", ARN: f}}))
}

func (w *world) refused(kind lambda.Kind, text string, err error) {
	w.t.Helper()
	if lambda.KindOf(err) != kind || err == nil || err.Error() != text {
		w.t.Errorf("answered %v (kind %d), want %s (kind %d)", err, lambda.KindOf(err), text, kind)
	}
}

var errDisk = errors.New("the disk is full")
