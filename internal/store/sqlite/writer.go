package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"lambent/internal/store"
)

// maxGroup bounds how many writes share one commit, so that the first of them
// does not wait for ever while others keep coming.
const maxGroup = 256

// writer owns the one connection that writes. Writes queue at a channel; the
// writer takes all that wait, gives each a savepoint of its own, commits once,
// and only then tells their callers. One write that fails is rolled back alone;
// a commit that fails fails them all.
type writer struct {
	writes  chan *write
	closing chan struct{} // closed by stop: take no more
	done    chan struct{} // closed by run: nothing is being written
	once    sync.Once
	err     error // of closing the connection; read after done
}

type write struct {
	ctx    context.Context
	do     func(context.Context, *sql.Tx) error
	result chan error // capacity 1
}

func startWriter(conn *sql.Conn) *writer {
	w := &writer{
		writes:  make(chan *write, maxGroup),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
	}
	go w.run(conn)
	return w
}

// submit returns when the write is durable, or was not made. A context that
// ends while the write waits or is made ends only the caller's wait.
func (w *writer) submit(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
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

func (w *writer) run(conn *sql.Conn) {
	defer close(w.done)
	for {
		select {
		case first := <-w.writes:
			w.commit(conn, w.gather(first))
		case <-w.closing:
			w.err = conn.Close()
			return
		}
	}
}

// gather takes what waits already; it never waits for more, since a lone
// writer must not pay for company that does not come.
func (w *writer) gather(first *write) []*write {
	group := []*write{first}
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
func (w *writer) commit(conn *sql.Conn, group []*write) {
	results := make([]error, len(group))
	err := inTransaction(conn, func(tx *sql.Tx) error {
		for i, job := range group {
			var fatal error
			if results[i], fatal = attempt(tx, job); fatal != nil {
				return fatal
			}
		}
		return nil
	})
	for i, job := range group {
		if err != nil && results[i] == nil {
			results[i] = err
		}
		job.result <- results[i]
	}
}

// attempt makes one write inside a savepoint. The second error means that the
// transaction itself is no longer usable.
func attempt(tx *sql.Tx, job *write) (refused, fatal error) {
	if job.ctx.Err() != nil {
		return context.Cause(job.ctx), nil
	}
	// The caller's context must not interrupt a statement: that would roll the
	// whole group back.
	ctx := context.WithoutCancel(job.ctx)
	if _, err := tx.ExecContext(ctx, "SAVEPOINT member"); err != nil {
		return nil, fmt.Errorf("begin write: %w", err)
	}
	if refused = job.do(ctx, tx); refused != nil {
		if _, err := tx.ExecContext(ctx, "ROLLBACK TO member"); err != nil {
			return refused, fmt.Errorf("undo write: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, "RELEASE member"); err != nil {
		return refused, fmt.Errorf("end write: %w", err)
	}
	return refused, nil
}

func inTransaction(conn *sql.Conn, do func(*sql.Tx) error) error {
	tx, err := conn.BeginTx(context.Background(), nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return errors.Join(fmt.Errorf("commit: %w", err), ignoreDone(tx.Rollback()))
	}
	return nil
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
