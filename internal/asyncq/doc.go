// Package asyncq works off asynchronous invocations: accepted once, tried until
// they are over, and their outcome told to whoever asked for it.
//
// # Promises
//
// An event whose Accept returned nil is durable. It leaves the queue when its
// function answered, when a destination or dead letter queue has what became of
// it, or when the operator drops it; never otherwise. It is run at least once. It
// is run twice only when the daemon dies between the function's answer and the
// write that says so.
//
// AWS forgets an event that failed and has nowhere to go. Here it is kept as
// dead, for the operator to see, to replay or to drop; of those only so many
// and for so long.
//
// # An event's life
//
//	        accepted
//	           │
//	┌───────▶ waiting ── due ──▶ claimed ── over ──▶ sending ── all told ──▶ gone
//	│                              │                    │
//	└── not yet over: due later ───┘      not told: due later, then dead
//
// What comes after an attempt is decided in package retry. Nothing is written when
// an event is claimed: the store gives claims back when the daemon dies.
//
// # Lanes
//
// Each function has a lane. A lane knows when its earliest waiting event is due,
// how many of its events run, and how many may (retry.Window). Lanes with
// something due take turns: each turn claims a few events of one lane. However
// long one function's backlog is, another waits for no more than one turn of each.
// All lanes share a bound on what runs at once; a lane of which nothing runs may
// exceed it by one, so that no lane can be starved by slow functions of others.
//
// An event of a lane without a backlog is run as it comes, from memory. That is
// the idle case, and its latency is one durable write.
package asyncq
