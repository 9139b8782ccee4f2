package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// scheduleTests are the suite of store.Rules, store.Schedules and store.Ticks.
func scheduleTests() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"a rule comes, is replaced and goes":                 ruleLife,
		"a schedule comes, is replaced and goes":             scheduleLife,
		"a group takes its schedules along":                  groupLife,
		"a tick and its events are kept together":            tickFires,
		"ticks stay when a rule changes and go when it goes": tickLife,
		"what is deleted does not fire":                      tickOfNothing,
		"a closed store has no schedules":                    schedulesClosed,
	}
}

func read[T any](t *testing.T, open Open, each func(Store) func(context.Context, func(T) error) error, name func(T) string) (names []string, all []T) {
	t.Helper()
	s := open(t)
	defer closeStore(t, s)
	must(t, each(s)(t.Context(), func(one T) error {
		all = append(all, one)
		return nil
	}))
	slices.SortFunc(all, func(a, b T) int { return slices.Compare([]string{name(a)}, []string{name(b)}) })
	for _, one := range all {
		names = append(names, name(one))
	}
	return names, all
}

func readRules(t *testing.T, open Open) []lambda.Rule {
	_, all := read(t, open, func(s Store) func(context.Context, func(lambda.Rule) error) error { return s.EachRule }, func(r lambda.Rule) string { return r.Name })
	return all
}

func readSchedules(t *testing.T, open Open) []string {
	names, _ := read(t, open, func(s Store) func(context.Context, func(lambda.Schedule) error) error { return s.EachSchedule },
		func(s lambda.Schedule) string { return s.Group + "/" + s.Name })
	return names
}

func readTicks(t *testing.T, open Open) map[string]time.Time {
	_, all := read(t, open, func(s Store) func(context.Context, func(store.Tick) error) error { return s.EachTick }, func(k store.Tick) string { return k.Key })
	ticks := map[string]time.Time{}
	for _, k := range all {
		ticks[k.Key] = k.At.UTC()
	}
	return ticks
}

func fullRule(name string) lambda.Rule {
	var r lambda.Rule
	fill(reflect.ValueOf(&r).Elem())
	r.Name = name
	return r
}

func ruleLife(t *testing.T, open Open) {
	first, second := fullRule("one"), fullRule("two")
	for _, r := range []lambda.Rule{first, second} {
		write(t, open, func(ctx context.Context, s Store) error { return s.PutRule(ctx, r) })
	}
	equal(t, "rules", readRules(t, open), []lambda.Rule{first, second})
	second.Expression, second.Targets = "rate(2 minutes)", nil
	write(t, open, func(ctx context.Context, s Store) error { return s.PutRule(ctx, second) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteRule(ctx, "one") })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteRule(ctx, "never") })
	equal(t, "rules", readRules(t, open), []lambda.Rule{second})
}

func scheduleLife(t *testing.T, open Open) {
	var first lambda.Schedule
	fill(reflect.ValueOf(&first).Elem())
	second := first
	second.Group = first.Group + "2"
	for _, one := range []lambda.Schedule{first, second} {
		write(t, open, func(ctx context.Context, s Store) error { return s.PutSchedule(ctx, one) })
	}
	second.End = nil
	write(t, open, func(ctx context.Context, s Store) error { return s.PutSchedule(ctx, second) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteSchedule(ctx, first.Group, first.Name) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteSchedule(ctx, first.Group, first.Name) })
	_, all := read(t, open, func(s Store) func(context.Context, func(lambda.Schedule) error) error { return s.EachSchedule }, func(s lambda.Schedule) string { return s.Group })
	equal(t, "schedules", all, []lambda.Schedule{second})
}

func groupLife(t *testing.T, open Open) {
	write(t, open, func(ctx context.Context, s Store) error {
		for _, group := range []string{"a", "ab", "A", "a%"} {
			if err := s.PutScheduleGroup(ctx, lambda.ScheduleGroup{Name: group, Tags: []lambda.ScheduleTag{{Key: "k", Value: group}}}); err != nil {
				return err
			}
			if err := s.PutSchedule(ctx, lambda.Schedule{Group: group, Name: "s"}); err != nil {
				return err
			}
		}
		return nil
	})
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteScheduleGroup(ctx, "a") })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteScheduleGroup(ctx, "never") })
	equal(t, "schedules", readSchedules(t, open), []string{"A/s", "a%/s", "ab/s"})
	names, groups := read(t, open, func(s Store) func(context.Context, func(lambda.ScheduleGroup) error) error {
		return s.EachScheduleGroup
	},
		func(g lambda.ScheduleGroup) string { return g.Name })
	equal(t, "groups", names, []string{"A", "a%", "ab"})
	equal(t, "tags", groups[0].Tags, []lambda.ScheduleTag{{Key: "k", Value: "A"}})
}

func tickFires(t *testing.T, open Open) {
	write(t, open, func(ctx context.Context, s Store) error { return s.PutRule(ctx, lambda.Rule{Name: "r"}) })
	tick := store.Tick{Key: store.RuleKey("r"), At: eventNow()}
	events := []*store.Event{newEvent("1", "f", 0), newEvent("2", "f", 0)}
	write(t, open, func(ctx context.Context, s Store) error {
		fired, err := s.Fire(ctx, tick, events)
		if !fired {
			t.Error("Fire: false, want true")
		}
		return err
	})
	equal(t, "ticks", readTicks(t, open), map[string]time.Time{tick.Key: tick.At})
	s := open(t)
	defer closeStore(t, s)
	got, _ := claim(t, s, "f", 0, 10)
	if len(got) != 2 || got[0].Sequence == got[1].Sequence || string(got[0].Payload) != `{"id":"1"}` {
		t.Errorf("claimed %+v, want the two events of the tick", got)
	}
}

func tickLife(t *testing.T, open Open) {
	tick := store.Tick{Key: store.ScheduleKey("g", "s"), At: eventNow()}
	write(t, open, func(ctx context.Context, s Store) error {
		return s.PutSchedule(ctx, lambda.Schedule{Group: "g", Name: "s"})
	})
	for range 2 {
		tick.At = tick.At.Add(time.Minute)
		write(t, open, func(ctx context.Context, s Store) error { _, err := s.Fire(ctx, tick, nil); return err })
	}
	write(t, open, func(ctx context.Context, s Store) error {
		return s.PutSchedule(ctx, lambda.Schedule{Group: "g", Name: "s", State: "DISABLED"})
	})
	equal(t, "ticks after a change", readTicks(t, open), map[string]time.Time{tick.Key: tick.At})
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteSchedule(ctx, "g", "s") })
	write(t, open, func(ctx context.Context, s Store) error {
		return s.PutSchedule(ctx, lambda.Schedule{Group: "g", Name: "s"})
	})
	equal(t, "ticks of a new one", readTicks(t, open), map[string]time.Time{})
}

func tickOfNothing(t *testing.T, open Open) {
	s := open(t)
	defer closeStore(t, s)
	fired, err := s.Fire(t.Context(), store.Tick{Key: store.RuleKey("never"), At: eventNow()}, []*store.Event{newEvent("1", "f", 0)})
	if fired || err != nil {
		t.Errorf("Fire of nothing: %v, %v", fired, err)
	}
	if got, _ := claim(t, s, "f", 0, 10); len(got) != 0 {
		t.Errorf("claimed %+v, want nothing", got)
	}
}

func schedulesClosed(t *testing.T, open Open) {
	s := open(t)
	closeStore(t, s)
	ctx := t.Context()
	_, fire := s.Fire(ctx, store.Tick{Key: "k"}, nil)
	for call, err := range map[string]error{
		"PutRule": s.PutRule(ctx, lambda.Rule{Name: "r"}), "DeleteRule": s.DeleteRule(ctx, "r"), "Fire": fire,
		"EachRule":       s.EachRule(ctx, func(lambda.Rule) error { return nil }),
		"EachTick":       s.EachTick(ctx, func(store.Tick) error { return nil }),
		"PutSchedule":    s.PutSchedule(ctx, lambda.Schedule{}),
		"DeleteSchedule": s.DeleteSchedule(ctx, "g", "s"),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: %v, want %v", call, err, store.ErrClosed)
		}
	}
}
