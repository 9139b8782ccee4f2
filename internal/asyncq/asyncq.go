package asyncq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/retry"
	"lambent/internal/store"
)

// Store keeps the events.
type Store interface {
	store.Queue
	store.QueueDesk
	store.Ticks
}

// Invoker runs functions, as synchronous invocations do. The qualifier is resolved
// when the event is run and not when it was accepted (F077).
type Invoker interface {
	// Invoke runs the function. A function's failure is a Result with a Fault. A
	// *lambda.Error of kind NotFound means that there is nothing to run, now
	// and later; every other error, that the event is to be tried again.
	Invoke(ctx context.Context, function lambda.Reference, inv lambda.Invocation) (lambda.Result, error)
}

// Settings are what a function says of its asynchronous invocations.
type Settings struct {
	Retry      retry.Settings
	OnSuccess  string // ARN of a destination, empty for none
	OnFailure  string
	DeadLetter string // ARN of a dead letter queue
	Off        bool   // reserved concurrency is 0: nothing is run
}

// Chooser knows the settings of a function, from memory. For one that does not
// exist any more it gives the defaults.
type Chooser interface {
	Settings(function, qualifier string) Settings
}

// Destinations tell others what became of an event.
type Destinations interface {
	// Deliver returns nil when the target has it. A *lambda.Error of kind
	// InvalidParameter means that trying again is of no use.
	Deliver(ctx context.Context, d lambda.Delivery) error
}

// Observer counts. Its methods are quick.
type Observer interface {
	Accepted(function lambda.Reference)
	// Began: an attempt begins, this long after acceptance.
	Began(function lambda.Reference, age time.Duration)
	// Dropped: an event is over and has not succeeded.
	Dropped(function lambda.Reference)
	// Undelivered: a target did not take the outcome, this time.
	Undelivered(function lambda.Reference, deadLetter bool)
}

// Config is what a queue is made of. Every field is needed.
type Config struct {
	Home         lambda.Home
	Store        Store
	Invoker      Invoker
	Chooser      Chooser
	Destinations Destinations
	Delays       retry.Delays
	Observer     Observer

	// Concurrency is how many events are run at once, of all functions together. One
	// function gets half of it at most.
	Concurrency int
	// DeadAge and DeadCount bound what is kept of dead events.
	DeadAge   time.Duration
	DeadCount int

	Log *slog.Logger
}

// Queue works off events from Start to Close.
type Queue struct {
	config Config
	wake   chan struct{} // a poke for dispatch; holds at most one
	stop   chan struct{} // closed by Stop
	once   sync.Once

	// life ends when Close has no more patience with what runs. It is the one
	// context that belongs to no call: events outlive those who sent them.
	life context.Context
	end  context.CancelCauseFunc

	loops    sync.WaitGroup // dispatch and tidy
	attempts sync.WaitGroup

	mu      sync.Mutex
	lanes   map[string]*lane // mu
	ready   []*lane          // mu; whose turn is next, first
	later   agenda           // mu; lanes that have nothing due yet
	running int              // mu; of all lanes
	stopped bool             // mu

	silent map[string]time.Time // mu; targets that did not answer, and until when none asks them
}

var errClosed = errors.New("the queue is closed")

// New makes a queue that runs nothing until Start.
func New(c Config) *Queue {
	q := &Queue{config: c, wake: make(chan struct{}, 1), stop: make(chan struct{}), lanes: map[string]*lane{}, silent: map[string]time.Time{}}
	q.life, q.end = context.WithCancelCause(context.Background())
	return q
}

// Start takes up what an earlier daemon left.
func (q *Queue) Start(ctx context.Context) error {
	waiting, err := q.config.Store.Waiting(ctx)
	if err != nil {
		return fmt.Errorf("take up the queue: %w", err)
	}
	q.mu.Lock()
	for function, due := range waiting {
		q.expect(q.lane(function), due)
	}
	q.mu.Unlock()
	q.loops.Go(q.dispatch)
	q.loops.Go(q.tidy)
	return nil
}

// Accept makes an event durable; when it returns nil, the event will be run.
// A caller that goes away in between does not take its event along.
func (q *Queue) Accept(ctx context.Context, function lambda.Reference, inv lambda.Invocation) error {
	now := time.Now()
	e := store.Event{
		RequestID: inv.RequestID, Function: function.Name, Qualifier: function.Qualifier, Payload: inv.Payload,
		Trace: inv.Trace, Tenant: inv.Tenant, Accepted: now, Due: now,
	}
	// A write that was begun and given up may still happen; nobody would know.
	ctx = context.WithoutCancel(ctx)
	l := q.reserve(function.Name, now)
	if l == nil {
		if err := q.config.Store.Enqueue(ctx, &e); err != nil {
			return err
		}
		q.config.Observer.Accepted(function)
		q.mu.Lock()
		q.expect(q.lane(function.Name), now)
		q.mu.Unlock()
		return nil
	}
	if err := q.config.Store.EnqueueClaimed(ctx, &e); err != nil {
		q.mu.Lock()
		q.release(l, 1)
		q.mu.Unlock()
		q.attempts.Done()
		return err
	}
	q.config.Observer.Accepted(function)
	go q.run(l, e)
	return nil
}

// Stop begins nothing new. Events are accepted all the same, for the next start.
func (q *Queue) Stop() {
	q.once.Do(func() {
		q.mu.Lock()
		q.stopped = true
		q.mu.Unlock()
		close(q.stop)
	})
}

// Close stops, lets what runs finish until ctx ends, and gives up the rest: those
// events are run again after the next start.
func (q *Queue) Close(ctx context.Context) {
	q.Stop()
	q.loops.Wait()
	idle := make(chan struct{})
	go func() { q.attempts.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	q.end(errClosed)
	<-idle
}

// tidyEvery is how often dead events are looked through.
const tidyEvery = time.Hour

// tidy keeps the number of dead events bounded, and what is known of targets.
func (q *Queue) tidy() {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		q.mu.Lock()
		maps.DeleteFunc(q.silent, func(_ string, until time.Time) bool { return time.Since(until) > tidyEvery })
		q.mu.Unlock()
		err := q.config.Store.Prune(q.life, time.Now().Add(-q.config.DeadAge), q.config.DeadCount)
		if err != nil && q.life.Err() == nil {
			q.config.Log.Error("prune dead events", "err", err)
		}
		select {
		case <-tick.C:
		case <-q.stop:
			return
		}
	}
}
