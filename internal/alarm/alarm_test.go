package alarm

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestAlarm: whatever is set, moved and called off, the function is called at
// the time that was set last, once.
func TestAlarm(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			var mu sync.Mutex
			var due time.Time // mu
			a := New(func() {
				mu.Lock()
				defer mu.Unlock()
				if called := time.Now(); !called.Equal(due) {
					t.Errorf("seed %d: called at %s, due at %s", seed, called, due)
				}
				due = time.Time{}
			})
			defer a.Close()
			for range 100 {
				mu.Lock()
				at := time.Now().Add(time.Duration(1+random.IntN(50)) * time.Millisecond)
				switch random.IntN(4) {
				case 0:
					a.Set(at)
					due = at
				case 1:
					a.Within(at)
					if due.IsZero() || at.Before(due) {
						due = at
					}
				case 2:
					if was := a.Stop(); was != !due.IsZero() {
						t.Errorf("seed %d: Stop says %t with %s due", seed, was, due)
					}
					due = time.Time{}
				case 3:
				}
				mu.Unlock()
				time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
				synctest.Wait()
				mu.Lock()
				if !due.IsZero() && due.Before(time.Now()) {
					t.Fatalf("seed %d: not called at %s", seed, due)
				}
				mu.Unlock()
			}
		})
	}
}

// TestClose: nothing is called any more, whatever is set.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := New(func() { t.Error("called after Close") })
		a.Set(time.Now().Add(time.Second))
		a.Close()
		a.Set(time.Now().Add(time.Second))
		a.Within(time.Now().Add(time.Second))
		time.Sleep(time.Minute)
	})
}

func BenchmarkSetAndStop(b *testing.B) {
	a := New(func() {})
	defer a.Close()
	for b.Loop() {
		a.Set(time.Now().Add(10 * time.Millisecond))
		a.Stop()
	}
}
