package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// starter is a side's way to a function that has not run before.
type starter struct {
	side
	start func(ctx context.Context, n int) error // the function of this number, to its answer
	rest  func(ctx context.Context, n int) error // until the side has nothing more to do
	stop  func()
}

// firstAnswers compares the first answers of functions, each a side's own way: Lambent
// makes an environment, serverless-offline a thread in its running server,
// lambda-local's command a process in which the function runs and that ends.
func (c *contest) firstAnswers(ctx context.Context) error {
	each := max(1, c.starts/c.rounds)
	sides, err := c.starters(ctx, each*c.rounds+1)
	for _, one := range sides {
		defer one.stop()
	}
	if err != nil {
		return err
	}
	var rows []side
	for _, one := range sides {
		rows = append(rows, one.side)
	}
	if _, err := coldTurns(ctx, sides, 0, 1); err != nil { // it reads files that the others find in memory
		return err
	}
	out := map[string][]sample{}
	for round := range c.rounds {
		slices.Reverse(sides)
		took, err := coldTurns(ctx, sides, 1+round*each, each)
		if err != nil {
			return err
		}
		for name, one := range took {
			slices.Sort(one.latencies)
			out[name] = append(out[name], one)
		}
	}
	c.compare("peers", "cold p50", "µs", out, rows, "lambent", p50)
	c.compare("peers", fmt.Sprintf("cold, slowest of %d", each), "µs", out, rows, "lambent", func(s sample) float64 { return microseconds(s.at(1)) })
	return nil
}

// coldTurns starts so many functions, from this number on, on each side.
func coldTurns(ctx context.Context, sides []starter, from, count int) (map[string]sample, error) {
	out := map[string]sample{}
	for n := from; n < from+count; n++ {
		for _, one := range sides {
			began := time.Now()
			if err := one.start(ctx, n); err != nil {
				return nil, fmt.Errorf("cold start on %s: %w", one.name, err)
			}
			s := out[one.name]
			s.latencies = append(s.latencies, time.Since(began))
			out[one.name] = s
			if err := one.rest(ctx, n); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// starters makes all sides ready for so many functions each. What it has made is to be
// stopped, whether all are there or not.
func (c *contest) starters(ctx context.Context, functions int) (all []starter, err error) {
	for _, one := range []struct{ name, how, data, flags string }{
		{"lambent", "an environment, booted ahead", c.data, ""},
		{withoutPool, "an environment, from nothing", filepath.Join(c.dir, "peers-without-pool"), " --boot-pool-memory=0"},
	} {
		made, err := c.lambentStarter(ctx, one.data, one.flags, functions)
		if err != nil {
			return all, err
		}
		made.name, made.how = one.name, one.how
		all = append(all, made)
	}
	for _, one := range c.contenders {
		make := map[string]func(context.Context, int) (starter, error){lambdaLocal: c.localStarter, serverlessOffline: c.offlineStarter}[one.name]
		if make == nil {
			continue
		}
		made, err := make(ctx, functions)
		if err != nil {
			c.note(row{Part: "peers", What: "cold", Side: one.name, Skipped: err.Error()})
			continue
		}
		all = append(all, made)
	}
	bare := starter{side: side{name: "bare", how: c.subject.bareS}, rest: noRest, stop: func() {}}
	bare.start = func(ctx context.Context, _ int) error {
		return exec.CommandContext(ctx, c.subject.bare[0], c.subject.bare[1:]...).Run()
	}
	return append(all, bare), nil
}

func noRest(context.Context, int) error { return nil }

// lambentStarter is a server of Lambent's with functions that nobody has called.
func (c *contest) lambentStarter(ctx context.Context, data, flags string, functions int) (starter, error) {
	o := c.options
	o.serve += flags
	s, err := startLambent(o, data)
	if err != nil {
		return starter{}, err
	}
	for n := range functions {
		if err := s.create(ctx, fmt.Sprintf("node-%d", n), c.subject.code); err != nil {
			s.stop()
			return starter{}, err
		}
	}
	s.quiet(ctx)
	return starter{
		stop:  s.stop,
		start: func(ctx context.Context, n int) error { return askOnce(ctx, s.side(fmt.Sprintf("node-%d", n)).url) },
		rest: func(ctx context.Context, n int) error {
			if err := s.settled(ctx, n+1); err != nil {
				return err
			}
			return s.stocked(ctx)
		},
	}, nil
}

// localStarter is lambda-local's command, which runs a function once.
func (c *contest) localStarter(_ context.Context, _ int) (starter, error) {
	event := filepath.Join(c.dir, "event.json")
	if err := os.WriteFile(event, []byte(innerEvent), 0o644); err != nil {
		return starter{}, err
	}
	return starter{
		side: side{name: lambdaLocal, how: "the command, a process"}, rest: noRest, stop: func() {},
		start: func(context.Context, int) error { return c.tools.lambdaLocal(c.subject.dir, "-e", event).Run() },
	}, nil
}

// offlineStarter is a running serverless-offline with functions that nobody has called.
func (c *contest) offlineStarter(ctx context.Context, functions int) (starter, error) {
	project := filepath.Join(c.dir, "peers-offline-cold")
	if err := c.tools.offlineService(project, functions); err != nil {
		return starter{}, err
	}
	s, err := c.tools.serveOffline(ctx, project)
	if err != nil {
		return starter{}, err
	}
	origin := s.url[:len(s.url)-len(offlinePath(0))]
	return starter{
		side: side{name: serverlessOffline, how: "a thread in the server"}, rest: noRest, stop: s.stop,
		start: func(ctx context.Context, n int) error { return askOnce(ctx, origin+offlinePath(n)) },
	}, nil
}

// askOnce posts an event on a connection of its own.
func askOnce(ctx context.Context, url string) error {
	client := newClient(1)
	defer client.CloseIdleConnections()
	_, err := post(ctx, client, url, []byte(wrappedEvent))
	return err
}
