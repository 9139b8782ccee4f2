package async

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	events = flag.Int("events", 500, "events of each round of TestKilled")
	rounds = flag.Int("rounds", 5, "rounds of TestKilled: each kills the server once")
)

const (
	senders   = 32
	atOnce    = 8 // of the events: half of what the server may run is for one function
	perRound  = "--async-concurrency=16"
	failEvery = 10
)

// TestKilled kills the server at a random moment while events are sent and worked
// off. Every event that was acknowledged is run, or its failure is told of; what
// is run twice is no more than what ran at the kill.
func TestKilled(t *testing.T) {
	dir, c := t.TempDir(), newCloud(t)
	flags := []string{quick, perRound, "--aws-endpoint", c.URL}
	s := launch(t, dir, flags...)
	rec := s.deploy(t, "f", nil)
	configure(t, s, "f", 1, "", "arn:aws:sqs:us-east-1:000000000000:bad")
	acknowledged := map[int]bool{}
	for round := range *rounds {
		s = killOnce(t, s, round, acknowledged, func() *server { return launch(t, dir, flags...) })
	}
	defer s.stop()
	workOff(t, s)
	judge(t, s, c, rec, acknowledged)
}

// killOnce sends a round of events, and kills and starts the server once meanwhile.
func killOnce(t *testing.T, s *server, round int, acknowledged map[int]bool, start func() *server) *server {
	t.Helper()
	var sent atomic.Int64
	var mu sync.Mutex
	var all sync.WaitGroup
	current := atomic.Pointer[server]{}
	current.Store(s)
	up := make(chan struct{})
	for range senders {
		all.Go(func() {
			for {
				n := int(sent.Add(1)) - 1
				if n >= *events {
					return
				}
				n += round * *events
				payload := fmt.Sprintf(`{"n": %d, "fail": %v}`, n, n%failEvery == 0)
				if _, err := current.Load().send(context.Background(), "f", payload); err != nil {
					<-up // not acknowledged: whether it is run is open
					continue
				}
				mu.Lock()
				acknowledged[n] = true
				mu.Unlock()
			}
		})
	}
	moment := rand.Int64N(int64(*events))
	for sent.Load() < moment {
		time.Sleep(time.Millisecond)
	}
	s.kill()
	s = start()
	current.Store(s)
	close(up)
	all.Wait()
	return s
}

// workOff waits until the queue is empty. However long it is, it must become shorter.
func workOff(t *testing.T, s *server) {
	t.Helper()
	for least, since := s.queued(t, false).Total, time.Now(); least > 0; time.Sleep(200 * time.Millisecond) {
		if left := s.queued(t, false).Total; left < least {
			least, since = left, time.Now()
		}
		if time.Since(since) > time.Minute {
			t.Fatalf("%d events have been waiting for a minute, and none of them runs", least)
		}
	}
}

// judge compares what was acknowledged with what the function and the queue of
// failures saw.
func judge(t *testing.T, s *server, c *cloud, rec *recorder, acknowledged map[int]bool) {
	t.Helper()
	ran, told := map[int]int{}, map[int]int{}
	for _, r := range rec.runs() {
		ran[r.n]++
	}
	for _, a := range c.arrived("sqs", "bad") {
		var e struct{ N int }
		if err := json.Unmarshal(decode(t, a).RequestPayload, &e); err != nil {
			t.Fatal(err)
		}
		told[e.N]++
	}
	if n := s.queued(t, true).Total; n != 0 {
		t.Errorf("%d events are dead, and have a destination", n)
	}
	twice := 0
	for n := range acknowledged {
		attempts := 1
		if n%failEvery == 0 {
			attempts = 2
			if told[n] == 0 {
				t.Errorf("event %d was acknowledged and failed, and nobody was told", n)
			}
		}
		if ran[n] < attempts {
			t.Errorf("event %d was acknowledged and run %d times, want %d", n, ran[n], attempts)
		}
		twice += max(0, ran[n]-attempts) + max(0, told[n]-1)
	}
	t.Logf("%d of %d events acknowledged, %d kills, %d runs or records too many", len(acknowledged), *events**rounds, *rounds, twice)
	// A failing event that ran at the kill has up to two attempts again, and its record.
	if limit := 3 * atOnce * *rounds; twice > limit {
		t.Errorf("%d too many, want at most %d", twice, limit)
	}
}
