package access

import (
	"context"
	"maps"

	"lambent/internal/lambda"
	"lambent/internal/policy"
)

// The services that act here, by the names that policies have for them.
const (
	lambdaService    = "lambda.amazonaws.com"
	eventsService    = "events.amazonaws.com"
	schedulerService = "scheduler.amazonaws.com"
)

// mayPass refuses a caller that may not give a role to a service.
func (a *Access) mayPass(ctx context.Context, who lambda.Caller, role, service string) error {
	return a.Authorize(ctx, who, lambda.Act{Action: "iam:PassRole", Resource: role, Conditions: map[string][]string{"iam:passedtoservice": {service}}})
}

// RuleMay refuses what the policies of the resource do not let EventBridge do for a
// rule, which has no role for it.
func (a *Access) RuleMay(ruleARN string, act lambda.Act) error {
	if !a.Enforce {
		return nil
	}
	documents, err := a.all(act.Policies, policy.OfResource)
	if err != nil {
		return err
	}
	act.Conditions = maps.Clone(act.Conditions)
	if act.Conditions == nil {
		act.Conditions = map[string][]string{}
	}
	maps.Copy(act.Conditions, map[string][]string{
		"aws:sourcearn": {ruleARN}, "aws:sourceaccount": {a.Home.Account},
		"aws:principalisawsservice": {"true"}, "aws:principalservicename": {eventsService},
	})
	d := policy.Decide(policy.Request{
		Principal: policy.Principal{Service: eventsService}, Action: act.Action, Resource: act.Resource, Owner: a.Home.Account, ByResource: true,
		Context: a.context(lambda.Caller{}, act),
	}, policy.Policies{Resource: documents})
	if !d.Allowed {
		return lambda.Errorf(lambda.AccessDenied, "%s is not authorized to perform: %s on resource: %s", eventsService, act.Action, act.Resource)
	}
	return nil
}

// CheckScheduleRole holds a caller to what CreateSchedule asks of it and of a role:
// that it may pass it on, and that the role trusts EventBridge Scheduler.
func (a *Access) CheckScheduleRole(ctx context.Context, who lambda.Caller, role string) error {
	if !a.Enforce {
		return nil
	}
	if err := a.mayPass(ctx, who, role, schedulerService); err != nil {
		return err
	}
	ok, err := a.trusts(ctx, role, schedulerService)
	if err == nil && !ok {
		return lambda.Errorf(lambda.Validation, "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
	}
	return err
}

// ScheduleMay refuses what the role of a schedule does not let EventBridge Scheduler
// do, or no longer.
func (a *Access) ScheduleMay(ctx context.Context, role, execution string, act lambda.Act) error {
	if !a.Enforce {
		return nil
	}
	ok, err := a.trusts(ctx, role, schedulerService)
	if err != nil {
		return err
	}
	who, here := a.sessionCaller(&session{Role: role, RoleID: a.roleID(role), Name: execution, Issued: a.Now()})
	if !ok || !here {
		return lambda.Errorf(lambda.AccessDenied, "%s is not authorized to perform: sts:AssumeRole on resource: %s", schedulerService, role)
	}
	return a.Authorize(ctx, who, act)
}
