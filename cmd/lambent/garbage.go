package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// garbage gives the memory of past work back to the host once the daemon has become
// quiet. Without it a thousand starts, or one large event, would leave as much again
// as what is alive, until somebody makes more.
type garbage struct {
	heap    func() heap
	collect func() // all of it, and gives it back
}

// heap is what garbage is judged by, in bytes.
type heap struct {
	allocated uint64 // ever
	present   uint64 // alive or not
	alive     uint64 // when garbage was last collected
}

const (
	// lookEvery is how often a quiet daemon wakes for this, which costs it some
	// microseconds.
	lookEvery = 2 * time.Second
	// quiet is what a daemon may allocate meanwhile that is said to do nothing:
	// some ten invocations.
	quiet = 256 << 10
	// worthIt is how much there must be to give back.
	worthIt = 4 << 20
	// collectEvery keeps a daemon with work every now and then from collecting
	// each time.
	collectEvery = 20 * time.Second
)

// watch collects until ctx ends.
func (g garbage) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	before := g.heap().allocated
	var collected time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			h := g.heap()
			if h.allocated-before < quiet && h.present >= h.alive+worthIt && now.Sub(collected) >= collectEvery {
				g.collect()
				collected = now
			}
			before = h.allocated
		}
	}
}

// collectGarbage watches this process until stop, which waits for a collection that
// has begun.
func collectGarbage() (stop func()) {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	g := garbage{collect: debug.FreeOSMemory, heap: func() heap {
		metrics.Read(samples)
		return heap{samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64()}
	}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.watch(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}
