package sqlite

import (
	"context"

	"lambent/internal/lambda"
)

func roleTable() documents {
	return documents{
		noun: "role",
		each: "SELECT document FROM role",
		put: `INSERT INTO role (name, document) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET document = excluded.document`,
		deletion: "DELETE FROM role WHERE name = ?",
	}
}

func policyTable() documents {
	return documents{
		noun: "managed policy",
		each: "SELECT document FROM managed_policy",
		put: `INSERT INTO managed_policy (arn, document) VALUES (?, ?)
			ON CONFLICT (arn) DO UPDATE SET document = excluded.document`,
		deletion: "DELETE FROM managed_policy WHERE arn = ?",
	}
}

// EachRole implements store.Roles.
func (s *Store) EachRole(ctx context.Context, visit func(lambda.Role) error) error {
	return eachDocument(ctx, s, roleTable(), visit)
}

// PutRole implements store.Roles.
func (s *Store) PutRole(ctx context.Context, r lambda.Role) error {
	return s.putDocument(ctx, roleTable(), r.Name, r)
}

// DeleteRole implements store.Roles.
func (s *Store) DeleteRole(ctx context.Context, name string) error {
	return s.deleteDocument(ctx, roleTable(), name)
}

// EachManagedPolicy implements store.Policies.
func (s *Store) EachManagedPolicy(ctx context.Context, visit func(lambda.ManagedPolicy) error) error {
	return eachDocument(ctx, s, policyTable(), visit)
}

// PutManagedPolicy implements store.Policies.
func (s *Store) PutManagedPolicy(ctx context.Context, p lambda.ManagedPolicy) error {
	return s.putDocument(ctx, policyTable(), p.ARN, p)
}

// DeleteManagedPolicy implements store.Policies.
func (s *Store) DeleteManagedPolicy(ctx context.Context, arn string) error {
	return s.deleteDocument(ctx, policyTable(), arn)
}
