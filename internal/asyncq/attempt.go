package asyncq

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/retry"
	"lambent/internal/store"
)

// run works on one claimed event, for which its lane has room, and gives the
// room back.
func (q *Queue) run(l *lane, e store.Event) {
	defer q.attempts.Done()
	outcome := q.work(&e)
	q.mu.Lock()
	defer q.mu.Unlock()
	refused := outcome == retry.Returned
	l.window = l.window.After(refused)
	// With nothing else of the lane running, nothing of ours holds what the function
	// lacks: to ask for one event after the other would only spend their attempts.
	if refused && l.running == 1 {
		l.resume = time.Now().Add(q.config.Delays.First)
	}
	q.release(l, 1)
}

// work brings an event one step on.
func (q *Queue) work(e *store.Event) (outcome retry.Outcome) {
	defer func() {
		if p := recover(); p != nil {
			q.config.Log.Error("attempt panicked", "request", e.RequestID, "function", e.Function,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			e.Returns++
			q.put(e, time.Now().Add(q.config.Delays.Backoff(e.Returns)))
			outcome = retry.Returned
		}
	}()
	if e.Outcome != nil {
		q.send(e)
		return retry.Answered
	}
	s := q.config.Chooser.Settings(e.Function, e.Qualifier)
	verdict, outcome := q.try(e, s)
	switch {
	case verdict == retry.Verdict{}: // interrupted: the claim ends with the store
	case verdict.Over():
		conclude(e, s, verdict.Condition)
		if verdict.Condition != retry.Success {
			q.config.Observer.Dropped(reference(e))
		}
		q.send(e)
	default:
		q.put(e, verdict.At)
	}
	return outcome
}

// try runs the function, unless that makes no sense any more. No verdict means
// that the queue was closed meanwhile.
func (q *Queue) try(e *store.Event, s Settings) (retry.Verdict, retry.Outcome) {
	if s.Off { // F160
		e.Refusal = &store.Refusal{Status: http.StatusTooManyRequests, Message: "Rate Exceeded."}
		return retry.Verdict{Condition: retry.ZeroReservedConcurrency}, retry.Answered
	}
	if retry.Expired(s.Retry, e.Accepted, time.Now()) {
		return retry.Verdict{Condition: retry.EventAgeExceeded}, retry.Answered
	}
	q.config.Observer.Began(reference(e), time.Since(e.Accepted))
	result, err := q.config.Invoker.Invoke(q.life, reference(e), lambda.Invocation{
		RequestID: e.RequestID, Payload: e.Payload, ContentType: "application/json", Trace: e.Trace, Tenant: e.Tenant, Asynchronous: true,
	})
	if err != nil && q.life.Err() != nil {
		return retry.Verdict{}, retry.Answered
	}
	outcome := note(e, result, err)
	if kind := lambda.KindOf(err); kind == lambda.NotFound || kind == lambda.Recursive {
		return retry.Verdict{Condition: retry.RetriesExhausted}, retry.Answered
	}
	h := retry.History{Accepted: e.Accepted, Faults: e.Faults, Returns: e.Returns}
	return retry.Decide(s.Retry, q.config.Delays, h, outcome, time.Now()), outcome
}

// reference is whom an event is for, as its sender said it.
func reference(e *store.Event) lambda.Reference {
	return lambda.Reference{Name: e.Function, Qualifier: e.Qualifier}
}

// note writes into an event what came of an attempt.
func note(e *store.Event, result lambda.Result, err error) retry.Outcome {
	if err != nil {
		e.Returns++
		e.Refusal = refusal(err)
		return retry.Returned
	}
	e.Invoked++
	e.Returns, e.Refusal = 0, nil
	e.Last = &store.Answer{Payload: result.Payload, Version: result.Version, Failed: result.Fault != nil}
	if result.Fault == nil {
		return retry.Answered
	}
	e.Faults++
	return retry.Faulted
}

// refusal is what a dead letter says of an error. What is ours stays in the log.
func refusal(err error) *store.Refusal {
	var e *lambda.Error
	if !errors.As(err, &e) || e.Kind == lambda.Internal {
		return &store.Refusal{Status: http.StatusInternalServerError, Message: "An error occurred and the request cannot be processed."}
	}
	status := http.StatusInternalServerError
	switch e.Kind {
	case lambda.Throttled:
		status = http.StatusTooManyRequests
	case lambda.NotFound:
		status = http.StatusNotFound
	case lambda.Conflict:
		status = http.StatusConflict
	case lambda.Recursive:
		status = http.StatusBadRequest
	}
	return &store.Refusal{Status: status, Message: e.Message}
}

// conclude ends an event and says who is to be told.
func conclude(e *store.Event, s Settings, c retry.Condition) {
	e.Outcome = &store.Outcome{Condition: string(c), At: time.Now()}
	tell := func(arn string, deadLetter bool) {
		if arn != "" {
			e.Outcome.Targets = append(e.Outcome.Targets, store.Target{ARN: arn, DeadLetter: deadLetter})
		}
	}
	if c == retry.Success {
		tell(s.OnSuccess, false)
		return
	}
	tell(s.OnFailure, false)
	tell(s.DeadLetter, true)
}

// why words for the operator what became of an event that nobody else is told of.
func why(e *store.Event) string {
	switch {
	case e.Refusal != nil:
		return e.Refusal.Message
	case e.Last != nil:
		return errorMessage(e.Last.Payload)
	}
	return "it was never run"
}

func (q *Queue) bury(e *store.Event, problem string) {
	e.Dead, e.Outcome.Problem = true, problem
	q.config.Log.Info("event is dead", "request", e.RequestID, "function", e.Function, "condition", e.Outcome.Condition, "problem", problem)
	q.keep("bury event", e, func(ctx context.Context) error { return q.config.Store.Update(ctx, *e) })
}

// put lets an event wait.
func (q *Queue) put(e *store.Event, due time.Time) {
	e.Due = due
	if !q.keep("put event back", e, func(ctx context.Context) error { return q.config.Store.Update(ctx, *e) }) {
		return
	}
	q.mu.Lock()
	q.expect(q.lane(e.Function), due)
	q.mu.Unlock()
}

// keep writes until it is written. While it is not, the event stays claimed: a
// full disk delays it and makes it run no second time. It gives up with the queue.
func (q *Queue) keep(act string, e *store.Event, write func(context.Context) error) bool {
	for n := 1; ; n++ {
		// The queue's end does not interrupt what has been done: better a late write
		// than an event that is run again.
		err := write(context.WithoutCancel(q.life))
		if err == nil {
			return true
		}
		q.config.Log.Error(act, "request", e.RequestID, "function", e.Function, "err", err)
		if errors.Is(err, store.ErrClosed) {
			return false
		}
		select {
		case <-time.After(q.config.Delays.Backoff(n)):
		case <-q.life.Done():
			return false
		}
	}
}
