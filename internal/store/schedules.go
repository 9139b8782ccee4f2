package store

import (
	"context"
	"time"

	"lambent/internal/lambda"
)

// Rules remembers rules with a schedule.
type Rules interface {
	// EachRule calls visit once for every rule, in no particular order, until visit
	// fails; it returns that error as it is.
	EachRule(ctx context.Context, visit func(lambda.Rule) error) error

	// PutRule makes or replaces a rule, by Name.
	PutRule(ctx context.Context, r lambda.Rule) error

	// DeleteRule removes a rule. One that is not there is no error.
	DeleteRule(ctx context.Context, name string) error
}

// Schedules remembers schedules and their groups.
type Schedules interface {
	// EachSchedule calls visit once for every schedule, as EachRule does.
	EachSchedule(ctx context.Context, visit func(lambda.Schedule) error) error

	// PutSchedule makes or replaces a schedule, by Group and Name.
	PutSchedule(ctx context.Context, s lambda.Schedule) error

	// DeleteSchedule removes a schedule. One that is not there is no error.
	DeleteSchedule(ctx context.Context, group, name string) error

	// EachScheduleGroup calls visit once for every group, as EachRule does.
	EachScheduleGroup(ctx context.Context, visit func(lambda.ScheduleGroup) error) error

	// PutScheduleGroup makes or replaces a group, by Name.
	PutScheduleGroup(ctx context.Context, g lambda.ScheduleGroup) error

	// DeleteScheduleGroup removes a group with all its schedules. One that is not
	// there is no error.
	DeleteScheduleGroup(ctx context.Context, name string) error
}

// Tick is one moment at which a rule or a schedule was due. Its key is made by
// RuleKey or ScheduleKey.
type Tick struct {
	Key string
	At  time.Time
}

// RuleKey names a rule in ticks.
func RuleKey(name string) string { return "rule/" + name }

// ScheduleKey names a schedule in ticks.
func ScheduleKey(group, name string) string { return "schedule/" + group + "/" + name }

// Ticks keeps how far rules and schedules have come.
type Ticks interface {
	// Fire keeps a tick, in place of the one before, and enqueues its events, or
	// does neither: so a tick is never lost and never comes twice, whenever the
	// process dies. It sets the events' Sequence. A rule or schedule that has been
	// deleted gets neither, and the answer is false.
	Fire(ctx context.Context, t Tick, events []*Event) (fired bool, err error)

	// EachTick calls visit once for the last tick of everything that has had one,
	// as EachRule does. Ticks go with their rule or schedule.
	EachTick(ctx context.Context, visit func(Tick) error) error
}
