package secrets_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/secrets"
	"lambent/internal/store"
	"lambent/internal/store/memory"
	"lambent/internal/store/sqlite"
	"lambent/internal/store/storetest"
)

// sealing is a store whose functions are sealed.
type sealing struct {
	*memory.Store
	functions secrets.Functions
}

func (s sealing) EachFunction(ctx context.Context, visit func(store.Function, []lambda.Version) error) error {
	return s.functions.EachFunction(ctx, visit)
}

func (s sealing) PutFunction(ctx context.Context, change store.FunctionChange) error {
	return s.functions.PutFunction(ctx, change)
}

func (s sealing) DeleteFunction(ctx context.Context, name string) error {
	return s.functions.DeleteFunction(ctx, name)
}

// A store is the same store with sealed variables.
func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Open {
		box := open(t, filepath.Join(t.TempDir(), "secret.key"))
		data := &memory.Data{}
		return func(*testing.T) storetest.Store {
			db := memory.Open(data)
			return sealing{db, secrets.Functions{Store: db, Box: box}}
		}
	})
}

const hunter = "hunter2-is-a-secret"

func secretive() store.FunctionChange {
	v := lambda.Version{Function: "f", Number: lambda.Latest, Environment: []lambda.Variable{{Name: "PASSWORD_OF_MINE", Value: hunter}}}
	one := v
	one.Number = "1"
	return store.FunctionChange{Function: store.Function{Function: lambda.Function{Name: "f"}, Serving: &v}, Versions: []lambda.Version{v, one}}
}

// The files of the database hold neither names nor values; without sealing they
// would, so the search is known to find them.
func TestDatabaseFilesTellNothing(t *testing.T) {
	t.Parallel()
	for _, seal := range []bool{true, false} {
		dir := t.TempDir()
		db, err := sqlite.Open(t.Context(), filepath.Join(dir, "lambent.db"))
		if err != nil {
			t.Fatal(err)
		}
		var functions store.Functions = db
		if seal {
			functions = secrets.Functions{Store: db, Box: open(t, filepath.Join(dir, "secret.key"))}
		}
		change := secretive()
		if err := functions.PutFunction(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		if change.Versions[0].Environment[0].Value != hunter || change.Function.Serving.Environment[0].Value != hunter {
			t.Error("sealing changed the caller's version")
		}
		during := found(t, dir)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if after := found(t, dir); during == seal || after == seal {
			t.Errorf("with sealing %v: found in the files while open %v, after closing %v", seal, during, after)
		}
	}
}

func found(t *testing.T, dir string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(hunter)) || bytes.Contains(content, []byte("PASSWORD_OF_MINE")) {
			return true
		}
	}
	return false
}

// A lost key is said so, and nothing is served without its variables.
func TestLostKey(t *testing.T) {
	t.Parallel()
	db := memory.Open(&memory.Data{})
	dir := t.TempDir()
	if err := (secrets.Functions{Store: db, Box: open(t, filepath.Join(dir, "a"))}).PutFunction(t.Context(), secretive()); err != nil {
		t.Fatal(err)
	}
	visits := 0
	err := secrets.Functions{Store: db, Box: open(t, filepath.Join(dir, "b"))}.EachFunction(context.Background(), func(store.Function, []lambda.Version) error {
		visits++
		return nil
	})
	if !errors.Is(err, secrets.ErrSealed) || visits != 0 {
		t.Errorf("with another key: %v and %d visits, want %v and none", err, visits, secrets.ErrSealed)
	}
}

func open(t *testing.T, path string) *secrets.Box {
	t.Helper()
	box, err := secrets.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return box
}
