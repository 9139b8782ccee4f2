package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// transaction is the writing connection, one transaction after the other. Its
// statements stay prepared: to read one takes longer than to carry it out. Their
// texts are constants of this package, so there are few.
type transaction struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

func (tx *transaction) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	if s := tx.prepared[text]; s != nil {
		return s, nil
	}
	s, err := tx.conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if tx.prepared == nil {
		tx.prepared = map[string]*sql.Stmt{}
	}
	tx.prepared[text] = s
	return s, nil
}

func (tx *transaction) exec(ctx context.Context, text string, args ...any) (sql.Result, error) {
	s, err := tx.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (tx *transaction) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	s, err := tx.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// whole makes everything that do does durable, or nothing of it.
func (tx *transaction) whole(do func() error) error {
	ctx := context.Background()
	if _, err := tx.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	err := do()
	if err == nil {
		if _, err = tx.exec(ctx, "COMMIT"); err == nil {
			return nil
		}
		err = fmt.Errorf("commit: %w", err)
	}
	// SQLite rolls back by itself after some errors, and then refuses to do it again.
	// Had it not been rolled back, the next BEGIN would say so.
	_, _ = tx.exec(ctx, "ROLLBACK")
	return err
}

// part makes what do does, or nothing of it and says why. The second error means
// that the transaction itself is no longer usable.
func (tx *transaction) part(do func() error) (refused, fatal error) {
	ctx := context.Background()
	if _, err := tx.exec(ctx, "SAVEPOINT member"); err != nil {
		return nil, fmt.Errorf("begin write: %w", err)
	}
	if refused = do(); refused != nil {
		if _, err := tx.exec(ctx, "ROLLBACK TO member"); err != nil {
			return refused, fmt.Errorf("undo write: %w", err)
		}
	}
	if _, err := tx.exec(ctx, "RELEASE member"); err != nil {
		return refused, fmt.Errorf("end write: %w", err)
	}
	return refused, nil
}

func (tx *transaction) close() error {
	var errs []error
	for _, s := range tx.prepared {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, tx.conn.Close())...)
}
