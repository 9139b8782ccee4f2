package catalog_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/lambda"
)

// ahead is what the catalog said of provisioned concurrency, and what it is
// answered.
type ahead struct {
	told    []string
	targets map[string]int // by function and version
	there   map[string]lambda.Allocation
}

func (o *observer) Provision(account, function string, targets []lambda.ProvisionedTarget) {
	o.mu.Lock()
	defer o.mu.Unlock()
	said := function
	if o.ahead.targets == nil {
		o.ahead.targets = map[string]int{}
	}
	maps.DeleteFunc(o.ahead.targets, func(at string, _ int) bool { return strings.HasPrefix(at, function+":") })
	for _, target := range targets {
		o.ahead.targets[function+":"+target.Version.Number] = target.Count
		said += fmt.Sprintf(" %s=%d", target.Version.Number, target.Count)
	}
	o.ahead.told = append(o.ahead.told, said)
}

func (o *observer) Allocation(v *lambda.Version) lambda.Allocation {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ahead.there[v.Number]
}

// told is what was said since the last time.
func (o *observer) said() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	said := strings.Join(o.ahead.told, ", ")
	o.ahead.told = nil
	return said
}

func (w *world) provision(qualifier string, n int) {
	w.t.Helper()
	if _, err := w.PutProvisioned(w.t.Context(), "f", qualifier, n); err != nil {
		w.t.Fatalf("provision %s: %v", qualifier, err)
	}
}

func (w *world) tells(want string) {
	w.t.Helper()
	synctest.Wait()
	if got := w.observer.said(); got != want {
		w.t.Errorf("told %q, want %q", got, want)
	}
}

// TestProvisionedTargets: versions, aliases, weights, moves, deletions and
// restarts, as the one who makes environments hears of them.
func TestProvisionedTargets(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.versions("f")
		w.alias("f", "live", "1", nil)
		w.provision("2", 3)
		w.tells("f 2=3")
		time.Sleep(time.Second)
		w.provision("2", 3)
		w.tells("f 2=3") // asked for again: what failed is tried again
		w.configure("f", lambda.Settings{Description: to("new")})
		w.tells("")
		if n := w.ReservedTotal(); n != 3 {
			t.Errorf("%d of the account are set aside, want 3", n)
		}
		if err := w.DeleteProvisioned(t.Context(), "f", "2"); err != nil {
			t.Fatal(err)
		}
		w.tells("f")
		w.provision("live", 4)
		w.tells("f 1=4")
		for _, move := range []struct {
			version string
			weights map[string]float64
			want    string
		}{
			{"2", nil, "f 2=4"},
			{"2", map[string]float64{"1": 0.25}, "f 1=1 2=3"},
			{"2", map[string]float64{"1": 0}, "f 2=4"},
			{"1", map[string]float64{"2": 0.1}, "f 1=4"},
		} {
			if _, err := w.UpdateAlias(t.Context(), "f", "live", lambda.AliasChange{Version: &move.version, Weights: &move.weights}); err != nil {
				t.Fatal(err)
			}
			w.tells(move.want)
		}
		w.restart()
		w.tells("f 1=4")
		if n := w.ReservedTotal(); n != 4 {
			t.Errorf("after the restart %d of the account are set aside, want 4", n)
		}
		if err := w.Reserve(t.Context(), "f", 10); err != nil {
			t.Fatal(err)
		}
		if n := w.ReservedTotal(); n != 10 {
			t.Errorf("with the reservation %d are set aside, want 10", n)
		}
		if err := w.DeleteAlias(t.Context(), "f", "live"); err != nil {
			t.Fatal(err)
		}
		w.tells("f")
		w.provision("1", 2)
		w.tells("f 1=2")
		if err := w.DeleteFunction(t.Context(), "f", ""); err != nil {
			t.Fatal(err)
		}
		w.tells("f")
		if n := w.ReservedTotal(); n != 0 {
			t.Errorf("with the function gone %d are set aside", n)
		}
	})
}

// TestProvisionedWhilePending: nothing is initialised of what cannot run yet.
func TestProvisionedWhilePending(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.versions("f")
		w.alias("f", "live", "1", nil)
		w.provision("live", 1)
		w.tells("f 1=1")
		release := w.content.hold()
		w.update("f", lambda.CodeUpdate{Package: zip("three"), Publish: true})
		_, err := w.PutProvisioned(t.Context(), "f", "3", 1)
		refused(t, err, lambda.Conflict, "The operation cannot be performed at this time. The function is currently in the following state: Pending")
		if _, err := w.UpdateAlias(t.Context(), "f", "live", lambda.AliasChange{Version: to("3")}); err != nil {
			t.Fatal(err)
		}
		w.tells("f")
		release()
		w.tells("f 3=1")
	})
}

// TestProvisionedStatus: F163, F169 and what comes between; the parts of an alias
// with weights add up.
func TestProvisionedStatus(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.versions("f")
		w.alias("f", "a", "1", nil)
		w.provision("a", 3)
		type there map[string]lambda.Allocation
		set := func(at there) {
			w.observer.mu.Lock()
			defer w.observer.mu.Unlock()
			w.observer.ahead.there = at
		}
		shows := func(at there, want string) {
			t.Helper()
			set(at)
			s, err := w.Provisioned(t.Context(), "f", "a")
			if got := strings.TrimSpace(fmt.Sprintf("%d %d %d %s %s", s.Requested, s.Allocated, s.Available, s.Status, s.Reason)); got != want || err != nil {
				t.Errorf("with %+v it is %q (%v), want %q", at, got, err, want)
			}
		}
		shows(nil, "3 0 0 IN_PROGRESS")
		shows(there{"1": {Allocated: 3, Available: 1}}, "3 3 1 IN_PROGRESS")
		shows(there{"1": {Allocated: 3, Available: 3}}, "3 3 3 READY")
		shows(there{"1": {Allocated: 4, Available: 4}}, "3 3 3 READY") // one is about to go
		shows(there{"1": {Allocated: 1, Available: 1, Failed: lambda.ReasonInitFailure}}, "3 1 1 FAILED FUNCTION_ERROR_INIT_FAILURE")
		shows(there{"1": {Failed: lambda.ReasonInitFailure}}, "3 0 0 FAILED FUNCTION_ERROR_INIT_FAILURE")
		shows(there{"1": {Held: 2}}, "3 2 2 IN_PROGRESS")
		weights := map[string]float64{"2": 0.4}
		if _, err := w.UpdateAlias(t.Context(), "f", "a", lambda.AliasChange{Weights: &weights}); err != nil {
			t.Fatal(err)
		}
		shows(there{"1": {Allocated: 2, Available: 2}}, "3 2 2 IN_PROGRESS")
		shows(there{"1": {Allocated: 2, Available: 2}, "2": {Allocated: 1, Available: 1}}, "3 3 3 READY")
		shows(there{"1": {Allocated: 2, Available: 2}, "2": {Failed: lambda.ReasonInitFailure}}, "3 2 2 FAILED FUNCTION_ERROR_INIT_FAILURE")
		clear(weights)
		if _, err := w.UpdateAlias(t.Context(), "f", "a", lambda.AliasChange{Weights: &weights}); err != nil {
			t.Fatal(err)
		}
		set(there{"1": {Allocated: 3, Available: 3}})
		if s, err := w.PutProvisioned(t.Context(), "f", "a", 6); err != nil || s.Status != lambda.ProvisionedInProgress || s.Requested != 6 || s.Available != 3 {
			t.Errorf("asked for more: %+v, %v", s, err)
		}
	})
}

// TestSmallAccount: an account with less than AWS keeps unreserved can set nothing
// aside, and is told its own figure; throttling a function and giving back are
// possible whatever the account has.
func TestSmallAccount(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.versions("f")
		w.provision("1", 4)
		w.concurrency = 50
		w.restart()
		const less = "UnreservedConcurrentExecution below its minimum value of [50]."
		refused(t, w.Reserve(t.Context(), "f", 5), lambda.InvalidParameter, "Specified ReservedConcurrentExecutions for function decreases account's "+less)
		_, err := w.PutProvisioned(t.Context(), "f", "1", 5)
		refused(t, err, lambda.InvalidParameter, "Specified ConcurrentExecutions for function decreases account's "+less)
		w.provision("1", 3)
		if err := w.DeleteProvisioned(t.Context(), "f", "1"); err != nil {
			t.Fatal(err)
		}
		refused(t, w.Reserve(t.Context(), "f", 1), lambda.InvalidParameter, "Specified ReservedConcurrentExecutions for function decreases account's "+less)
		if err := w.Reserve(t.Context(), "f", 0); err != nil {
			t.Error(err)
		}
	})
}

// TestProvisionedBy: whose provisioned concurrency a version's is.
func TestProvisionedBy(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.versions("f")
		w.alias("f", "live", "1", nil)
		w.alias("f", "other", "1", nil)
		is := func(one, two string) {
			t.Helper()
			if a, b := w.ProvisionedBy("f", "1"), w.ProvisionedBy("f", "2"); a != one || b != two {
				t.Errorf("%q and %q, want %q and %q", a, b, one, two)
			}
		}
		is("", "")
		w.provision("live", 4)
		w.alias("f", "beside", "2", nil)
		is("live", "")
		weights := map[string]float64{"2": 0.5}
		if _, err := w.UpdateAlias(t.Context(), "f", "live", lambda.AliasChange{Weights: &weights}); err != nil {
			t.Fatal(err)
		}
		is("live", "live")
		if err := w.DeleteAlias(t.Context(), "f", "live"); err != nil {
			t.Fatal(err)
		}
		w.provision("2", 1)
		is("", "")
		if by := w.ProvisionedBy("nobody", "1"); by != "" {
			t.Errorf("nobody's by %q", by)
		}
	})
}
