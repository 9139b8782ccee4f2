package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"
)

// What the peers part sends: lambda-local's server takes what is under "event", and
// makes an HTTP request of everything else; the others give their function all of it.
const (
	wrappedEvent = `{"event":` + innerEvent + `}`
	innerEvent   = `{"name":"world","n":42}`
)

// contender is one side of the peers part: a server that can be started again and again.
type contender struct {
	name  string
	how   string // in which the function runs; it stands beside every figure
	want  string // its right answer
	begin func(context.Context) (*standing, error)
}

// contest is the same Node.js function on Lambent, on the floor, and on npm's programs
// that run Lambda functions.
type contest struct {
	*bench
	subject    subject
	tools      npmTools
	data       string // Lambent's folder, in which the function is
	contenders []contender
}

// peersPart compares Lambent with lambda-local and serverless-offline, which give a
// function neither isolation nor limits nor freeze. Ratios are to Lambent.
func (b *bench) peersPart(ctx context.Context) error {
	s, ok := b.subject("node")
	if !ok {
		b.skipPeers(errors.New("there is no Node.js function"))
		return nil
	}
	tools, err := installNPM(ctx, s.bare[0])
	if err != nil {
		b.skipPeers(err)
		return ctx.Err()
	}
	c := &contest{bench: b, subject: s, tools: tools, data: filepath.Join(b.dir, "peers-lambent")}
	if err := c.prepare(ctx); err != nil {
		return err
	}
	b.say("peers: one Node.js function on %s; lambda-local %s; serverless-offline %s on serverless %s; no isolation, limits or freeze but Lambent's",
		s.code.Runtime, tools.versions[lambdaLocal], tools.versions[serverlessOffline], tools.versions["serverless"])
	for _, step := range []func(context.Context) error{c.fromExec, c.warmTurns, c.firstAnswers} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) skipPeers(why error) {
	for _, name := range []string{lambdaLocal, serverlessOffline} {
		b.note(row{Part: "peers", What: "node, all", Side: name, Skipped: why.Error()})
	}
}

// prepare makes the folders that the sides start from, and tries each once: one that
// does not run here has no rows but the one that says why.
func (c *contest) prepare(ctx context.Context) error {
	project := filepath.Join(c.dir, "peers-offline")
	if err := c.tools.offlineService(project, 1); err != nil {
		return err
	}
	s, err := startLambent(c.options, c.data)
	if err != nil {
		return err
	}
	err = s.create(ctx, "node", c.subject.code)
	s.quiet(ctx)
	s.stop()
	if err != nil {
		return err
	}
	all := []contender{
		{name: "lambent", how: "a sandbox, freeze, limits", want: wrappedEvent, begin: func(context.Context) (*standing, error) { return c.beginLambent() }},
		{name: "floor", how: "a process, no isolation", want: wrappedEvent, begin: c.beginFloor},
		{name: lambdaLocal, how: "in the server, no isolation", want: innerEvent,
			begin: func(ctx context.Context) (*standing, error) { return c.tools.serveLambdaLocal(ctx, c.subject.dir) }},
		{name: serverlessOffline, how: "a thread, no isolation", want: wrappedEvent,
			begin: func(ctx context.Context) (*standing, error) { return c.tools.serveOffline(ctx, project) }},
	}
	for _, one := range all {
		_, _, err := one.once(ctx)
		if err != nil && (one.name == lambdaLocal || one.name == serverlessOffline) {
			c.note(row{Part: "peers", What: "node, all", Side: one.name, Skipped: err.Error()})
			continue
		}
		if err != nil {
			return err
		}
		c.contenders = append(c.contenders, one)
	}
	return nil
}

func (c *contest) beginLambent() (*standing, error) {
	s, err := startLambent(c.options, c.data)
	if err != nil {
		return nil, err
	}
	return &standing{process: s.process, url: s.side("node").url, listening: s.started}, nil
}

func (c *contest) beginFloor(context.Context) (*standing, error) {
	began := time.Now()
	p, s, err := startFloor(c.subject.dir, c.subject.floor...)
	if err != nil {
		return nil, err
	}
	return &standing{process: p, url: s.url, listening: time.Since(began)}, nil
}

// once starts the server, asks it once, and stops it.
func (one contender) once(ctx context.Context) (listening, answered time.Duration, err error) {
	began := time.Now()
	s, err := one.begin(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer s.stop()
	err = answersRight(ctx, s.process, s.url, []byte(wrappedEvent), one.want)
	return s.listening, time.Since(began), err
}

// fromExec compares how long a server takes until it listens and until its function has
// answered; Lambent's has its data folder, and what that keeps ready, from before.
func (c *contest) fromExec(ctx context.Context) error {
	listening, answered := map[string][]sample{}, map[string][]sample{}
	for range c.rounds {
		slices.Reverse(c.contenders)
		for _, one := range c.contenders {
			first, second, err := one.once(ctx)
			if err != nil {
				return err
			}
			listening[one.name] = append(listening[one.name], sample{latencies: []time.Duration{first}})
			answered[one.name] = append(answered[one.name], sample{latencies: []time.Duration{second}})
		}
	}
	sides := c.sides()
	inMS := func(s sample) float64 { return milliseconds(s.at(0.5)) }
	c.compare("peers", "exec to listening", "ms", listening, sides, "lambent", inMS)
	c.compare("peers", "exec to the first answer", "ms", answered, sides, "lambent", inMS)
	return nil
}

// sides lists the contenders in the order of the rows.
func (c *contest) sides() (sides []side) {
	order := []string{"lambent", "floor", lambdaLocal, serverlessOffline}
	slices.SortFunc(c.contenders, func(a, b contender) int { return slices.Index(order, a.name) - slices.Index(order, b.name) })
	for _, one := range c.contenders {
		sides = append(sides, side{name: one.name, how: one.how})
	}
	return sides
}

// warmTurns compares invocations one after the other, with pauses in which Lambent freezes
// the function, and of eight clients; and what the servers hold after the first and
// after the last.
func (c *contest) warmTurns(ctx context.Context) error {
	sides := c.sides()
	for i, one := range c.contenders {
		s, err := one.begin(ctx)
		if err != nil {
			return err
		}
		defer s.stop()
		sides[i].url, sides[i].pid = s.url, s.cmd.Process.Pid
	}
	for _, l := range []struct {
		what string
		load
	}{
		{"warm", load{clients: 1, length: c.length}},
		{"each 50 ms", load{clients: 1, length: c.length, pause: restingPause}},
		{"8 clients", load{clients: 8, length: c.length}},
	} {
		l.event = []byte(wrappedEvent)
		out, err := c.turns(ctx, l.load, sides)
		if err != nil {
			return err
		}
		c.compare("peers", l.what+" p50", "µs", out, sides, "lambent", p50)
		c.compare("peers", l.what+" p99", "µs", out, sides, "lambent", p99)
		c.compare("peers", l.what+" CPU each", "µs", out, sides, "lambent", cpu)
		if l.clients > 1 {
			c.compare("peers", l.what+" rate", "req/s", out, sides, "lambent", speed)
		}
		if l.pause > 0 || l.clients > 1 {
			if err := c.held(ctx, "after "+l.what, sides); err != nil {
				return err
			}
		}
	}
	return nil
}

// held tells the memory of each server with all its processes, each page counted in
// part for all who map it, and the CPU that they take while nobody asks anything.
func (c *contest) held(ctx context.Context, when string, sides []side) error {
	memory, busy := map[string]float64{}, map[string]float64{}
	before := map[string]account{}
	for _, s := range sides {
		before[s.name] = accountOf(family(s.pid)...)
	}
	select {
	case <-time.After(c.length):
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, s := range sides {
		busy[s.name] = 100 * float64(accountOf(family(s.pid)...).since(before[s.name])) / float64(c.length)
		for _, pid := range family(s.pid) {
			_, share := memoryOf(pid)
			memory[s.name] += float64(share) / mebibyte
		}
	}
	for _, s := range sides {
		r := row{Part: "peers", What: "memory " + when, Side: s.name, Value: memory[s.name], Unit: "MiB", Remarks: s.how}
		if base := memory["lambent"]; s.name != "lambent" && base > 0 {
			r.To, r.Ratio, r.Low, r.High = "lambent", r.Value/base, r.Value/base, r.Value/base
		}
		c.note(r)
	}
	for _, s := range sides {
		c.note(row{Part: "peers", What: "at rest " + when, Side: s.name, Value: busy[s.name], Unit: "% CPU", Remarks: s.how})
	}
	return nil
}
