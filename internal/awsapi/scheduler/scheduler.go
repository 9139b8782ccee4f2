// Package scheduler answers the API of Amazon EventBridge Scheduler for schedules
// that invoke functions of this server (REST JSON).
package scheduler

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"net/http"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

//go:embed model.json
var modelText []byte

// Schedules changes and finds schedules. All refusals are *lambda.Error.
type Schedules interface {
	CreateSchedule(ctx context.Context, s lambda.Schedule) error
	UpdateSchedule(ctx context.Context, s lambda.Schedule) error
	DeleteSchedule(ctx context.Context, group, name string) error
	Schedule(group, name string) (lambda.Schedule, error)
	// Schedules lists by group and name; what is empty does not choose.
	Schedules(group, prefix, state string) []lambda.Schedule
}

// Groups changes and finds groups of schedules.
type Groups interface {
	CreateGroup(ctx context.Context, g lambda.ScheduleGroup) error
	DeleteGroup(ctx context.Context, name string) error
	Group(name string) (lambda.ScheduleGroup, error)
	// Groups lists by name.
	Groups(prefix string) []lambda.ScheduleGroup
}

// Tags changes the tags of groups.
type Tags interface {
	TagGroup(ctx context.Context, name string, tags []lambda.ScheduleTag) error
	UntagGroup(ctx context.Context, name string, keys []string) error
}

// Config is what the API is made of.
type Config struct {
	Home      lambda.Home
	Schedules Schedules
	Groups    Groups
	Tags      Tags
	Log       *slog.Logger
}

type api struct{ Config }

// maxBody is more than a schedule with its Input needs.
const maxBody = 1 << 20

// maxPage is how many entries a list has.
const maxPage = 100

// New makes the API.
func New(c Config) (http.Handler, error) {
	model, err := awsapi.ParseModel(modelText)
	if err != nil {
		return nil, fmt.Errorf("scheduler: %w", err)
	}
	s := awsapi.NewService(model, awsapi.Options{Log: c.Log, MaxBody: maxBody, Dialect: &awsapi.Dialect{
		Exceptions: map[lambda.Kind]awsapi.ExceptionName{
			lambda.Internal:      {Name: "InternalServerException", Status: http.StatusInternalServerError},
			lambda.Validation:    {Name: "ValidationException", Status: http.StatusBadRequest},
			lambda.NotFound:      {Name: "ResourceNotFoundException", Status: http.StatusNotFound},
			lambda.Conflict:      {Name: "ConflictException", Status: http.StatusConflict},
			lambda.LimitExceeded: {Name: "ServiceQuotaExceededException", Status: http.StatusPaymentRequired},
		},
	}})
	a := api{c}
	awsapi.Handle(s, "CreateSchedule", a.createSchedule)
	awsapi.Handle(s, "UpdateSchedule", a.updateSchedule)
	awsapi.Handle(s, "GetSchedule", a.getSchedule)
	awsapi.Handle(s, "ListSchedules", a.listSchedules)
	awsapi.Handle(s, "DeleteSchedule", a.deleteSchedule)
	awsapi.Handle(s, "CreateScheduleGroup", a.createGroup)
	awsapi.Handle(s, "GetScheduleGroup", a.getGroup)
	awsapi.Handle(s, "ListScheduleGroups", a.listGroups)
	awsapi.Handle(s, "DeleteScheduleGroup", a.deleteGroup)
	awsapi.Handle(s, "ListTagsForResource", a.listTags)
	awsapi.Handle(s, "TagResource", a.tag)
	awsapi.Handle(s, "UntagResource", a.untag)
	return s, nil
}

func (a api) prefix() string {
	return "arn:" + a.Home.Partition + ":scheduler:" + a.Home.Region + ":" + a.Home.Account + ":"
}

func (a api) scheduleARN(group, name string) string {
	return a.prefix() + "schedule/" + group + "/" + name
}

func (a api) groupARN(name string) string { return a.prefix() + "schedule-group/" + name }

func number(n *int32) *int {
	if n == nil {
		return nil
	}
	i := int(*n)
	return &i
}

func wireNumber(n *int) *int32 {
	if n == nil {
		return nil
	}
	i := int32(*n) //nolint:gosec // it came from one
	return &i
}
