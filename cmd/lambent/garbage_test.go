package main

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestGarbage: what is left over goes once the daemon is quiet, not while it works,
// not for little, and not again and again.
func TestGarbage(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for name, c := range map[string]struct {
		heap func(at time.Duration) heap // allocated and present; alive is what was left
		want []time.Duration             // when garbage is collected, within two minutes
	}{
		"nothing to collect": {
			func(time.Duration) heap {
				return heap{allocated: 100 * mb, present: 20*mb + worthIt - 1, alive: 20 * mb}
			},
			nil,
		},
		"the last of a storm": {
			func(at time.Duration) heap {
				made := uint64(min(at, 11*time.Second).Seconds()) * 5 * mb
				if at > 14*time.Second {
					return heap{made, 20 * mb, 20 * mb}
				}
				return heap{made, made + 20*mb, 20 * mb}
			},
			[]time.Duration{14 * time.Second},
		},
		"somebody who works slowly all the time": {
			func(at time.Duration) heap {
				made := uint64(at/lookEvery) * quiet
				return heap{made, 50 * mb, 20 * mb}
			},
			nil,
		},
		"garbage that comes back at once": {
			func(time.Duration) heap { return heap{0, 50 * mb, 20 * mb} },
			[]time.Duration{2 * time.Second, 22 * time.Second, 42 * time.Second, 62 * time.Second, 82 * time.Second, 102 * time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var got []time.Duration
				g := garbage{
					heap:    func() heap { return c.heap(time.Since(began)) },
					collect: func() { got = append(got, time.Since(began)) },
				}
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute-time.Second)
				defer cancel()
				g.watch(ctx)
				if !slices.Equal(got, c.want) {
					t.Errorf("collected after %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestCollectGarbage: the runtime has the figures that it is asked for.
func TestCollectGarbage(t *testing.T) {
	t.Parallel()
	stop := collectGarbage()
	stop()
}
