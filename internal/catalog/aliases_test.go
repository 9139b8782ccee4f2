package catalog_test

import (
	"math"
	"testing"

	"lambent/internal/lambda"
)

// alias makes an alias; weights are by version.
func (w *world) alias(name, alias, version string, weights map[string]float64) lambda.Alias {
	w.t.Helper()
	a, err := w.CreateAlias(w.t.Context(), name, alias, lambda.AliasChange{Version: &version, Weights: &weights})
	if err != nil {
		w.t.Fatalf("create alias %s of %s: %v", alias, name, err)
	}
	return a
}

// versions makes a function with versions 1 and 2.
func (w *world) versions(name string) {
	w.t.Helper()
	w.active(name, func(n *lambda.NewFunction) { n.Publish = true })
	w.update(name, lambda.CodeUpdate{Package: zip("two"), Publish: true})
	waitActive(w)
}

// Weights are drawn for each invocation: of 10,000 draws at 0.3 the count is
// within six standard deviations, and at 0 and 1 there is no chance in it.
func TestWeightsAreDrawn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.versions("f")
		const draws = 10000
		for _, weight := range []float64{0, 0.3, 1} {
			name := map[float64]string{0: "none", 0.3: "some", 1: "all"}[weight]
			w.alias("f", name, "1", map[string]float64{"2": weight})
			got := map[string]int{}
			for range draws {
				v, err := w.Resolve("f", name)
				if err != nil {
					t.Fatal(err)
				}
				got[v.Number]++
			}
			deviation := math.Sqrt(draws * weight * (1 - weight))
			if off := math.Abs(float64(got["2"]) - draws*weight); off > 6*deviation || got["1"]+got["2"] != draws {
				t.Errorf("at weight %v version 2 was drawn %d times of %d: %v", weight, got["2"], draws, got)
			}
		}
	})
}

// Moving an alias takes effect at once, and everything survives a restart (F107).
func TestAliasMoves(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.versions("f")
		a := w.alias("f", "live", "1", nil)
		runs := func(want string) {
			t.Helper()
			if v, err := w.Resolve("f", "live"); err != nil || v.Number != want {
				t.Errorf("live runs %v (%v), want %s", v, err, want)
			}
			if v := w.get("f", "live"); v.Number != want {
				t.Errorf("live is shown as %s, want %s", v.Number, want)
			}
		}
		runs("1")
		moved, err := w.UpdateAlias(t.Context(), "f", "live", lambda.AliasChange{Version: to("2"), RevisionID: a.RevisionID})
		if err != nil || moved.RevisionID == a.RevisionID {
			t.Errorf("moved: %+v %v", moved, err)
		}
		runs("2")
		w.restart()
		runs("2")
		if got, err := w.Alias(t.Context(), "f", "live"); err != nil || got != moved {
			t.Errorf("after a restart the alias is %+v (%v), want %+v", got, err, moved)
		}
		if err := w.DeleteAlias(t.Context(), "f", "live"); err != nil {
			t.Fatal(err)
		}
		_, err = w.Resolve("f", "live")
		refused(t, err, lambda.NotFound, "Function not found: "+functionARN("f")+":live")
		if err := w.DeleteFunction(t.Context(), "f", "2"); err != nil {
			t.Errorf("a version that no alias points to any more could not be deleted: %v", err)
		}
	})
}

// An alias of $LATEST runs what $LATEST runs, also while an update is in progress.
func TestAliasOfLatest(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		before := w.active("f")
		w.alias("f", "edge", lambda.Latest, nil)
		release := w.content.hold()
		defer release()
		w.update("f", lambda.CodeUpdate{Package: zip("new")})
		if v, err := w.Resolve("f", "edge"); err != nil || v.Generation != before.Generation {
			t.Errorf("during the update edge runs %+v (%v), want the old code", v, err)
		}
		release()
		waitActive(w)
		if v, err := w.Resolve("f", "edge"); err != nil || v.Generation == before.Generation {
			t.Errorf("after the update edge still runs the old code: %v", err)
		}
	})
}
