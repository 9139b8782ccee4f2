// Package events answers the part of Amazon EventBridge's API that rules with a
// schedule need (AWS JSON 1.1). There is one event bus, the default one, and its
// rules invoke functions of this server; whatever else a rule could do is refused
// with a sentence that says so.
package events

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

//go:embed model.json
var modelText []byte

// Rules changes and finds rules. All refusals are *lambda.Error.
type Rules interface {
	PutRule(ctx context.Context, r lambda.Rule) error
	SetRuleState(ctx context.Context, name, state string) error
	DeleteRule(ctx context.Context, name string) error
	Rule(name string) (lambda.Rule, error)
	// Rules lists by name.
	Rules(prefix string) []lambda.Rule
}

// Targets changes what belongs to rules.
type Targets interface {
	PutTargets(ctx context.Context, rule string, targets []lambda.RuleTarget) error
	RemoveTargets(ctx context.Context, rule string, ids []string) (missing []string, err error)
	TagRule(ctx context.Context, rule string, tags []lambda.ScheduleTag) error
	UntagRule(ctx context.Context, rule string, keys []string) error
}

// Config is what the API is made of.
type Config struct {
	Home    lambda.Home
	Rules   Rules
	Targets Targets
	Log     *slog.Logger
}

type api struct{ Config }

// maxBody is more than any request with 10 targets needs.
const maxBody = 1 << 20

// New makes the API.
func New(c Config) (http.Handler, error) {
	model, err := awsapi.ParseModel(modelText)
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	s := awsapi.NewService(model, awsapi.Options{Log: c.Log, MaxBody: maxBody, Dialect: &awsapi.Dialect{
		Target: "AWSEvents.",
		Exceptions: map[lambda.Kind]awsapi.ExceptionName{
			lambda.Internal:       {Name: "InternalException", Status: http.StatusInternalServerError},
			lambda.Validation:     {Name: "ValidationException", Status: http.StatusBadRequest},
			lambda.NotFound:       {Name: "ResourceNotFoundException", Status: http.StatusBadRequest},
			lambda.LimitExceeded:  {Name: "LimitExceededException", Status: http.StatusBadRequest},
			lambda.EntityTooLarge: {Name: "ValidationException", Status: http.StatusBadRequest},
		},
	}})
	a := api{c}
	awsapi.Handle(s, "PutRule", a.putRule)
	awsapi.Handle(s, "DescribeRule", a.describeRule)
	awsapi.Handle(s, "ListRules", a.listRules)
	awsapi.Handle(s, "DeleteRule", a.deleteRule)
	awsapi.Handle(s, "EnableRule", a.enableRule)
	awsapi.Handle(s, "DisableRule", a.disableRule)
	awsapi.Handle(s, "PutTargets", a.putTargets)
	awsapi.Handle(s, "RemoveTargets", a.removeTargets)
	awsapi.Handle(s, "ListTargetsByRule", a.listTargets)
	awsapi.Handle(s, "ListRuleNamesByTarget", a.listNames)
	awsapi.Handle(s, "ListTagsForResource", a.listTags)
	awsapi.Handle(s, "TagResource", a.tag)
	awsapi.Handle(s, "UntagResource", a.untag)
	awsapi.Handle(s, "DescribeEventBus", a.describeBus)
	awsapi.Handle(s, "ListEventBuses", a.listBuses)
	return s, nil
}

const defaultBus = "default"

func (a api) prefix() string {
	return "arn:" + a.Home.Partition + ":events:" + a.Home.Region + ":" + a.Home.Account + ":"
}

func (a api) ruleARN(name string) string { return a.prefix() + "rule/" + name }
func (a api) busARN() string             { return a.prefix() + "event-bus/" + defaultBus }

// onBus refuses every bus but the default one.
func (a api) onBus(nameOrARN string) error {
	if nameOrARN == "" || nameOrARN == defaultBus || nameOrARN == a.busARN() {
		return nil
	}
	name := nameOrARN[strings.LastIndex(nameOrARN, "/")+1:]
	return lambda.Errorf(lambda.NotFound, "Event bus %s does not exist.", name)
}

// tagged finds the rule whose tags are meant.
func (a api) tagged(arn string) (string, error) {
	name, ok := strings.CutPrefix(arn, a.prefix()+"rule/")
	if !ok {
		return "", lambda.Errorf(lambda.NotFound, "The resource %s does not exist: Lambent has rules of the default event bus.", arn)
	}
	name = strings.TrimPrefix(name, defaultBus+"/")
	_, err := a.Rules.Rule(name)
	return name, err
}
