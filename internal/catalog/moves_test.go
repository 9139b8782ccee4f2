package catalog_test

import (
	"testing"
	"testing/synctest"

	"lambent/internal/lambda"
)

// point moves the alias live of f.
func (w *world) point(number string, weights map[string]float64) {
	w.t.Helper()
	if _, err := w.UpdateAlias(w.t.Context(), "f", "live", lambda.AliasChange{Version: &number, Weights: &weights}); err != nil {
		w.t.Fatalf("point to %s: %v", number, err)
	}
}

// stands says what there is of the provisioned concurrency of versions.
func (w *world) stands(there map[string]lambda.Allocation) {
	w.observer.mu.Lock()
	defer w.observer.mu.Unlock()
	w.observer.ahead.there = there
}

func (w *world) serves(want string) {
	w.t.Helper()
	v, err := w.Resolve("f", "live")
	if err != nil || v.Number != want {
		w.t.Errorf("an invocation runs %+v (%v), want version %s", v, err, want)
	}
}

// TestProvisionedAliasMoves: F169: the version that has the provisioned concurrency serves until
// the one that the alias points to has it.
func TestProvisionedAliasMoves(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.versions("f") // 1 and 2
		w.update("f", lambda.CodeUpdate{Package: zip("three"), Publish: true})
		synctest.Wait()
		w.alias("f", "live", "1", nil)
		w.provision("live", 2)
		w.serves("1") // whatever there is of it
		ready := lambda.Allocation{Allocated: 2, Available: 2}

		w.stands(map[string]lambda.Allocation{"1": ready})
		w.point("2", nil)
		w.stands(map[string]lambda.Allocation{"1": ready, "2": {Allocated: 2, Available: 1}})
		w.serves("1")
		if v := w.get("f", "live"); v.Number != "2" {
			t.Errorf("the alias shows version %s", v.Number)
		}
		w.configure("f", lambda.Settings{Description: to("another change")})
		w.serves("1")
		w.point("3", nil) // it comes from where the environments are
		w.serves("1")
		w.stands(map[string]lambda.Allocation{"3": ready})
		w.serves("3")
		w.stands(map[string]lambda.Allocation{"3": {Allocated: 2}}) // they are replaced
		w.serves("3")

		w.point("1", nil)
		w.stands(map[string]lambda.Allocation{"1": {Failed: lambda.ReasonInitFailure}})
		w.serves("3") // as on AWS
		w.stands(map[string]lambda.Allocation{"1": {Allocated: 1, Available: 1, Failed: lambda.ReasonCapacity}})
		w.serves("1") // there will be no more
	})
}

// TestProvisionedAliasMovesAtOnce where nothing would be gained, or nobody could serve meanwhile.
func TestProvisionedAliasMovesAtOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.versions("f")
		w.alias("f", "live", "1", nil)
		w.point("2", nil)
		w.serves("2") // no provisioned concurrency (F107)
		w.provision("live", 1)
		w.point("1", nil)
		w.serves("2")
		w.point("2", nil)
		w.serves("2") // back again
		w.point("1", nil)
		if err := w.DeleteProvisioned(t.Context(), "f", "live"); err != nil {
			t.Fatal(err)
		}
		w.serves("1") // given up
		w.provision("live", 1)
		w.point("2", map[string]float64{"1": 1e-9})
		w.serves("2") // it has weights of its own
		w.point("2", nil)
		w.point("1", nil)
		if err := w.DeleteFunction(t.Context(), "f", "2"); err != nil {
			t.Fatal(err)
		}
		w.serves("1") // where it came from is gone
		w.update("f", lambda.CodeUpdate{Package: zip("three"), Publish: true})
		synctest.Wait()
		w.point("3", nil)
		w.serves("1")
		w.restart()
		w.serves("3")
	})
}
