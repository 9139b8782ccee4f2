package storetest

import (
	"testing"

	"lambent/internal/lambda"
)

func roleTests() map[string]func(*testing.T, Open) {
	roles := document[lambda.Role]{
		noun: "roles", key: func(r *lambda.Role) *string { return &r.Name },
		put: Store.PutRole, delete: Store.DeleteRole, each: Store.EachRole,
		replace: func(r *lambda.Role) { r.Description, r.Tags, r.Inline, r.Attached = "replaced", nil, nil, nil },
	}
	policies := document[lambda.ManagedPolicy]{
		noun: "managed policies", key: func(p *lambda.ManagedPolicy) *string { return &p.ARN },
		put: Store.PutManagedPolicy, delete: Store.DeleteManagedPolicy, each: Store.EachManagedPolicy,
		replace: func(p *lambda.ManagedPolicy) { p.Default, p.Versions = 9, nil },
	}
	return map[string]func(*testing.T, Open){
		"a role comes, is replaced and goes":           roles.life,
		"a managed policy comes, is replaced and goes": policies.life,
	}
}
