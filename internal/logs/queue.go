package logs

import (
	"sync"
	"time"

	"lambent/internal/event"
)

// The bounds of what waits to be written. Bytes are the lines' text.
const (
	queueBytes   = 1 << 20  // of one environment
	queueLines   = 10_000   // of one environment
	queueReserve = 1_000    // platform records beyond queueLines
	allBytes     = 64 << 20 // of all environments together
)

// queue is what one environment said and the owner has not taken yet.
type queue struct {
	origin *event.Origin

	mu      sync.Mutex
	pending batch
	dropped event.LogsDropped
	ended   bool      // its environment is gone
	used    time.Time // when the owner last took something
}

// batch is a row of events whose lines' text stands in one buffer, since the
// writer of a line wants its memory back.
type batch struct {
	events []event.Event
	spans  []span // of the text of events[i]; empty unless it is a line
	text   []byte
}

type span struct{ begin, end int }

// add takes an event, and tells how many bytes the text of a line added and
// whether the queue was empty before.
func (q *queue) add(e event.Event, room bool) (bytes int, first bool) {
	line, isLine := e.Record.(event.Line)
	q.mu.Lock()
	defer q.mu.Unlock()
	first = !q.waits()
	if isLine && (!room || len(q.pending.events) >= queueLines || len(q.pending.text)+len(line.Text) > queueBytes) ||
		len(q.pending.events) >= queueLines+queueReserve {
		q.dropped.Records++
		q.dropped.Bytes += int64(len(line.Text))
		return 0, first
	}
	q.pending.add(e, line.Text)
	return len(line.Text), first
}

// waits tells whether the owner has something to do. Called with mu.
func (q *queue) waits() bool {
	return len(q.pending.events) > 0 || q.dropped.Records > 0 || q.ended
}

// end notes that the environment is gone, and tells whether the queue was empty
// before.
func (q *queue) end() (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first = !q.waits()
	q.ended = true
	return first
}

// taken is what the owner found in a queue.
type taken struct {
	batch

	dropped event.LogsDropped
	ended   bool
}

// take exchanges the queue's batch for an empty one.
func (q *queue) take(empty batch) taken {
	q.mu.Lock()
	defer q.mu.Unlock()
	full := taken{q.pending, q.dropped, q.ended}
	q.pending, q.dropped, q.ended = empty, event.LogsDropped{}, false
	q.used = time.Now()
	return full
}

// idleSince tells when the queue was last used, if nothing waits in it.
func (q *queue) idleSince() (time.Time, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used, !q.waits()
}

func (b *batch) add(e event.Event, text []byte) {
	begin := len(b.text)
	b.text = append(b.text, text...)
	b.events = append(b.events, e)
	b.spans = append(b.spans, span{begin, len(b.text)})
}

// at is the event, with its line's text.
func (b *batch) at(i int) event.Event {
	e := b.events[i]
	if line, ok := e.Record.(event.Line); ok {
		line.Text = b.text[b.spans[i].begin:b.spans[i].end]
		e.Record = line
	}
	return e
}

// emptied is the batch ready to be filled again. Large buffers are given up, as
// every queue keeps one.
func (b *batch) emptied() batch {
	const keepBytes, keepEvents = 8 * 1024, 64
	if cap(b.text) > keepBytes || cap(b.events) > keepEvents {
		return batch{}
	}
	clear(b.events)
	return batch{events: b.events[:0], spans: b.spans[:0], text: b.text[:0]}
}

// stored tells whether a stream can hold anything of such an event, so that the
// others need not be queued.
func stored(e event.Event) bool {
	switch e.Record.(type) {
	case event.InitStart, event.InitReport, event.Extension, event.TelemetrySubscription, event.LogsDropped,
		event.Start, event.Report, event.Line:
		return true
	case event.InitRuntimeDone, event.RuntimeDone:
		return e.Origin.LogFormat == "JSON"
	}
	return false
}
