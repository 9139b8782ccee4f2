package asyncq

import (
	"context"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// undeliverable is the condition of an event that no function was found for.
const undeliverable = "Undeliverable"

// Fire makes the events of a tick durable together with the tick itself; when it
// returns nil, they will be run. False means that what was due is not there any more.
func (q *Queue) Fire(ctx context.Context, tick store.Tick, due []lambda.Due) (bool, error) {
	now := time.Now()
	events := make([]*store.Event, len(due))
	for i, d := range due {
		events[i] = dueEvent(d, now)
	}
	fired, err := q.config.Store.Fire(context.WithoutCancel(ctx), tick, events)
	if err != nil || !fired {
		return fired, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range events {
		if e.Outcome == nil { // else there is no function that received it
			q.config.Observer.Accepted(reference(e))
		}
		q.expect(q.lane(e.Function), e.Due)
	}
	return true, nil
}

func dueEvent(d lambda.Due, now time.Time) *store.Event {
	e := &store.Event{
		RequestID: d.Invocation.RequestID, Function: d.Function.Name, Qualifier: d.Function.Qualifier, Payload: d.Invocation.Payload,
		Trace: d.Invocation.Trace, Accepted: now, Due: now,
	}
	if d.At.After(now) { // its age counts from then
		e.Accepted, e.Due = d.At, d.At
	}
	if d.Undeliverable != nil {
		e.Refusal = &store.Refusal{Status: d.Undeliverable.Code, Message: d.Undeliverable.Message}
		e.Outcome = &store.Outcome{Condition: undeliverable, At: e.Accepted} // when it would have been run
		if d.DeadLetter != "" {
			e.Outcome.Targets = []store.Target{{ARN: d.DeadLetter, DeadLetter: true, Attributes: d.Attributes}}
		}
	}
	return e
}
