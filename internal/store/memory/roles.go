package memory

import (
	"context"
	"encoding/json"
	"fmt"

	"lambent/internal/lambda"
)

// EachRole implements store.Roles.
func (s *Store) EachRole(ctx context.Context, visit func(lambda.Role) error) error {
	return eachDocument(ctx, s, &s.data.roles, "role", visit)
}

// PutRole implements store.Roles.
func (s *Store) PutRole(ctx context.Context, r lambda.Role) error {
	return s.putDocument(ctx, &s.data.roles, "role", r.Name, r)
}

// DeleteRole implements store.Roles.
func (s *Store) DeleteRole(ctx context.Context, name string) error {
	return s.deleteDocument(ctx, &s.data.roles, name)
}

// EachManagedPolicy implements store.Policies.
func (s *Store) EachManagedPolicy(ctx context.Context, visit func(lambda.ManagedPolicy) error) error {
	return eachDocument(ctx, s, &s.data.policies, "managed policy", visit)
}

// PutManagedPolicy implements store.Policies.
func (s *Store) PutManagedPolicy(ctx context.Context, p lambda.ManagedPolicy) error {
	return s.putDocument(ctx, &s.data.policies, "managed policy", p.ARN, p)
}

// DeleteManagedPolicy implements store.Policies.
func (s *Store) DeleteManagedPolicy(ctx context.Context, arn string) error {
	return s.deleteDocument(ctx, &s.data.policies, arn)
}

func eachDocument[T any](ctx context.Context, s *Store, table *map[string][]byte, noun string, visit func(T) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	for _, document := range s.data.all(table) {
		var v T
		if err := json.Unmarshal(document, &v); err != nil {
			return fmt.Errorf("decode %s: %w", noun, err)
		}
		if err := visit(v); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) putDocument(ctx context.Context, table *map[string][]byte, noun, key string, value any) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	document, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s %s: %w", noun, key, err)
	}
	s.data.put(table, key, document)
	return nil
}

func (s *Store) deleteDocument(ctx context.Context, table *map[string][]byte, key string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.data.mu.Lock()
	defer s.data.mu.Unlock()
	delete(*table, key)
	return nil
}
