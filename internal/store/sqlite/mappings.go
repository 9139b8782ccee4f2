package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"lambent/internal/lambda"
)

// EachMapping implements store.Mappings. All rows are read before the
// first visit, so a visitor may write.
func (s *Store) EachMapping(ctx context.Context, visit func(lambda.EventSourceMapping) error) error {
	all, err := s.mappings(ctx)
	if err != nil {
		return fmt.Errorf("read event source mappings: %w", err)
	}
	for _, m := range all {
		if err := visit(m); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) mappings(ctx context.Context) ([]lambda.EventSourceMapping, error) {
	rows, err := s.query(ctx, "SELECT document FROM event_source_mapping")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []lambda.EventSourceMapping
	for rows.Next() {
		var document sql.RawBytes
		if err := rows.Scan(&document); err != nil {
			return nil, err
		}
		var m lambda.EventSourceMapping
		if err := json.Unmarshal(document, &m); err != nil {
			return nil, fmt.Errorf("decode event source mapping: %w", err)
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

// PutMapping implements store.Mappings.
func (s *Store) PutMapping(ctx context.Context, m lambda.EventSourceMapping) error {
	document, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode event source mapping %s: %w", m.UUID, err)
	}
	err = s.writer.submit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO event_source_mapping (uuid, document) VALUES (?, ?)
			ON CONFLICT (uuid) DO UPDATE SET document = excluded.document`, m.UUID, string(document))
		return err
	})
	if err != nil {
		return fmt.Errorf("store event source mapping %s: %w", m.UUID, err)
	}
	return nil
}

// DeleteMapping implements store.Mappings.
func (s *Store) DeleteMapping(ctx context.Context, uuid string) error {
	err := s.writer.submit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM event_source_mapping WHERE uuid = ?", uuid)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete event source mapping %s: %w", uuid, err)
	}
	return nil
}
