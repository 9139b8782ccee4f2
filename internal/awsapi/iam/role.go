package iam

import (
	"context"
	"strings"

	"lambent/internal/awsapi/query"
	"lambent/internal/lambda"
)

type xmlTag struct{ Key, Value string }

type xmlBoundary struct {
	PermissionsBoundaryType string
	PermissionsBoundaryArn  string
}

type xmlRole struct {
	Path                     string
	RoleName                 string
	RoleID                   string `xml:"RoleId"`
	Arn                      string
	CreateDate               string
	AssumeRolePolicyDocument string
	Description              string              `xml:",omitempty"`
	MaxSessionDuration       int                 `xml:",omitempty"`
	PermissionsBoundary      *xmlBoundary        `xml:",omitempty"`
	Tags                     *query.List[xmlTag] `xml:",omitempty"`
	RoleLastUsed             *struct{}           `xml:",omitempty"`
}

// listed is a role as lists and CreateRole show it.
func listed(role lambda.Role) xmlRole {
	x := xmlRole{
		Path: role.Path, RoleName: role.Name, RoleID: role.ID, Arn: role.ARN, CreateDate: when(role.Created),
		AssumeRolePolicyDocument: escape(role.Trust), Description: role.Description, MaxSessionDuration: role.MaxSession,
	}
	if role.Boundary != "" {
		x.PermissionsBoundary = &xmlBoundary{"Policy", role.Boundary}
	}
	return x
}

// whole is a role with everything that GetRole tells of it.
func whole(role lambda.Role) xmlRole {
	x := listed(role)
	x.RoleLastUsed = &struct{}{}
	x.Tags = tagsOf(role.Tags)
	return x
}

// tagsOf is nothing when there are no tags, as GetRole and GetPolicy have it.
func tagsOf(tags []lambda.Tag) *query.List[xmlTag] {
	if len(tags) == 0 {
		return nil
	}
	return &query.List[xmlTag]{Members: xmlTags(tags)}
}

func xmlTags(tags []lambda.Tag) []xmlTag {
	all := make([]xmlTag, len(tags))
	for i, t := range tags {
		all[i] = xmlTag(t)
	}
	return all
}

type roleResult struct{ Role xmlRole }

func (a *api) createRole(ctx context.Context, f *query.Form) (any, error) {
	role := lambda.Role{
		Path: f.Optional("Path", rule.path), Name: f.Text("RoleName", rule.roleName),
		Trust: f.Text("AssumeRolePolicyDocument", rule.document), Description: f.Optional("Description", rule.description),
		Boundary: f.Optional("PermissionsBoundary", rule.arn), Tags: f.Tags("Tags", rule.tagKey, rule.tagValue),
	}
	role.MaxSession, _ = f.Number("MaxSessionDuration", minSession, maxSession)
	if err := f.Err(); err != nil {
		return nil, err
	}
	asked := role.MaxSession
	role, err := a.keeper.CreateRole(ctx, role)
	if err != nil {
		return nil, err
	}
	x := listed(role)
	x.MaxSessionDuration, x.Tags = asked, tagsOf(role.Tags) // only what was asked for
	return roleResult{x}, nil
}

// How long a session of a role may be allowed to last, in seconds.
const (
	minSession = 3600
	maxSession = 43200
)

// named is the role that the form names.
func (a *api) named(f *query.Form) (lambda.Role, error) {
	name := f.Text("RoleName", rule.roleName)
	if err := f.Err(); err != nil {
		return lambda.Role{}, err
	}
	return a.keeper.Role(name)
}

func (a *api) getRole(_ context.Context, f *query.Form) (any, error) {
	role, err := a.named(f)
	if err != nil {
		return nil, err
	}
	return roleResult{whole(role)}, nil
}

type rolesResult struct {
	Roles query.List[xmlRole]
	page
}

func (a *api) listRoles(_ context.Context, f *query.Form) (any, error) {
	prefix := f.Optional("PathPrefix", rule.pathPrefix)
	var all []lambda.Role
	for _, role := range a.keeper.Roles() {
		if strings.HasPrefix(role.Path, prefix) {
			all = append(all, role)
		}
	}
	some, p, err := cut(f, all, func(r lambda.Role) string { return r.Name })
	if err != nil {
		return nil, err
	}
	result := rolesResult{page: p}
	for _, role := range some {
		result.Roles.Members = append(result.Roles.Members, listed(role))
	}
	return result, nil
}

type nothing struct{}

func (a *api) updateRole(ctx context.Context, f *query.Form) (any, error) {
	name := f.Text("RoleName", rule.roleName)
	var change lambda.RoleChange
	if f.Has("Description") {
		text := f.Optional("Description", rule.description)
		change.Description = &text
	}
	if n, given := f.Number("MaxSessionDuration", minSession, maxSession); given {
		change.MaxSession = &n
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return nothing{}, a.keeper.UpdateRole(ctx, name, change)
}

func (a *api) updateRoleDescription(ctx context.Context, f *query.Form) (any, error) {
	name, text := f.Text("RoleName", rule.roleName), f.Text("Description", rule.description)
	if err := f.Err(); err != nil {
		return nil, err
	}
	if err := a.keeper.UpdateRole(ctx, name, lambda.RoleChange{Description: &text}); err != nil {
		return nil, err
	}
	return a.getRole(ctx, f)
}

func (a *api) updateAssumeRolePolicy(ctx context.Context, f *query.Form) (any, error) {
	name, document := f.Text("RoleName", rule.roleName), f.Text("PolicyDocument", rule.document)
	if err := f.Err(); err != nil {
		return nil, err
	}
	return nil, a.keeper.SetTrust(ctx, name, document)
}

func (a *api) putRolePermissionsBoundary(ctx context.Context, f *query.Form) (any, error) {
	name, arn := f.Text("RoleName", rule.roleName), f.Text("PermissionsBoundary", rule.arn)
	if err := f.Err(); err != nil {
		return nil, err
	}
	return nil, a.keeper.SetBoundary(ctx, name, arn)
}

func (a *api) deleteRolePermissionsBoundary(ctx context.Context, f *query.Form) (any, error) {
	role, err := a.named(f)
	if err != nil {
		return nil, err
	}
	return nil, a.keeper.SetBoundary(ctx, role.Name, "")
}

func (a *api) deleteRole(ctx context.Context, f *query.Form) (any, error) {
	role, err := a.named(f)
	if err != nil {
		return nil, err
	}
	return nil, a.keeper.DeleteRole(ctx, role.Name)
}

func (a *api) tagRole(ctx context.Context, f *query.Form) (any, error) {
	name, tags := f.Text("RoleName", rule.roleName), f.Tags("Tags", rule.tagKey, rule.tagValue)
	if err := f.Err(); err != nil {
		return nil, err
	}
	return nil, a.keeper.TagRole(ctx, name, tags)
}

func (a *api) untagRole(ctx context.Context, f *query.Form) (any, error) {
	name, keys := f.Text("RoleName", rule.roleName), f.Texts("TagKeys", rule.tagKey)
	if err := f.Err(); err != nil {
		return nil, err
	}
	return nil, a.keeper.UntagRole(ctx, name, keys)
}

type tagsResult struct {
	Tags query.List[xmlTag]
	page
}

func (a *api) listRoleTags(_ context.Context, f *query.Form) (any, error) {
	role, err := a.named(f)
	if err != nil {
		return nil, err
	}
	return cutTags(f, role.Tags)
}

func cutTags(f *query.Form, tags []lambda.Tag) (any, error) {
	some, p, err := cut(f, tags, func(t lambda.Tag) string { return t.Key })
	if err != nil {
		return nil, err
	}
	return tagsResult{query.List[xmlTag]{Members: xmlTags(some)}, p}, nil
}

type profilesResult struct {
	InstanceProfiles query.List[nothing]
	page
}

// listInstanceProfilesForRole is what terraform asks before it deletes a role.
func (a *api) listInstanceProfilesForRole(_ context.Context, f *query.Form) (any, error) {
	if _, err := a.named(f); err != nil {
		return nil, err
	}
	return profilesResult{}, nil
}
