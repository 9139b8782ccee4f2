package sim

import (
	"math/rand/v2"
	"time"

	"lambent/internal/lambda"
)

// provision asks for environments ahead, and changes its mind.
func (w *world) provision(dice *rand.Rand) {
	for range dice.IntN(4) {
		f := w.functions[dice.IntN(len(w.functions))]
		w.ahead[f] = dice.IntN(4)
		w.host.fleet.Provision(f.Account, f.Function, []lambda.ProvisionedTarget{{Version: f, Count: w.ahead[f]}})
		time.Sleep(time.Duration(dice.IntN(10)) * time.Second)
	}
}

// checkProvisioned: when the host has come to rest, whatever happened before,
// there is as much as was asked for, never more, and nothing of what is retired.
func (w *world) checkProvisioned() {
	if w.closed {
		return
	}
	time.Sleep(2 * time.Hour) // environments are renewed meanwhile, and what failed is tried again
	for _, f := range w.functions {
		want := w.ahead[f]
		if w.retired[f] {
			want = 0
		}
		a := w.host.fleet.Allocation(f)
		switch {
		case a.Available == want, a.Available < want && (w.faulty || a.Failed != ""):
		default:
			w.t.Errorf("seed %d: %d of %s are provisioned, there is %+v", w.seed, want, f.Function, a)
		}
	}
}
