package schedule

import (
	"container/heap"
	"time"
)

// agenda is plans in a heap, the one that is due next first, so that a tick does not
// cost a look at all plans.
type agenda []*plan

// at is when a plan wants to be looked at.
func (p *plan) at() time.Time { return latest(p.next, p.retry) }

// first is the plan that is due next; nil when there is none.
func (a agenda) first() *plan {
	if len(a) == 0 {
		return nil
	}
	return a[0]
}

// put gives a plan its place, which may have changed. One that is never due has none.
func (a *agenda) put(p *plan) {
	switch {
	case p.next.IsZero():
		a.take(p)
	case p.place > 0:
		heap.Fix(a, p.place-1)
	default:
		heap.Push(a, p)
	}
}

// take removes a plan, if it is there.
func (a *agenda) take(p *plan) {
	if p.place > 0 {
		heap.Remove(a, p.place-1)
	}
}

// Len implements heap.Interface.
func (a agenda) Len() int { return len(a) }

// Less implements heap.Interface.
func (a agenda) Less(i, j int) bool { return a[i].at().Before(a[j].at()) }

// Swap implements heap.Interface.
func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].place, a[j].place = i+1, j+1
}

// Push implements heap.Interface.
func (a *agenda) Push(p any) {
	*a = append(*a, p.(*plan))
	(*a)[len(*a)-1].place = len(*a)
}

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	(*a)[len(*a)-1] = nil
	*a = (*a)[:len(*a)-1]
	last.place = 0
	return last
}
