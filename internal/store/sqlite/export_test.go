package sqlite

import (
	"context"
)

// Pragma reads a setting of the writing connection.
func Pragma(ctx context.Context, s *Store, name string) (value string, err error) {
	err = s.writer.submit(ctx, func(ctx context.Context, tx *transaction) error {
		rows, err := tx.query(ctx, "PRAGMA "+name)
		if err != nil {
			return err
		}
		defer rows.Close()
		rows.Next()
		return rows.Scan(&value)
	})
	return value, err
}

// Submit makes a function's row and then refuses the write with the error.
func Submit(ctx context.Context, s *Store, name string, refusal error) error {
	return s.writer.submit(ctx, func(ctx context.Context, tx *transaction) error {
		if err := upsertFunction(ctx, tx, name, []byte("{}")); err != nil {
			return err
		}
		return refusal
	})
}
