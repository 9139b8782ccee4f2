package bootpool

import (
	"cmp"
	"slices"

	"lambent/internal/sandbox"
)

// Stock is what there is of one kind of member.
type Stock struct {
	Ahead       *sandbox.Ahead // nil: bare sandboxes
	Ready       int
	Coming      int
	Wanted      int   // how many there should be: demand and memory decide
	MemoryBytes int64 // of those that wait
	Found       Found
}

// Found counts what those found who wanted the kind.
type Found struct {
	Ready   int // one that waited
	Booting int // one that did not wait yet
	Bare    int // a sandbox without the program
	Nothing int
}

// Stocks tells what there is, the kind that was wanted last first.
func (p *Pool) Stocks() (list []Stock) {
	budget := p.budget()
	p.mu.Lock()
	defer p.mu.Unlock()
	wanted := share(p.world(budget))
	stocks := make([]*stock, 0, len(p.stocks))
	for _, s := range p.stocks {
		stocks = append(stocks, s)
	}
	slices.SortFunc(stocks, func(a, b *stock) int { return cmp.Or(b.wanted.Compare(a.wanted), cmp.Compare(a.key, b.key)) })
	for _, s := range stocks {
		list = append(list, Stock{Ahead: s.ahead, Ready: len(s.ready), Coming: s.coming, Wanted: wanted[s.key], MemoryBytes: int64(len(s.ready)) * s.size, Found: s.found})
	}
	return list
}
