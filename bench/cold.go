package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// coldSide is a server whose first invocations are measured. Each is of a function
// of its own, that was created before.
type coldSide struct {
	side
	server    *server
	functions []string
	answered  int
}

// withoutPool is the name of a server that starts nothing ahead.
const withoutPool = "no pool"

// cold compares first invocations, with what is started ahead and without, with
// the bare start of the interpreter.
func (b *bench) cold(ctx context.Context) error {
	servers := []coldSide{{side: side{name: "lambent"}, server: b.server}}
	if !strings.Contains(b.serve, "--boot-pool-memory") {
		o := b.options
		o.serve += " --boot-pool-memory=0"
		plain, err := startLambent(o, filepath.Join(b.dir, "data-without-pool"))
		if err != nil {
			return err
		}
		defer plain.stop()
		plain.quiet(ctx)
		servers = append(servers, coldSide{side: side{name: withoutPool}, server: plain})
	}
	for _, s := range b.subjects {
		if err := b.coldStarts(ctx, s, servers); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// coldStarts makes rounds of starts in turns, after one each that nobody counts: it
// reads files that the others find in memory.
func (b *bench) coldStarts(ctx context.Context, s subject, servers []coldSide) error {
	sides := slices.Clone(servers)
	each := max(1, b.starts/b.rounds)
	for i := range sides {
		sides[i].answered, sides[i].functions = 0, nil
		for range b.rounds*each + 1 {
			b.made++
			name := fmt.Sprintf("%s-%d", s.name, b.made)
			if err := sides[i].server.create(ctx, name, s.code); err != nil {
				return err
			}
			sides[i].functions = append(sides[i].functions, name)
		}
	}
	if _, err := b.coldRound(ctx, s, sides, 1); err != nil {
		return err
	}
	out := map[string][]sample{}
	for range b.rounds {
		slices.Reverse(sides)
		round, err := b.coldRound(ctx, s, sides, each)
		if err != nil {
			return err
		}
		for name, one := range round {
			slices.Sort(one.latencies)
			out[name] = append(out[name], one)
		}
	}
	b.tellCold(s, servers, out)
	for _, one := range sides {
		for _, name := range one.functions {
			if err := one.server.remove(ctx, name); err != nil {
				return err
			}
		}
		if err := one.server.settled(ctx, 0); err != nil {
			return err
		}
	}
	return nil
}

// coldRound starts so many functions on each side, and as many bare interpreters.
func (b *bench) coldRound(ctx context.Context, s subject, sides []coldSide, each int) (map[string]sample, error) {
	client := newClient(1)
	defer client.CloseIdleConnections()
	round := map[string]sample{}
	add := func(name string, do func() error) error {
		began := time.Now()
		err := do()
		one := round[name]
		one.latencies = append(one.latencies, time.Since(began))
		round[name] = one
		return err
	}
	for range each {
		for i := range sides {
			one := &sides[i]
			url := one.server.side(one.functions[one.answered]).url
			if err := add(one.name, func() error { _, err := post(ctx, client, url, smallEvent); return err }); err != nil {
				return nil, err
			}
			one.answered++
			if err := one.server.settled(ctx, one.answered); err != nil {
				return nil, err
			}
			if err := one.server.stocked(ctx); err != nil {
				return nil, err
			}
		}
		if err := add("bare", func() error { return exec.CommandContext(ctx, s.bare[0], s.bare[1:]...).Run() }); err != nil {
			return nil, fmt.Errorf("run %s: %w", s.bareS, err)
		}
	}
	return round, nil
}

// tellCold notes the medians, and how much slower than these the slow ones were:
// the bare starts show what of it is the machine's.
func (b *bench) tellCold(s subject, servers []coldSide, out map[string][]sample) {
	var sides []side
	for _, one := range servers {
		sides = append(sides, one.side)
	}
	sides = append(sides, side{name: "bare"})
	b.compare("cold", s.name+" (bare: "+s.bareS+")", "µs", out, sides, "bare", p50)
	for _, q := range []struct {
		name string
		at   float64
	}{{"p90", 0.9}, {"slowest", 1}} {
		for _, one := range sides {
			var all sample
			for _, round := range out[one.name] {
				all.latencies = append(all.latencies, round.latencies...)
			}
			slices.Sort(all.latencies)
			value := microseconds(all.at(q.at))
			times := value / microseconds(all.at(0.5))
			b.note(row{Part: "cold", What: fmt.Sprintf("%s %s of %d", s.name, q.name, len(all.latencies)), Side: one.name, Value: value, Unit: "µs",
				To: "its p50", Ratio: times, Low: times, High: times})
		}
	}
}

// burstSize is how many first requests come at once.
const burstSize = 100

// burst sends first requests to a Python function all at once, and compares the
// CPU time with that of as many plain starts of its interpreter.
func (b *bench) burst(ctx context.Context) error {
	s, ok := b.needs("burst", "python")
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
	if err := b.server.stocked(ctx); err != nil {
		return err
	}
	before := accountOf(family(b.server.cmd.Process.Pid)...)
	took, all, failed := b.together(ctx, size, b.server.side(name))
	spent := accountOf(family(b.server.cmd.Process.Pid)...).since(before) // the processes of a burst live on
	remarks := fmt.Sprintf("%d environments, %d errors", b.server.environments(ctx), failed)
	b.note(row{Part: "burst", What: fmt.Sprintf("%d first requests at once", size), Side: "lambent", Value: milliseconds(took), Unit: "ms", Remarks: remarks})
	b.note(row{Part: "burst", What: "median answer", Side: "lambent", Value: milliseconds(median(all)), Unit: "ms"})
	r := float64(spent) / float64(plain)
	b.note(row{Part: "burst", What: "CPU of all processes", Side: "lambent", Value: milliseconds(spent), Unit: "ms", To: "bare", Ratio: r, Low: r, High: r,
		Remarks: "without what was booted before"})
	if err := b.server.remove(ctx, name); err != nil {
		return err
	}
	return b.server.settled(ctx, 0)
}

// together sends n events at once and waits for all answers.
func (b *bench) together(ctx context.Context, n int, s side) (took time.Duration, each []time.Duration, failed int) {
	client := newClient(n)
	defer client.CloseIdleConnections()
	latencies := make([]time.Duration, n)
	errs := make([]error, n)
	var all sync.WaitGroup
	began := time.Now()
	for i := range n {
		all.Go(func() {
			_, errs[i] = post(ctx, client, s.url, smallEvent)
			latencies[i] = time.Since(began)
		})
	}
	all.Wait()
	took = time.Since(began)
	for i, err := range errs {
		if err == nil {
			each = append(each, latencies[i])
			continue
		}
		if failed++; failed == 1 {
			b.say("burst: %v", err)
		}
	}
	return took, each, failed
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
