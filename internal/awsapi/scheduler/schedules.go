package scheduler

import (
	"cmp"
	"context"
	"time"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

type nothing struct{}

type flexibleTimeWindow struct {
	Mode                   string
	MaximumWindowInMinutes *int32
}

type deadLetter struct{ Arn string }

type retryPolicy struct {
	MaximumEventAgeInSeconds *int32
	MaximumRetryAttempts     *int32
}

// target has all that a target may have, some of it for services other than Lambda.
type target struct {
	Arn, RoleArn, Input string

	DeadLetterConfig            *deadLetter
	RetryPolicy                 *retryPolicy
	EcsParameters               *nothing
	EventBridgeParameters       *nothing
	KinesisParameters           *nothing
	SageMakerPipelineParameters *nothing
	SqsParameters               *nothing
}

// scheduleInput is of CreateSchedule and UpdateSchedule.
type scheduleInput struct {
	Name, GroupName, ClientToken, Description, KmsKeyArn, State string
	ScheduleExpression, ScheduleExpressionTimezone              string
	ActionAfterCompletion                                       string

	StartDate, EndDate *time.Time
	FlexibleTimeWindow *flexibleTimeWindow
	Target             *target
}

type scheduleOutput struct{ ScheduleArn string }

// read takes a schedule with AWS's defaults for what the caller left out.
func (in *scheduleInput) read() (lambda.Schedule, error) {
	s := lambda.Schedule{
		Group: cmp.Or(in.GroupName, lambda.DefaultGroup), Name: in.Name, Description: in.Description, Token: in.ClientToken,
		Expression: in.ScheduleExpression, Zone: cmp.Or(in.ScheduleExpressionTimezone, "UTC"),
		State: cmp.Or(in.State, "ENABLED"), Start: in.StartDate, End: in.EndDate,
		Completion: cmp.Or(in.ActionAfterCompletion, "NONE"), KMSKey: in.KmsKeyArn,
	}
	window, chosen := in.FlexibleTimeWindow.Mode == "FLEXIBLE", in.FlexibleTimeWindow.MaximumWindowInMinutes
	switch {
	case window && chosen == nil:
		return s, lambda.Errorf(lambda.Validation, "MaximumWindowInMinutes must be provided when FlexibleTimeWindow is set to FLEXIBLE.")
	case !window && chosen != nil:
		return s, lambda.Errorf(lambda.Validation, "MaximumWindowInMinutes must be null when FlexibleTimeWindow is set to OFF.")
	case window:
		s.Window = int(*chosen)
	}
	var err error
	s.Target, err = in.Target.read()
	return s, err
}

func (t *target) read() (lambda.ScheduleTarget, error) {
	out := lambda.ScheduleTarget{ARN: t.Arn, Role: t.RoleArn, Input: t.Input}
	for _, other := range []*nothing{t.EcsParameters, t.EventBridgeParameters, t.KinesisParameters, t.SageMakerPipelineParameters, t.SqsParameters} {
		if other != nil {
			return out, lambda.Errorf(lambda.Validation, "The target %s takes no parameters of other services.", t.Arn)
		}
	}
	if t.DeadLetterConfig != nil {
		out.DeadLetter = t.DeadLetterConfig.Arn
	}
	if r := t.RetryPolicy; r != nil {
		out.Retry = lambda.RetryPolicy{MaxAgeSeconds: number(r.MaximumEventAgeInSeconds), MaxAttempts: number(r.MaximumRetryAttempts)}
	}
	return out, nil
}

func (a api) createSchedule(ctx context.Context, in *scheduleInput) (*scheduleOutput, error) {
	return a.put(ctx, in, a.Schedules.CreateSchedule)
}

func (a api) updateSchedule(ctx context.Context, in *scheduleInput) (*scheduleOutput, error) {
	return a.put(ctx, in, a.Schedules.UpdateSchedule)
}

func (a api) put(ctx context.Context, in *scheduleInput, put func(context.Context, lambda.Schedule) error) (*scheduleOutput, error) {
	s, err := in.read()
	if err != nil {
		return nil, err
	}
	return &scheduleOutput{a.scheduleARN(s.Group, s.Name)}, put(ctx, s)
}

type namedInput struct{ Name, GroupName string }

type getScheduleOutput struct {
	ActionAfterCompletion, Arn, Description, GroupName, KmsKeyArn, Name string
	ScheduleExpression, ScheduleExpressionTimezone, State               string

	CreationDate, EndDate, LastModificationDate, StartDate *time.Time
	FlexibleTimeWindow                                     *flexibleTimeWindow
	Target                                                 *target
}

// What a target has whose retry policy nobody chose.
const defaultAge, defaultAttempts int32 = 86400, 185

func show(t lambda.ScheduleTarget) *target {
	age, attempts := defaultAge, defaultAttempts
	out := &target{Arn: t.ARN, RoleArn: t.Role, Input: t.Input, RetryPolicy: &retryPolicy{
		MaximumEventAgeInSeconds: cmp.Or(wireNumber(t.Retry.MaxAgeSeconds), &age),
		MaximumRetryAttempts:     cmp.Or(wireNumber(t.Retry.MaxAttempts), &attempts),
	}}
	if t.DeadLetter != "" {
		out.DeadLetterConfig = &deadLetter{t.DeadLetter}
	}
	return out
}

func (a api) getSchedule(_ context.Context, in *namedInput) (*getScheduleOutput, error) {
	group := cmp.Or(in.GroupName, lambda.DefaultGroup)
	if _, err := a.Groups.Group(group); err != nil {
		return nil, err
	}
	s, err := a.Schedules.Schedule(group, in.Name)
	if err != nil {
		return nil, err
	}
	out := &getScheduleOutput{
		ActionAfterCompletion: s.Completion, Arn: a.scheduleARN(s.Group, s.Name), Description: s.Description, GroupName: s.Group,
		KmsKeyArn: s.KMSKey, Name: s.Name, ScheduleExpression: s.Expression, ScheduleExpressionTimezone: s.Zone, State: s.State,
		CreationDate: &s.Created, LastModificationDate: &s.Modified, StartDate: s.Start, EndDate: s.End,
		FlexibleTimeWindow: &flexibleTimeWindow{Mode: "OFF"}, Target: show(s.Target),
	}
	if s.Window > 0 {
		out.FlexibleTimeWindow = &flexibleTimeWindow{"FLEXIBLE", wireNumber(&s.Window)}
	}
	return out, nil
}

type targetSummary struct{ Arn string }

type scheduleSummary struct {
	Arn, GroupName, Name, State        string
	CreationDate, LastModificationDate *time.Time
	Target                             *targetSummary
}

type listSchedulesInput struct {
	GroupName, NamePrefix, NextToken, State string

	MaxResults *int32
}

type listSchedulesOutput struct {
	NextToken string
	Schedules []scheduleSummary
}

func (a api) listSchedules(_ context.Context, in *listSchedulesInput) (*listSchedulesOutput, error) {
	if in.GroupName != "" {
		if _, err := a.Groups.Group(in.GroupName); err != nil {
			return nil, err
		}
	}
	all := a.Schedules.Schedules(in.GroupName, in.NamePrefix, in.State)
	key := func(s lambda.Schedule) string { return s.Group + "\x00" + s.Name }
	page, next, err := awsapi.Page(all, key, in.NextToken, limit(in.MaxResults), maxPage)
	out := &listSchedulesOutput{NextToken: next, Schedules: []scheduleSummary{}}
	for _, s := range page {
		out.Schedules = append(out.Schedules, scheduleSummary{
			Arn: a.scheduleARN(s.Group, s.Name), GroupName: s.Group, Name: s.Name, State: s.State,
			CreationDate: &s.Created, LastModificationDate: &s.Modified, Target: &targetSummary{s.Target.ARN},
		})
	}
	return out, err
}

func limit(n *int32) int {
	if n == nil {
		return 0
	}
	return int(*n)
}

type deleteInput struct{ Name, GroupName, ClientToken string }

func (a api) deleteSchedule(ctx context.Context, in *deleteInput) (*nothing, error) {
	return &nothing{}, a.Schedules.DeleteSchedule(ctx, cmp.Or(in.GroupName, lambda.DefaultGroup), in.Name)
}
