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

// TestProvisionedStatus: F163, F169 and what comes between.
func TestProvisionedStatus(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.versions("f")
		w.alias("f", "a", "1", nil)
		w.alias("f", "b", "1", nil)
		w.provision("a", 2)
		w.provision("b", 3)
		for _, c := range []struct {
			there lambda.Allocation
			a, b  string
		}{
			{lambda.Allocation{}, "2 0 0 IN_PROGRESS ", "3 0 0 IN_PROGRESS "},
			{lambda.Allocation{Allocated: 3, Available: 1}, "2 2 1 IN_PROGRESS ", "3 1 0 IN_PROGRESS "},
			{lambda.Allocation{Allocated: 5, Available: 3}, "2 2 2 READY ", "3 3 1 IN_PROGRESS "},
			{lambda.Allocation{Allocated: 3, Available: 3, Failed: lambda.ReasonInitFailure}, "2 2 2 READY ", "3 1 1 FAILED FUNCTION_ERROR_INIT_FAILURE"},
			{lambda.Allocation{Allocated: 6, Available: 6}, "2 2 2 READY ", "3 3 3 READY "},
			{lambda.Allocation{Held: 1}, "2 1 1 IN_PROGRESS ", "3 1 1 IN_PROGRESS "},
			{lambda.Allocation{Failed: lambda.ReasonInitFailure}, "2 0 0 FAILED FUNCTION_ERROR_INIT_FAILURE", "3 0 0 FAILED FUNCTION_ERROR_INIT_FAILURE"},
		} {
			w.observer.mu.Lock()
			w.observer.ahead.there = map[string]lambda.Allocation{"1": c.there}
			w.observer.mu.Unlock()
			for alias, want := range map[string]string{"a": c.a, "b": c.b} {
				s, err := w.Provisioned(t.Context(), "f", alias)
				if got := fmt.Sprintf("%d %d %d %s %s", s.Requested, s.Allocated, s.Available, s.Status, s.Reason); got != want || err != nil {
					t.Errorf("with %+v %s is %q (%v), want %q", c.there, alias, got, err, want)
				}
			}
		}
		w.observer.mu.Lock()
		w.observer.ahead.there = map[string]lambda.Allocation{"1": {Allocated: 5, Available: 5}}
		w.observer.mu.Unlock()
		if s, err := w.PutProvisioned(t.Context(), "f", "a", 6); err != nil || s.Status != lambda.ProvisionedInProgress || s.Requested != 6 || s.Available != 2 {
			t.Errorf("asked for more: %+v, %v", s, err)
		}
	})
}
