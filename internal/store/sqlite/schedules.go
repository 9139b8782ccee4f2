package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// Rules, schedules and groups lie in one table, by a key that says what they are.
const groupPrefix = "group/"

// EachRule implements store.Rules.
func (s *Store) EachRule(ctx context.Context, visit func(lambda.Rule) error) error {
	return eachScheduled(ctx, s, store.RuleKey(""), visit)
}

// PutRule implements store.Rules.
func (s *Store) PutRule(ctx context.Context, r lambda.Rule) error {
	return s.putScheduled(ctx, store.RuleKey(r.Name), r)
}

// DeleteRule implements store.Rules.
func (s *Store) DeleteRule(ctx context.Context, name string) error {
	return s.deleteScheduled(ctx, "key = ?", store.RuleKey(name))
}

// EachSchedule implements store.Schedules.
func (s *Store) EachSchedule(ctx context.Context, visit func(lambda.Schedule) error) error {
	return eachScheduled(ctx, s, "schedule/", visit)
}

// PutSchedule implements store.Schedules.
func (s *Store) PutSchedule(ctx context.Context, schedule lambda.Schedule) error {
	return s.putScheduled(ctx, store.ScheduleKey(schedule.Group, schedule.Name), schedule)
}

// DeleteSchedule implements store.Schedules.
func (s *Store) DeleteSchedule(ctx context.Context, group, name string) error {
	return s.deleteScheduled(ctx, "key = ?", store.ScheduleKey(group, name))
}

// EachScheduleGroup implements store.Schedules.
func (s *Store) EachScheduleGroup(ctx context.Context, visit func(lambda.ScheduleGroup) error) error {
	return eachScheduled(ctx, s, groupPrefix, visit)
}

// PutScheduleGroup implements store.Schedules.
func (s *Store) PutScheduleGroup(ctx context.Context, g lambda.ScheduleGroup) error {
	return s.putScheduled(ctx, groupPrefix+g.Name, g)
}

// DeleteScheduleGroup implements store.Schedules.
func (s *Store) DeleteScheduleGroup(ctx context.Context, name string) error {
	all := store.ScheduleKey(name, "")
	return s.deleteScheduled(ctx, "key = ? OR substr(key, 1, length(?)) = ?", groupPrefix+name, all, all)
}

// eachScheduled visits the documents whose keys begin so. All rows are read before
// the first visit, so a visitor may write.
func eachScheduled[T any](ctx context.Context, s *Store, prefix string, visit func(T) error) error {
	var all []T
	rows, err := s.query(ctx, "SELECT document FROM scheduled WHERE substr(key, 1, length(?)) = ?", prefix, prefix)
	if err != nil {
		return fmt.Errorf("read schedules: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var document sql.RawBytes
		var one T
		if err := rows.Scan(&document); err != nil {
			return fmt.Errorf("read schedules: %w", err)
		}
		if err := json.Unmarshal(document, &one); err != nil {
			return fmt.Errorf("decode schedule: %w", err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read schedules: %w", err)
	}
	rows.Close()
	for _, one := range all {
		if err := visit(one); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) putScheduled(ctx context.Context, key string, value any) error {
	document, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	err = s.writer.submit(ctx, func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, `INSERT INTO scheduled (key, document) VALUES (?, ?)
			ON CONFLICT (key) DO UPDATE SET document = excluded.document`, key, string(document))
		return err
	})
	if err != nil {
		return fmt.Errorf("store %s: %w", key, err)
	}
	return nil
}

func (s *Store) deleteScheduled(ctx context.Context, where string, keys ...any) error {
	err := s.writer.submit(ctx, func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, "DELETE FROM scheduled WHERE "+where, keys...)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete %s: %w", keys[0], err)
	}
	return nil
}

// Fire implements store.Ticks.
func (s *Store) Fire(ctx context.Context, t store.Tick, events []*store.Event) (fired bool, err error) {
	rows, bytes := make([][]any, len(events)), 0
	for i, e := range events {
		e.Sequence = s.sequence.Add(1)
		bytes += len(e.Payload)
		if rows[i], err = eventRow(e); err != nil {
			return false, err
		}
	}
	if err := s.takeRoom(ctx, bytes); err != nil {
		return false, fmt.Errorf("store tick of %s: %w", t.Key, err)
	}
	defer s.giveRoom(bytes)
	err = s.writer.submit(context.WithoutCancel(ctx), func(ctx context.Context, tx *transaction) error {
		result, err := tx.exec(ctx, "UPDATE scheduled SET tick = ? WHERE key = ?", t.At.UnixMicro(), t.Key)
		if err != nil {
			return err
		}
		found, err := result.RowsAffected()
		if fired = found > 0; err != nil || !fired {
			return err
		}
		for _, row := range rows {
			if _, err := tx.exec(ctx, insertEvent, row...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("store tick of %s: %w", t.Key, err)
	}
	return fired, nil
}

// EachTick implements store.Ticks.
func (s *Store) EachTick(ctx context.Context, visit func(store.Tick) error) error {
	rows, err := s.query(ctx, "SELECT key, tick FROM scheduled WHERE tick IS NOT NULL")
	if err != nil {
		return fmt.Errorf("read ticks: %w", err)
	}
	defer rows.Close()
	var all []store.Tick
	for rows.Next() {
		var t store.Tick
		var at int64
		if err := rows.Scan(&t.Key, &at); err != nil {
			return fmt.Errorf("read ticks: %w", err)
		}
		t.At = time.UnixMicro(at)
		all = append(all, t)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read ticks: %w", err)
	}
	rows.Close()
	for _, t := range all {
		if err := visit(t); err != nil {
			return err
		}
	}
	return nil
}
