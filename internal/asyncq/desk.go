package asyncq

import (
	"context"
	"time"

	"lambent/internal/recursion"
	"lambent/internal/retry"
	"lambent/internal/store"
)

// Events lists events for the operator, without payloads, oldest first.
func (q *Queue) Events(ctx context.Context, f store.EventFilter) ([]store.Event, error) {
	return q.config.Store.Events(ctx, f)
}

// Count counts events.
func (q *Queue) Count(ctx context.Context, f store.EventFilter) (int, error) {
	return q.config.Store.CountEvents(ctx, f)
}

// Replay tries an event at once. A dead one begins anew, with its whole age and
// all its retries; one whose function answered and whose destination was not
// told is only told. False means that no such event is there or that it runs.
func (q *Queue) Replay(ctx context.Context, requestID string) (bool, error) {
	e, found, err := q.config.Store.Take(ctx, requestID)
	if err != nil || !found {
		return false, err
	}
	now, taken := time.Now(), e
	if e.Dead && e.Outcome.Condition != string(retry.Success) {
		e = store.Event{
			Sequence: e.Sequence, RequestID: e.RequestID, Function: e.Function, Qualifier: e.Qualifier,
			Trace: recursion.Forget(e.Trace), Tenant: e.Tenant, Accepted: now, // else one that was stopped in a circle would be stopped again
		}
	}
	if e.Dead {
		e.Outcome.At, e.Sendings = now, 0
	}
	e.Dead, e.Due = false, now
	if err := q.config.Store.Update(context.WithoutCancel(ctx), e); err != nil {
		q.letGo(taken)
		return false, err
	}
	q.mu.Lock()
	q.expect(q.lane(e.Function), now)
	q.mu.Unlock()
	return true, nil
}

// Drop forgets an event. False means that no such event is there or that it runs.
func (q *Queue) Drop(ctx context.Context, requestID string) (bool, error) {
	e, found, err := q.config.Store.Take(ctx, requestID)
	if err != nil || !found {
		return false, err
	}
	if err := q.config.Store.Remove(context.WithoutCancel(ctx), e.Sequence); err != nil {
		q.letGo(e)
		return false, err
	}
	return true, nil
}

// letGo leaves an event that was taken as it was. It may have become due meanwhile.
func (q *Queue) letGo(e store.Event) {
	q.config.Store.Release(e.Sequence)
	if e.Dead {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expect(q.lane(e.Function), e.Due)
}
