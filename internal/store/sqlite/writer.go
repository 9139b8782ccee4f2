package sqlite

import (
	"context"
	"database/sql"
	"runtime"
	"sync"

	"lambent/internal/store"
)

// maxGroup bounds how many writes share one commit, so that the first of them
// does not wait for ever while others keep coming.
const maxGroup = 256

// writer owns the one connection that writes. Writes queue at a channel; the
// writer takes all that wait, commits once, and only then tells their callers. One
// write that fails is undone alone; when the commit fails, each gets one of its own.
type writer struct {
	writes  chan *write
	closing chan struct{} // closed by stop: take no more
	done    chan struct{} // closed by run: nothing is being written
	once    sync.Once
	err     error // of closing the connection; read after done
}

// write is something to be written. What it does may be undone and done again,
// so it must not depend on what it left in memory the first time.
type write struct {
	ctx    context.Context
	do     func(context.Context, *transaction) error
	result chan error // capacity 1
}

func startWriter(conn *sql.Conn) *writer {
	w := &writer{
		writes:  make(chan *write, maxGroup),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
	}
	go w.run(&transaction{conn: conn})
	return w
}

// submit returns when the write is durable, or was not made. A context that
// ends while the write waits or is made ends only the caller's wait; what do touches
// is still in use then, so one that tells its caller something takes no such context.
func (w *writer) submit(ctx context.Context, do func(context.Context, *transaction) error) error {
	job := &write{ctx: ctx, do: do, result: make(chan error, 1)}
	if w.stopped() {
		return store.ErrClosed
	}
	select {
	case w.writes <- job:
	case <-w.closing:
		return store.ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-job.result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-w.done:
		// run may have answered just before it ended.
		select {
		case err := <-job.result:
			return err
		default:
			return store.ErrClosed
		}
	}
}

func (w *writer) stopped() bool {
	select {
	case <-w.closing:
		return true
	default:
		return false
	}
}

// stop refuses new writes, finishes those that were taken, and ends run.
func (w *writer) stop() error {
	w.once.Do(func() { close(w.closing) })
	<-w.done
	return w.err
}

func (w *writer) run(tx *transaction) {
	defer close(w.done)
	for {
		select {
		case first := <-w.writes:
			commit(tx, w.gather(first))
		case <-w.closing:
			w.err = tx.close()
			return
		}
	}
}

// gather takes what waits already, and what those are about to write who can go on
// at once: it lets them. It never waits for more, since a lone write must not pay
// for company that does not come.
func (w *writer) gather(first *write) []*write {
	group := []*write{first}
	runtime.Gosched()
	for len(group) < maxGroup {
		select {
		case next := <-w.writes:
			group = append(group, next)
		default:
			return group
		}
	}
	return group
}

// commit makes the group durable and answers every member exactly once.
func commit(tx *transaction, group []*write) {
	results := make([]error, len(group))
	// Nearly always all of them can be made; if not, look again which.
	err := tx.whole(func() error { return together(tx, group, results) })
	if err != nil && len(group) > 1 {
		clear(results)
		err = tx.whole(func() error { return apart(tx, group, results) })
	}
	if err != nil && len(group) > 1 {
		clear(results)
		alone(tx, group, results)
		err = nil
	}
	for i, job := range group {
		if err != nil && results[i] == nil {
			results[i] = err
		}
		job.result <- results[i]
	}
}

// together makes all writes, or fails with the first that cannot be made.
func together(tx *transaction, group []*write, results []error) error {
	for i, job := range group {
		if results[i] = context.Cause(job.ctx); results[i] != nil {
			continue // nobody waits for it
		}
		// The caller's context must not interrupt a statement: that would roll the
		// whole group back.
		if err := job.do(context.WithoutCancel(job.ctx), tx); err != nil {
			return err
		}
	}
	return nil
}

// apart makes each write that can be made. Its error means that the transaction
// itself is no longer usable.
func apart(tx *transaction, group []*write, results []error) (fatal error) {
	for i, job := range group {
		if results[i] = context.Cause(job.ctx); results[i] != nil {
			continue
		}
		results[i], fatal = tx.part(func() error { return job.do(context.WithoutCancel(job.ctx), tx) })
		if fatal != nil {
			return fatal
		}
	}
	return nil
}

// alone gives each write a commit of its own. Some errors, such as a full disk, undo
// a transaction from its beginning; what is small enough, or makes room, must not
// fail with what is too large.
func alone(tx *transaction, group []*write, results []error) {
	for i := range group {
		err := tx.whole(func() error { return together(tx, group[i:i+1], results[i:i+1]) })
		if err != nil {
			results[i] = err
		}
	}
}
