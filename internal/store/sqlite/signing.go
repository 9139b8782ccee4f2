package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"lambent/internal/lambda"
)

// EachCodeSigningConfig implements store.Signing. All rows are read before the
// first visit, so a visitor may write.
func (s *Store) EachCodeSigningConfig(ctx context.Context, visit func(lambda.CodeSigningConfig) error) error {
	all, err := s.codeSigningConfigs(ctx)
	if err != nil {
		return fmt.Errorf("read code signing configs: %w", err)
	}
	for _, c := range all {
		if err := visit(c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) codeSigningConfigs(ctx context.Context) ([]lambda.CodeSigningConfig, error) {
	rows, err := s.query(ctx, "SELECT document FROM code_signing_config")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []lambda.CodeSigningConfig
	for rows.Next() {
		var document sql.RawBytes
		if err := rows.Scan(&document); err != nil {
			return nil, err
		}
		var c lambda.CodeSigningConfig
		if err := json.Unmarshal(document, &c); err != nil {
			return nil, fmt.Errorf("decode code signing config: %w", err)
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// PutCodeSigningConfig implements store.Signing.
func (s *Store) PutCodeSigningConfig(ctx context.Context, c lambda.CodeSigningConfig) error {
	document, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode code signing config %s: %w", c.ID, err)
	}
	err = s.writer.submit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO code_signing_config (id, document) VALUES (?, ?)
			ON CONFLICT (id) DO UPDATE SET document = excluded.document`, c.ID, string(document))
		return err
	})
	if err != nil {
		return fmt.Errorf("store code signing config %s: %w", c.ID, err)
	}
	return nil
}

// DeleteCodeSigningConfig implements store.Signing.
func (s *Store) DeleteCodeSigningConfig(ctx context.Context, id string) error {
	err := s.writer.submit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM code_signing_config WHERE id = ?", id)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete code signing config %s: %w", id, err)
	}
	return nil
}
