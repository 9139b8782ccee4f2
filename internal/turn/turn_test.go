package turn

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
)

func TestOneAtATime(t *testing.T) {
	t.Parallel()
	var line Line
	var all sync.WaitGroup
	inside := make([]int, 3)
	total := make([]int, 3)
	for i := range 300 {
		all.Go(func() {
			k := i % 3
			done, err := line.Take(t.Context(), strconv.Itoa(k))
			if err != nil {
				t.Error(err)
				return
			}
			defer done()
			// Unsynchronised on purpose: the race detector is the judge.
			if inside[k]++; inside[k] != 1 {
				t.Errorf("%d inside at once", inside[k])
			}
			total[k]++
			inside[k]--
		})
	}
	all.Wait()
	for k, n := range total {
		if n != 100 {
			t.Errorf("key %d had %d turns, want 100", k, n)
		}
	}
	if len(line.keys) != 0 {
		t.Errorf("%d keys remembered, want none", len(line.keys))
	}
}

func TestOtherKeysDoNotWait(t *testing.T) {
	t.Parallel()
	var line Line
	a, err := line.Take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer a()
	b, err := line.Take(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	b()
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var line Line
		done, err := line.Take(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("caller went away")
		go func() {
			synctest.Wait()
			cancel(why)
		}()
		if _, err := line.Take(ctx, "a"); !errors.Is(err, why) {
			t.Errorf("Take: %v, want %v", err, why)
		}
		done()
		again, err := line.Take(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		again()
		if len(line.keys) != 0 {
			t.Errorf("%d keys remembered, want none", len(line.keys))
		}
	})
}
