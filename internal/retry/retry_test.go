package retry

import (
	"math/rand/v2"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)

func TestDecide(t *testing.T) {
	t.Parallel()
	again := func(d time.Duration) Verdict { return Verdict{At: start.Add(d)} }
	over := func(c Condition) Verdict { return Verdict{Condition: c} }
	for _, c := range []struct {
		name     string
		settings Settings
		faults   int
		returns  int
		outcome  Outcome
		after    time.Duration // since acceptance
		want     Verdict
	}{
		{"success", Default(), 0, 0, Answered, 0, over(Success)},
		{"success on the last retry", Default(), 2, 0, Answered, 3 * time.Minute, over(Success)},
		{"success when too old already", Settings{2, time.Minute}, 0, 0, Answered, time.Hour, over(Success)},
		{"first failure waits 1 minute (F285)", Default(), 1, 0, Faulted, time.Second, again(time.Minute + time.Second)},
		{"second failure waits 2 minutes (F285)", Default(), 2, 0, Faulted, time.Minute, again(3 * time.Minute)},
		{"third failure is the last (F279)", Default(), 3, 0, Faulted, 3 * time.Minute, over(RetriesExhausted)},
		{"one retry", Settings{1, MaxAge}, 1, 0, Faulted, 0, again(time.Minute)},
		{"one retry, used", Settings{1, MaxAge}, 2, 0, Faulted, 0, over(RetriesExhausted)},
		{"no retries (F283)", Settings{0, MaxAge}, 1, 0, Faulted, 0, over(RetriesExhausted)},
		{"no retries and too old: exhausted all the same", Settings{0, MinAge}, 1, 0, Faulted, time.Hour, over(RetriesExhausted)},
		{"first retry would be too late (F284)", Settings{2, MinAge}, 1, 0, Faulted, time.Second, over(EventAgeExceeded)},
		{"first retry just in time", Settings{2, MinAge}, 1, 0, Faulted, 0, again(time.Minute)},
		{"second retry would be too late (F284)", Settings{2, 2 * time.Minute}, 2, 0, Faulted, time.Minute + time.Second, over(EventAgeExceeded)},
		{"throttled", Default(), 0, 1, Returned, 0, again(time.Second)},
		{"throttled twice", Default(), 0, 2, Returned, time.Second, again(3 * time.Second)},
		{"throttled often", Default(), 0, 100, Returned, time.Hour, again(time.Hour + 5*time.Minute)},
		{"throttling uses no retries", Settings{0, MaxAge}, 0, 5, Returned, 0, again(16 * time.Second)},
		{"throttled after a failure", Default(), 1, 1, Returned, time.Minute, again(time.Minute + time.Second)},
		{"throttled for six hours", Default(), 0, 80, Returned, MaxAge - time.Minute, over(EventAgeExceeded)},
		{"throttled until the age of the config", Settings{2, MinAge}, 0, 6, Returned, 31 * time.Second, over(EventAgeExceeded)},
	} {
		h := History{Accepted: start, Faults: c.faults, Returns: c.returns}
		if got := Decide(c.settings, AWS(), h, c.outcome, start.Add(c.after)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	want := []time.Duration{1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}
	for n, seconds := range want {
		if got := AWS().Backoff(n); got != seconds*time.Second {
			t.Errorf("after %d: %v, want %v", n, got, seconds*time.Second)
		}
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	s := Settings{2, MinAge}
	for age, want := range map[time.Duration]bool{0: false, MinAge: false, MinAge + 1: true, -time.Hour: false} {
		if got := Expired(s, start, start.Add(age)); got != want {
			t.Errorf("aged %v of %v: expired %v, want %v", age, s.Age, got, want)
		}
	}
}

// TestLaws plays whole lives of events with random settings and luck. However
// they go: an event ends, it is tried no more often than its settings say, never
// later than its age allows, and each wait is as long as AWS's.
func TestLaws(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 0))
		life(t, seed, r, Settings{Retries: r.IntN(MaxRetries + 1), Age: MinAge + time.Duration(r.Int64N(int64(MaxAge-MinAge)))})
	}
}

func life(t *testing.T, seed uint64, r *rand.Rand, s Settings) {
	now, h, attempts := start, History{Accepted: start}, 0
	unlucky := r.Float64()
	for {
		if now.Sub(start) > s.Age {
			t.Fatalf("seed %d: attempt %v after acceptance, age %v", seed, now.Sub(start), s.Age)
		}
		now = now.Add(time.Duration(r.Int64N(int64(15 * time.Minute)))) // the attempt itself
		o := Answered
		if r.Float64() < unlucky {
			o = Faulted
			h.Faults, h.Returns = h.Faults+1, 0
		} else if r.Float64() < unlucky {
			o = Returned
			h.Returns++
		}
		attempts++
		v := Decide(s, AWS(), h, o, now)
		if h.Faults > s.Retries+1 {
			t.Fatalf("seed %d: %d failures with %d retries", seed, h.Faults, s.Retries)
		}
		if v.Over() {
			if (v.Condition == Success) != (o == Answered) {
				t.Fatalf("seed %d: %v after outcome %d", seed, v.Condition, o)
			}
			if (v.Condition == RetriesExhausted) != (o == Faulted && h.Faults == s.Retries+1) {
				t.Fatalf("seed %d: %v after %d failures with %d retries", seed, v.Condition, h.Faults, s.Retries)
			}
			return
		}
		if wait := v.At.Sub(now); wait < time.Second || wait > 5*time.Minute || o == Faulted && wait != time.Duration(h.Faults)*time.Minute {
			t.Fatalf("seed %d: waits %v after outcome %d, %+v", seed, wait, o, h)
		}
		if attempts > 30_000 {
			t.Fatalf("seed %d: does not end", seed)
		}
		now = v.At
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	w := NewWindow(32)
	for _, want := range []int{16, 8, 4, 2, 1, 1, 1} {
		if w = w.After(true); w.Size() != want {
			t.Fatalf("after a refusal: %d, want %d", w.Size(), want)
		}
	}
	attempts := 0
	for last := w.Size(); w.Size() < 32; attempts++ {
		w = w.After(false)
		if w.Size() > last+1 {
			t.Fatalf("opened from %d to %d at once", last, w.Size())
		}
		last = w.Size()
	}
	if attempts < 32*31/2-64 || attempts > 32*32 {
		t.Errorf("opened fully after %d attempts, want about one window of them for each step", attempts)
	}
	if w = w.After(false); w.Size() != 32 {
		t.Errorf("opened to %d, more than it may", w.Size())
	}
}
