package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// restingPause is long enough between two events for Lambent to freeze the function,
// however soon after it was thawed.
const restingPause = 50 * time.Millisecond

// turns measures sides one after the other, round by round, each round in the
// other direction. A turn before all of them does not count: for many clients at once
// environments and threads are started in it, and their code is compiled.
func (b *bench) turns(ctx context.Context, l load, sides []side) (map[string][]sample, error) {
	for _, s := range sides {
		if _, err := l.run(ctx, s); err != nil {
			return nil, err
		}
	}
	out := map[string][]sample{}
	for round := range b.rounds {
		for i := range sides {
			s := sides[i]
			if round%2 == 1 {
				s = sides[len(sides)-1-i]
			}
			one, err := l.run(ctx, s)
			if err != nil {
				return nil, err
			}
			out[s.name] = append(out[s.name], one)
		}
	}
	return out, nil
}

// The measures of warm invocations.
var (
	p50   = func(s sample) float64 { return microseconds(s.at(0.5)) }
	p99   = func(s sample) float64 { return microseconds(s.at(0.99)) }
	cpu   = func(s sample) float64 { return microseconds(s.cpuEach()) }
	speed = func(s sample) float64 { return s.rate() }
)

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// compare notes a measure of every side, with its ratio to one of them.
func (b *bench) compare(part, what, unit string, out map[string][]sample, sides []side, to string, get func(sample) float64) {
	for _, s := range sides {
		r := row{Part: part, What: what, Side: s.name, Value: medianOf(out[s.name], get), Unit: unit, Remarks: s.how}
		if mid, low, high, ok := ratio(out[s.name], out[to], get); ok && s.name != to {
			r.To, r.Ratio, r.Low, r.High = to, mid, low, high
		}
		failed, first := 0, error(nil)
		for _, one := range out[s.name] {
			failed += one.errors
			if one.first != nil && first == nil {
				first = one.first
			}
		}
		if failed > 0 {
			r.Remarks = strings.TrimSpace(fmt.Sprintf("%s %d errors, such as %v", r.Remarks, failed, first))
		}
		b.note(r)
	}
}

func (b *bench) compareWarm(part, what string, out map[string][]sample, sides []side) {
	b.compare(part, what+" p50", "µs", out, sides, "floor", p50)
	b.compare(part, what+" p99", "µs", out, sides, "floor", p99)
	b.compare(part, what+" CPU", "µs", out, sides, "floor", cpu)
}

// deploy creates a function of the subject under a new name.
func (b *bench) deploy(ctx context.Context, s subject) (string, error) {
	b.made++
	name := fmt.Sprintf("%s-%d", s.name, b.made)
	return name, b.server.create(ctx, name, s.code)
}

// warm compares back-to-back invocations of the Go function, and invocations
// with a pause in which Lambent freezes.
func (b *bench) warm(ctx context.Context) error {
	s, ok := b.needs("warm", "go")
	if !ok {
		return nil
	}
	name, err := b.deploy(ctx, s)
	if err != nil {
		return err
	}
	running, floor, err := startFloor(s.dir, s.floor...)
	if err != nil {
		return err
	}
	defer running.stop()
	sides := []side{b.server.side(name), floor}
	for _, p := range b.peers {
		running, one, err := p.start(ctx, s.dir, b.dir)
		if err != nil {
			b.note(row{Part: "warm", What: "go, all", Side: p.name, Skipped: shortened(err.Error())})
			continue
		}
		defer running.stop()
		sides = append(sides, one)
	}
	out, err := b.turns(ctx, load{clients: 1, length: b.length, event: smallEvent}, sides)
	if err != nil {
		return err
	}
	b.compareWarm("warm", "go, back to back", out, sides)
	b.note(row{Part: "warm", What: "environments for 1 client", Side: "lambent", Value: float64(b.server.environments(ctx)), Unit: ""})
	out, err = b.turns(ctx, load{clients: 1, length: b.length, event: smallEvent, pause: restingPause}, sides)
	if err != nil {
		return err
	}
	b.compareWarm("warm", "go, each 50 ms (frozen)", out, sides)
	return b.server.remove(ctx, name)
}

// clients compares eight clients with the floor's one: the floor has one
// process and one event at a time.
func (b *bench) clients(ctx context.Context) error {
	s, ok := b.needs("clients", "go")
	if !ok {
		return nil
	}
	name, err := b.deploy(ctx, s)
	if err != nil {
		return err
	}
	running, floor, err := startFloor(s.dir, s.floor...)
	if err != nil {
		return err
	}
	defer running.stop()
	floor.clients = 1
	sides := []side{b.server.side(name), floor}
	out, err := b.turns(ctx, load{clients: 8, length: b.length, event: smallEvent}, sides)
	if err != nil {
		return err
	}
	b.compare("clients", "8 clients, floor with 1", "req/s", out, sides, "floor", speed)
	b.compare("clients", "8 clients, floor with 1 CPU", "µs", out, sides, "floor", cpu)
	b.note(row{Part: "clients", What: "environments for 8 clients", Side: "lambent", Value: float64(b.server.environments(ctx)), Unit: ""})
	return b.server.remove(ctx, name)
}

// languages compares warm Python and Node functions with the floor, which runs
// them with a plain client of the same language.
func (b *bench) languages(ctx context.Context) error {
	for _, language := range []string{"python", "node"} {
		s, ok := b.needs("languages", language)
		if !ok {
			continue
		}
		name, err := b.deploy(ctx, s)
		if err != nil {
			return err
		}
		running, floor, err := startFloor(s.dir, s.floor...)
		if err != nil {
			return err
		}
		sides := []side{b.server.side(name), floor}
		out, err := b.turns(ctx, load{clients: 1, length: b.length, event: smallEvent}, sides)
		running.stop()
		if err != nil {
			return err
		}
		b.compareWarm("languages", language, out, sides)
		if err := b.server.remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
