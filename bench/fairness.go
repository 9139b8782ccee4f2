package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"
)

// The fairness part: what the host can do is a few environments; a storm has ten
// callers for each of them, without a pause. Beside it is a function with
// provisioned concurrency, asked within its rate, and one with a reservation.
const (
	places    = 10  // environments of the host
	storm     = 10  // callers for each
	ahead     = 2   // provisioned environments, and callers of them
	fairTurn  = 4   // times as long as other turns: a p99 needs many
	fairPause = 150 // milliseconds of its callers, so that they stay under ten requests a second for each
)

// fairness tells what the storm does to the other two.
func (b *bench) fairness(ctx context.Context) error {
	goFunction, ok := b.needs("fairness", "go")
	python, found := b.needs("fairness", "python")
	if !ok || !found {
		return nil
	}
	o := b.options
	o.serve += fmt.Sprintf(" --max-environments %d", places)
	s, err := startLambent(o, filepath.Join(b.dir, "fairness"))
	if err != nil {
		return err
	}
	defer s.stop()
	noisy := python.code
	dir := filepath.Join(b.dir, "storm")
	if err := unfold(dir, "handlers/storm.py"); err != nil {
		return err
	}
	noisy.Handler = "storm.handler"
	if noisy.Code, err = packed(dir, "storm.py"); err != nil {
		return err
	}
	for name, d := range map[string]definition{"storm": noisy, "ahead": goFunction.code, "reserved": goFunction.code} {
		if err := s.create(ctx, name, d); err != nil {
			return err
		}
	}
	if err := s.setAside(ctx); err != nil {
		return err
	}
	s.quiet(ctx)
	return b.fairTurns(ctx, s)
}

// setAside gives the two functions their shares.
func (s *server) setAside(ctx context.Context) error {
	steps := []struct{ method, path, body string }{
		{http.MethodPost, "/2015-03-31/functions/ahead/versions", `{}`},
		{http.MethodPut, "/2017-10-31/functions/ahead/concurrency", fmt.Sprintf(`{"ReservedConcurrentExecutions":%d}`, ahead)},
		{http.MethodPut, "/2017-10-31/functions/reserved/concurrency", `{"ReservedConcurrentExecutions":1}`},
		{http.MethodPut, "/2019-09-30/functions/ahead/provisioned-concurrency?Qualifier=1", fmt.Sprintf(`{"ProvisionedConcurrentExecutions":%d}`, ahead)},
	}
	for _, step := range steps {
		if _, err := s.call(ctx, step.method, step.path, json.RawMessage(step.body)); err != nil {
			return err
		}
	}
	for limit := time.Now().Add(startedWithin); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		var config struct{ Status, StatusReason string }
		text, err := s.call(ctx, http.MethodGet, "/2019-09-30/functions/ahead/provisioned-concurrency?Qualifier=1", nil)
		if err == nil {
			err = json.Unmarshal(text, &config)
		}
		if err != nil || config.Status == "READY" {
			return err
		}
	}
	return fmt.Errorf("provisioned concurrency does not become ready")
}

// fairTurns measures the two in turns, alone and beside the storm, each round in the
// other order. Every turn begins when the server has nothing left to do of the last.
func (b *bench) fairTurns(ctx context.Context, s *server) error {
	if _, err := post(ctx, http.DefaultClient, s.side("reserved").url, smallEvent); err != nil { // its start is not measured
		return err
	}
	calm, loud, noise := map[string][]sample{}, map[string][]sample{}, []sample{}
	turns := []func(){
		func() { b.askFairly(ctx, s, calm) },
		func() {
			l := load{clients: storm * places, length: fairTurn*b.length + 2*time.Second, event: smallEvent}
			done := make(chan sample)
			go func() { done <- l.alone(ctx, s.side("storm")) }()
			time.Sleep(time.Second) // until the host is full
			b.askFairly(ctx, s, loud)
			noise = append(noise, <-done)
		},
	}
	for range b.rounds {
		for _, turn := range turns {
			s.quiet(ctx)
			if turn(); ctx.Err() != nil {
				return ctx.Err()
			}
		}
		slices.Reverse(turns)
	}
	b.tellFairness(calm, loud, merged(noise))
	return nil
}

// askFairly lets the callers of both functions call for a turn.
func (b *bench) askFairly(ctx context.Context, s *server, into map[string][]sample) {
	two := load{clients: ahead, length: fairTurn * b.length, event: smallEvent, pause: fairPause * time.Millisecond}
	one := two
	one.clients = 1
	done := make(chan sample)
	go func() { done <- one.alone(ctx, s.side("reserved")) }()
	into["ahead"] = append(into["ahead"], two.alone(ctx, s.side("ahead:1")))
	into["reserved"] = append(into["reserved"], <-done)
}

// alone is a phase with connections of its own, which nobody has warmed up.
func (l load) alone(ctx context.Context, s side) sample {
	client := newClient(l.clients)
	defer client.CloseIdleConnections()
	return l.phase(ctx, client, s)
}

func (b *bench) tellFairness(calm, loud map[string][]sample, noise sample) {
	for _, name := range []string{"ahead", "reserved"} {
		alone, beside := merged(calm[name]), merged(loud[name])
		if beside.first != nil {
			b.say("%s: %v", name, beside.first)
		}
		for _, q := range []struct {
			what string
			at   float64
		}{{"p50", 0.5}, {"p99", 0.99}} {
			get := func(x sample) float64 { return milliseconds(x.at(q.at)) }
			r := row{Part: "fairness", What: name + " " + q.what, Side: "storm", Value: get(beside), Unit: "ms",
				Remarks: fmt.Sprintf("all rounds: %.2f ms to %.2f ms; %d of %d refused", get(beside), get(alone), beside.errors, beside.errors+len(beside.latencies))}
			if mid, low, high, ok := ratio(loud[name], calm[name], get); ok {
				r.To, r.Ratio, r.Low, r.High = "calm", mid, low, high
			}
			b.note(r)
		}
	}
	b.note(row{Part: "fairness", What: "storm", Side: "lambent", Value: float64(len(noise.latencies)), Unit: "served", Remarks: fmt.Sprintf("%d refused", noise.errors)})
}

// merged is all rounds as one.
func merged(rounds []sample) (all sample) {
	for _, s := range rounds {
		all.latencies = append(all.latencies, s.latencies...)
		if all.errors += s.errors; all.first == nil {
			all.first = s.first
		}
	}
	slices.Sort(all.latencies)
	return all
}
