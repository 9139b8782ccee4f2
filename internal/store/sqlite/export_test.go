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

// Member is one write of a group: statements, and what it says in the end.
type Member struct {
	Context    context.Context
	Statements []string
	Refusal    error
}

// Commit writes a group as the writer does, on a connection of its own, and tells
// what each member was answered.
func Commit(ctx context.Context, s *Store, members ...Member) ([]error, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	tx := &transaction{conn: conn}
	group := make([]*write, len(members))
	for i, m := range members {
		group[i] = &write{ctx: m.Context, result: make(chan error, 1), do: func(ctx context.Context, tx *transaction) error {
			for _, text := range m.Statements {
				if _, err := tx.exec(ctx, text); err != nil {
					return err
				}
			}
			return m.Refusal
		}}
		if m.Context == nil {
			group[i].ctx = ctx
		}
	}
	commit(tx, group)
	answers := make([]error, len(group))
	for i, job := range group {
		answers[i] = <-job.result
	}
	return answers, tx.close()
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

// SubmitSlowly makes a function's row in a write that says when it begins, and ends
// when it may.
func SubmitSlowly(ctx context.Context, s *Store, name string, begun chan<- struct{}, goOn <-chan struct{}) error {
	return s.writer.submit(ctx, func(ctx context.Context, tx *transaction) error {
		close(begun)
		<-goOn
		return upsertFunction(ctx, tx, name, []byte(`{"Name":"`+name+`"}`))
	})
}

// Spare is what new events leave of the disk.
const Spare = spare

// SetFree says how much of the disk is free.
func SetFree(s *Store, bytes int64) { s.free = func() (int64, error) { return bytes, nil } }
