package fleet

import (
	"time"

	"lambent/internal/admission"
	"lambent/internal/lambda"
)

// Provision says which versions of a function have provisioned concurrency, and
// how much. What there is beyond that ends; when the concurrency moves from one
// version to another, not before the other has its environments (F169).
func (f *Fleet) Provision(account, name string, targets []lambda.ProvisionedTarget) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wanted := map[*pool]bool{}
	for _, t := range targets {
		p := f.pool(t.Version)
		wanted[p] = true
		f.aim(p, t.Count)
	}
	for k, p := range f.pools {
		if k.account == account && k.function == name && !wanted[p] {
			f.aim(p, 0)
			f.drop(p)
		}
	}
	f.poke()
}

// aim sets a pool's target, and forgives setbacks if it is another. mu is held.
func (f *Fleet) aim(p *pool, target int) {
	if p.retired {
		target = 0
	}
	p.function.provisioned += target - p.target
	p.target = target
	p.setbacks, p.failed, p.notBefore = 0, "", time.Time{}
}

// Allocation tells what there is of a version's provisioned concurrency.
func (f *Fleet) Allocation(v *lambda.Version) lambda.Allocation {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pools[keyOf(v)]
	if p == nil {
		return lambda.Allocation{}
	}
	a := lambda.Allocation{Failed: p.failed}
	for _, m := range p.ahead {
		switch m.state {
		case starting:
			a.Allocated++
		case idle, busy:
			a.Allocated++
			a.Available++
		case ending:
		}
	}
	for _, other := range f.pools {
		if other != p && other.function == p.function {
			a.Held += max(0, other.initialised()-other.target)
		}
	}
	if a.Allocated < p.target && a.Failed == "" && f.overbooked() {
		a.Failed = lambda.ReasonCapacity
	}
	return a
}

// initialised counts the provisioned environments that can serve. mu is held.
func (p *pool) initialised() (n int) {
	for _, m := range p.ahead {
		if m.state == idle || m.state == busy {
			n++
		}
	}
	return n
}

// entitled is how many of the version's invocations provisioned concurrency pays
// for: its target; or, while an alias takes that to another version, so many as the
// environments that are kept meanwhile can serve. Paid is how many run, of the version
// and of all: together they have no more than the function. mu is held.
func (p *pool) entitled(paid, all int) int {
	n := p.target
	if n == 0 && len(p.ahead) > 0 {
		n = p.initialised()
	}
	return min(n, paid+max(0, p.function.provisioned-all))
}

// guarantees tells whether the room of an environment on demand is set aside for
// its invocation. What provisioned concurrency pays for has its room in the
// provisioned environments as soon as these stand, whichever of the version's
// invocations they happen to run. mu is held.
func (p *pool) guarantees(c admission.Class) bool {
	return c == admission.Reserved || c == admission.Provisioned && p.short > 0
}

// overbooked tells whether more is provisioned than this host can hold. mu is held.
func (f *Fleet) overbooked() bool {
	count, memory := 0, 0
	for _, p := range f.pools {
		count += p.target
		memory += p.target * p.version.MemoryMB
	}
	return count > f.config.Limits.Environments || memory > f.config.Limits.MemoryMiB
}
