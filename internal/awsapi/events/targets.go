package events

import (
	"context"
	"slices"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

type inputTransformer struct {
	InputPathsMap map[string]string
	InputTemplate string
}

type retryPolicy struct {
	MaximumRetryAttempts     *int32
	MaximumEventAgeInSeconds *int32
}

// target has all that a target may have, most of it for services other than Lambda.
type target struct {
	Id, Arn, RoleArn, Input, InputPath string

	InputTransformer            *inputTransformer
	KinesisParameters           *nothing
	RunCommandParameters        *nothing
	EcsParameters               *nothing
	BatchParameters             *nothing
	SqsParameters               *nothing
	HttpParameters              *nothing
	RedshiftDataParameters      *nothing
	SageMakerPipelineParameters *nothing
	AppSyncParameters           *nothing
	DeadLetterConfig            *deadLetter
	RetryPolicy                 *retryPolicy
}

// foreign names the parameters of a service that is not Lambda, if there are any.
func (t target) foreign() string {
	for _, p := range []struct {
		name  string
		given *nothing
	}{
		{"KinesisParameters", t.KinesisParameters}, {"RunCommandParameters", t.RunCommandParameters}, {"EcsParameters", t.EcsParameters},
		{"BatchParameters", t.BatchParameters}, {"SqsParameters", t.SqsParameters}, {"HttpParameters", t.HttpParameters},
		{"RedshiftDataParameters", t.RedshiftDataParameters}, {"SageMakerPipelineParameters", t.SageMakerPipelineParameters},
		{"AppSyncParameters", t.AppSyncParameters},
	} {
		if p.given != nil {
			return p.name
		}
	}
	return ""
}

func (t target) read() (lambda.RuleTarget, error) {
	out := lambda.RuleTarget{ID: t.Id, ARN: t.Arn, Role: t.RoleArn, Input: t.Input, InputPath: t.InputPath}
	if name := t.foreign(); name != "" {
		return out, lambda.Errorf(lambda.Validation, "Parameter(s) %s are not valid for target %s.", name, t.Id)
	}
	if t.InputTransformer != nil {
		out.Template = &lambda.InputTemplate{Paths: t.InputTransformer.InputPathsMap, Text: t.InputTransformer.InputTemplate}
	}
	if t.DeadLetterConfig != nil {
		out.DeadLetter = t.DeadLetterConfig.Arn
	}
	if r := t.RetryPolicy; r != nil {
		out.Retry = lambda.RetryPolicy{MaxAgeSeconds: number(r.MaximumEventAgeInSeconds), MaxAttempts: number(r.MaximumRetryAttempts)}
	}
	return out, nil
}

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

func show(t lambda.RuleTarget) target {
	out := target{Id: t.ID, Arn: t.ARN, RoleArn: t.Role, Input: t.Input, InputPath: t.InputPath}
	if t.Template != nil {
		out.InputTransformer = &inputTransformer{t.Template.Paths, t.Template.Text}
	}
	if t.DeadLetter != "" {
		out.DeadLetterConfig = &deadLetter{t.DeadLetter}
	}
	if t.Retry != (lambda.RetryPolicy{}) {
		out.RetryPolicy = &retryPolicy{wireNumber(t.Retry.MaxAttempts), wireNumber(t.Retry.MaxAgeSeconds)}
	}
	return out
}

type putTargetsInput struct {
	Rule, EventBusName string

	Targets []target
}

type failedEntry struct{ TargetId, ErrorCode, ErrorMessage string }

// failures is how PutTargets and RemoveTargets tell what they did not do.
type failures struct {
	FailedEntryCount int32
	FailedEntries    []failedEntry
}

func (a api) putTargets(ctx context.Context, in *putTargetsInput) (*failures, error) {
	if err := a.onBus(in.EventBusName); err != nil {
		return nil, err
	}
	targets := make([]lambda.RuleTarget, len(in.Targets))
	for i, t := range in.Targets {
		var err error
		if targets[i], err = t.read(); err != nil {
			return nil, err
		}
	}
	return &failures{FailedEntries: []failedEntry{}}, a.Targets.PutTargets(ctx, in.Rule, targets)
}

type removeTargetsInput struct {
	Rule, EventBusName string

	Ids   []string
	Force bool
}

func (a api) removeTargets(ctx context.Context, in *removeTargetsInput) (*failures, error) {
	if err := a.onBus(in.EventBusName); err != nil {
		return nil, err
	}
	missing, err := a.Targets.RemoveTargets(ctx, in.Rule, in.Ids)
	out := &failures{FailedEntries: []failedEntry{}}
	for _, id := range missing {
		out.FailedEntryCount++
		out.FailedEntries = append(out.FailedEntries, failedEntry{
			id, "ResourceNotFoundException", "Rule " + in.Rule + " does not have a target with the Id " + id + ".",
		})
	}
	return out, err
}

type listTargetsInput struct {
	Rule, EventBusName, NextToken string

	Limit int32
}

type listTargetsOutput struct {
	Targets   []target
	NextToken string
}

func (a api) listTargets(_ context.Context, in *listTargetsInput) (*listTargetsOutput, error) {
	if err := a.onBus(in.EventBusName); err != nil {
		return nil, err
	}
	r, err := a.Rules.Rule(in.Rule)
	if err != nil {
		return nil, err
	}
	sorted := slices.SortedFunc(slices.Values(r.Targets), func(x, y lambda.RuleTarget) int { return slices.Compare([]string{x.ID}, []string{y.ID}) })
	page, next, err := awsapi.Page(sorted, func(t lambda.RuleTarget) string { return t.ID }, in.NextToken, int(in.Limit), maxPage)
	out := &listTargetsOutput{Targets: []target{}, NextToken: next}
	for _, t := range page {
		out.Targets = append(out.Targets, show(t))
	}
	return out, err
}

type listNamesInput struct {
	TargetArn, EventBusName, NextToken string

	Limit int32
}

type listNamesOutput struct {
	RuleNames []string
	NextToken string
}

func (a api) listNames(_ context.Context, in *listNamesInput) (*listNamesOutput, error) {
	if err := a.onBus(in.EventBusName); err != nil {
		return nil, err
	}
	names := []string{}
	for _, r := range a.Rules.Rules("") {
		if slices.ContainsFunc(r.Targets, func(t lambda.RuleTarget) bool { return t.ARN == in.TargetArn }) {
			names = append(names, r.Name)
		}
	}
	page, next, err := awsapi.Page(names, func(n string) string { return n }, in.NextToken, int(in.Limit), maxPage)
	return &listNamesOutput{page, next}, err
}
