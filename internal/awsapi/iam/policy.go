package iam

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"lambent/internal/awsapi/query"
	"lambent/internal/lambda"
)

type xmlPolicy struct {
	PolicyName                    string
	PolicyID                      string `xml:"PolicyId"`
	Arn                           string
	Path                          string
	DefaultVersionID              string `xml:"DefaultVersionId"`
	AttachmentCount               int
	PermissionsBoundaryUsageCount int
	IsAttachable                  bool
	Description                   string `xml:",omitempty"`
	CreateDate                    string
	UpdateDate                    string
	Tags                          *query.List[xmlTag] `xml:",omitempty"`
}

// shown is a policy as lists show it; GetPolicy tells more.
func shown(p lambda.ManagedPolicy, u use) xmlPolicy {
	return xmlPolicy{
		PolicyName: p.Name, PolicyID: p.ID, Arn: p.ARN, Path: p.Path, DefaultVersionID: versionID(p.Default),
		AttachmentCount: len(u.attached), PermissionsBoundaryUsageCount: len(u.bounding), IsAttachable: true,
		CreateDate: when(p.Created), UpdateDate: when(p.Updated),
	}
}

func versionID(n int) string { return "v" + strconv.Itoa(n) }

// use is which roles have a policy, and which it bounds.
type use struct{ attached, bounding []lambda.Role }

// uses is by ARN.
func (a *api) uses() map[string]use {
	all := map[string]use{}
	for _, role := range a.keeper.Roles() {
		for _, arn := range role.Attached {
			u := all[arn]
			u.attached = append(u.attached, role)
			all[arn] = u
		}
		if role.Boundary != "" {
			u := all[role.Boundary]
			u.bounding = append(u.bounding, role)
			all[role.Boundary] = u
		}
	}
	return all
}

type policyResult struct{ Policy xmlPolicy }

func (a *api) createPolicy(ctx context.Context, f *query.Form) (any, error) {
	p := lambda.ManagedPolicy{
		Name: f.Text("PolicyName", rule.policyName), Path: f.Optional("Path", rule.path),
		Description: f.Optional("Description", query.Rule{Max: rule.description.Max}), Tags: f.Tags("Tags", rule.tagKey, rule.tagValue),
	}
	document := f.Text("PolicyDocument", rule.document)
	if err := f.Err(); err != nil {
		return nil, err
	}
	p, err := a.keeper.CreatePolicy(ctx, p, document)
	if err != nil {
		return nil, err
	}
	x := shown(p, use{})
	x.Tags = tagsOf(p.Tags)
	return policyResult{x}, nil
}

// policyARN is the ARN that the form names.
func policyARN(f *query.Form) (string, error) {
	arn := f.Text("PolicyArn", rule.arn)
	if err := f.Err(); err != nil {
		return "", err
	}
	return arn, judgeARN(arn)
}

func (a *api) policy(f *query.Form) (lambda.ManagedPolicy, error) {
	arn, err := policyARN(f)
	if err != nil {
		return lambda.ManagedPolicy{}, err
	}
	return a.keeper.Policy(arn)
}

func (a *api) getPolicy(_ context.Context, f *query.Form) (any, error) {
	p, err := a.policy(f)
	if err != nil {
		return nil, err
	}
	x := shown(p, a.uses()[p.ARN])
	x.Description, x.Tags = p.Description, &query.List[xmlTag]{Members: xmlTags(p.Tags)}
	return policyResult{x}, nil
}

type policiesResult struct {
	Policies query.List[xmlPolicy]
	page
}

func (a *api) listPolicies(_ context.Context, f *query.Form) (any, error) {
	scope := f.Optional("Scope", query.Rule{OneOf: []string{"All", "AWS", "Local"}})
	usage := f.Optional("PolicyUsageFilter", query.Rule{OneOf: []string{"PermissionsPolicy", "PermissionsBoundary"}})
	prefix, onlyAttached := f.Optional("PathPrefix", rule.pathPrefix), f.Flag("OnlyAttached")
	uses := a.uses()
	var all []lambda.ManagedPolicy
	for _, p := range a.keeper.Policies() {
		ours := !strings.HasPrefix(p.ARN, "arn:"+a.home.Partition+":iam::aws:")
		u := uses[p.ARN]
		switch {
		case scope == "AWS" && ours, scope == "Local" && !ours, !strings.HasPrefix(p.Path, prefix):
		case onlyAttached && len(u.attached) == 0:
		case usage == "PermissionsPolicy" && len(u.attached) == 0, usage == "PermissionsBoundary" && len(u.bounding) == 0:
		default:
			all = append(all, p)
		}
	}
	some, p, err := cut(f, all, func(p lambda.ManagedPolicy) string { return p.ARN })
	if err != nil {
		return nil, err
	}
	result := policiesResult{page: p}
	for _, one := range some {
		result.Policies.Members = append(result.Policies.Members, shown(one, uses[one.ARN]))
	}
	return result, nil
}

func (a *api) deletePolicy(ctx context.Context, f *query.Form) (any, error) {
	arn, err := policyARN(f)
	if err != nil {
		return nil, err
	}
	return nil, a.keeper.DeletePolicy(ctx, arn)
}

type xmlRoleName struct {
	RoleName string
	RoleID   string `xml:"RoleId"`
}

type entitiesResult struct {
	PolicyGroups, PolicyUsers query.List[nothing]
	PolicyRoles               query.List[xmlRoleName]
	page
}

func (a *api) listEntitiesForPolicy(_ context.Context, f *query.Form) (any, error) {
	prefix := f.Optional("PathPrefix", rule.pathPrefix)
	usage := f.Optional("PolicyUsageFilter", query.Rule{OneOf: []string{"PermissionsPolicy", "PermissionsBoundary"}})
	kind := f.Optional("EntityFilter", query.Rule{OneOf: []string{"User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"}})
	p, err := a.policy(f)
	if err != nil {
		return nil, err
	}
	u := a.uses()[p.ARN]
	roles := u.attached
	if usage == "PermissionsBoundary" {
		roles = u.bounding
	}
	roles = slices.DeleteFunc(slices.Clone(roles), func(r lambda.Role) bool {
		return !strings.HasPrefix(r.Path, prefix) || kind != "" && kind != "Role"
	})
	some, page, err := cut(f, roles, func(r lambda.Role) string { return r.Name })
	if err != nil {
		return nil, err
	}
	result := entitiesResult{page: page}
	for _, role := range some {
		result.PolicyRoles.Members = append(result.PolicyRoles.Members, xmlRoleName{role.Name, role.ID})
	}
	return result, nil
}

func (a *api) tagPolicy(ctx context.Context, f *query.Form) (any, error) {
	tags := f.Tags("Tags", rule.tagKey, rule.tagValue)
	arn, err := policyARN(f)
	if err != nil {
		return nil, err
	}
	return nil, a.keeper.TagPolicy(ctx, arn, tags)
}

func (a *api) untagPolicy(ctx context.Context, f *query.Form) (any, error) {
	keys := f.Texts("TagKeys", rule.tagKey)
	arn, err := policyARN(f)
	if err != nil {
		return nil, err
	}
	return nil, a.keeper.UntagPolicy(ctx, arn, keys)
}

func (a *api) listPolicyTags(_ context.Context, f *query.Form) (any, error) {
	p, err := a.policy(f)
	if err != nil {
		return nil, err
	}
	return cutTags(f, p.Tags)
}
