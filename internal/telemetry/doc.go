// Package telemetry delivers what happens in an environment to the extensions
// that subscribed to the Telemetry API, or to the older Logs API.
//
// A Hub belongs to one environment and is one of the readers of its event
// stream. The stream also tells it all that it needs to know of the
// environment's life:
//
//   - InitStart opens subscribing, and ends the subscriptions of processes that
//     are no more. Whoever subscribes gets what happened since then.
//   - InitRuntimeDone closes subscribing.
//   - Frozen stops deliveries and their clocks, Thawed lets both go on: what
//     happened at the end of one invocation commonly arrives during the next.
//   - Reset sends what is there at once, for extensions are about to end. Flush
//     waits for it: an extension hears of its end after all else, since many
//     exit as soon as they do.
//   - Gone ends everything.
//
// A batch leaves when it has enough records or bytes, or when its first record
// has waited long enough. It is tried a few times; then it is dropped. A
// subscriber that is too slow loses the newest records. What was lost is
// counted and told to the subscriber in a platform.logsDropped record.
//
// Publish never blocks: each subscriber has a bounded queue and one goroutine.
package telemetry
