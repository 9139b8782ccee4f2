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
	goFunction, ok := b.subject("go")
	python, found := b.subject("python")
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

// fairTurns measures the two in turns, alone and beside the storm.
func (b *bench) fairTurns(ctx context.Context, s *server) error {
	provisioned, reserved, noise := s.side("ahead:1"), s.side("reserved"), s.side("storm")
	calm := map[string][]sample{}
	loud := map[string][]sample{}
	served, refused := 0, 0
	measure := func(into map[string][]sample) {
		l := load{clients: ahead, length: fairTurn * b.length, event: smallEvent, pause: fairPause * time.Millisecond}
		one := l
		one.clients = 1
		done := make(chan sample)
		go func() { done <- one.phase(ctx, newClient(1), reserved) }()
		into["ahead"] = append(into["ahead"], l.phase(ctx, newClient(ahead), provisioned))
		into["reserved"] = append(into["reserved"], <-done)
	}
	for range b.rounds {
		measure(calm)
		l := load{clients: storm * places, length: fairTurn*b.length + 2*time.Second, event: smallEvent}
		done := make(chan sample)
		go func() { done <- l.phase(ctx, newClient(l.clients), noise) }()
		time.Sleep(time.Second) // until the host is full
		measure(loud)
		out := <-done
		served, refused = served+len(out.latencies), refused+out.errors
	}
	for _, name := range []string{"ahead", "reserved"} {
		for _, q := range []struct {
			what string
			at   float64
		}{{"p50", 0.5}, {"p99", 0.99}} {
			get := func(x sample) float64 { return milliseconds(x.at(q.at)) }
			mid, low, high := ratio(loud[name], calm[name], get)
			together := merged(loud[name])
			if together.first != nil {
				b.say("%s: %v", name, together.first)
			}
			b.note(row{Part: "fairness", What: name + " " + q.what, Side: "storm", Value: get(together), Unit: "ms", To: "calm", Ratio: mid, Low: low, High: high,
				Remarks: fmt.Sprintf("all rounds: %.2f ms to %.2f ms; %d of %d refused", get(together), get(merged(calm[name])), together.errors, together.errors+len(together.latencies))})
		}
	}
	b.note(row{Part: "fairness", What: "storm", Side: "lambent", Value: float64(served), Unit: "served", Remarks: fmt.Sprintf("%d refused", refused)})
	return nil
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
