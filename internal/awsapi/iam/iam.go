// Package iam answers the part of AWS Identity and Access Management that tools
// need around Lambda: roles with their policies, and managed policies. There are no
// users here but the root user of the account, no groups, and no instance
// profiles.
package iam

import (
	"context"
	"log/slog"
	"net/http"

	"lambent/internal/awsapi/query"
	"lambent/internal/lambda"
)

// Roles makes and removes roles, and changes what they are described as.
type Roles interface {
	CreateRole(ctx context.Context, role lambda.Role) (lambda.Role, error)
	Role(name string) (lambda.Role, error)
	Roles() []lambda.Role
	UpdateRole(ctx context.Context, name string, change lambda.RoleChange) error
	DeleteRole(ctx context.Context, name string) error
}

// Settings changes what else belongs to a role. An empty ARN takes its boundary
// away.
type Settings interface {
	SetTrust(ctx context.Context, name, document string) error
	SetBoundary(ctx context.Context, name, arn string) error
	TagRole(ctx context.Context, name string, tags []lambda.Tag) error
	UntagRole(ctx context.Context, name string, keys []string) error
}

// RolePolicies gives policies to roles and takes them.
type RolePolicies interface {
	PutInline(ctx context.Context, role, name, document string) error
	Inline(role, name string) (lambda.InlinePolicy, error)
	DeleteInline(ctx context.Context, role, name string) error
	Attach(ctx context.Context, role, arn string) error
	Detach(ctx context.Context, role, arn string) error
}

// Policies makes and removes managed policies. Those of AWS are listed too.
type Policies interface {
	CreatePolicy(ctx context.Context, p lambda.ManagedPolicy, document string) (lambda.ManagedPolicy, error)
	Policy(arn string) (lambda.ManagedPolicy, error)
	Policies() []lambda.ManagedPolicy
	DeletePolicy(ctx context.Context, arn string) error
}

// PolicyVersions changes what managed policies say, and their tags.
type PolicyVersions interface {
	AddVersion(ctx context.Context, arn, document string, counts bool) (lambda.PolicyVersion, error)
	Version(arn, id string) (lambda.PolicyVersion, error)
	SetDefault(ctx context.Context, arn, id string) error
	DeleteVersion(ctx context.Context, arn, id string) error
}

// PolicyTags changes the tags of managed policies.
type PolicyTags interface {
	TagPolicy(ctx context.Context, arn string, tags []lambda.Tag) error
	UntagPolicy(ctx context.Context, arn string, keys []string) error
}

// Keeper is who keeps roles and policies. Its errors that callers may read are
// *lambda.Error.
type Keeper interface {
	Roles
	Settings
	RolePolicies
	Policies
	PolicyVersions
	PolicyTags
}

type api struct {
	home   lambda.Home
	keeper Keeper
}

// New makes the service.
func New(home lambda.Home, keeper Keeper, log *slog.Logger) http.Handler {
	a := &api{home, keeper}
	return &query.Service{
		Version: "2010-05-08", Namespace: "https://iam.amazonaws.com/doc/2010-05-08/", Code: code, Log: log,
		Actions: map[string]query.Operation{
			"CreateRole":                    a.createRole,
			"GetRole":                       a.getRole,
			"ListRoles":                     a.listRoles,
			"UpdateRole":                    a.updateRole,
			"UpdateRoleDescription":         a.updateRoleDescription,
			"UpdateAssumeRolePolicy":        a.updateAssumeRolePolicy,
			"PutRolePermissionsBoundary":    a.putRolePermissionsBoundary,
			"DeleteRolePermissionsBoundary": a.deleteRolePermissionsBoundary,
			"DeleteRole":                    a.deleteRole,
			"TagRole":                       a.tagRole,
			"UntagRole":                     a.untagRole,
			"ListRoleTags":                  a.listRoleTags,
			"ListInstanceProfilesForRole":   a.listInstanceProfilesForRole,

			"PutRolePolicy":            a.putRolePolicy,
			"GetRolePolicy":            a.getRolePolicy,
			"DeleteRolePolicy":         a.deleteRolePolicy,
			"ListRolePolicies":         a.listRolePolicies,
			"AttachRolePolicy":         a.attachRolePolicy,
			"DetachRolePolicy":         a.detachRolePolicy,
			"ListAttachedRolePolicies": a.listAttachedRolePolicies,

			"CreatePolicy":            a.createPolicy,
			"GetPolicy":               a.getPolicy,
			"ListPolicies":            a.listPolicies,
			"DeletePolicy":            a.deletePolicy,
			"ListEntitiesForPolicy":   a.listEntitiesForPolicy,
			"TagPolicy":               a.tagPolicy,
			"UntagPolicy":             a.untagPolicy,
			"ListPolicyTags":          a.listPolicyTags,
			"CreatePolicyVersion":     a.createPolicyVersion,
			"GetPolicyVersion":        a.getPolicyVersion,
			"ListPolicyVersions":      a.listPolicyVersions,
			"SetDefaultPolicyVersion": a.setDefaultPolicyVersion,
			"DeletePolicyVersion":     a.deletePolicyVersion,

			"GetUser":            a.getUser,
			"ListAccountAliases": a.listAccountAliases,
		},
	}
}

// code is IAM's name for a kind of error.
func code(kind lambda.Kind) (string, int, bool) {
	switch kind {
	case lambda.NotFound:
		return "NoSuchEntity", http.StatusNotFound, true
	case lambda.Conflict:
		return "EntityAlreadyExists", http.StatusConflict, true
	case lambda.InUse:
		return "DeleteConflict", http.StatusConflict, true
	case lambda.LimitExceeded:
		return "LimitExceeded", http.StatusConflict, true
	case lambda.MalformedPolicy:
		return "MalformedPolicyDocument", http.StatusBadRequest, true
	case lambda.InvalidParameter:
		return "InvalidInput", http.StatusBadRequest, true
	case lambda.Validation:
		return "ValidationError", http.StatusBadRequest, true
	case lambda.AccessDenied:
		return "AccessDenied", http.StatusForbidden, true
	}
	return "", 0, false
}
