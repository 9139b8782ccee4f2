package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lambent/internal/store"
)

// Enqueue implements store.Queue.
func (s *Store) Enqueue(ctx context.Context, e *store.Event) error {
	e.Sequence = s.sequence.Add(1)
	return s.insertEvent(ctx, e)
}

// EnqueueClaimed implements store.Queue.
func (s *Store) EnqueueClaimed(ctx context.Context, e *store.Event) error {
	e.Sequence = s.sequence.Add(1)
	s.claims.take(e.Sequence)
	if err := s.insertEvent(ctx, e); err != nil {
		s.claims.release(e.Sequence)
		return err
	}
	return nil
}

const insertEvent = `INSERT INTO queued_event
	(sequence, request_id, function, due, accepted, dead, document, payload, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`

// eventRow is what insertEvent puts in.
func eventRow(e *store.Event) ([]any, error) {
	document, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.RequestID, err)
	}
	return []any{
		e.Sequence, e.RequestID, e.Function, e.Due.UnixMicro(), e.Accepted.UnixMicro(), e.Dead,
		string(document), present(e.Payload), answerOf(e),
	}, nil
}

func (s *Store) insertEvent(ctx context.Context, e *store.Event) error {
	row, err := eventRow(e)
	if err != nil {
		return err
	}
	if err := s.takeRoom(ctx, len(e.Payload)); err != nil {
		return fmt.Errorf("store event %s: %w", e.RequestID, err)
	}
	defer s.giveRoom(len(e.Payload))
	err = s.writer.submit(ctx, func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, insertEvent, row...)
		return err
	})
	if err != nil {
		return fmt.Errorf("store event %s: %w", e.RequestID, err)
	}
	return nil
}

// present is a payload that is not NULL, however short.
func present(payload []byte) []byte {
	if payload == nil {
		return []byte{}
	}
	return payload
}

func answerOf(e *store.Event) []byte {
	if e.Last == nil {
		return nil
	}
	return e.Last.Payload
}

// Claim implements store.Queue. What waits is read from an index alone; the
// payloads only of those that are given out.
func (s *Store) Claim(ctx context.Context, function string, now time.Time, limit int) ([]store.Event, time.Time, error) {
	chosen, next, err := s.choose(ctx, function, now, limit)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("choose events of %s: %w", function, err)
	}
	claimed := make([]store.Event, 0, len(chosen))
	for i, sequence := range chosen {
		// The choice was made before the claim: in between, a claim that has just
		// ended may have moved the event or removed it.
		e, found, err := s.event(ctx, "sequence = ? AND dead = 0 AND due <= ?", sequence, now.UnixMicro())
		if err != nil {
			for _, sequence := range chosen[i:] {
				s.claims.release(sequence)
			}
			for _, e := range claimed {
				s.claims.release(e.Sequence)
			}
			return nil, time.Time{}, fmt.Errorf("read event of %s: %w", function, err)
		}
		if !found {
			s.claims.release(sequence)
			continue
		}
		claimed = append(claimed, e)
	}
	return claimed, next, nil
}

// choose claims the events that are due longest, and tells when the next is due.
func (s *Store) choose(ctx context.Context, function string, now time.Time, limit int) (chosen []int64, next time.Time, err error) {
	rows, err := s.query(ctx, `SELECT sequence, due FROM queued_event
		WHERE function = ? AND dead = 0 ORDER BY due, sequence`, function)
	if err != nil {
		return nil, next, err
	}
	defer func() {
		err = errors.Join(err, rows.Close())
		if err != nil {
			for _, sequence := range chosen {
				s.claims.release(sequence)
			}
		}
	}()
	for rows.Next() {
		var sequence, due int64
		if err := rows.Scan(&sequence, &due); err != nil {
			return chosen, next, err
		}
		if due > now.UnixMicro() || len(chosen) == limit {
			if s.claims.taken(sequence) {
				continue
			}
			return chosen, time.UnixMicro(due), nil
		}
		if s.claims.take(sequence) {
			chosen = append(chosen, sequence)
		}
	}
	return chosen, next, rows.Err()
}

const eventColumns = "sequence, document, payload, answer"

// event reads one event whole.
func (s *Store) event(ctx context.Context, where string, args ...any) (e store.Event, found bool, err error) {
	rows, err := s.query(ctx, "SELECT "+eventColumns+" FROM queued_event WHERE "+where+" LIMIT 1", args...)
	if err != nil {
		return e, false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return e, false, rows.Err()
	}
	e, err = scanEvent(rows)
	return e, err == nil, err
}

func scanEvent(rows *sql.Rows) (e store.Event, err error) {
	var document sql.RawBytes
	var sequence int64
	var payload, answer []byte
	if err := rows.Scan(&sequence, &document, &payload, &answer); err != nil {
		return e, err
	}
	if err := json.Unmarshal(document, &e); err != nil {
		return e, fmt.Errorf("decode event %d: %w", sequence, err)
	}
	e.Sequence, e.Payload = sequence, payload
	if e.Last != nil {
		e.Last.Payload = answer
	}
	return e, nil
}

// Update implements store.Queue.
func (s *Store) Update(ctx context.Context, e store.Event) error {
	document, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", e.RequestID, err)
	}
	row := []any{e.Due.UnixMicro(), e.Accepted.UnixMicro(), e.Dead, string(document), answerOf(&e), e.Sequence}
	err = s.writer.submit(ctx, func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, `UPDATE queued_event
			SET due = ?, accepted = ?, dead = ?, document = ?, answer = ? WHERE sequence = ?`, row...)
		return err
	})
	if err != nil {
		return fmt.Errorf("update event %s: %w", e.RequestID, err)
	}
	s.claims.release(e.Sequence)
	return nil
}

// Remove implements store.Queue.
func (s *Store) Remove(ctx context.Context, sequence int64) error {
	err := s.writer.submit(ctx, func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, "DELETE FROM queued_event WHERE sequence = ?", sequence)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove event: %w", err)
	}
	s.claims.release(sequence)
	return nil
}

// Waiting implements store.Queue.
func (s *Store) Waiting(ctx context.Context) (map[string]time.Time, error) {
	rows, err := s.query(ctx, "SELECT function, min(due) FROM queued_event WHERE dead = 0 GROUP BY function")
	if err != nil {
		return nil, fmt.Errorf("read what waits: %w", err)
	}
	defer rows.Close()
	all := map[string]time.Time{}
	for rows.Next() {
		var function string
		var due int64
		if err := rows.Scan(&function, &due); err != nil {
			return nil, fmt.Errorf("read what waits: %w", err)
		}
		all[function] = time.UnixMicro(due)
	}
	return all, rows.Err()
}
