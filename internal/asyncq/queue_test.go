package asyncq

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store"
	"lambent/internal/store/memory"
)

func slow(d time.Duration) func(context.Context, string, int) (lambda.Result, error) {
	return func(ctx context.Context, _ string, _ int) (lambda.Result, error) {
		select {
		case <-time.After(d):
			return good(), nil
		case <-ctx.Done():
			return lambda.Result{}, context.Cause(ctx)
		}
	}
}

// TestOneFunctionCannotStarveAnother: however long the backlogs and however
// slow the functions of others, an event of an idle function runs at once.
func TestOneFunctionCannotStarveAnother(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.run = slow(10 * time.Minute)
		for i := range 200 {
			w.accept("a", fmt.Sprint("a", i))
			w.accept("b", fmt.Sprint("b", i))
		}
		w.wait(time.Second)
		if w.most("a") != 4 || w.most("b") != 4 || w.most("") != 8 {
			t.Fatalf("%d of a, %d of b, %d in all run; want 4, 4, 8", w.most("a"), w.most("b"), w.most(""))
		}
		w.accept("c", "c")
		w.wait(0)
		w.wantCalls("c", time.Second)
		w.wait(time.Hour)
		if w.most("") > 9 {
			t.Errorf("%d ran at once, want 8 and one of a lane of which nothing ran", w.most(""))
		}
	})
}

// TestTurns: functions with backlogs are worked off side by side, and each in the
// order of acceptance.
func TestTurns(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.run = slow(time.Second)
		for i := range 300 {
			w.accept("long", fmt.Sprint("l", i))
		}
		for f := range 5 {
			for i := range 20 {
				w.accept(fmt.Sprint("f", f), fmt.Sprint("f", f, "-", i))
			}
		}
		w.wait(time.Hour)
		w.wantLeft(0, 0)
		// 8 at once: 400 events take 50 s in all. Were they run in the order of their
		// coming, the short backlogs would end last.
		last := map[string]time.Duration{}
		next := map[string]int{}
		for _, c := range w.runs() {
			last[c.function.Name] = c.at
			next[c.function.Name]++
		}
		for f := range 5 {
			if at := last[fmt.Sprint("f", f)]; at > 25*time.Second {
				t.Errorf("20 events of f%d were through after %v, want their share", f, at)
			}
		}
		for i, at := range w.firsts("l", 300) {
			if i > 0 && at < w.firsts("l", 300)[i-1] {
				t.Errorf("event %d ran at %v, before the one accepted before it", i, at)
			}
		}
	})
}

func (w *world) firsts(prefix string, n int) []time.Duration {
	at := map[string]time.Duration{}
	for _, c := range w.runs() {
		at[c.inv.RequestID] = c.at
	}
	all := make([]time.Duration, n)
	for i := range n {
		all[i] = at[fmt.Sprint(prefix, i)]
	}
	return all
}

// TestThrottlesAreFewAndFar: a long backlog of a throttled function is not refused
// event by event, and goes on quickly when the function can be run again.
func TestThrottlesAreFewAndFar(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		var free atomic.Bool
		w.run = func(context.Context, string, int) (lambda.Result, error) {
			if free.Load() {
				return good(), nil
			}
			return lambda.Result{}, throttled()
		}
		for i := range 1000 {
			w.accept("f", fmt.Sprint("r", i))
		}
		w.wait(10 * time.Minute)
		if n := len(w.runs()); n < 300 || n > 700 {
			t.Errorf("%d attempts in 10 minutes, want about one a second", n)
		}
		free.Store(true)
		w.wait(6 * time.Minute)
		w.wantLeft(0, 0)
	})
}

func TestDestinationThatIsDownIsToldLater(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.settings.OnFailure, w.settings.DeadLetter = onFailure, letters
		w.settings.Retry.Retries = 0
		w.run = always(bad(), nil)
		tries := 0
		w.deliver = func(d lambda.Delivery) error {
			if d.Target == onFailure {
				if tries++; tries < 4 {
					return errDown
				}
			}
			return nil
		}
		w.accept("f", "r")
		w.wait(2 * time.Second)
		w.wantLeft(1, 0)
		w.shut(time.Second) // what is still to be told survives
		w.open()
		w.wait(time.Minute)
		w.wantCalls("r", 0)
		w.wantLeft(0, 0)
		if len(w.sent()) != 2 || tries != 4 {
			t.Errorf("%d delivered after %d tries, want each target told once and 4 tries", len(w.sent()), tries)
		}
	})
}

func TestDestinationThatStaysDown(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.settings.OnSuccess = onSuccess
		w.deliver = func(lambda.Delivery) error { return errDown }
		w.accept("f", "r")
		w.wait(5 * time.Hour)
		w.wantLeft(1, 0)
		w.wait(2 * time.Hour)
		w.wantLeft(0, 1)
		_, dead := w.left()
		if want := onSuccess + ": connection refused"; dead[0].Outcome.Problem != want {
			t.Errorf("the problem is %q, want %q", dead[0].Outcome.Problem, want)
		}
		// It ran well; a replay only tells the destination.
		w.mu.Lock()
		w.deliver = func(lambda.Delivery) error { return nil }
		w.mu.Unlock()
		if found, err := w.queue.Replay(t.Context(), "r"); !found || err != nil {
			t.Fatalf("replay: %v, %v", found, err)
		}
		w.wait(0)
		w.wantCalls("r", 0)
		w.wantLeft(0, 0)
		if len(w.sent()) != 1 {
			t.Errorf("%d delivered, want 1", len(w.sent()))
		}
	})
}

// TestSilentDestination: a target that takes messages without an answer holds up neither
// its function nor others, and is told when it answers again.
func TestSilentDestination(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		const n = 100
		answers := w.start.Add(10 * time.Minute)
		var asked atomic.Int64
		w.settings.OnSuccess = onSuccess
		w.deliver = func(lambda.Delivery) error {
			if time.Now().Before(answers) {
				asked.Add(1)
				time.Sleep(sendLimit + time.Second)
				return errors.New("no answer")
			}
			return nil
		}
		for i := range n {
			w.accept("f", fmt.Sprint("r", i))
		}
		w.wait(2 * sendLimit)
		if ran := len(w.runs()); ran != n {
			t.Errorf("%d events ran while the target was silent, want %d", ran, n)
		}
		w.wait(9 * time.Minute)
		// Those that were being run at first, and one after each silence.
		if most := int64(w.concurrency + 10); asked.Load() > most {
			t.Errorf("the target was asked %d times, want at most %d", asked.Load(), most)
		}
		w.wait(20 * time.Minute)
		w.wantLeft(0, 0)
		if told := len(w.sent()); told != n {
			t.Errorf("told %d, want %d", told, n)
		}
		if w.counts["undelivered false"] != int(asked.Load()) {
			t.Errorf("counted %v, and asked %d times", w.counts, asked.Load())
		}
	})
}

func TestHopelessDestination(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.settings.OnSuccess = onSuccess
		w.deliver = func(lambda.Delivery) error { return lambda.Errorf(lambda.InvalidParameter, "no endpoint for sqs") }
		w.accept("f", "r")
		w.wait(0)
		w.wantLeft(0, 1)
	})
}

// TestHopelessAndDown: a target that will never be told does not keep another from
// being told later.
func TestHopelessAndDown(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.settings.OnFailure, w.settings.DeadLetter, w.settings.Retry.Retries = onFailure, letters, 0
		w.run = always(bad(), nil)
		up := w.start.Add(time.Minute)
		w.deliver = func(d lambda.Delivery) error {
			if d.Target == onFailure {
				return lambda.Errorf(lambda.InvalidParameter, "no endpoint for s3")
			}
			if time.Now().Before(up) {
				return errDown
			}
			return nil
		}
		w.accept("f", "r")
		w.wait(30 * time.Second)
		w.wantLeft(1, 0)
		w.wait(time.Hour)
		w.wantLeft(0, 1)
		if _, dead := w.left(); len(w.sent()) != 1 || w.sent()[0].Target != letters || len(dead[0].Outcome.Targets) != 1 || !strings.Contains(dead[0].Outcome.Problem, "no endpoint for s3") {
			t.Errorf("told %+v, dead %+v", w.sent(), dead[0].Outcome)
		}
		w.wantCalls("r", 0)
	})
}

// TestReplayOfACircle: an event that was stopped in a circle begins a chain of its own
// when it is replayed.
func TestReplayOfACircle(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.run = always(lambda.Result{}, lambda.Errorf(lambda.Recursive, "loop"))
		if err := w.queue.Accept(t.Context(), lambda.Reference{Name: "f"}, lambda.Invocation{RequestID: "r", Trace: "Root=1-2-3;Lineage=16:e30c2799:15"}); err != nil {
			t.Fatal(err)
		}
		w.wait(0)
		w.wantLeft(0, 1)
		if found, err := w.queue.Replay(t.Context(), "r"); !found || err != nil {
			t.Fatal(found, err)
		}
		w.wait(0)
		if runs := w.runs(); len(runs) != 2 || runs[0].inv.Trace != "Root=1-2-3;Lineage=16:e30c2799:15" || runs[1].inv.Trace != "Root=1-2-3" {
			t.Errorf("ran %+v", runs)
		}
	})
}

func TestDeadEvents(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.settings.Retry.Retries = 0
		w.run = always(bad(), nil)
		for _, id := range []string{"r1", "r2"} {
			w.accept("f", id)
		}
		w.wait(0)
		w.wantLeft(0, 2)
		_, dead := w.left()
		if o := dead[0].Outcome; o.Condition != "RetriesExhausted" || o.Problem != "no luck" {
			t.Errorf("outcome %+v", o)
		}
		w.wait(8 * time.Hour)
		w.mu.Lock()
		w.run = always(good(), nil)
		w.mu.Unlock()
		for _, act := range []struct {
			do    func(context.Context, string) (bool, error)
			id    string
			found bool
		}{{w.queue.Replay, "r1", true}, {w.queue.Drop, "r2", true}, {w.queue.Drop, "r2", false}, {w.queue.Replay, "never", false}} {
			if found, err := act.do(t.Context(), act.id); found != act.found || err != nil {
				t.Errorf("%s: %v, %v; want %v", act.id, found, err, act.found)
			}
		}
		w.wait(0)
		w.wantLeft(0, 0)
		w.wantCalls("r1", 0, 8*time.Hour) // its age began anew
		w.wantCalls("r2", 0)
	})
}

func TestWaitingEventsAreReplayedAndDropped(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.run = func(_ context.Context, _ string, call int) (lambda.Result, error) {
			if call == 1 {
				return bad(), nil
			}
			return good(), nil
		}
		w.accept("f", "r1")
		w.accept("f", "r2")
		w.wait(time.Second)
		if found, err := w.queue.Replay(t.Context(), "r1"); !found || err != nil {
			t.Fatal(found, err)
		}
		if found, err := w.queue.Drop(t.Context(), "r2"); !found || err != nil {
			t.Fatal(found, err)
		}
		w.wait(time.Hour)
		w.wantCalls("r1", 0, time.Second)
		w.wantCalls("r2", 0)
		w.wantLeft(0, 0)
	})
}

func TestDeadEventsAreBounded(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.settings.Retry.Retries = 0
		w.run = always(bad(), nil)
		w.wait(0) // the start looks through them, too
		for i := range 150 {
			w.accept("f", fmt.Sprint("r", i))
		}
		w.wait(time.Minute)
		w.wantLeft(0, 150)
		w.wait(time.Hour)
		w.wantLeft(0, 100)
		w.wait(15 * 24 * time.Hour)
		w.wantLeft(0, 0)
	})
}

// TestRestart: what ran is run again, what waited is tried when it is due, and
// nothing else is lost or repeated.
func TestRestart(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.run = func(ctx context.Context, function string, call int) (lambda.Result, error) {
			switch {
			case function == "failing" && call == 1:
				return bad(), nil
			case function == "slow" && call == 1:
				return slow(time.Hour)(ctx, function, call)
			case function == "quick":
				return slow(5*time.Second)(ctx, function, call)
			}
			return good(), nil
		}
		w.accept("failing", "f")
		w.accept("slow", "s")
		w.wait(time.Second)
		w.accept("quick", "q")
		w.wait(time.Second)
		w.shut(10 * time.Second) // q ends within the patience, s does not
		w.wait(10 * time.Second)
		w.open()
		w.wait(time.Hour)
		w.wantCalls("f", 0, time.Minute)
		w.wantCalls("q", time.Second)
		w.wantCalls("s", 0, 22*time.Second)
		w.wantLeft(0, 0)
	})
}

// TestStopAcceptsForLater: while the server drains, events are kept and not begun.
func TestStopAcceptsForLater(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.queue.Stop()
		w.accept("f", "r")
		w.wait(time.Minute)
		w.wantCalls("r")
		w.shut(0)
		w.open()
		w.wait(0)
		w.wantCalls("r", time.Minute)
	})
}

func TestPanicIsOurError(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.run = func(_ context.Context, _ string, call int) (lambda.Result, error) {
			if call == 1 {
				panic("bug")
			}
			return good(), nil
		}
		w.accept("f", "r")
		w.wait(time.Minute)
		w.wantCalls("r", 0, time.Second)
		w.wantLeft(0, 0)
	})
}

// brittle is a store whose writes fail for a while.
type brittle struct {
	*memory.Store
	broken atomic.Bool
}

var errDisk = errors.New("disk full")

func (b *brittle) Update(ctx context.Context, e store.Event) error {
	if b.broken.Load() {
		return errDisk
	}
	return b.Store.Update(ctx, e)
}

func (b *brittle) Remove(ctx context.Context, sequence int64) error {
	if b.broken.Load() {
		return errDisk
	}
	return b.Store.Remove(ctx, sequence)
}

func (b *brittle) EnqueueClaimed(ctx context.Context, e *store.Event) error {
	if b.broken.Load() {
		return errDisk
	}
	return b.Store.EnqueueClaimed(ctx, e)
}

func (b *brittle) Claim(ctx context.Context, function string, now time.Time, limit int) ([]store.Event, time.Time, error) {
	if b.broken.Load() {
		return nil, time.Time{}, errDisk
	}
	return b.Store.Claim(ctx, function, now, limit)
}

// TestFullDisk: nothing is accepted, what ran is not run again, what waits waits.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.shut(0)
		b := &brittle{Store: memory.Open(&w.data)}
		w.openOn(b, b.Close)
		w.run = slow(time.Second)
		for i := range 20 {
			w.accept("f", fmt.Sprint("r", i))
		}
		synctest.Wait()
		b.broken.Store(true)
		w.wait(10 * time.Second)
		err := w.queue.Accept(t.Context(), lambda.Reference{Name: "g"}, lambda.Invocation{RequestID: "g"})
		if !errors.Is(err, errDisk) {
			t.Errorf("Accept with a full disk: %v, want %v", err, errDisk)
		}
		b.broken.Store(false)
		w.wait(10 * time.Minute)
		for i := range 20 {
			if n := len(w.callTimes(fmt.Sprint("r", i))); n != 1 {
				t.Errorf("r%d was run %d times, want once", i, n)
			}
		}
		w.wantLeft(0, 0)
		w.wantCalls("g")
	})
}

// TestForgetsLanes: functions that were invoked once cost nothing for ever.
// TestFullDiskAtTheDesk: an event that could not be replayed or dropped is run when
// its time comes, and can be replayed later.
func TestFullDiskAtTheDesk(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		w.shut(0)
		b := &brittle{Store: memory.Open(&w.data)}
		w.openOn(b, b.Close)
		w.settings.Retry.Retries = 1
		w.run = always(bad(), nil)
		w.accept("f", "r1")
		w.accept("f", "r2")
		w.wait(time.Second)
		b.broken.Store(true)
		if found, err := w.queue.Replay(t.Context(), "r1"); found || !errors.Is(err, errDisk) {
			t.Errorf("Replay: %v, %v", found, err)
		}
		if found, err := w.queue.Drop(t.Context(), "r2"); found || !errors.Is(err, errDisk) {
			t.Errorf("Drop: %v, %v", found, err)
		}
		b.broken.Store(false)
		w.wait(10 * time.Minute)
		w.wantCalls("r1", 0, time.Minute)
		w.wantCalls("r2", 0, time.Minute)
		b.broken.Store(true)
		if found, err := w.queue.Replay(t.Context(), "r1"); found || !errors.Is(err, errDisk) {
			t.Errorf("Replay of a dead event: %v, %v", found, err)
		}
		b.broken.Store(false)
		if found, err := w.queue.Drop(t.Context(), "r1"); !found || err != nil {
			t.Errorf("Drop of a dead event: %v, %v", found, err)
		}
		w.wantLeft(0, 1)
	})
}

func TestForgetsLanes(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		for i := range 100 {
			w.accept(fmt.Sprint("f", i), fmt.Sprint("r", i))
		}
		w.wait(time.Hour)
		w.queue.mu.Lock()
		defer w.queue.mu.Unlock()
		if n := len(w.queue.lanes) + len(w.queue.later) + len(w.queue.ready) + w.queue.running; n != 0 {
			t.Errorf("%d lanes, %d appointments, %d ready, %d running; want none", len(w.queue.lanes), len(w.queue.later), len(w.queue.ready), w.queue.running)
		}
	})
}

// TestNothingIsLost plays seeds: many functions with luck of all sorts, destinations
// that come and go, restarts with and without patience, operators. Every accepted
// event ends: answered, told, or dead; and without a restart none that was answered
// is run again.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			play(t, func(t *testing.T, w *world) { storm(t, w, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func storm(t *testing.T, w *world, r *rand.Rand) {
	functions := rand.New(rand.NewPCG(r.Uint64(), 2)) // used under mu
	w.settings.OnFailure = onFailure
	w.run = func(ctx context.Context, _ string, _ int) (lambda.Result, error) {
		w.mu.Lock()
		luck, length := functions.IntN(10), time.Duration(functions.IntN(5000))*time.Millisecond
		w.mu.Unlock()
		if result, err := slow(length)(ctx, "", 0); err != nil {
			return result, err
		}
		switch luck {
		case 0, 1:
			return bad(), nil
		case 2:
			return lambda.Result{}, throttled()
		case 3:
			return lambda.Result{}, errors.New("ours")
		}
		return good(), nil
	}
	w.deliver = func(lambda.Delivery) error {
		if functions.IntN(3) == 0 {
			return errDown
		}
		return nil
	}
	const events = 300
	restarts := 0
	for i := range events {
		w.accept(fmt.Sprint("f", r.IntN(6)), fmt.Sprint("r", i))
		if r.IntN(10) == 0 {
			w.wait(time.Duration(r.IntN(20000)) * time.Millisecond)
		}
		if r.IntN(60) == 0 {
			restarts++
			w.shut(time.Duration(r.IntN(3)) * time.Second)
			w.open()
		}
	}
	w.wait(24 * time.Hour)
	w.wantLeft(0, 0)
	told := map[string]int{}
	for _, d := range w.sent() {
		told[d.RequestID]++
	}
	for i := range events {
		id := fmt.Sprint("r", i)
		w.mu.Lock()
		answered := w.answered[id]
		w.mu.Unlock()
		if answered+told[id] == 0 {
			t.Errorf("%s was neither answered nor told of", id)
		}
		if restarts == 0 && answered+told[id] != 1 {
			t.Errorf("%s was answered %d times and told of %d times", id, answered, told[id])
		}
	}
}
