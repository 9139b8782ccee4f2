// Package trace keeps the timelines of the last invocations: what was done for
// each, when, and how long it took. It is one of the readers of the event
// stream and changes nothing.
//
// The first invocation of an environment gets the environment's beginning too:
// sandbox, code, extensions and Init. A timeline grows for a moment after its
// invocation is over, for the freeze is part of it.
package trace

import (
	"sync"
	"time"

	"lambent/internal/event"
)

// Span is one thing that was done.
type Span struct {
	Name     string
	Start    time.Time
	Duration time.Duration
}

// Invocation is the timeline of one invocation.
type Invocation struct {
	RequestID   string
	Function    string
	Version     string
	Environment string
	LogStream   string
	Cold        bool
	Status      event.Status // empty while it runs
	ErrorType   string
	Spans       []Span // in the order of their ends
}

// The names of spans. Those of an extension have its name behind them.
const (
	spanSandbox     = "sandbox"
	spanCode        = "code"
	spanExecute     = "start "
	spanRegister    = "register "
	spanExtension   = "init "
	spanWork        = "extension "
	spanRuntime     = "runtime"
	spanRuntimeInit = "runtime and function init"
	spanThaw        = "thaw"
	spanInvoke      = "invoke"
	spanLatency     = "until the response"
	spanResponse    = "response"
	spanOverhead    = "runtime overhead"
	spanPost        = "post-runtime extensions"
	spanFreeze      = "freeze"
	spanReset       = "reset"
)

// Traces is a bounded number of timelines. It is an event.Sink.
type Traces struct {
	mu           sync.Mutex
	environments map[string]*environment // mu; those that exist
	invocations  map[string]*Invocation  // mu; by request ID
	ring         []string                // mu; request IDs, the oldest at next
	next         int                     // mu
}

// New keeps the last n timelines.
func New(n int) *Traces {
	return &Traces{environments: map[string]*environment{}, invocations: map[string]*Invocation{}, ring: make([]string, max(n, 1))}
}

// Invocation is the timeline of a request, if it is still kept.
func (t *Traces) Invocation(requestID string) (Invocation, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	inv := t.invocations[requestID]
	if inv == nil {
		return Invocation{}, false
	}
	out := *inv
	out.Spans = append([]Span(nil), inv.Spans...)
	return out, true
}

// Publish takes an event in.
func (t *Traces) Publish(e event.Event) {
	if _, line := e.Record.(event.Line); line {
		return // the most there are, and none is of interest
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	id := e.Origin.Environment
	env := t.environments[id]
	if env == nil {
		if _, begins := e.Record.(event.Created); !begins {
			return // the end of one that is gone
		}
		env = &environment{origin: e.Origin}
		t.environments[id] = env
	}
	env.take(t, e)
	if _, gone := e.Record.(event.Gone); gone {
		delete(t.environments, id)
	}
}

// keep makes room in the ring for an invocation.
func (t *Traces) keep(inv *Invocation) {
	if oldest := t.ring[t.next]; oldest != "" {
		delete(t.invocations, oldest)
	}
	t.ring[t.next] = inv.RequestID
	t.next = (t.next + 1) % len(t.ring)
	t.invocations[inv.RequestID] = inv
}
