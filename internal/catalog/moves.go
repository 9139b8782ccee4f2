package catalog

import (
	"sync/atomic"

	"lambent/internal/lambda"
)

// move is the way of an alias with provisioned concurrency to another version. The
// one that it comes from serves its invocations until the other has its environments,
// so that none of them waits for an Init. Moves are not kept: with the server all
// environments end, and the version that the alias points to starts as soon as any.
type move struct {
	from string
	over atomic.Bool // it does not begin again when environments are replaced
}

// beginMoves carries over the moves of aliases, or begins them.
func (f *function) beginMoves(old *function) {
	if old == nil {
		return
	}
	for name, r := range f.routes {
		before := old.routes[name]
		if before == nil || r.other != nil || f.attached(name).Provisioned == nil || old.attached(name).Provisioned == nil {
			continue
		}
		m := before.moving
		if before.alias.Version != r.alias.Version && before.other == nil && (m == nil || m.over.Load()) {
			m = &move{from: before.alias.Version}
		}
		if m != nil && m.from != r.alias.Version && f.published[m.from] != nil {
			r.moving = m
		}
	}
}

// moved tells whether the version that a moving alias points to serves. Where the host lacks the room for all
// of its environments, that does not wait for them; where they fail, it does, as on AWS.
func (c *Catalog) moved(f *function, r *route) bool {
	if r.moving.over.Load() {
		return true
	}
	a := c.allocation(r.main)
	if a.Available < f.shares(r.alias.Name)[r.alias.Version] && a.Failed != lambda.ReasonCapacity {
		return false
	}
	r.moving.over.Store(true)
	return true
}
