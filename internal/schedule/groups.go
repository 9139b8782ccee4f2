package schedule

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

func noGroup(n string) error {
	return lambda.Errorf(lambda.NotFound, "Schedule group %s does not exist.", n)
}

// Group finds a group of schedules. The default one is always there.
func (e *Engine) Group(n string) (lambda.ScheduleGroup, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g, ok := e.groups[n]
	if !ok && n != lambda.DefaultGroup {
		return g, noGroup(n)
	}
	g.Name = n
	return g, nil
}

// Groups lists the groups whose names begin so, by name.
func (e *Engine) Groups(prefix string) []lambda.ScheduleGroup {
	e.mu.Lock()
	defer e.mu.Unlock()
	names := append(slices.Collect(maps.Keys(e.groups)), lambda.DefaultGroup)
	slices.Sort(names)
	var all []lambda.ScheduleGroup
	for _, n := range slices.Compact(names) {
		if strings.HasPrefix(n, prefix) {
			g := e.groups[n]
			g.Name = n
			all = append(all, g)
		}
	}
	return all
}

// CreateGroup makes a group; a token is what it is for CreateSchedule.
func (e *Engine) CreateGroup(ctx context.Context, g lambda.ScheduleGroup) error {
	e.change.Lock()
	defer e.change.Unlock()
	if old, err := e.Group(g.Name); err == nil && g.Token != "" && old.Token == g.Token {
		return nil
	} else if err == nil {
		return lambda.Errorf(lambda.Conflict, "Schedule group %s already exists.", g.Name)
	}
	g.Created = time.Now()
	g.Modified = g.Created
	return e.putGroup(ctx, g)
}

// putGroup writes a group and shows it. change is held.
func (e *Engine) putGroup(ctx context.Context, g lambda.ScheduleGroup) error {
	if err := e.config.Store.PutScheduleGroup(context.WithoutCancel(ctx), g); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.groups[g.Name] = g
	return nil
}

// DeleteGroup removes a group with all its schedules.
func (e *Engine) DeleteGroup(ctx context.Context, n string) error {
	if n == lambda.DefaultGroup {
		return lambda.Errorf(lambda.Validation, "The default schedule group cannot be deleted.")
	}
	e.change.Lock()
	defer e.change.Unlock()
	if _, err := e.Group(n); err != nil {
		return err
	}
	if err := e.config.Store.DeleteScheduleGroup(context.WithoutCancel(ctx), n); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.groups, n)
	for s := range e.schedules {
		if s.group == n {
			delete(e.schedules, s)
			e.forget(store.ScheduleKey(s.group, s.name))
		}
	}
	return nil
}

// TagGroup adds tags to a group, or replaces those of the same key.
func (e *Engine) TagGroup(ctx context.Context, n string, tags []lambda.ScheduleTag) error {
	return e.changeTags(ctx, n, func(all []lambda.ScheduleTag) []lambda.ScheduleTag { return withTags(all, tags) })
}

// UntagGroup takes tags from a group.
func (e *Engine) UntagGroup(ctx context.Context, n string, keys []string) error {
	return e.changeTags(ctx, n, func(all []lambda.ScheduleTag) []lambda.ScheduleTag { return withoutTags(all, keys) })
}

func (e *Engine) changeTags(ctx context.Context, n string, change func([]lambda.ScheduleTag) []lambda.ScheduleTag) error {
	e.change.Lock()
	defer e.change.Unlock()
	g, err := e.Group(n)
	if err != nil {
		return err
	}
	g.Tags = change(slices.Clone(g.Tags))
	return e.putGroup(ctx, g)
}
