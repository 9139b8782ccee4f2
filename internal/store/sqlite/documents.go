package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// documents is a table of documents by one key. Its statements are constants of
// this package; nothing of a caller gets into them.
type documents struct {
	noun                string // in errors
	each, put, deletion string
}

// eachDocument reads all rows before the first visit, so a visitor may write.
func eachDocument[T any](ctx context.Context, s *Store, table documents, visit func(T) error) error {
	all, err := readDocuments[T](ctx, s, table)
	if err != nil {
		return fmt.Errorf("read every %s: %w", table.noun, err)
	}
	for _, v := range all {
		if err := visit(v); err != nil {
			return err
		}
	}
	return nil
}

func readDocuments[T any](ctx context.Context, s *Store, table documents) ([]T, error) {
	rows, err := s.query(ctx, table.each)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var document sql.RawBytes
		if err := rows.Scan(&document); err != nil {
			return nil, err
		}
		var v T
		if err := json.Unmarshal(document, &v); err != nil {
			return nil, fmt.Errorf("decode %s: %w", table.noun, err)
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

func (s *Store) putDocument(ctx context.Context, table documents, key string, value any) error {
	document, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s %s: %w", table.noun, key, err)
	}
	err = s.writer.submit(ctx, func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, table.put, key, string(document))
		return err
	})
	if err != nil {
		return fmt.Errorf("store %s %s: %w", table.noun, key, err)
	}
	return nil
}

func (s *Store) deleteDocument(ctx context.Context, table documents, key string) error {
	err := s.writer.submit(ctx, func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, table.deletion, key)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete %s %s: %w", table.noun, key, err)
	}
	return nil
}
