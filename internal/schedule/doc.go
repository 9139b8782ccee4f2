// Package schedule owns rules with a schedule and the schedules of EventBridge
// Scheduler, and hands what they ask for to the queue of asynchronous invocations.
//
// # Once for each tick
//
// A tick is a moment at which a rule or schedule is due. The tick and the events
// that it makes are written as one act (store.Ticks), so a tick is neither lost nor
// repeated by a kill. Ticks are computed from the expression and a fixed beginning,
// never from the last tick, so there is no drift.
//
// A tick that comes while the daemon is down is made up when it is no older than
// Grace at the next start, the last one only; older ones are skipped. A one-time
// schedule, at(), has no next tick: it is made up for as long as its retry policy
// lets an event be old.
//
// # Ownership
//
// The maps belong to mu; whoever changes something holds change across the write,
// and shows it only when it is durable. One goroutine waits for the next tick.
package schedule
