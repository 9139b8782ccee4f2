// Package sqlite keeps Lambent's state in one SQLite file (modernc.org/sqlite,
// no C). It is the default store.
//
// The journal is a write-ahead log with synchronous=FULL, so a commit that
// returned is on the disk. That costs a flush per commit; therefore one writer
// owns the only writing connection and commits everything that waits for it in
// one transaction (see writer). Readers have connections of their own and never
// wait for the writer.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync"
	"sync/atomic"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the database/sql driver "sqlite"

	"lambent/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// maxReaders bounds the connections that read at the same time.
const maxReaders = 4

// Store is an open database. Its methods may be called from anywhere.
type Store struct {
	db     *sql.DB
	writer *writer

	reading sync.Map // text of a statement to *sql.Stmt

	sequence atomic.Int64 // of the event that was queued last
	claims   claims
	writing  atomic.Int64          // bytes of new events
	free     func() (int64, error) // bytes on the disk

	closeOnce sync.Once
	closeErr  error
}

// Open opens or makes the database file and brings its tables up to date. A
// file that a newer Lambent has changed is refused.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := open(path)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate %s: %w", path, err), db.Close())
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s for writing: %w", path, err), db.Close())
	}
	s := &Store{db: db, writer: startWriter(conn), free: freeAt(path)}
	if err := s.lastSequence(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("read queue of %s: %w", path, err), s.Close())
	}
	return s, nil
}

// lastSequence finds where the queue's numbers go on. They are counted here and
// not by the database, which would give those of removed events again while
// somebody may still hold a claim.
func (s *Store) lastSequence(ctx context.Context) error {
	rows, err := s.query(ctx, "SELECT coalesce(max(sequence), 0) FROM queued_event")
	if err != nil {
		return err
	}
	defer rows.Close()
	var last int64
	if rows.Next() {
		err = rows.Scan(&last)
	}
	s.sequence.Store(last)
	return errors.Join(err, rows.Err())
}

// Close waits for what is being written and closes the file. Later calls of
// any method answer store.ErrClosed.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.closeErr = s.writer.stop()
		s.reading.Range(func(_, statement any) bool {
			s.closeErr = errors.Join(s.closeErr, statement.(*sql.Stmt).Close())
			return true
		})
		s.closeErr = errors.Join(s.closeErr, s.db.Close())
	})
	return s.closeErr
}

func open(path string) (*sql.DB, error) {
	// What functions are made of is nobody else's business. SQLite gives its log
	// the same mode.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	pragmas := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
	}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: pragmas.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(maxReaders + 1)
	db.SetMaxIdleConns(maxReaders)
	return db, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	have, known, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > known {
		return fmt.Errorf("the database is of version %d, and this Lambent knows only %d: it was used by a newer one", have, known)
	}
	_, err = provider.Up(ctx)
	return err
}

// query reads rows; after Close it says so in the contract's words.
func (s *Store) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	statement, err := s.statement(ctx, text)
	if err != nil {
		return nil, s.closedOr(err)
	}
	rows, err := statement.QueryContext(ctx, args...)
	return rows, s.closedOr(err)
}

// statement is prepared once on each connection that reads it. There are as many as
// this package has texts.
func (s *Store) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	if known, found := s.reading.Load(text); found {
		return known.(*sql.Stmt), nil
	}
	statement, err := s.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if known, found := s.reading.LoadOrStore(text, statement); found {
		return known.(*sql.Stmt), statement.Close()
	}
	return statement, nil
}

func (s *Store) closedOr(err error) error {
	if err != nil && s.writer.stopped() {
		return store.ErrClosed
	}
	return err
}
