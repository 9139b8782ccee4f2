package memory

import (
	"context"

	"lambent/internal/store"
)

// EachAccessKey implements store.Keys.
func (s *Store) EachAccessKey(ctx context.Context, visit func(store.AccessKey) error) error {
	return eachDocument(ctx, s, &s.data.keys, "access key", visit)
}

// PutAccessKey implements store.Keys.
func (s *Store) PutAccessKey(ctx context.Context, k store.AccessKey) error {
	return s.putDocument(ctx, &s.data.keys, "access key", k.ID, k)
}

// DeleteAccessKey implements store.Keys.
func (s *Store) DeleteAccessKey(ctx context.Context, id string) error {
	return s.deleteDocument(ctx, &s.data.keys, id)
}
