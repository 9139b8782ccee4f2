package sqlite

import (
	"context"

	"lambent/internal/lambda"
)

func signingTable() documents {
	return documents{
		noun: "code signing config",
		each: "SELECT document FROM code_signing_config",
		put: `INSERT INTO code_signing_config (id, document) VALUES (?, ?)
			ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
		deletion: "DELETE FROM code_signing_config WHERE id = ?",
	}
}

// EachCodeSigningConfig implements store.Signing.
func (s *Store) EachCodeSigningConfig(ctx context.Context, visit func(lambda.CodeSigningConfig) error) error {
	return eachDocument(ctx, s, signingTable(), visit)
}

// PutCodeSigningConfig implements store.Signing.
func (s *Store) PutCodeSigningConfig(ctx context.Context, c lambda.CodeSigningConfig) error {
	return s.putDocument(ctx, signingTable(), c.ID, c)
}

// DeleteCodeSigningConfig implements store.Signing.
func (s *Store) DeleteCodeSigningConfig(ctx context.Context, id string) error {
	return s.deleteDocument(ctx, signingTable(), id)
}
