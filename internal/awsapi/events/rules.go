package events

import (
	"context"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// maxPage is how many entries a list has.
const maxPage = 100

type nothing struct{}

// tag has a Value also where it is empty.
type tag struct {
	Key   string
	Value *string
}

func readTags(tags []tag) []lambda.ScheduleTag {
	all := make([]lambda.ScheduleTag, len(tags))
	for i, t := range tags {
		all[i] = lambda.ScheduleTag{Key: t.Key, Value: *t.Value} // the model requires both
	}
	return all
}

type putRuleInput struct {
	Name, ScheduleExpression, EventPattern, State, Description, RoleArn, EventBusName string

	Tags []tag
}

type putRuleOutput struct{ RuleArn string }

func (a api) putRule(ctx context.Context, in *putRuleInput) (*putRuleOutput, error) {
	if err := a.onBus(in.EventBusName); err != nil {
		return nil, err
	}
	if in.ScheduleExpression == "" && in.EventPattern == "" {
		return nil, lambda.Errorf(lambda.Validation, "Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	if in.EventPattern != "" {
		return nil, lambda.Errorf(lambda.NotYet, "Rules with an EventPattern are not yet available in Lambent; those with a ScheduleExpression are.")
	}
	r := lambda.Rule{
		Name: in.Name, Description: in.Description, Expression: in.ScheduleExpression, State: in.State, Role: in.RoleArn, Tags: readTags(in.Tags),
	}
	if r.State == "" {
		r.State = "ENABLED"
	}
	if err := a.Rules.PutRule(ctx, r); err != nil {
		return nil, err
	}
	return &putRuleOutput{a.ruleARN(in.Name)}, nil
}

type ruleInput struct{ Name, EventBusName string }

type rule struct {
	Name, Arn, EventPattern, State, Description, ScheduleExpression, RoleArn, ManagedBy, EventBusName string
}

type describeRuleOutput struct {
	Name, Arn, EventPattern, ScheduleExpression, State, Description, RoleArn, ManagedBy, EventBusName, CreatedBy string
}

func (a api) rule(r lambda.Rule) rule {
	return rule{
		Name: r.Name, Arn: a.ruleARN(r.Name), State: r.State, Description: r.Description,
		ScheduleExpression: r.Expression, RoleArn: r.Role, EventBusName: defaultBus,
	}
}

func (a api) describeRule(_ context.Context, in *ruleInput) (*describeRuleOutput, error) {
	if err := a.onBus(in.EventBusName); err != nil {
		return nil, err
	}
	r, err := a.Rules.Rule(in.Name)
	if err != nil {
		return nil, err
	}
	w := a.rule(r)
	return &describeRuleOutput{
		Name: w.Name, Arn: w.Arn, ScheduleExpression: w.ScheduleExpression, State: w.State, Description: w.Description,
		RoleArn: w.RoleArn, EventBusName: w.EventBusName, CreatedBy: a.Home.Account,
	}, nil
}

type listRulesInput struct {
	NamePrefix, EventBusName, NextToken string

	Limit int32
}

type listRulesOutput struct {
	Rules     []rule
	NextToken string
}

func (a api) listRules(_ context.Context, in *listRulesInput) (*listRulesOutput, error) {
	if err := a.onBus(in.EventBusName); err != nil {
		return nil, err
	}
	page, next, err := awsapi.Page(a.Rules.Rules(in.NamePrefix), func(r lambda.Rule) string { return r.Name }, in.NextToken, int(in.Limit), maxPage)
	if err != nil {
		return nil, err
	}
	out := &listRulesOutput{Rules: []rule{}, NextToken: next}
	for _, r := range page {
		out.Rules = append(out.Rules, a.rule(r))
	}
	return out, nil
}

type deleteRuleInput struct {
	Name, EventBusName string

	Force bool
}

func (a api) deleteRule(ctx context.Context, in *deleteRuleInput) (*nothing, error) {
	if err := a.onBus(in.EventBusName); err != nil {
		return nil, err
	}
	return &nothing{}, a.Rules.DeleteRule(ctx, in.Name)
}

func (a api) enableRule(ctx context.Context, in *ruleInput) (*nothing, error) {
	return a.setState(ctx, in, "ENABLED")
}

func (a api) disableRule(ctx context.Context, in *ruleInput) (*nothing, error) {
	return a.setState(ctx, in, "DISABLED")
}

func (a api) setState(ctx context.Context, in *ruleInput, state string) (*nothing, error) {
	if err := a.onBus(in.EventBusName); err != nil {
		return nil, err
	}
	return &nothing{}, a.Rules.SetRuleState(ctx, in.Name, state)
}

type resourceInput struct{ ResourceARN string }

type tagsOutput struct{ Tags []tag }

func (a api) listTags(_ context.Context, in *resourceInput) (*tagsOutput, error) {
	name, err := a.tagged(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	r, err := a.Rules.Rule(name)
	out := &tagsOutput{Tags: []tag{}}
	for _, t := range r.Tags {
		out.Tags = append(out.Tags, tag{t.Key, &t.Value})
	}
	return out, err
}

type tagInput struct {
	ResourceARN string
	Tags        []tag
}

func (a api) tag(ctx context.Context, in *tagInput) (*nothing, error) {
	name, err := a.tagged(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.Targets.TagRule(ctx, name, readTags(in.Tags))
}

type untagInput struct {
	ResourceARN string
	TagKeys     []string
}

func (a api) untag(ctx context.Context, in *untagInput) (*nothing, error) {
	name, err := a.tagged(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.Targets.UntagRule(ctx, name, in.TagKeys)
}
