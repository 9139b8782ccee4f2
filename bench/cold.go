package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// cold compares first invocations with the bare start of the interpreter. Each
// is of a function of its own, that was created before.
func (b *bench) cold(ctx context.Context) error {
	for _, s := range b.subjects {
		if err := b.coldStarts(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) coldStarts(ctx context.Context, s subject) error {
	var names []string
	for range b.starts + 1 {
		name, err := b.deploy(ctx, s)
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	client := newClient(1)
	defer client.CloseIdleConnections()
	out := map[string][]sample{}
	for i, name := range names {
		took, err := timed(func() error { _, err := post(ctx, client, b.server.side(name).url, smallEvent); return err })
		if err != nil {
			return err
		}
		if err := b.server.settled(ctx, 1+i); err != nil {
			return err
		}
		bare, err := timed(func() error { return exec.CommandContext(ctx, s.bare[0], s.bare[1:]...).Run() })
		if err != nil {
			return fmt.Errorf("run %s: %w", s.bareS, err)
		}
		if i > 0 { // the first reads files that the others find in memory
			out["lambent"] = append(out["lambent"], sample{latencies: []time.Duration{took}})
			out["bare"] = append(out["bare"], sample{latencies: []time.Duration{bare}})
		}
	}
	sides := []side{{name: "lambent"}, {name: "bare"}}
	b.compare("cold", s.name+" (bare: "+s.bareS+")", "µs", out, sides, "bare", p50)
	slowest := make([]time.Duration, 0, len(names))
	for _, one := range out["lambent"] {
		slowest = append(slowest, one.latencies...)
	}
	b.note(row{Part: "cold", What: s.name + " slowest", Side: "lambent", Value: microseconds(slices.Max(slowest)), Unit: "µs"})
	for _, name := range names {
		if err := b.server.remove(ctx, name); err != nil {
			return err
		}
	}
	return b.server.settled(ctx, 0)
}

func timed(do func() error) (time.Duration, error) {
	began := time.Now()
	err := do()
	return time.Since(began), err
}

// burstSize is how many first requests come at once.
const burstSize = 100

// burst sends first requests to a Python function all at once, and compares the
// CPU time with that of as many plain starts of its interpreter.
func (b *bench) burst(ctx context.Context) error {
	s, ok := b.subject("python")
	if !ok {
		return nil
	}
	size := burstSize
	if b.quick {
		size = 10
	}
	began := time.Now()
	var plain time.Duration
	for range size {
		cmd := exec.CommandContext(ctx, s.bare[0], s.bare[1:]...)
		if err := cmd.Run(); err != nil {
			return err
		}
		plain += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	b.note(row{Part: "burst", What: fmt.Sprintf("%d plain starts, in turn", size), Side: "bare", Value: milliseconds(time.Since(began)), Unit: "ms"})
	b.note(row{Part: "burst", What: "their CPU", Side: "bare", Value: milliseconds(plain), Unit: "ms"})

	name, err := b.deploy(ctx, s)
	if err != nil {
		return err
	}
	before := cpuOf(family(b.server.cmd.Process.Pid))
	took, all, failed := b.together(ctx, size, b.server.side(name))
	spent := cpuOf(family(b.server.cmd.Process.Pid)) - before // the processes of a burst live on
	remarks := fmt.Sprintf("%d environments, %d errors", b.server.environments(ctx), failed)
	b.note(row{Part: "burst", What: fmt.Sprintf("%d first requests at once", size), Side: "lambent", Value: milliseconds(took), Unit: "ms", Remarks: remarks})
	b.note(row{Part: "burst", What: "median answer", Side: "lambent", Value: milliseconds(median(all)), Unit: "ms"})
	r := float64(spent) / float64(plain)
	b.note(row{Part: "burst", What: "CPU of all processes", Side: "lambent", Value: milliseconds(spent), Unit: "ms", To: "bare", Ratio: r, Low: r, High: r})
	if err := b.server.remove(ctx, name); err != nil {
		return err
	}
	return b.server.settled(ctx, 0)
}

// together sends n events at once and waits for all answers.
func (b *bench) together(ctx context.Context, n int, s side) (took time.Duration, each []time.Duration, failed int) {
	client := newClient(n)
	defer client.CloseIdleConnections()
	each = make([]time.Duration, n)
	errs := make([]error, n)
	var all sync.WaitGroup
	began := time.Now()
	for i := range n {
		all.Go(func() {
			_, errs[i] = post(ctx, client, s.url, smallEvent)
			each[i] = time.Since(began)
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			failed++
			b.say("burst: %v", err)
		}
	}
	return time.Since(began), each, failed
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
