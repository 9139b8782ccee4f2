package storetest

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

func roleTests() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"a role comes, is replaced and goes":           roleLife,
		"a managed policy comes, is replaced and goes": policyLife,
		"a closed store says so of roles":              closedRoles,
	}
}

func roleLife(t *testing.T, open Open) {
	first, second := fullRole("a"), fullRole("b")
	for _, r := range []lambda.Role{first, second} {
		write(t, open, func(ctx context.Context, s Store) error { return s.PutRole(ctx, r) })
	}
	equal(t, "roles", readRoles(t, open), []lambda.Role{first, second})
	second.Description, second.Tags, second.Inline, second.Attached = "replaced", nil, nil, nil
	write(t, open, func(ctx context.Context, s Store) error { return s.PutRole(ctx, second) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteRole(ctx, first.Name) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteRole(ctx, "never") })
	equal(t, "roles", readRoles(t, open), []lambda.Role{second})
}

func policyLife(t *testing.T, open Open) {
	first, second := fullPolicy("a"), fullPolicy("b")
	for _, p := range []lambda.ManagedPolicy{first, second} {
		write(t, open, func(ctx context.Context, s Store) error { return s.PutManagedPolicy(ctx, p) })
	}
	equal(t, "policies", readPolicies(t, open), []lambda.ManagedPolicy{first, second})
	second.Default, second.Versions = 9, nil
	write(t, open, func(ctx context.Context, s Store) error { return s.PutManagedPolicy(ctx, second) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteManagedPolicy(ctx, first.ARN) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteManagedPolicy(ctx, "never") })
	equal(t, "policies", readPolicies(t, open), []lambda.ManagedPolicy{second})
}

func closedRoles(t *testing.T, open Open) {
	s := open(t)
	closeStore(t, s)
	ctx := t.Context()
	for call, err := range map[string]error{
		"PutRole":             s.PutRole(ctx, fullRole("r")),
		"DeleteRole":          s.DeleteRole(ctx, "r"),
		"EachRole":            s.EachRole(ctx, func(lambda.Role) error { return nil }),
		"PutManagedPolicy":    s.PutManagedPolicy(ctx, fullPolicy("p")),
		"DeleteManagedPolicy": s.DeleteManagedPolicy(ctx, "p"),
		"EachManagedPolicy":   s.EachManagedPolicy(ctx, func(lambda.ManagedPolicy) error { return nil }),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: %v, want %v", call, err, store.ErrClosed)
		}
	}
}

func fullRole(name string) lambda.Role {
	var r lambda.Role
	fill(reflect.ValueOf(&r).Elem())
	r.Name = name
	return r
}

func fullPolicy(arn string) lambda.ManagedPolicy {
	var p lambda.ManagedPolicy
	fill(reflect.ValueOf(&p).Elem())
	p.ARN = arn
	return p
}

func readRoles(t *testing.T, open Open) []lambda.Role {
	t.Helper()
	s := open(t)
	defer closeStore(t, s)
	var all []lambda.Role
	must(t, s.EachRole(t.Context(), func(r lambda.Role) error { all = append(all, r); return nil }))
	slices.SortFunc(all, func(a, b lambda.Role) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func readPolicies(t *testing.T, open Open) []lambda.ManagedPolicy {
	t.Helper()
	s := open(t)
	defer closeStore(t, s)
	var all []lambda.ManagedPolicy
	must(t, s.EachManagedPolicy(t.Context(), func(p lambda.ManagedPolicy) error { all = append(all, p); return nil }))
	slices.SortFunc(all, func(a, b lambda.ManagedPolicy) int { return cmp.Compare(a.ARN, b.ARN) })
	return all
}
