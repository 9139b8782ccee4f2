package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lambent/internal/store"
)

// chosen is the filter as a condition. It is spelled out, since SQLite uses a partial
// index only for a condition that it can see to be the index's own.
func chosen(f store.EventFilter) (where string, args []any) {
	where = "dead = 0"
	if f.Dead {
		where = "dead = 1"
	}
	if f.Function != "" {
		return where + " AND function = ?", []any{f.Function}
	}
	return where, nil
}

// Events implements store.QueueDesk.
func (s *Store) Events(ctx context.Context, f store.EventFilter) (all []store.Event, err error) {
	where, args := chosen(f)
	rows, err := s.query(ctx, "SELECT sequence, document, NULL, NULL FROM queued_event WHERE "+where+" ORDER BY sequence LIMIT ?", append(args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEvent(rows)
		if err != nil {
			return nil, fmt.Errorf("list events: %w", err)
		}
		all = append(all, e)
	}
	return all, rows.Err()
}

// CountEvents implements store.QueueDesk.
func (s *Store) CountEvents(ctx context.Context, f store.EventFilter) (n int, err error) {
	where, args := chosen(f)
	rows, err := s.query(ctx, "SELECT count(*) FROM queued_event WHERE "+where, args...)
	if err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		err = rows.Scan(&n)
	}
	return n, errors.Join(err, rows.Err())
}

// Take implements store.QueueDesk. It claims first and reads again, since the
// event may change until it is claimed. Request ids have no index, which each event
// would pay for: operators are patient, and begin with the oldest.
func (s *Store) Take(ctx context.Context, requestID string) (store.Event, bool, error) {
	seen, found, err := s.event(ctx, "dead = 1 AND request_id = ?", requestID)
	if err == nil && !found {
		seen, found, err = s.event(ctx, "dead = 0 AND request_id = ?", requestID)
	}
	if err != nil || !found || !s.claims.take(seen.Sequence) {
		return store.Event{}, false, err
	}
	e, found, err := s.event(ctx, "sequence = ?", seen.Sequence)
	if err != nil || !found {
		s.claims.release(seen.Sequence)
	}
	return e, found, err
}

// Release implements store.QueueDesk.
func (s *Store) Release(sequence int64) { s.claims.release(sequence) }

// Prune implements store.QueueDesk. It claims what it deletes, so that nothing goes
// that has been taken.
func (s *Store) Prune(ctx context.Context, before time.Time, keep int) error {
	mine := map[int64]bool{}
	defer func() {
		for sequence := range mine {
			s.claims.release(sequence)
		}
	}()
	err := s.writer.submit(context.WithoutCancel(ctx), func(ctx context.Context, tx *transaction) error {
		old, err := sequences(ctx, tx, `SELECT sequence FROM queued_event WHERE dead = 1 AND (accepted < ? OR sequence <= (
			SELECT sequence FROM queued_event WHERE dead = 1 ORDER BY sequence DESC LIMIT 1 OFFSET ?))`, before.UnixMicro(), keep)
		if err != nil {
			return err
		}
		for _, sequence := range old {
			if !mine[sequence] && !s.claims.take(sequence) {
				continue
			}
			mine[sequence] = true
			if _, err := tx.exec(ctx, "DELETE FROM queued_event WHERE sequence = ?", sequence); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("prune dead events: %w", err)
	}
	return nil
}

func sequences(ctx context.Context, tx *transaction, query string, args ...any) (all []int64, err error) {
	rows, err := tx.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var sequence int64
		if err := rows.Scan(&sequence); err != nil {
			return nil, err
		}
		all = append(all, sequence)
	}
	return all, rows.Err()
}
