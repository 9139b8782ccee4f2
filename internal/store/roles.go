package store

import (
	"context"

	"lambent/internal/lambda"
)

// Roles remembers IAM roles with their inline policies.
type Roles interface {
	// EachRole calls visit once for every role, in no particular order, until
	// visit fails; it returns that error as it is.
	EachRole(ctx context.Context, visit func(lambda.Role) error) error

	// PutRole makes or replaces a role, by Name.
	PutRole(ctx context.Context, r lambda.Role) error

	// DeleteRole removes a role. One that is not there is no error.
	DeleteRole(ctx context.Context, name string) error
}

// Policies remembers the account's managed policies.
type Policies interface {
	// EachManagedPolicy calls visit once for every policy, in no particular
	// order, until visit fails; it returns that error as it is.
	EachManagedPolicy(ctx context.Context, visit func(lambda.ManagedPolicy) error) error

	// PutManagedPolicy makes or replaces a policy, by ARN.
	PutManagedPolicy(ctx context.Context, p lambda.ManagedPolicy) error

	// DeleteManagedPolicy removes a policy. One that is not there is no error.
	DeleteManagedPolicy(ctx context.Context, arn string) error
}
