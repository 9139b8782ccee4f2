package sqlite

import (
	"context"

	"lambent/internal/store"
)

func keyTable() documents {
	return documents{
		noun: "access key",
		each: "SELECT document FROM access_key",
		put: `INSERT INTO access_key (id, document) VALUES (?, ?)
			ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
		deletion: "DELETE FROM access_key WHERE id = ?",
	}
}

// EachAccessKey implements store.Keys.
func (s *Store) EachAccessKey(ctx context.Context, visit func(store.AccessKey) error) error {
	return eachDocument(ctx, s, keyTable(), visit)
}

// PutAccessKey implements store.Keys.
func (s *Store) PutAccessKey(ctx context.Context, k store.AccessKey) error {
	return s.putDocument(ctx, keyTable(), k.ID, k)
}

// DeleteAccessKey implements store.Keys.
func (s *Store) DeleteAccessKey(ctx context.Context, id string) error {
	return s.deleteDocument(ctx, keyTable(), id)
}
