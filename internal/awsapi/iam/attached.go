package iam

import (
	"context"
	"strings"

	"lambent/internal/awsapi/query"
	"lambent/internal/lambda"
)

func (a *api) putRolePolicy(ctx context.Context, f *query.Form) (any, error) {
	role, name := f.Text("RoleName", rule.roleName), f.Text("PolicyName", rule.policyName)
	document := f.Text("PolicyDocument", rule.document)
	if err := f.Err(); err != nil {
		return nil, err
	}
	return nil, a.keeper.PutInline(ctx, role, name, document)
}

type inlineResult struct{ RoleName, PolicyName, PolicyDocument string }

func (a *api) getRolePolicy(_ context.Context, f *query.Form) (any, error) {
	role, name := f.Text("RoleName", rule.roleName), f.Text("PolicyName", rule.policyName)
	if err := f.Err(); err != nil {
		return nil, err
	}
	p, err := a.keeper.Inline(role, name)
	if err != nil {
		return nil, err
	}
	return inlineResult{role, name, escape(p.Document)}, nil
}

func (a *api) deleteRolePolicy(ctx context.Context, f *query.Form) (any, error) {
	role, name := f.Text("RoleName", rule.roleName), f.Text("PolicyName", rule.policyName)
	if err := f.Err(); err != nil {
		return nil, err
	}
	return nil, a.keeper.DeleteInline(ctx, role, name)
}

type namesResult struct {
	PolicyNames query.List[string]
	page
}

func (a *api) listRolePolicies(_ context.Context, f *query.Form) (any, error) {
	role, err := a.named(f)
	if err != nil {
		return nil, err
	}
	some, p, err := cut(f, role.Inline, func(p lambda.InlinePolicy) string { return p.Name })
	if err != nil {
		return nil, err
	}
	result := namesResult{page: p}
	for _, one := range some {
		result.PolicyNames.Members = append(result.PolicyNames.Members, one.Name)
	}
	return result, nil
}

// roleAndPolicy reads what attaching and detaching are about.
func roleAndPolicy(f *query.Form) (role, arn string, err error) {
	role, arn = f.Text("RoleName", rule.roleName), f.Text("PolicyArn", rule.arn)
	return role, arn, f.Err()
}

func (a *api) attachRolePolicy(ctx context.Context, f *query.Form) (any, error) {
	role, arn, err := roleAndPolicy(f)
	if err != nil {
		return nil, err
	}
	if err := judgeARN(arn); err != nil {
		return nil, err
	}
	return nil, a.keeper.Attach(ctx, role, arn)
}

func (a *api) detachRolePolicy(ctx context.Context, f *query.Form) (any, error) {
	role, arn, err := roleAndPolicy(f)
	if err != nil {
		return nil, err
	}
	if err := judgeARN(arn); err != nil {
		return nil, err
	}
	return nil, a.keeper.Detach(ctx, role, arn)
}

func judgeARN(arn string) error {
	if parts := strings.SplitN(arn, ":", 6); len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" {
		return lambda.Errorf(lambda.InvalidParameter, "ARN %s is not valid.", arn)
	}
	return nil
}

type xmlAttached struct{ PolicyName, PolicyArn string }

type attachedResult struct {
	AttachedPolicies query.List[xmlAttached]
	page
}

func (a *api) listAttachedRolePolicies(_ context.Context, f *query.Form) (any, error) {
	role, err := a.named(f)
	if err != nil {
		return nil, err
	}
	prefix := f.Optional("PathPrefix", rule.pathPrefix)
	var all []lambda.ManagedPolicy
	for _, arn := range role.Attached {
		p, err := a.keeper.Policy(arn)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(p.Path, prefix) {
			all = append(all, p)
		}
	}
	some, p, err := cut(f, all, func(p lambda.ManagedPolicy) string { return p.ARN })
	if err != nil {
		return nil, err
	}
	result := attachedResult{page: p}
	for _, one := range some {
		result.AttachedPolicies.Members = append(result.AttachedPolicies.Members, xmlAttached{one.Name, one.ARN})
	}
	return result, nil
}
