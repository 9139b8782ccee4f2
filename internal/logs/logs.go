package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"lambent/internal/event"
	"lambent/internal/logline"
)

// Config is what logs are kept with. Folder must be set; everything else has a
// default.
type Config struct {
	Folder    string        // where the groups live
	Style     logline.Style // how failures look in the text format
	MaxBytes  int64         // of everything on disk; DefaultMaxBytes when 0
	Retention time.Duration // of groups that have none of their own; 0 keeps records until MaxBytes

	// Problem is told when writing begins to fail, and with nil when it works
	// again. It is called by the writer and must not block. May be nil.
	Problem func(error)
}

// DefaultMaxBytes is how much room logs may take.
const DefaultMaxBytes = 2 << 30

const (
	linger      = 10 * time.Millisecond // how long events gather before they are written
	maintenance = time.Minute           // how often limits are looked at
	closeAfter  = time.Minute           // when the descriptor of a silent stream is given back
	idleAfter   = 5 * time.Minute       // when its memory is, too
)

// ErrClosed is what an operation on closed logs gets.
var ErrClosed = errors.New("logs are closed")

// Logs is a sink of events that keeps them as log groups and streams.
type Logs struct {
	tails  *Tails
	disk   *disk // owned by run
	folder *os.Root

	retention time.Duration // of groups that have none of their own

	queues  sync.Map // *event.Origin to *queue
	waiting atomic.Int64
	armed   atomic.Bool   // run knows that something waits
	wake    chan struct{} // capacity 1

	mu    sync.Mutex
	dirty []*queue // not empty, in the order in which they stopped being

	commands  chan func()
	stop      chan struct{}
	stopOnce  sync.Once
	stopped   chan struct{}
	followers followers
	spare     batch // owned by run
	scratch   []byte
	text      []byte // messages of the event being written; owned by run
	ends      []int
}

// Stats counts what became of events since Open.
type Stats struct {
	Records, Bytes               int64 // written
	DroppedRecords, DroppedBytes int64 // refused by a full queue, or lost by a failing disk
	WriteErrors                  int64
	DiskBytes                    int64 // that logs take now
}

// Open makes the folder if need be and starts the writer.
func Open(cfg Config) (*Logs, error) {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = DefaultMaxBytes
	}
	if err := os.MkdirAll(cfg.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("make log folder: %w", err)
	}
	root, err := os.OpenRoot(cfg.Folder)
	if err != nil {
		return nil, fmt.Errorf("open log folder: %w", err)
	}
	l := &Logs{
		tails: NewTails(cfg.Style), folder: root, retention: cfg.Retention, disk: newDisk(root, cfg),
		wake: make(chan struct{}, 1), commands: make(chan func()), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	l.disk.appended = l.followers.note
	go l.run()
	return l, nil
}

// Close writes what waits and ends the writer. Later events are forgotten.
func (l *Logs) Close() error {
	l.stopOnce.Do(func() { close(l.stop) })
	<-l.stopped
	return nil
}

// Tails are the tails of invocations, which Publish feeds.
func (l *Logs) Tails() *Tails { return l.tails }

// Publish takes an event. It copies, and never waits for anything slow.
func (l *Logs) Publish(e event.Event) {
	if e.Origin == nil {
		return
	}
	if _, gone := e.Record.(event.Gone); gone {
		l.end(e.Origin)
		return
	}
	if !stored(e) {
		return
	}
	l.tails.Publish(e)
	if e.Origin.LogGroup == "" || e.Origin.LogStream == "" {
		return
	}
	q := l.queue(e.Origin)
	bytes, first := q.add(e, l.waiting.Load() < allBytes)
	if bytes > 0 {
		l.waiting.Add(int64(bytes))
	}
	if first {
		l.announce(q)
	}
}

// end has what the environment's stream takes of memory and descriptors given back,
// after what it still says.
func (l *Logs) end(o *event.Origin) {
	if q, ok := l.queues.Load(o); ok && q.(*queue).end() {
		l.announce(q.(*queue))
	}
}

// announce tells the writer of a queue that was empty.
func (l *Logs) announce(q *queue) {
	l.mu.Lock()
	l.dirty = append(l.dirty, q)
	l.mu.Unlock()
	if !l.armed.Swap(true) {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

func (l *Logs) queue(o *event.Origin) *queue {
	if q, ok := l.queues.Load(o); ok {
		return q.(*queue)
	}
	q, _ := l.queues.LoadOrStore(o, &queue{origin: o, used: time.Now()})
	return q.(*queue)
}

// Sync returns when everything published before the call can be read.
func (l *Logs) Sync(ctx context.Context) error {
	return l.do(ctx, func() error { l.drain(); return nil })
}

// Stats tells what happened so far.
func (l *Logs) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	err := l.do(ctx, func() error { s = l.disk.stats; s.DiskBytes = l.disk.total; return nil })
	return s, err
}

// do has the writer, who owns the disk, carry out f.
func (l *Logs) do(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	select {
	case l.commands <- func() { done <- f() }:
		return <-done
	case <-l.stopped:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run is the writer: the one goroutine that changes files.
func (l *Logs) run() {
	defer close(l.stopped)
	lingering := time.NewTimer(linger)
	lingering.Stop()
	tick := time.NewTicker(maintenance)
	defer tick.Stop()
	l.disk.maintain(time.Now())
	for {
		select {
		case <-l.wake:
			lingering.Reset(linger)
		case <-lingering.C:
			l.drain()
		case f := <-l.commands:
			f()
		case <-tick.C:
			l.maintain(time.Now())
		case <-l.stop:
			l.drain()
			l.disk.close()
			_ = l.folder.Close()
			return
		}
	}
}

// drain writes all that waits.
func (l *Logs) drain() {
	l.armed.Store(false)
	l.mu.Lock()
	dirty := l.dirty
	l.dirty = nil
	l.mu.Unlock()
	now := time.Now()
	for _, q := range dirty {
		full := q.take(l.spare)
		l.waiting.Add(-int64(len(full.text)))
		l.write(q.origin, &full.batch, full.dropped, now)
		l.spare = full.emptied()
		if full.ended {
			l.queues.Delete(q.origin)
			l.disk.forget(streamKey{q.origin.LogGroup, q.origin.LogStream})
		}
	}
}

// write renders a batch and appends it to its stream.
func (l *Logs) write(o *event.Origin, b *batch, dropped event.LogsDropped, now time.Time) {
	w := writing{key: streamKey{o.LogGroup, o.LogStream}, now: now, data: l.scratch[:0]}
	for i := range b.events {
		l.render(&w, b.at(i))
	}
	if dropped.Records > 0 {
		l.disk.countLoss(dropped)
		dropped.Reason = "Some logs were dropped because the downstream consumer is slower than the logs production rate"
		l.render(&w, event.Event{Time: now, Origin: o, Record: dropped})
	}
	if lost := l.disk.lossOf(w.key); lost.Records > 0 && len(w.data) > 0 {
		lost.Reason = "Some logs were dropped because they could not be written to disk"
		counted := w
		l.render(&w, event.Event{Time: now, Origin: o, Record: lost})
		// The record of a loss is no loss itself when it cannot be written either.
		w.records, w.bytes, w.tellsLoss = counted.records, counted.bytes, true
	}
	l.disk.append(&w)
	if l.scratch = w.data[:0]; cap(l.scratch) > 2*queueBytes {
		l.scratch = nil
	}
}

// render encodes the messages of an event, if its stream wants them.
func (l *Logs) render(w *writing, e event.Event) {
	if !logline.Wanted(e) {
		return
	}
	at := storedTime(e.Time, w.now).UnixMilli()
	line, isLine := e.Record.(event.Line)
	if isLine {
		if len(line.Text) > 0 {
			w.add(at, line.Text)
		}
		return
	}
	l.text, l.ends = logline.AppendMessages(l.text[:0], l.ends[:0], e, l.tails.style)
	begin := 0
	for _, end := range l.ends {
		w.add(at, l.text[begin:end])
		begin = end
	}
}

// storedTime is the event's time, or now for one that a function made up:
// CloudWatch takes events of the last 14 days and the next two hours.
func storedTime(t, now time.Time) time.Time {
	if t.Before(now.Add(-maxAge)) || t.After(now.Add(maxAhead)) {
		return now
	}
	return t
}

const (
	maxAge   = 14 * 24 * time.Hour
	maxAhead = 2 * time.Hour
)

func (l *Logs) maintain(now time.Time) {
	l.disk.maintain(now)
	l.queues.Range(func(o, q any) bool {
		if used, idle := q.(*queue).idleSince(); idle && now.Sub(used) > idleAfter {
			l.queues.Delete(o)
		}
		return true
	})
}
