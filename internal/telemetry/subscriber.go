package telemetry

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
	"lambent/internal/logline"
)

const (
	// maxAttempts and firstPause bound how often a batch is tried; the pause
	// doubles each time.
	maxAttempts = 5
	firstPause  = 50 * time.Millisecond

	// maxQueue is how many batches' worth of records may wait.
	maxQueue = 2

	droppedReason = "Some logs were dropped because the downstream consumer is slower than the logs production rate"
)

// subscriber is one subscription: a queue that Publish fills and a goroutine
// that empties it.
type subscriber struct {
	sub    lambda.Subscription
	dialer Dialer
	drops  func(records, bytes int64)
	ctx    context.Context
	cancel context.CancelFunc
	wake   chan struct{} // capacity 1: look again

	mu      sync.Mutex
	records [][]byte
	size    int       // bytes of records
	due     time.Time // when the first of the records must leave
	frozen  bool
	ending  bool
	lost    event.LogsDropped // not told yet
	origin  *event.Origin
	conn    net.Conn        // the delivery in progress waits on it; nil: none does
	busy    bool            // a batch is on its way
	idle    []chan struct{} // closed when nothing is queued nor on its way

	link link // owned by run
}

func newSubscriber(ctx context.Context, cfg Config, sub lambda.Subscription) *subscriber {
	s := &subscriber{sub: sub, dialer: cfg.Dialer, wake: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.drops = func(records, bytes int64) {
		cfg.Log.Warn("telemetry dropped", "destination", sub.Destination, "records", records, "bytes", bytes)
	}
	return s
}

// add queues an event if the subscriber wants it.
func (s *subscriber) add(e event.Event) {
	if !s.wants(e) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.origin = e.Origin
	for _, record := range s.encode(e) {
		s.queue(record, e.Time)
	}
}

func (s *subscriber) wants(e event.Event) bool {
	kind, _, _ := strings.Cut(logline.Type(e.Record), ".")
	return slices.Contains(s.sub.Types, kind)
}

// encode makes the records of an event in the subscriber's schema.
func (s *subscriber) encode(e event.Event) [][]byte {
	if s.sub.LogsAPI {
		return logsRecords(e, s.sub.SchemaVersion)
	}
	if s.sub.SchemaVersion < "2022-12-13" { // none counts as the oldest
		return [][]byte{logline.AppendStringRecord(nil, e)}
	}
	return [][]byte{logline.AppendRecord(nil, e)}
}

// queue appends a record, or counts it as lost when there is no room. Called
// with mu held.
func (s *subscriber) queue(record []byte, at time.Time) {
	if s.ending {
		return
	}
	if len(s.records) >= maxQueue*s.sub.MaxItems || s.size+len(record) > maxQueue*s.sub.MaxBytes {
		s.lost.Records++
		s.lost.Bytes += int64(len(record))
		return
	}
	if s.lost.Records > 0 {
		s.tellLost(at)
	}
	if len(s.records) == 0 {
		s.due = time.Now().Add(s.sub.Timeout)
		s.poke() // to wait for that
	}
	s.records = append(s.records, record)
	s.size += len(record)
	if s.full() {
		s.poke()
	}
}

// tellLost puts a platform.logsDropped record in the place of what was lost.
// Called with mu held.
func (s *subscriber) tellLost(at time.Time) {
	lost := s.lost
	s.lost = event.LogsDropped{}
	lost.Reason = droppedReason
	record := logline.AppendRecord(nil, event.Event{Time: at, Origin: s.origin, Record: lost})
	if len(s.records) == 0 {
		s.due = time.Now().Add(s.sub.Timeout)
	}
	s.records = append(s.records, record)
	s.size += len(record)
	s.poke()
}

func (s *subscriber) full() bool {
	return len(s.records) >= s.sub.MaxItems || s.size >= s.sub.MaxBytes
}

func (s *subscriber) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// freeze stops deliveries; one in progress may take as long as the freeze does.
func (s *subscriber) freeze() { s.set(func() { s.frozen = true }, time.Time{}) }

func (s *subscriber) thaw() {
	s.set(func() { s.frozen = false }, time.Now().Add(attemptTimeout))
}

// flush makes what is queued due. An environment that is reset runs.
func (s *subscriber) flush() {
	s.set(func() { s.frozen, s.due = false, time.Now() }, time.Now().Add(attemptTimeout))
}

// drain makes what is queued due and returns when it has been delivered or
// dropped, or when ctx ends.
func (s *subscriber) drain(ctx context.Context) {
	s.flush()
	s.mu.Lock()
	if !s.busy && len(s.records) == 0 {
		s.mu.Unlock()
		return
	}
	idle := make(chan struct{})
	s.idle = append(s.idle, idle)
	s.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
}

// finish is flush for the last time.
func (s *subscriber) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = true
	s.poke()
}

func (s *subscriber) set(change func(), deadline time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	if s.conn != nil {
		_ = s.conn.SetDeadline(deadline) // fails on a connection that failed, which its user sees
	}
	s.poke()
}

// run delivers until the subscription ends.
func (s *subscriber) run() {
	defer s.cancel()
	defer s.link.close()
	for s.ctx.Err() == nil {
		batch, wait, over := s.next()
		switch {
		case len(batch) > 0:
			s.deliver(batch)
		case over || !s.pause(wait):
			return
		}
	}
}

// next takes the batch that is due, or tells how long to wait for one: 0 is
// until something changes.
func (s *subscriber) next() (batch [][]byte, wait time.Duration, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = false
	if len(s.records) == 0 {
		s.tellIdle()
	}
	switch {
	case s.ending && (s.frozen || len(s.records) == 0):
		return nil, 0, true
	case s.frozen || len(s.records) == 0:
		return nil, 0, false
	}
	if left := time.Until(s.due); left > 0 && !s.full() && !s.ending {
		return nil, left, false
	}
	s.busy = true
	return s.cut(), 0, false
}

// tellIdle tells those who wait for it. Called with mu held.
func (s *subscriber) tellIdle() {
	for _, idle := range s.idle {
		close(idle)
	}
	s.idle = nil
}

// cut takes a batch off the queue. Called with mu held.
func (s *subscriber) cut() [][]byte {
	n, size := 0, 0
	for n < len(s.records) && n < s.sub.MaxItems && size < s.sub.MaxBytes {
		size += len(s.records[n])
		n++
	}
	batch := s.records[:n:n]
	s.records, s.size = s.records[n:], s.size-size
	if len(s.records) == 0 {
		s.records = nil
		// Not at the end: a reader that is gone would lose that record too, and
		// the one that says so, for ever.
		if s.lost.Records > 0 && !s.ending {
			s.tellLost(time.Now())
		}
	}
	return batch
}

// pause waits for something to happen, at most so long (0: for ever), and tells
// whether the subscription goes on.
func (s *subscriber) pause(most time.Duration) bool {
	var alarm <-chan time.Time
	if most > 0 {
		t := time.NewTimer(most)
		defer t.Stop()
		alarm = t.C
	}
	select {
	case <-s.wake:
	case <-alarm:
	case <-s.ctx.Done():
	}
	return s.ctx.Err() == nil
}

// deliver sends a batch, trying again for a while, and drops it in the end.
func (s *subscriber) deliver(batch [][]byte) {
	wait := firstPause
	for attempt := 1; ; attempt++ {
		if s.attempt(batch) == nil {
			return
		}
		if s.ctx.Err() != nil {
			return
		}
		if attempt == maxAttempts || !s.rest(wait) {
			break
		}
		wait *= 2
	}
	bytes := 0
	for _, r := range batch {
		bytes += len(r)
	}
	s.drops(int64(len(batch)), int64(bytes))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost.Records += int64(len(batch))
	s.lost.Bytes += int64(bytes)
}

// rest pauses between attempts, for so long and until the environment runs. An
// ending subscription does not rest.
func (s *subscriber) rest(d time.Duration) bool {
	until := time.Now().Add(d)
	for {
		s.mu.Lock()
		frozen, ending := s.frozen, s.ending
		s.mu.Unlock()
		left := time.Until(until)
		switch {
		case ending:
			return false
		case frozen:
			left = 0
		case left <= 0:
			return true
		}
		if !s.pause(left) {
			return false
		}
	}
}

// attempt sends a batch once.
func (s *subscriber) attempt(batch [][]byte) error {
	for {
		fresh, err := s.link.connect(s.ctx, s.dialer, s.sub.Destination)
		if err != nil {
			return err
		}
		if err = s.exchange(batch); err == nil {
			return nil
		}
		s.link.close()
		if fresh || err == errRefused {
			return err
		}
		// A kept connection that the extension has closed meanwhile says
		// nothing about the batch: a new one is tried at once.
	}
}

// exchange sends a batch over the link, with the clock running while the
// environment does.
func (s *subscriber) exchange(batch [][]byte) error {
	conn := s.link.conn
	s.mu.Lock()
	s.conn = conn
	deadline := time.Time{}
	if !s.frozen {
		deadline = time.Now().Add(attemptTimeout)
	}
	err := conn.SetDeadline(deadline)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.conn = nil
		s.mu.Unlock()
	}()
	if err != nil {
		return err
	}
	defer context.AfterFunc(s.ctx, func() { conn.Close() })()
	return s.link.send(s.sub.Destination, batch)
}
