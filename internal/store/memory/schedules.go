package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// scheduleData is rules, schedules and groups, by a key that says what they are.
type scheduleData struct {
	documents map[string][]byte
	ticks     map[string]time.Time
}

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
	return s.deleteScheduled(ctx, func(key string) bool { return key == store.RuleKey(name) })
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
	return s.deleteScheduled(ctx, func(key string) bool { return key == store.ScheduleKey(group, name) })
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
	return s.deleteScheduled(ctx, func(key string) bool {
		return key == groupPrefix+name || strings.HasPrefix(key, store.ScheduleKey(name, ""))
	})
}

func eachScheduled[T any](ctx context.Context, s *Store, prefix string, visit func(T) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.data.mu.Lock()
	all := maps.Clone(s.data.schedules.documents)
	s.data.mu.Unlock()
	for key, document := range all {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		var one T
		if err := json.Unmarshal(document, &one); err != nil {
			return fmt.Errorf("decode %s: %w", key, err)
		}
		if err := visit(one); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) putScheduled(ctx context.Context, key string, value any) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	document, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	s.data.put(&s.data.schedules.documents, key, document)
	return nil
}

func (s *Store) deleteScheduled(ctx context.Context, gone func(key string) bool) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	maps.DeleteFunc(s.data.schedules.documents, func(key string, _ []byte) bool { return gone(key) })
	maps.DeleteFunc(s.data.schedules.ticks, func(key string, _ time.Time) bool { return gone(key) })
	return nil
}

// Fire implements store.Ticks.
func (s *Store) Fire(ctx context.Context, t store.Tick, events []*store.Event) (bool, error) {
	if err := s.ready(ctx); err != nil {
		return false, err
	}
	encoded := make([]eventData, len(events))
	for i, e := range events {
		var err error
		if encoded[i], err = encodeEvent(*e); err != nil {
			return false, err
		}
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	if s.data.schedules.documents[t.Key] == nil {
		return false, nil
	}
	if s.data.schedules.ticks == nil {
		s.data.schedules.ticks = map[string]time.Time{}
	}
	s.data.schedules.ticks[t.Key] = time.UnixMicro(t.At.UnixMicro())
	for i, e := range events {
		e.Sequence = s.data.queue.add(encoded[i])
	}
	return true, nil
}

// EachTick implements store.Ticks.
func (s *Store) EachTick(ctx context.Context, visit func(store.Tick) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.data.mu.Lock()
	all := maps.Clone(s.data.schedules.ticks)
	s.data.mu.Unlock()
	for key, at := range all {
		if err := visit(store.Tick{Key: key, At: at}); err != nil {
			return err
		}
	}
	return nil
}
