package asyncq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/retry"
	"lambent/internal/store"
)

// send tells the targets that do not know yet. The outcome need not be durable
// before: if the daemon dies now, the event is run again.
func (q *Queue) send(e *store.Event) {
	var left []store.Target
	hopeless := 0
	if len(e.Outcome.Targets) == 0 && e.Outcome.Condition != string(retry.Success) {
		q.bury(e, why(e))
		return
	}
	for _, t := range e.Outcome.Targets {
		err := q.deliver(e, t)
		if err == nil {
			continue
		}
		left = append(left, t)
		e.Outcome.Problem = fmt.Sprintf("%s: %v", t.ARN, err)
		if errors.Is(err, errSilent) {
			continue
		}
		if t.Attributes == nil { // a rule's or schedule's dead letter is no function's
			q.config.Observer.Undelivered(reference(e), t.DeadLetter)
		}
		if lambda.KindOf(err) == lambda.InvalidParameter {
			hopeless++
		}
		q.config.Log.Warn("tell destination", "request", e.RequestID, "function", e.Function, "target", t.ARN, "err", err)
	}
	e.Outcome.Targets = left
	e.Sendings++
	again := time.Now().Add(q.config.Delays.Backoff(e.Sendings))
	switch {
	case len(left) == 0:
		q.keep("remove event", e, func(ctx context.Context) error { return q.config.Store.Remove(ctx, e.Sequence) })
	case hopeless == len(left) || again.Sub(e.Outcome.At) > retry.MaxAge:
		q.bury(e, e.Outcome.Problem)
	default:
		q.put(e, again)
	}
}

const (
	// sendLimit bounds one delivery.
	sendLimit = 30 * time.Second
	// silence is for how long nobody asks a target that did not answer.
	silence = time.Minute
)

var errSilent = errors.New("it did not answer a moment ago")

// deliver tells one target. Whoever waits for a target takes room of its function: so
// of one that does not answer, one waits, and the others come back later.
func (q *Queue) deliver(e *store.Event, t store.Target) error {
	if !q.ask(t.ARN) {
		return errSilent
	}
	ctx, cancel := context.WithTimeout(q.life, sendLimit)
	defer cancel()
	err := q.config.Destinations.Deliver(ctx, q.delivery(e, t))
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		q.silent[t.ARN] = time.Now().Add(silence)
	} else {
		delete(q.silent, t.ARN)
	}
	return err
}

// ask tells whether a target is to be asked now. Of one that was silent, the first to
// come after its time asks for all.
func (q *Queue) ask(target string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	until, silent := q.silent[target]
	now := time.Now()
	if silent && now.Before(until) {
		return false
	}
	if silent {
		q.silent[target] = now.Add(sendLimit)
	}
	return true
}
