package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lambent/internal/store"
)

// queueData is the queue of Data.
type queueData struct {
	last   int64 // sequence given last
	events map[int64]eventData
}

// eventData is an event as it would lie on a disk.
type eventData struct {
	requestID, function       string
	due, accepted             int64 // microseconds since 1970
	dead                      bool
	document, payload, answer []byte
}

func encodeEvent(e store.Event) (eventData, error) {
	document, err := json.Marshal(e)
	if err != nil {
		return eventData{}, fmt.Errorf("encode event %s: %w", e.RequestID, err)
	}
	d := eventData{
		requestID: e.RequestID, function: e.Function, due: e.Due.UnixMicro(), accepted: e.Accepted.UnixMicro(), dead: e.Dead,
		document: document, payload: slices.Clone(e.Payload),
	}
	if e.Last != nil {
		d.answer = slices.Clone(e.Last.Payload)
	}
	return d, nil
}

func (d eventData) decode(sequence int64) (e store.Event, err error) {
	if err := json.Unmarshal(d.document, &e); err != nil {
		return e, fmt.Errorf("decode event %d: %w", sequence, err)
	}
	e.Sequence, e.Payload = sequence, slices.Clone(d.payload)
	if e.Last != nil {
		e.Last.Payload = slices.Clone(d.answer)
	}
	return e, nil
}

// add keeps an event and gives it its number. The data's mu is held.
func (q *queueData) add(d eventData) (sequence int64) {
	if q.events == nil {
		q.events = map[int64]eventData{}
	}
	q.last++
	q.events[q.last] = d
	return q.last
}

// Enqueue implements store.Queue.
func (s *Store) Enqueue(ctx context.Context, e *store.Event) error { return s.enqueue(ctx, e, false) }

// EnqueueClaimed implements store.Queue.
func (s *Store) EnqueueClaimed(ctx context.Context, e *store.Event) error {
	return s.enqueue(ctx, e, true)
}

func (s *Store) enqueue(ctx context.Context, e *store.Event, claim bool) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	d, err := encodeEvent(*e)
	if err != nil {
		return err
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	e.Sequence = s.data.queue.add(d)
	if claim {
		s.claim(e.Sequence)
	}
	return nil
}

// claim needs data.mu.
func (s *Store) claim(sequence int64) {
	if s.claims == nil {
		s.claims = map[int64]bool{}
	}
	s.claims[sequence] = true
}

// Claim implements store.Queue.
func (s *Store) Claim(ctx context.Context, function string, now time.Time, limit int) (claimed []store.Event, next time.Time, err error) {
	if err := s.ready(ctx); err != nil {
		return nil, next, err
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	for _, sequence := range s.data.queue.order(func(d eventData) int64 { return d.due }) {
		d := s.data.queue.events[sequence]
		if d.function != function || d.dead || s.claims[sequence] {
			continue
		}
		if d.due > now.UnixMicro() || len(claimed) == limit {
			return claimed, time.UnixMicro(d.due), nil
		}
		e, err := d.decode(sequence)
		if err != nil {
			return nil, next, err
		}
		s.claim(sequence)
		claimed = append(claimed, e)
	}
	return claimed, next, nil
}

// order is all sequences, those with the lowest value first. It needs data.mu.
func (q *queueData) order(by func(eventData) int64) []int64 {
	all := make([]int64, 0, len(q.events))
	for sequence := range q.events {
		all = append(all, sequence)
	}
	slices.SortFunc(all, func(a, b int64) int {
		if x, y := by(q.events[a]), by(q.events[b]); x != y {
			return int(min(max(x-y, -1), 1))
		}
		return int(min(max(a-b, -1), 1))
	})
	return all
}

// Update implements store.Queue.
func (s *Store) Update(ctx context.Context, e store.Event) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	d, err := encodeEvent(e)
	if err != nil {
		return err
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	if old, kept := s.data.queue.events[e.Sequence]; kept {
		d.payload = old.payload
		s.data.queue.events[e.Sequence] = d
	}
	delete(s.claims, e.Sequence)
	return nil
}

// Remove implements store.Queue.
func (s *Store) Remove(ctx context.Context, sequence int64) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	delete(s.data.queue.events, sequence)
	delete(s.claims, sequence)
	return nil
}

// Waiting implements store.Queue.
func (s *Store) Waiting(ctx context.Context) (map[string]time.Time, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	all := map[string]time.Time{}
	for _, d := range s.data.queue.events {
		due := time.UnixMicro(d.due)
		if earliest, known := all[d.function]; !d.dead && (!known || due.Before(earliest)) {
			all[d.function] = due
		}
	}
	return all, nil
}

// Events implements store.QueueDesk.
func (s *Store) Events(ctx context.Context, f store.EventFilter) (all []store.Event, err error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	for _, sequence := range s.data.queue.order(func(eventData) int64 { return 0 }) {
		d := s.data.queue.events[sequence]
		if d.dead != f.Dead || f.Function != "" && d.function != f.Function {
			continue
		}
		if len(all) == f.Limit {
			break
		}
		d.payload, d.answer = nil, nil
		e, err := d.decode(sequence)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// CountEvents implements store.QueueDesk.
func (s *Store) CountEvents(ctx context.Context, f store.EventFilter) (int, error) {
	f.Limit = -1
	all, err := s.Events(ctx, f)
	return len(all), err
}

// Take implements store.QueueDesk.
func (s *Store) Take(ctx context.Context, requestID string) (store.Event, bool, error) {
	if err := s.ready(ctx); err != nil {
		return store.Event{}, false, err
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	for sequence, d := range s.data.queue.events {
		if d.requestID != requestID || s.claims[sequence] {
			continue
		}
		e, err := d.decode(sequence)
		if err == nil {
			s.claim(sequence)
		}
		return e, err == nil, err
	}
	return store.Event{}, false, nil
}

// Release implements store.QueueDesk.
func (s *Store) Release(sequence int64) {
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	delete(s.claims, sequence)
}

// Prune implements store.QueueDesk.
func (s *Store) Prune(ctx context.Context, before time.Time, keep int) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	var dead []int64
	for _, sequence := range s.data.queue.order(func(eventData) int64 { return 0 }) {
		if s.data.queue.events[sequence].dead {
			dead = append(dead, sequence)
		}
	}
	for i, sequence := range dead {
		if s.claims[sequence] {
			continue // somebody has taken it
		}
		if s.data.queue.events[sequence].accepted < before.UnixMicro() || i < len(dead)-keep {
			delete(s.data.queue.events, sequence)
		}
	}
	return nil
}
