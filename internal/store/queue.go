package store

import (
	"context"
	"time"
)

// Event is an asynchronous invocation that was accepted and is not finished.
type Event struct {
	// Sequence names the event in its store, in the order of acceptance. Enqueue
	// gives it.
	Sequence int64 `json:"-"`

	RequestID string
	Function  string
	Qualifier string // as the caller gave it, empty for none
	Payload   []byte `json:"-"`
	Trace     string
	Tenant    string

	Accepted time.Time
	Due      time.Time // when it may be tried next

	Faults   int // attempts that the function failed
	Invoked  int // attempts that the function ran
	Returns  int // attempts in a row that the function was not to blame for
	Sendings int // attempts to tell the destinations

	Last    *Answer  // of the last attempt that ran; nil when none did
	Refusal *Refusal // why the last attempt did not run
	Outcome *Outcome // nil: there will be another attempt
	Dead    bool     // given up, and kept for the operator
}

// Answer is what a function gave for an event.
type Answer struct {
	Payload []byte `json:"-"`
	Version string // that ran
	Failed  bool
}

// Refusal is why a function was not run.
type Refusal struct {
	Status  int // as the API would have answered
	Message string
}

// Outcome is how an event ended, and who is still to be told.
type Outcome struct {
	Condition string
	At        time.Time
	Targets   []Target
	Problem   string // why the last sending failed, or why the event is dead
}

// Target is one that is told of an outcome.
type Target struct {
	ARN        string
	DeadLetter bool // gets the event itself and not the record of what became of it

	// Attributes are what a dead letter of a rule or schedule says; nil: Lambda's.
	Attributes map[string]string `json:",omitempty"`
}

// Queue keeps events. Those that a method gives out are claimed: nobody else gets
// them until Update or Remove. A claim ends with its store, closed or killed, so
// what was in progress then is given out again by the next one.
type Queue interface {
	// Enqueue keeps a new event and sets its Sequence.
	Enqueue(ctx context.Context, e *Event) error

	// EnqueueClaimed is Enqueue and claims the event in the same act. After an
	// error, nothing is claimed.
	EnqueueClaimed(ctx context.Context, e *Event) error

	// Claim gives out up to limit events of a function that are due, those that
	// are due longest first. Next is when the earliest of those that wait
	// and were not given out is due, zero when there is none.
	Claim(ctx context.Context, function string, now time.Time, limit int) (claimed []Event, next time.Time, err error)

	// Update keeps what became of a claimed event, but not its Payload, which never
	// changes, and ends the claim.
	Update(ctx context.Context, e Event) error

	// Remove forgets a claimed event.
	Remove(ctx context.Context, sequence int64) error

	// Waiting tells for every function with events that are not dead when the
	// earliest is due.
	Waiting(ctx context.Context) (map[string]time.Time, error)
}

// EventFilter chooses events to look at.
type EventFilter struct {
	Dead     bool   // dead ones instead of waiting ones
	Function string // empty: of all functions
	Limit    int
}

// QueueDesk is what an operator needs of a queue, besides.
type QueueDesk interface {
	// Events lists events without payloads, oldest first, claimed or not.
	Events(ctx context.Context, f EventFilter) ([]Event, error)

	// CountEvents counts all that Events would list, however many.
	CountEvents(ctx context.Context, f EventFilter) (int, error)

	// Take claims an event by its request id, dead or waiting. Nothing is found
	// while another claim holds it.
	Take(ctx context.Context, requestID string) (e Event, found bool, err error)

	// Release ends a claim of Take and leaves the event as it was.
	Release(sequence int64)

	// Prune forgets dead events that were accepted before a moment, and the oldest
	// ones of more than keep, but for those that are claimed.
	Prune(ctx context.Context, before time.Time, keep int) error
}
