package fleet

import (
	"cmp"
	"slices"
)

// Counters are what AWS's metrics of concurrency are made of. Executions are how
// many there are now; the other numbers only ever grow. A function that nobody
// has called for an hour is forgotten, with its numbers.
type Counters struct {
	ConcurrentExecutions           int
	UnreservedConcurrentExecutions int
	Functions                      []FunctionCounters // by account and name
}

// FunctionCounters are those of one function.
type FunctionCounters struct {
	Account, Function    string
	ConcurrentExecutions int
	Throttles            uint64
	Versions             []VersionCounters // those with provisioned concurrency
}

// VersionCounters are those of a version with provisioned concurrency.
type VersionCounters struct {
	Number                               string
	Allocated                            int // provisioned environments that are initialised
	ProvisionedConcurrentExecutions      int // of those, the ones that run an invocation
	ProvisionedConcurrencyInvocations    uint64
	ProvisionedConcurrencySpilloverCount uint64 // invocations that ran in other environments
}

// ProvisionedConcurrencyUtilization is the part that is in use, 0 to 1.
func (v VersionCounters) ProvisionedConcurrencyUtilization() float64 {
	if v.Allocated == 0 {
		return 0
	}
	return float64(v.ProvisionedConcurrentExecutions) / float64(v.Allocated)
}

// Counters tells the counters as they are now.
func (f *Fleet) Counters() Counters {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := Counters{UnreservedConcurrentExecutions: f.unreserved}
	versions := map[*function][]VersionCounters{}
	for _, p := range f.pools {
		c.ConcurrentExecutions += p.paid
		if p.target > 0 || p.spilled > 0 || p.preferred > 0 {
			versions[p.function] = append(versions[p.function], f.versionCounters(p))
		}
	}
	for o, fn := range f.functions {
		c.ConcurrentExecutions += fn.running
		list := versions[fn]
		slices.SortFunc(list, func(a, b VersionCounters) int { return cmp.Compare(a.Number, b.Number) })
		c.Functions = append(c.Functions, FunctionCounters{
			Account: o.account, Function: o.name, ConcurrentExecutions: fn.running + fn.paid, Throttles: fn.throttles, Versions: list,
		})
	}
	slices.SortFunc(c.Functions, func(a, b FunctionCounters) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Function, b.Function))
	})
	return c
}

func (f *Fleet) versionCounters(p *pool) VersionCounters {
	v := VersionCounters{
		Number: p.version.Number, ProvisionedConcurrencyInvocations: p.preferred, ProvisionedConcurrencySpilloverCount: p.spilled,
	}
	for _, m := range p.ahead {
		switch m.state {
		case busy:
			v.ProvisionedConcurrentExecutions++
			v.Allocated++
		case idle:
			v.Allocated++
		case starting, ending:
		}
	}
	return v
}
