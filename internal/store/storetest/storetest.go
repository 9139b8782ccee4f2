// Package storetest is the one suite that every store passes. It knows a store
// by the contracts of package store only, and closes and opens it again after
// every acknowledged write, because that is what those contracts are about.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// Store is everything that a store must be able to do.
type Store interface {
	store.Functions
	store.Layers
	store.Signing
	store.Mappings
	store.Roles
	store.Policies
	store.Keys
	store.Queue
	store.QueueDesk
	store.Rules
	store.Schedules
	store.Ticks
	Close() error
}

// Open opens the store of one test. Every call of the same Open opens the same
// data, which is empty at first.
type Open func(t *testing.T) Store

// Run runs the suite. fresh makes an Open on new data.
func Run(t *testing.T, fresh func(t *testing.T) Open) {
	tests := map[string]func(*testing.T, Open){
		"a function comes back as it was":                         functionRoundTrip,
		"every acknowledged write survives":                       acknowledgedSurvives,
		"a change replaces, adds and removes versions":            changeVersions,
		"a deleted function takes its versions along":             deleteFunction,
		"deleting what is not there is fine":                      deleteAbsent,
		"a layer version comes back as it was":                    layerRoundTrip,
		"a layer version is replaced by its number":               layerReplace,
		"a code signing config comes, is replaced and goes":       signingLife,
		"a visitor's error ends the visit":                        visitorError,
		"a visitor may write":                                     visitorWrites,
		"a context that has ended writes nothing":                 endedContext,
		"a closed store says so":                                  closed,
		"writes from everywhere are all there":                    concurrent,
		"the last of many writes to one function is what remains": lastWins,
	}
	maps.Copy(tests, queueTests())
	maps.Copy(tests, roleTests())
	maps.Copy(tests, keyTests())
	maps.Copy(tests, mappingTests())
	maps.Copy(tests, scheduleTests())
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

func functionRoundTrip(t *testing.T, open Open) {
	want := fullChange("thumbnail", "1", "2")
	serving := fullVersion("thumbnail", lambda.Latest)
	serving.Generation = "before"
	want.Function.Serving = &serving
	write(t, open, func(ctx context.Context, s Store) error { return s.PutFunction(ctx, want) })
	got := readFunctions(t, open)
	if len(got) != 1 {
		t.Fatalf("read %d functions, want 1", len(got))
	}
	equal(t, "function", got["thumbnail"].Function, want.Function)
	equal(t, "versions", got["thumbnail"].Versions, sorted(want.Versions))
}

func acknowledgedSurvives(t *testing.T, open Open) {
	want := map[string]store.FunctionChange{}
	for i := range 8 {
		change := fullChange(fmt.Sprintf("f%d", i%5), fmt.Sprint(i))
		change.Function.NextID = int64(i)
		write(t, open, func(ctx context.Context, s Store) error { return s.PutFunction(ctx, change) })
		if old, ok := want[change.Function.Name]; ok {
			// $LATEST is replaced, the numbered one is added.
			change.Versions = append(change.Versions, old.Versions[1:]...)
		}
		want[change.Function.Name] = change
		got := readFunctions(t, open)
		if len(got) != len(want) {
			t.Fatalf("after write %d: %d functions, want %d", i, len(got), len(want))
		}
		for name, w := range want {
			equal(t, fmt.Sprintf("after write %d: function %s", i, name), got[name].Function, w.Function)
			equal(t, fmt.Sprintf("after write %d: versions of %s", i, name), got[name].Versions, sorted(w.Versions))
		}
	}
}

func changeVersions(t *testing.T, open Open) {
	write(t, open, func(ctx context.Context, s Store) error { return s.PutFunction(ctx, fullChange("f", "1", "2", "3")) })
	change := store.FunctionChange{Function: fullFunction("f"), Removed: []string{"1", "77"}}
	replaced := fullVersion("f", "2")
	replaced.Description = "replaced"
	change.Versions = []lambda.Version{replaced, fullVersion("f", "4")}
	write(t, open, func(ctx context.Context, s Store) error { return s.PutFunction(ctx, change) })
	want := []lambda.Version{fullVersion("f", lambda.Latest), replaced, fullVersion("f", "3"), fullVersion("f", "4")}
	equal(t, "versions", readFunctions(t, open)["f"].Versions, sorted(want))
}

func deleteFunction(t *testing.T, open Open) {
	write(t, open, func(ctx context.Context, s Store) error { return s.PutFunction(ctx, fullChange("gone", "1")) })
	write(t, open, func(ctx context.Context, s Store) error { return s.PutFunction(ctx, fullChange("kept", "1")) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteFunction(ctx, "gone") })
	got := readFunctions(t, open)
	if _, ok := got["gone"]; ok || len(got) != 1 {
		t.Fatalf("functions %v, want only kept", got)
	}
	// A new function of the same name starts without the old one's versions.
	again := store.FunctionChange{Function: fullFunction("gone"), Versions: []lambda.Version{fullVersion("gone", lambda.Latest)}}
	write(t, open, func(ctx context.Context, s Store) error { return s.PutFunction(ctx, again) })
	equal(t, "versions", readFunctions(t, open)["gone"].Versions, again.Versions)
}

func deleteAbsent(t *testing.T, open Open) {
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteFunction(ctx, "never") })
}

func layerRoundTrip(t *testing.T, open Open) {
	given := fullLayer("pillow", 1)
	none := fullLayer("pillow", 2)
	// Not given and given as empty are two things (F117).
	none.Runtimes, none.Architectures = nil, []string{}
	for _, v := range []lambda.LayerVersion{given, none} {
		write(t, open, func(ctx context.Context, s Store) error { return s.PutLayerVersion(ctx, v) })
	}
	equal(t, "layer versions", readLayers(t, open), []lambda.LayerVersion{given, none})
}

func layerReplace(t *testing.T, open Open) {
	v := fullLayer("pillow", 1)
	write(t, open, func(ctx context.Context, s Store) error { return s.PutLayerVersion(ctx, v) })
	v.Deleted = true
	write(t, open, func(ctx context.Context, s Store) error { return s.PutLayerVersion(ctx, v) })
	equal(t, "layer versions", readLayers(t, open), []lambda.LayerVersion{v})
}

func signingLife(t *testing.T, open Open) {
	first, second := fullSigning("csc-1"), fullSigning("csc-2")
	for _, c := range []lambda.CodeSigningConfig{first, second} {
		write(t, open, func(ctx context.Context, s Store) error { return s.PutCodeSigningConfig(ctx, c) })
	}
	equal(t, "configs", readSignings(t, open), []lambda.CodeSigningConfig{first, second})
	second.Description, second.Publishers, second.Tags = "replaced", nil, nil
	write(t, open, func(ctx context.Context, s Store) error { return s.PutCodeSigningConfig(ctx, second) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteCodeSigningConfig(ctx, first.ID) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteCodeSigningConfig(ctx, "csc-never") })
	equal(t, "configs", readSignings(t, open), []lambda.CodeSigningConfig{second})
}

func visitorError(t *testing.T, open Open) {
	s := open(t)
	defer closeStore(t, s)
	for _, name := range []string{"a", "b"} {
		must(t, s.PutFunction(t.Context(), fullChange(name)))
		must(t, s.PutLayerVersion(t.Context(), fullLayer(name, 1)))
		must(t, s.PutCodeSigningConfig(t.Context(), fullSigning(name)))
	}
	stop := errors.New("seen enough")
	visits := 0
	err := s.EachFunction(t.Context(), func(store.Function, []lambda.Version) error { visits++; return stop })
	if !errors.Is(err, stop) || visits != 1 {
		t.Errorf("EachFunction: %d visits and %v, want 1 and %v", visits, err, stop)
	}
	visits = 0
	err = s.EachLayerVersion(t.Context(), func(lambda.LayerVersion) error { visits++; return stop })
	if !errors.Is(err, stop) || visits != 1 {
		t.Errorf("EachLayerVersion: %d visits and %v, want 1 and %v", visits, err, stop)
	}
	visits = 0
	err = s.EachCodeSigningConfig(t.Context(), func(lambda.CodeSigningConfig) error { visits++; return stop })
	if !errors.Is(err, stop) || visits != 1 {
		t.Errorf("EachCodeSigningConfig: %d visits and %v, want 1 and %v", visits, err, stop)
	}
}

func visitorWrites(t *testing.T, open Open) {
	s := open(t)
	must(t, s.PutFunction(t.Context(), fullChange("f")))
	must(t, s.EachFunction(t.Context(), func(f store.Function, _ []lambda.Version) error {
		f.NextID = 99
		return s.PutFunction(t.Context(), store.FunctionChange{Function: f})
	}))
	closeStore(t, s)
	if got := readFunctions(t, open)["f"].Function.NextID; got != 99 {
		t.Errorf("NextID %d, want 99", got)
	}
}

func endedContext(t *testing.T, open Open) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.PutFunction(ctx, fullChange("f")); !errors.Is(err, context.Canceled) {
		t.Errorf("PutFunction with an ended context: %v, want %v", err, context.Canceled)
	}
	closeStore(t, s)
	if got := readFunctions(t, open); len(got) != 0 {
		t.Errorf("functions %v, want none", got)
	}
}

func closed(t *testing.T, open Open) {
	s := open(t)
	closeStore(t, s)
	closeStore(t, s) // twice is fine
	ctx := t.Context()
	calls := map[string]error{
		"PutFunction":      s.PutFunction(ctx, fullChange("f")),
		"DeleteFunction":   s.DeleteFunction(ctx, "f"),
		"PutLayerVersion":  s.PutLayerVersion(ctx, fullLayer("l", 1)),
		"EachFunction":     s.EachFunction(ctx, func(store.Function, []lambda.Version) error { return nil }),
		"EachLayerVersion": s.EachLayerVersion(ctx, func(lambda.LayerVersion) error { return nil }),

		"PutCodeSigningConfig":    s.PutCodeSigningConfig(ctx, fullSigning("c")),
		"DeleteCodeSigningConfig": s.DeleteCodeSigningConfig(ctx, "c"),
		"EachCodeSigningConfig":   s.EachCodeSigningConfig(ctx, func(lambda.CodeSigningConfig) error { return nil }),
	}
	for call, err := range calls {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: %v, want %v", call, err, store.ErrClosed)
		}
	}
}

func concurrent(t *testing.T, open Open) {
	const writers, each = 16, 6
	s := open(t)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				name := fmt.Sprintf("f-%d-%d", w, i)
				if err := s.PutFunction(t.Context(), fullChange(name, "1")); err != nil {
					t.Errorf("put %s: %v", name, err)
				}
				if i%3 == 2 {
					if err := s.DeleteFunction(t.Context(), name); err != nil {
						t.Errorf("delete %s: %v", name, err)
					}
				}
			}
		})
	}
	all.Wait()
	closeStore(t, s)
	got := readFunctions(t, open)
	if want := writers * each * 2 / 3; len(got) != want {
		t.Errorf("%d functions, want %d", len(got), want)
	}
	for name, f := range got {
		if len(f.Versions) != 2 {
			t.Errorf("function %s has %d versions, want 2", name, len(f.Versions))
		}
	}
}

func lastWins(t *testing.T, open Open) {
	s := open(t)
	change := fullChange("f")
	for i := range int64(40) {
		change.Function.NextID = i
		must(t, s.PutFunction(t.Context(), change))
	}
	closeStore(t, s)
	if got := readFunctions(t, open)["f"].Function.NextID; got != 39 {
		t.Errorf("NextID %d, want 39", got)
	}
}
