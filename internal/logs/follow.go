package logs

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Follow hands every record of a group to f as it is stored, until ctx ends or f
// fails. Records that happened at since or later and are already stored come
// first, by their time; the zero time asks for none of those. After them the
// order within a stream is the stream's. A slow f misses nothing: what waits is
// on disk, not in memory.
func (l *Logs) Follow(ctx context.Context, group string, since time.Time, f func(Record) error) error {
	w := l.followers.add(group)
	defer l.followers.remove(w)
	if err := l.Sync(ctx); err != nil {
		return err
	}
	seen := make(map[string]Position)
	if !since.IsZero() {
		if err := l.catchUp(ctx, group, since, seen, f); err != nil {
			return err
		}
	} else {
		w.take() // stored before the call
	}
	for {
		select {
		case <-w.wake:
		case <-l.stopped:
			return ErrClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := l.fresh(ctx, group, w.take(), seen, f); err != nil {
			return err
		}
	}
}

// catchUp hands over what is stored already and remembers how far it came.
func (l *Logs) catchUp(ctx context.Context, group string, since time.Time, seen map[string]Position, f func(Record) error) error {
	filter := Filter{Since: since, Limit: DefaultLimit}
	for {
		records, err := l.Filter(ctx, group, filter)
		if err != nil && err != ErrNoGroup {
			return err
		}
		for _, rec := range records {
			seen[rec.Stream] = max(seen[rec.Stream], rec.nextStart)
			if err := f(rec); err != nil {
				return err
			}
		}
		if len(records) < filter.Limit {
			return nil
		}
		filter.After = &records[len(records)-1]
	}
}

// fresh hands over the new records of some streams, by their time as far as the
// order within each stream allows.
func (l *Logs) fresh(ctx context.Context, group string, streams map[string]Position, seen map[string]Position, f func(Record) error) error {
	const atOnce = 1000 // records of one stream that are in memory
	for len(streams) > 0 {
		var all []timed
		for name, from := range streams {
			some := l.next(streamKey{group, name}, max(from, seen[name]), atOnce)
			if len(some) > 0 {
				// What was stored after the note was read with it, and a note of
				// its own is on its way.
				seen[name] = some[len(some)-1].nextStart
			}
			if len(some) < atOnce {
				delete(streams, name)
			}
			all = append(all, some...)
		}
		slices.SortStableFunc(all, func(a, b timed) int { return a.order.Compare(b.order) })
		for _, rec := range all {
			if err := f(rec.Record); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// timed is a record with the latest time of its stream so far, which never goes
// back.
type timed struct {
	Record
	order time.Time
}

// next reads up to limit records of a stream. One that cannot be read has none.
func (l *Logs) next(key streamKey, from Position, limit int) []timed {
	s, err := openStream(l.folder, key)
	if err != nil {
		return nil
	}
	var records []timed
	var latest time.Time
	for rec := range s.forward(from) {
		if rec.Time.After(latest) {
			latest = rec.Time
		}
		records = append(records, timed{rec, latest})
		if len(records) == limit {
			break
		}
	}
	return records
}

// followers are those who want to know which streams grow.
type followers struct {
	mu  sync.Mutex
	all map[*follower]struct{}
}

// follower is one of them. It notes only where the news of a stream begins.
type follower struct {
	group string
	wake  chan struct{} // capacity 1

	mu   sync.Mutex
	news map[string]Position
}

func (fs *followers) add(group string) *follower {
	w := &follower{group: group, wake: make(chan struct{}, 1), news: make(map[string]Position)}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.all == nil {
		fs.all = make(map[*follower]struct{})
	}
	fs.all[w] = struct{}{}
	return w
}

func (fs *followers) remove(w *follower) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.all, w)
}

// note tells the followers of the group that a stream grew.
func (fs *followers) note(key streamKey, from Position) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for w := range fs.all {
		if w.group == key.group {
			w.note(key.stream, from)
		}
	}
}

func (w *follower) note(stream string, from Position) {
	w.mu.Lock()
	if known, ok := w.news[stream]; !ok || from < known {
		w.news[stream] = from
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *follower) take() map[string]Position {
	w.mu.Lock()
	defer w.mu.Unlock()
	news := w.news
	w.news = make(map[string]Position)
	return news
}
