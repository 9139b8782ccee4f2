package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store/memory"
)

// rank orders the states; a version's rank never falls while it exists.
func rank(v lambda.Version) int {
	switch v.State {
	case lambda.Pending:
		return 0
	case lambda.Active, lambda.Failed:
		return 1
	}
	return -1
}

// history is what one watcher has seen of one version.
type history struct {
	version   lambda.Version
	revisions map[string]bool // every RevisionId that was ever shown
}

// law checks one observation against what was seen before.
func (h *history) law(now lambda.Version) error {
	before := h.version
	same := func(v lambda.Version) string { return fmt.Sprintf("%+v", v) }
	switch {
	case rank(now) < 0:
		return fmt.Errorf("unknown state %q", now.State)
	case rank(now) < rank(before):
		return fmt.Errorf("state went from %s back to %s", before.State, now.State)
	case before.RevisionID == now.RevisionID && same(before) != same(now):
		return fmt.Errorf("changed under the same RevisionId:\n%s\n%s", same(before), same(now))
	case before.RevisionID != now.RevisionID && h.revisions[now.RevisionID]:
		return fmt.Errorf("RevisionId %s came back", now.RevisionID)
	case now.Number != lambda.Latest && (before.Code != now.Code || before.Handler != now.Handler || before.Generation != now.Generation):
		return fmt.Errorf("published version %s changed", now.Number)
	case before.Generation == now.Generation && (before.Code != now.Code || before.Handler != now.Handler):
		return errors.New("code or settings changed within a generation")
	case now.State == lambda.Pending && now.StateReasonCode != "Creating":
		return fmt.Errorf("pending because of %q", now.StateReasonCode)
	}
	h.version = now
	h.revisions[now.RevisionID] = true
	return nil
}

// watcher checks all versions of all functions after every step.
type watcher map[string]*history

func (watch watcher) look(t *testing.T, w *world) {
	t.Helper()
	all, _, err := w.Functions(t.Context(), lambda.FunctionFilter{AllVersions: true})
	if err != nil {
		t.Fatal(err)
	}
	seen := watcher{}
	for _, v := range all {
		key := v.Function + ":" + v.Number
		h := watch[key]
		if h == nil {
			h = &history{version: v, revisions: map[string]bool{}}
		}
		if err := h.law(v); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		seen[key] = h
		served, err := w.Resolve(v.Function, v.Number)
		if (err == nil) != (v.State == lambda.Active) {
			t.Fatalf("%s is %s, and resolving it gives %v", key, v.State, err)
		}
		if err == nil && v.Update == lambda.UpdateSuccessful && served.Generation != v.Generation {
			t.Fatalf("%s is updated, but generation %s is served, not %s", key, served.Generation, v.Generation)
		}
	}
	lookAtAliases(t, w)
	clear(watch)
	for key, h := range seen {
		watch[key] = h
	}
}

// lookAtAliases checks that every alias points to what is there.
func lookAtAliases(t *testing.T, w *world) {
	t.Helper()
	functions, _, err := w.Functions(t.Context(), lambda.FunctionFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range functions {
		aliases, _, err := w.Aliases(t.Context(), f.Function, "", "", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range aliases {
			for _, number := range []string{a.Version, a.Other} {
				if number != "" {
					w.get(f.Function, number)
				}
			}
			if _, err := w.Resolve(f.Function, a.Name); err != nil && lambda.KindOf(err) != lambda.Conflict {
				t.Fatalf("alias %s of %s cannot be resolved: %v", a.Name, f.Function, err)
			}
		}
	}
}

// Any sequence of calls keeps the laws: states do not go back, what has changed
// has a new RevisionId that nobody saw before, published versions stay as they
// are, whatever is Active can be invoked; and a restart changes nothing.
func TestLaws(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				random := rand.New(rand.NewPCG(seed, 1))
				watch := watcher{}
				// Held but for the moments when all is let through, so that what is
				// observed does not move while it is looked at.
				release := w.content.hold()
				letThrough := func() {
					release()
					synctest.Wait()
					release = w.content.hold()
				}
				for range 80 {
					name := string(rune('a' + random.IntN(3)))
					step(t.Context(), w, random, name)
					switch random.IntN(12) {
					case 0, 1, 2:
						letThrough()
					case 3:
						before := everything(t, w)
						w.restart()
						if after := everything(t, w); after != before {
							t.Fatalf("a restart changed something:\n%s\n%s", before, after)
						}
					}
					watch.look(t, w)
				}
				letThrough()
				release()
				watch.look(t, w)
				for _, v := range listed(t, w) {
					if v.State != lambda.Active || v.Update != lambda.UpdateSuccessful {
						t.Errorf("at rest %s:%s is %s %s", v.Function, v.Number, v.State, v.Update)
					}
				}
			})
		})
	}
}

// step makes one call, which may well be refused.
func step(ctx context.Context, w *world, random *rand.Rand, name string) {
	code := zip(fmt.Sprint("code ", random.IntN(3)))
	switch random.IntN(12) {
	case 0, 1:
		n := newFunction(name)
		n.Package, n.Publish = code, random.IntN(2) == 0
		_, _ = w.CreateFunction(ctx, n)
	case 2, 3:
		_, _ = w.UpdateCode(ctx, name, lambda.CodeUpdate{Package: code, Publish: random.IntN(2) == 0, DryRun: random.IntN(5) == 0})
	case 4:
		_, _ = w.UpdateSettings(ctx, name, lambda.Settings{Handler: to(fmt.Sprint("h", random.IntN(3)))}, "")
	case 5:
		_, _ = w.PublishVersion(ctx, name, "", "", "")
	case 6:
		_ = w.Tag(ctx, name, map[string]string{"k": fmt.Sprint(random.IntN(9))})
	case 7:
		_ = w.DeleteFunction(ctx, name, []string{"", "1", "2"}[random.IntN(3)])
	case 8:
		_, _ = w.CreateAlias(ctx, name, "live", aliasOf(random))
	case 10:
		_, _ = w.AddPermission(ctx, name, []string{"", "1", "live"}[random.IntN(3)],
			lambda.Permission{StatementID: fmt.Sprint("s", random.IntN(3)), Action: "lambda:InvokeFunction", Principal: "*"})
	case 11:
		_ = w.RemovePermission(ctx, name, []string{"", "1", "live"}[random.IntN(3)], fmt.Sprint("s", random.IntN(3)), "")
	case 9:
		_, _ = w.UpdateAlias(ctx, name, "live", aliasOf(random))
	}
}

// everything is all that can be read of versions, aliases and policies.
func everything(t *testing.T, w *world) string {
	t.Helper()
	var out strings.Builder
	for _, v := range listed(t, w) {
		fmt.Fprintln(&out, v)
		policy, err := w.Policy(t.Context(), v.Function, v.Number)
		fmt.Fprintln(&out, policy, err)
		if v.Number != lambda.Latest {
			continue
		}
		aliases, _, err := w.Aliases(t.Context(), v.Function, "", "", 0)
		fmt.Fprintln(&out, aliases, err)
		policy, err = w.Policy(t.Context(), v.Function, "live")
		fmt.Fprintln(&out, policy, err)
	}
	return out.String()
}

func aliasOf(random *rand.Rand) lambda.AliasChange {
	return lambda.AliasChange{
		Version: to([]string{lambda.Latest, "1", "2"}[random.IntN(3)]),
		Weights: &[]map[string]float64{{}, {"1": 0.5}, {"2": 0.5}}[random.IntN(3)],
	}
}

func listed(t *testing.T, w *world) []lambda.Version {
	t.Helper()
	all, _, err := w.Functions(t.Context(), lambda.FunctionFilter{AllVersions: true})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Everybody at once, for the race detector, and every generation that is no
// longer there was retired exactly once.
func TestEverybodyAtOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var all sync.WaitGroup
		for worker := range uint64(8) {
			all.Go(func() {
				random := rand.New(rand.NewPCG(worker, 2))
				for range 60 {
					name := string(rune('a' + random.IntN(3)))
					step(t.Context(), w, random, name)
					_, _ = w.Resolve(name, "")
					_, _ = w.Usage(t.Context())
					time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
				}
			})
		}
		all.Wait()
		synctest.Wait()
		for _, v := range listed(t, w) {
			if v.State != lambda.Active || v.Update != lambda.UpdateSuccessful {
				t.Errorf("at rest %s:%s is %s %s", v.Function, v.Number, v.State, v.Update)
			}
		}
		current := map[string]bool{}
		for _, v := range listed(t, w) {
			current[v.Generation] = true
		}
		once := map[string]bool{}
		for _, generation := range w.observer.take() {
			if once[generation] {
				t.Errorf("generation %s was retired twice", generation)
			}
			if current[generation] {
				t.Errorf("generation %s was retired and is served", generation)
			}
			once[generation] = true
		}
	})
}

// A caller who gives up leaves catalog and store alike.
func TestCallerGivesUp(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.active("f")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := w.UpdateSettings(ctx, "f", lambda.Settings{Handler: to("new")}, "")
		synctest.Wait()
		before := w.get("f", "")
		if (err == nil) != (before.Handler == "new") {
			t.Errorf("update answered %v and the handler is %s", err, before.Handler)
		}
		w.restart()
		if after := w.get("f", ""); after.Handler != before.Handler {
			t.Errorf("handler %s after the restart, want %s", after.Handler, before.Handler)
		}
	})
}

// Resolve is on the way of every invocation.
func TestResolveAllocatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // not parallel: allocations are counted for the whole process
		w := &world{t: t, data: &memory.Data{}, content: newContent(), observer: &observer{}}
		w.start()
		defer w.stop()
		w.versions("f")
		w.alias("f", "live", "1", map[string]float64{"2": 0.5})
		for _, qualifier := range []string{"", lambda.Latest, "1", "live"} {
			n := testing.AllocsPerRun(100, func() {
				if _, err := w.Resolve("f", qualifier); err != nil {
					t.Fatal(err)
				}
			})
			if n != 0 {
				t.Errorf("Resolve of qualifier %q allocates %v times", qualifier, n)
			}
		}
	})
}
