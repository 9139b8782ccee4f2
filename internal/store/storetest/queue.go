package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"lambent/internal/store"
)

// queueTests are the suite of store.Queue and store.QueueDesk.
func queueTests() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"an event comes back as it was":                        eventRoundTrip,
		"an acknowledged event survives":                       eventSurvives,
		"an event is given out once":                           claimOnce,
		"what is due longest is given out first":               claimOrder,
		"what is not due waits":                                claimDue,
		"functions do not see each other's events":             claimFunction,
		"an update ends the claim and keeps what became of it": updateEvent,
		"a claim ends with its store":                          claimEnds,
		"a removed event is gone":                              removeEvent,
		"an event can be claimed as it comes":                  enqueueClaimed,
		"dead events are given out no more":                    deadEvents,
		"one event can be taken by its request id":             takeEvent,
		"events are listed and counted":                        listEvents,
		"old and too many dead events go":                      pruneEvents,
		"every event is given out once, whoever asks":          claimRace,
		"a closed store has no queue":                          queueClosed,
	}
}

func eventNow() time.Time { return time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC) }

func newEvent(id, function string, due time.Duration) *store.Event {
	return &store.Event{
		RequestID: id, Function: function, Payload: []byte(`{"id":"` + id + `"}`),
		Accepted: eventNow(), Due: eventNow().Add(due),
	}
}

// enqueue keeps events through a store that is closed at once.
func enqueue(t *testing.T, open Open, events ...*store.Event) {
	t.Helper()
	write(t, open, func(ctx context.Context, s Store) error {
		for _, e := range events {
			if err := s.Enqueue(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func claim(t *testing.T, s Store, function string, at time.Duration, limit int) ([]store.Event, time.Time) {
	t.Helper()
	events, next, err := s.Claim(t.Context(), function, eventNow().Add(at), limit)
	must(t, err)
	return events, next
}

func ids(events []store.Event) []string {
	all := []string{}
	for _, e := range events {
		all = append(all, e.RequestID)
	}
	return all
}

func wantIDs(t *testing.T, what string, got []store.Event, want ...string) {
	t.Helper()
	if !slices.Equal(ids(got), want) {
		t.Fatalf("%s: %v, want %v", what, ids(got), want)
	}
}

func eventRoundTrip(t *testing.T, open Open) {
	var want store.Event
	fill(reflect.ValueOf(&want).Elem())
	want.RequestID, want.Function, want.Dead = "r1", "f", false
	want.Payload, want.Last.Payload = []byte("\x00\xff{\"a\":1}"), []byte("\xfe\x00answer")
	enqueue(t, open, &want)
	s := open(t)
	defer closeStore(t, s)
	got, found, err := s.Take(t.Context(), "r1")
	must(t, err)
	if !found || !reflect.DeepEqual(got, want) {
		t.Errorf("event came back as\n%+v\n%+v, want\n%+v\n%+v", got, got.Last, want, want.Last)
	}
	bare := newEvent("r2", "f", 0)
	bare.Payload = nil
	must(t, s.Enqueue(t.Context(), bare))
	got, found, err = s.Take(t.Context(), "r2")
	must(t, err)
	if !found || len(got.Payload) != 0 || got.Last != nil || got.Outcome != nil || got.Refusal != nil {
		t.Errorf("a bare event came back as %+v", got)
	}
}

func eventSurvives(t *testing.T, open Open) {
	want := []string{}
	for i := range 5 {
		id := fmt.Sprint("r", i)
		want = append(want, id)
		enqueue(t, open, newEvent(id, "f", 0))
		s := open(t)
		got, _ := claim(t, s, "f", 0, 100)
		wantIDs(t, "claimed", got, want...)
		closeStore(t, s)
	}
}

func claimOnce(t *testing.T, open Open) {
	enqueue(t, open, newEvent("r1", "f", 0), newEvent("r2", "f", 0))
	s := open(t)
	defer closeStore(t, s)
	first, next := claim(t, s, "f", 0, 1)
	wantIDs(t, "first", first, "r1")
	if !next.Equal(eventNow()) {
		t.Errorf("next at %v, want %v", next, eventNow())
	}
	second, next := claim(t, s, "f", 0, 1)
	wantIDs(t, "second", second, "r2")
	if !next.IsZero() {
		t.Errorf("next at %v when all are claimed, want none", next)
	}
	none, _ := claim(t, s, "f", time.Hour, 100)
	wantIDs(t, "third", none)
}

func claimOrder(t *testing.T, open Open) {
	enqueue(t, open, newEvent("late", "f", 2*time.Second), newEvent("early", "f", 0), newEvent("a", "f", time.Second), newEvent("b", "f", time.Second))
	s := open(t)
	defer closeStore(t, s)
	got, _ := claim(t, s, "f", time.Minute, 100)
	wantIDs(t, "claimed", got, "early", "a", "b", "late")
}

func claimDue(t *testing.T, open Open) {
	enqueue(t, open, newEvent("now", "f", 0), newEvent("soon", "f", time.Microsecond), newEvent("later", "f", time.Minute))
	s := open(t)
	defer closeStore(t, s)
	got, next := claim(t, s, "f", 0, 100)
	wantIDs(t, "claimed", got, "now")
	if want := eventNow().Add(time.Microsecond); !next.Equal(want) {
		t.Errorf("next at %v, want %v", next, want)
	}
	got, next = claim(t, s, "f", time.Microsecond, 100)
	wantIDs(t, "claimed", got, "soon")
	if want := eventNow().Add(time.Minute); !next.Equal(want) {
		t.Errorf("next at %v, want %v", next, want)
	}
}

func claimFunction(t *testing.T, open Open) {
	enqueue(t, open, newEvent("r1", "f", 0), newEvent("r2", "g", time.Second), newEvent("r3", "g", 0))
	s := open(t)
	defer closeStore(t, s)
	waiting, err := s.Waiting(t.Context())
	must(t, err)
	if len(waiting) != 2 || !waiting["f"].Equal(eventNow()) || !waiting["g"].Equal(eventNow()) {
		t.Errorf("waiting: %v, want f and g at %v", waiting, eventNow())
	}
	got, next := claim(t, s, "f", time.Hour, 100)
	wantIDs(t, "of f", got, "r1")
	if !next.IsZero() {
		t.Errorf("next of f at %v, want none", next)
	}
}

func updateEvent(t *testing.T, open Open) {
	enqueue(t, open, newEvent("r1", "f", 0))
	s := open(t)
	got, _ := claim(t, s, "f", 0, 1)
	e := got[0]
	e.Due, e.Faults, e.Invoked = eventNow().Add(time.Minute), 1, 1
	e.Last = &store.Answer{Payload: []byte("wrong"), Version: "7", Failed: true}
	e.Payload = []byte("a payload never changes")
	must(t, s.Update(t.Context(), e))
	none, next := claim(t, s, "f", time.Second, 1)
	wantIDs(t, "before it is due", none)
	if !next.Equal(e.Due) {
		t.Errorf("next at %v, want %v", next, e.Due)
	}
	again, _ := claim(t, s, "f", time.Minute, 1)
	wantIDs(t, "when it is due", again, "r1")
	closeStore(t, s)
	s = open(t)
	defer closeStore(t, s)
	again, _ = claim(t, s, "f", time.Minute, 1)
	e.Payload = []byte(`{"id":"r1"}`)
	if len(again) != 1 || !reflect.DeepEqual(again[0], e) {
		t.Errorf("after an update: %+v, want %+v", again, e)
	}
}

func claimEnds(t *testing.T, open Open) {
	enqueue(t, open, newEvent("r1", "f", 0), newEvent("r2", "f", 0))
	for range 2 {
		s := open(t)
		got, _ := claim(t, s, "f", 0, 100)
		wantIDs(t, "claimed", got, "r1", "r2")
		closeStore(t, s)
	}
}

func removeEvent(t *testing.T, open Open) {
	enqueue(t, open, newEvent("r1", "f", 0), newEvent("r2", "f", 0))
	s := open(t)
	got, _ := claim(t, s, "f", 0, 2)
	must(t, s.Remove(t.Context(), got[0].Sequence))
	must(t, s.Remove(t.Context(), got[0].Sequence)) // twice is fine
	another := newEvent("r3", "f", 0)
	must(t, s.EnqueueClaimed(t.Context(), another))
	if another.Sequence == got[0].Sequence || another.Sequence == got[1].Sequence {
		t.Errorf("sequence %d was given twice", another.Sequence)
	}
	closeStore(t, s)
	s = open(t)
	defer closeStore(t, s)
	got, _ = claim(t, s, "f", 0, 100)
	wantIDs(t, "left", got, "r2", "r3")
}

func enqueueClaimed(t *testing.T, open Open) {
	s := open(t)
	e := newEvent("r1", "f", 0)
	must(t, s.EnqueueClaimed(t.Context(), e))
	none, next := claim(t, s, "f", time.Hour, 100)
	if len(none) != 0 || !next.IsZero() {
		t.Errorf("a claimed event is given out: %v, next %v", ids(none), next)
	}
	closeStore(t, s)
	s = open(t)
	defer closeStore(t, s)
	got, _ := claim(t, s, "f", 0, 100)
	wantIDs(t, "after the claim's end", got, "r1")
}

func deadEvents(t *testing.T, open Open) {
	enqueue(t, open, newEvent("r1", "f", 0))
	s := open(t)
	defer closeStore(t, s)
	got, _ := claim(t, s, "f", 0, 1)
	got[0].Dead = true
	must(t, s.Update(t.Context(), got[0]))
	none, next := claim(t, s, "f", time.Hour, 100)
	waiting, err := s.Waiting(t.Context())
	must(t, err)
	if len(none) != 0 || !next.IsZero() || len(waiting) != 0 {
		t.Errorf("a dead event is given out: %v, next %v, waiting %v", ids(none), next, waiting)
	}
}

func takeEvent(t *testing.T, open Open) {
	enqueue(t, open, newEvent("r1", "f", 0), newEvent("r2", "f", time.Hour))
	s := open(t)
	defer closeStore(t, s)
	var first store.Event
	for _, id := range []string{"r2", "r1"} {
		e, found, err := s.Take(t.Context(), id)
		must(t, err)
		first = e
		if !found || e.RequestID != id || string(e.Payload) != `{"id":"`+id+`"}` {
			t.Errorf("took %+v, %v; want %s", e, found, id)
		}
	}
	for _, id := range []string{"r1", "never"} {
		if _, found, err := s.Take(t.Context(), id); found || err != nil {
			t.Errorf("took %s: %v, %v; want nothing", id, found, err)
		}
	}
	if got, _ := claim(t, s, "f", 2*time.Hour, 100); len(got) != 0 {
		t.Errorf("claimed %v, which were taken", ids(got))
	}
	s.Release(first.Sequence)
	if got, _ := claim(t, s, "f", 2*time.Hour, 100); !slices.Equal(ids(got), []string{"r1"}) {
		t.Errorf("claimed %v after r1 was released", ids(got))
	}
}

func listEvents(t *testing.T, open Open) {
	dead := newEvent("dead", "g", 0)
	dead.Dead = true
	enqueue(t, open, newEvent("r1", "f", time.Hour), newEvent("r2", "g", 0), newEvent("r3", "f", 0), dead)
	s := open(t)
	defer closeStore(t, s)
	claim(t, s, "g", 0, 1) // claimed ones are listed too
	for _, c := range []struct {
		filter store.EventFilter
		want   []string
		count  int
	}{
		{store.EventFilter{Limit: 10}, []string{"r1", "r2", "r3"}, 3},
		{store.EventFilter{Limit: 2}, []string{"r1", "r2"}, 3},
		{store.EventFilter{Limit: 10, Function: "f"}, []string{"r1", "r3"}, 2},
		{store.EventFilter{Limit: 10, Dead: true}, []string{"dead"}, 1},
		{store.EventFilter{Limit: 10, Dead: true, Function: "f"}, []string{}, 0},
	} {
		got, err := s.Events(t.Context(), c.filter)
		must(t, err)
		wantIDs(t, fmt.Sprintf("%+v", c.filter), got, c.want...)
		n, err := s.CountEvents(t.Context(), c.filter)
		must(t, err)
		if n != c.count {
			t.Errorf("%+v: counted %d, want %d", c.filter, n, c.count)
		}
		for _, e := range got {
			if e.Payload != nil {
				t.Errorf("%s is listed with its payload", e.RequestID)
			}
		}
	}
}

func pruneEvents(t *testing.T, open Open) {
	for i := range 6 {
		e := newEvent(fmt.Sprint("r", i), "f", 0)
		e.Accepted = eventNow().Add(time.Duration(i) * time.Hour)
		e.Dead = i != 1
		enqueue(t, open, e)
	}
	write(t, open, func(ctx context.Context, s Store) error { return s.Prune(ctx, eventNow().Add(time.Hour), 100) })
	left := func() []store.Event {
		s := open(t)
		defer closeStore(t, s)
		all, err := s.Events(t.Context(), store.EventFilter{Dead: true, Limit: 100})
		must(t, err)
		return all
	}
	wantIDs(t, "not too old", left(), "r2", "r3", "r4", "r5")
	write(t, open, func(ctx context.Context, s Store) error { return s.Prune(ctx, time.Time{}, 2) })
	wantIDs(t, "not too many", left(), "r4", "r5")
	s := open(t)
	defer closeStore(t, s)
	taken, found, err := s.Take(t.Context(), "r4")
	must(t, err)
	must(t, s.Prune(t.Context(), eventNow().Add(24*time.Hour), 0))
	if !found {
		t.Error("r4 was not to be taken")
	}
	must(t, s.Update(t.Context(), taken))
	all, err := s.Events(t.Context(), store.EventFilter{Dead: true, Limit: 100})
	must(t, err)
	wantIDs(t, "taken while the rest went", all, "r4")
	got, _ := claim(t, s, "f", 0, 100)
	wantIDs(t, "waiting", got, "r1")
}

// claimRace lets many enqueue, claim, put back, take and remove; each event must
// be worked on by one at a time and removed once.
func claimRace(t *testing.T, open Open) {
	const events, workers = 60, 8
	s := open(t)
	defer closeStore(t, s)
	var mu sync.Mutex
	working, removed := map[string]bool{}, map[string]int{}
	var all sync.WaitGroup
	all.Go(func() {
		for i := range events {
			if err := s.Enqueue(t.Context(), newEvent(fmt.Sprint("r", i), "f", 0)); err != nil {
				t.Error(err)
			}
		}
	})
	work := func(e store.Event) bool {
		mu.Lock()
		if working[e.RequestID] || removed[e.RequestID] > 0 {
			t.Errorf("%s is given out twice: working %v, removed %d", e.RequestID, working[e.RequestID], removed[e.RequestID])
		}
		working[e.RequestID] = true
		mu.Unlock()
		e.Faults++
		mu.Lock()
		working[e.RequestID] = false
		if done := e.Faults == 3; done {
			removed[e.RequestID]++
		}
		mu.Unlock()
		var err error
		if e.Faults == 3 {
			err = s.Remove(t.Context(), e.Sequence)
		} else {
			err = s.Update(t.Context(), e)
		}
		if err != nil {
			t.Error(err)
		}
		return err == nil
	}
	for w := range workers {
		all.Go(func() {
			for done := false; !done && !t.Failed(); {
				got, _, err := s.Claim(t.Context(), "f", eventNow(), 1+w)
				if err != nil {
					t.Error(err)
					return
				}
				for _, e := range got {
					if !work(e) {
						return
					}
				}
				if e, found, err := s.Take(t.Context(), fmt.Sprint("r", w)); err != nil {
					t.Error(err)
				} else if found && !work(e) {
					return
				}
				mu.Lock()
				done = len(removed) == events
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

func queueClosed(t *testing.T, open Open) {
	s := open(t)
	closeStore(t, s)
	ctx := t.Context()
	_, _, claimErr := s.Claim(ctx, "f", eventNow(), 1)
	_, waitingErr := s.Waiting(ctx)
	_, eventsErr := s.Events(ctx, store.EventFilter{Limit: 1})
	_, countErr := s.CountEvents(ctx, store.EventFilter{})
	_, _, takeErr := s.Take(ctx, "r1")
	for call, err := range map[string]error{
		"Enqueue": s.Enqueue(ctx, newEvent("r", "f", 0)), "EnqueueClaimed": s.EnqueueClaimed(ctx, newEvent("r", "f", 0)),
		"Claim": claimErr, "Update": s.Update(ctx, store.Event{}), "Remove": s.Remove(ctx, 1), "Waiting": waitingErr,
		"Events": eventsErr, "CountEvents": countErr, "Take": takeErr, "Prune": s.Prune(ctx, eventNow(), 1),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: %v, want %v", call, err, store.ErrClosed)
		}
	}
}
