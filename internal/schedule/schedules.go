package schedule

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/schedule/expression"
	"lambent/internal/store"
)

// earliestStart is how far back a StartDate may lie.
const earliestStart = 5 * time.Minute

// Schedule finds a schedule.
func (e *Engine) Schedule(group, n string) (lambda.Schedule, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.schedules[name{group, n}]
	if !ok {
		return s, lambda.Errorf(lambda.NotFound, "Schedule %s does not exist.", n)
	}
	return s, nil
}

// Schedules lists schedules by group and name; what is empty does not choose.
func (e *Engine) Schedules(group, prefix, state string) []lambda.Schedule {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []lambda.Schedule
	for n, s := range e.schedules {
		if (group == "" || n.group == group) && strings.HasPrefix(n.name, prefix) && (state == "" || s.State == state) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b lambda.Schedule) int {
		return slices.Compare([]string{a.Group, a.Name}, []string{b.Group, b.Name})
	})
	return all
}

// CreateSchedule makes a schedule. A second request with the same token changes
// nothing: its caller did not hear of the first.
func (e *Engine) CreateSchedule(ctx context.Context, s lambda.Schedule) error {
	if old, err := e.Schedule(s.Group, s.Name); err == nil && s.Token != "" && old.Token == s.Token {
		return nil
	}
	return e.putSchedule(ctx, s, func(_ lambda.Schedule, exists bool) error {
		if exists {
			return lambda.Errorf(lambda.Conflict, "Schedule %s already exists.", s.Name)
		}
		return nil
	})
}

// UpdateSchedule replaces all that a schedule says.
func (e *Engine) UpdateSchedule(ctx context.Context, s lambda.Schedule) error {
	return e.putSchedule(ctx, s, func(_ lambda.Schedule, exists bool) error {
		if !exists {
			return lambda.Errorf(lambda.NotFound, "Schedule %s does not exist.", s.Name)
		}
		return nil
	})
}

func (e *Engine) putSchedule(ctx context.Context, s lambda.Schedule, allowed func(old lambda.Schedule, exists bool) error) error {
	x, err := e.checkSchedule(s)
	if err != nil {
		return err
	}
	if e.config.Rights != nil {
		if err := e.config.Rights.CheckRole(ctx, s.Target.Role); err != nil {
			return err
		}
	}
	e.change.Lock()
	defer e.change.Unlock()
	n := name{s.Group, s.Name}
	e.mu.Lock()
	old, exists := e.schedules[n]
	_, group := e.groups[s.Group]
	e.mu.Unlock()
	if !group && s.Group != lambda.DefaultGroup {
		return noGroup(s.Group)
	}
	if err := allowed(old, exists); err != nil {
		return err
	}
	now := time.Now()
	s.Created, s.Modified, s.Since, s.Begin = now, now, now, whole(now)
	if exists {
		s.Created, s.Token = old.Created, old.Token
	}
	switch {
	case s.Start != nil && x.Rate():
		s.Begin = *s.Start // which counts, though it is past
		s.Since = now
	case exists && old.Expression == s.Expression && old.Start == nil:
		s.Begin = old.Begin
	}
	if err := e.config.Store.PutSchedule(context.WithoutCancel(ctx), s); err != nil {
		return err
	}
	e.mu.Lock()
	e.schedules[n] = s
	e.plan(planSchedule(s), now)
	e.mu.Unlock()
	e.poke()
	return nil
}

// checkSchedule judges what the shapes of the API cannot.
func (e *Engine) checkSchedule(s lambda.Schedule) (expression.Expression, error) {
	x, err := expression.Parse(s.Expression, expression.Scheduler)
	if err != nil {
		return x, lambda.Errorf(lambda.Validation, "Invalid Schedule Expression %s.", s.Expression)
	}
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "Local" {
		return x, lambda.Errorf(lambda.Validation, "Invalid Schedule Expression Timezone %s.", s.Zone)
	}
	now := time.Now()
	if s.Start != nil && !x.Once() && s.Start.Before(now.Add(-earliestStart)) {
		return x, lambda.Errorf(lambda.Validation, "The StartDate you specify cannot be earlier than 5 minutes ago.")
	}
	if s.End != nil && !x.Once() && s.End.Before(now) {
		return x, lambda.Errorf(lambda.Validation, "The EndDate you specify cannot be in the past.")
	}
	if s.Start != nil && s.End != nil && !s.End.After(*s.Start) {
		return x, lambda.Errorf(lambda.Validation, "The EndDate you specify must come after the StartDate.")
	}
	if err := e.checkARN(s.Target.ARN); err != nil {
		return x, err
	}
	if s.Target.Input != "" && !json.Valid(schedulePayload(e.config.Home, s, "00000000-0000-0000-0000-000000000000", now)) {
		return x, lambda.Errorf(lambda.Validation, "The Input of a function must be JSON.")
	}
	return x, e.checkDeadLetter(s.Target.DeadLetter)
}

// DeleteSchedule removes a schedule.
func (e *Engine) DeleteSchedule(ctx context.Context, group, n string) error {
	e.change.Lock()
	defer e.change.Unlock()
	if _, err := e.Schedule(group, n); err != nil {
		return err
	}
	if err := e.config.Store.DeleteSchedule(context.WithoutCancel(ctx), group, n); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.schedules, name{group, n})
	e.forget(store.ScheduleKey(group, n))
	return nil
}
