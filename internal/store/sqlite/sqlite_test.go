package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"lambent/internal/lambda"
	"lambent/internal/store"
	"lambent/internal/store/sqlite"
	"lambent/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Open {
		path := filepath.Join(t.TempDir(), "lambent.db")
		return func(t *testing.T) storetest.Store { return open(t, path) }
	})
}

func open(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(s *sqlite.Store, name string) error {
	return s.PutFunction(context.Background(), store.FunctionChange{
		Function: store.Function{Function: lambda.Function{Name: name}},
		Versions: []lambda.Version{{Function: name, Number: lambda.Latest}},
	})
}

// A path is a path, whatever a URL would make of it.
func TestOddPath(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b?c=d#e%20f.db")
	s := open(t, path)
	defer s.Close()
	if err := put(s, "f"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() == 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("database file: %d bytes, mode %v; want some bytes, mode 0600", info.Size(), info.Mode().Perm())
	}
}

// What a commit promises depends on these two.
func TestPragmas(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lambent.db")
	s := open(t, path)
	defer s.Close()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"} {
		got, err := sqlite.Pragma(t.Context(), s, pragma)
		if err != nil || got != want {
			t.Errorf("PRAGMA %s = %q, %v; want %q", pragma, got, err, want)
		}
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lambent.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (900, 1)"); err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(t.Context(), path)
	if err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("Open of a newer database: %v, want an error that says newer", err)
	}
}

func TestNotADatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lambent.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := sqlite.Open(t.Context(), path); err == nil {
		s.Close()
		t.Error("Open of a text file: no error")
	}
}

// One member of a group that fails takes nobody along: a document that is not
// JSON cannot be made through the API, so the refusal comes from a closed
// context instead.
func TestGroupMembersFailAlone(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "lambent.db"))
	defer s.Close()
	refused := errors.New("refused")
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			name := fmt.Sprintf("f%d", i)
			if i%4 == 0 {
				if err := sqlite.Submit(t.Context(), s, name, refused); !errors.Is(err, refused) {
					t.Errorf("write %d: %v, want %v", i, err, refused)
				}
				return
			}
			if err := put(s, name); err != nil {
				t.Errorf("write %d: %v", i, err)
			}
		})
	}
	all.Wait()
	count := 0
	err := s.EachFunction(t.Context(), func(f store.Function, _ []lambda.Version) error {
		count++
		return nil
	})
	if err != nil || count != 48 {
		t.Errorf("%d functions, %v; want 48", count, err)
	}
}

// Close while others write: each write is either acknowledged and there, or
// refused; none waits for ever.
func TestCloseWhileWriting(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lambent.db")
	s := open(t, path)
	var all sync.WaitGroup
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	for w := range 8 {
		all.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("f-%d-%d", w, i)
				if err := put(s, name); err != nil {
					if !errors.Is(err, store.ErrClosed) {
						t.Errorf("put %s: %v, want %v", name, err, store.ErrClosed)
					}
					return
				}
				mu.Lock()
				acknowledged[name] = true
				mu.Unlock()
				if i == 3 && w == 0 {
					go s.Close()
				}
			}
		})
	}
	all.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, path)
	defer again.Close()
	err := again.EachFunction(t.Context(), func(f store.Function, _ []lambda.Version) error {
		delete(acknowledged, f.Name)
		return nil
	})
	if err != nil || len(acknowledged) != 0 {
		t.Errorf("acknowledged but not there: %v, %v", acknowledged, err)
	}
}

func BenchmarkPutFunction(b *testing.B) {
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "lambent.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := put(s, "f"); err != nil {
				b.Error(err)
			}
		}
	})
}
