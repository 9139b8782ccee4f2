// Package retry decides what becomes of an asynchronous event after an attempt:
// whether it is over, or when it is tried again. It is pure: a history and a
// moment in, a verdict out.
//
// The rules are AWS's (developer guide, "Error handling for asynchronous
// invocation"; F279, F282 to F285):
//
//	attempt            more retries   next moment within the age   verdict
//	answered           -              -                            Over, Success
//	function failed    yes            yes                          Again, after 1 then 2 minutes
//	function failed    yes            no                           Over, EventAgeExceeded (at once, F284)
//	function failed    no             -                            Over, RetriesExhausted
//	throttled or ours  -              yes                          Again, after 1 s, 2 s, … 5 minutes
//	throttled or ours  -              no                           Over, EventAgeExceeded
//
// An event that was throttled used none of its retries: it goes back as if it had
// not been tried, for as long as its age allows.
package retry

import "time"

// The limits of AWS's event invoke config, which are its defaults too.
const (
	MaxRetries = 2
	MaxAge     = 6 * time.Hour
	MinAge     = time.Minute
)

// Settings are what the event invoke config of a function says.
type Settings struct {
	Retries int           // after a failure of the function, 0 to MaxRetries
	Age     time.Duration // from acceptance to the last attempt
}

// Default is what a function without an event invoke config has.
func Default() Settings { return Settings{Retries: MaxRetries, Age: MaxAge} }

// Delays are how long an event waits for its next attempt.
type Delays struct {
	// Fault is the wait after the function's first failure; after the n-th it is
	// n times as long.
	Fault time.Duration
	// First and Longest bound the wait after an attempt that the function was not
	// to blame for: it doubles each time.
	First, Longest time.Duration
}

// AWS are the delays of AWS.
func AWS() Delays {
	return Delays{Fault: time.Minute, First: time.Second, Longest: 5 * time.Minute}
}

// Outcome is how an attempt ended.
type Outcome int

// The outcomes.
const (
	Answered Outcome = iota // the function did its work
	Faulted                 // the function failed, timed out or died
	Returned                // the function was not run: throttled, or we failed
)

// Condition is why an event is over, as destinations are told (F282).
type Condition string

// The conditions.
const (
	Success                 Condition = "Success"
	RetriesExhausted        Condition = "RetriesExhausted"
	EventAgeExceeded        Condition = "EventAgeExceeded"
	ZeroReservedConcurrency Condition = "ZeroReservedConcurrency"
)

// History is what happened to an event so far, the last attempt included.
type History struct {
	Accepted time.Time
	Faults   int // attempts that the function failed
	Returns  int // attempts in a row that the function was not to blame for
}

// Verdict is what becomes of an event. Condition is empty when it is tried
// again, at At.
type Verdict struct {
	At        time.Time
	Condition Condition
}

// Over tells whether there is no further attempt.
func (v Verdict) Over() bool { return v.Condition != "" }

// Expired tells whether an event is too old to be tried at all.
func Expired(s Settings, accepted, now time.Time) bool { return now.Sub(accepted) > s.Age }

// Decide judges an event right after an attempt that ended in this way.
func Decide(s Settings, d Delays, h History, o Outcome, now time.Time) Verdict {
	switch o {
	case Answered:
		return Verdict{Condition: Success}
	case Faulted:
		if h.Faults > s.Retries {
			return Verdict{Condition: RetriesExhausted}
		}
		return within(s, h, now.Add(time.Duration(h.Faults)*d.Fault))
	case Returned:
		return within(s, h, now.Add(d.Backoff(h.Returns)))
	}
	panic("retry: an outcome that does not exist")
}

func within(s Settings, h History, at time.Time) Verdict {
	if Expired(s, h.Accepted, at) {
		return Verdict{Condition: EventAgeExceeded}
	}
	return Verdict{At: at}
}

// Backoff is the wait after n attempts in a row that came to nothing, n from 1.
func (d Delays) Backoff(n int) time.Duration {
	wait := d.First
	for ; n > 1 && wait < d.Longest; n-- {
		wait *= 2
	}
	return min(wait, d.Longest)
}
