package placement

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// room is a number of environments and their memory in MiB.
type room struct{ count, memory int }

func (r room) plus(memory int) room  { return room{r.count + 1, r.memory + memory} }
func (r room) minus(memory int) room { return room{r.count - 1, r.memory - memory} }
func (r room) fits(memory int) bool  { return r.count >= 1 && r.memory >= memory }

// class is whom an environment is started for; a lower one comes first.
type class uint8

const (
	guaranteed class = iota
	provisioned
	shared
)

// want is the environments that a version still lacks, of one class.
type want struct {
	Version
	class class
	lacks int
}

// most bounds what one decision makes room for; the next one goes on.
const most = 64

// start makes environments for who lacks them, as far as there is room, and then
// makes room.
func (d *decider) start() {
	free := room{d.Limits.Environments, d.Limits.MemoryMiB}
	slots := d.slots()
	u := usage{map[Function]int{}, map[string]int{}}
	for _, e := range d.Environments {
		free = free.minus(e.MemoryMiB)
		if e.busy() && !e.Guaranteed && !e.Provisioned || e.Starting && !e.Provisioned {
			u.add(e.Function, e.Key, e.MemoryMiB)
		}
	}
	coming := free // what will be free when all that ends has ended
	for _, e := range d.Environments {
		if e.Ending || d.stopped[e.ID] {
			coming = coming.plus(e.MemoryMiB)
		}
	}
	wants := d.wants()
	for blocked := 0; blocked < most; {
		w := pick(wants, u, slots)
		if w == nil {
			return
		}
		if free.fits(w.MemoryMiB) {
			d.decisions = append(d.decisions, Decision{Start: w.Key, Ahead: w.class == provisioned})
		} else {
			blocked++
			made, enough := d.make(*w, coming, u)
			if !enough {
				w.lacks = 0 // the next of the same would find no more; what is free is for others
				continue
			}
			coming = made
		}
		w.lacks--
		slots.take(w.class)
		free, coming = free.minus(w.MemoryMiB), coming.minus(w.MemoryMiB)
		if w.class == shared {
			u.add(w.Function, w.Key, w.MemoryMiB)
		}
	}
}

// usage is the memory that is in use beyond what is set aside.
type usage struct {
	function map[Function]int
	version  map[string]int
}

func (u usage) add(f Function, key string, memory int) {
	u.function[f] += memory
	u.version[key] += memory
}

// evens tells whether w's function does not have more than e's afterwards, if e
// gives its room to w; of the same function, its version.
func (u usage) evens(w want, e Environment) bool {
	if e.Function == w.Function {
		return u.version[e.Key]-e.MemoryMiB >= u.version[w.Key]+w.MemoryMiB
	}
	return u.function[e.Function]-e.MemoryMiB >= u.function[w.Function]+w.MemoryMiB
}

// slots are the starts that may be on their way.
type slots struct {
	bounded            bool
	all, ahead, shared int // how many more, of these classes
}

func (s *slots) take(c class) {
	s.all--
	switch c {
	case provisioned:
		s.ahead--
	case shared:
		s.shared--
	case guaranteed:
	}
}

func (s *slots) open(c class) bool {
	switch {
	case !s.bounded:
		return true
	case c == provisioned:
		return s.all > 0 && s.ahead > 0
	case c == shared:
		return s.all > 0 && s.shared > 0
	}
	return s.all > 0
}

// slots keeps a quarter for callers within what is set aside for them, and half
// from provisioned environments while anybody waits.
func (d *decider) slots() *slots {
	n := d.Limits.Starting
	s := &slots{bounded: n > 0, all: n, ahead: n, shared: n - n/4}
	if slices.ContainsFunc(d.Versions, func(v Version) bool { return v.Waiting > 0 }) {
		s.ahead = max(1, n/2)
	}
	for _, e := range d.Environments {
		switch {
		case !e.Starting || d.stopped[e.ID]:
		case e.Provisioned:
			s.take(provisioned)
		default:
			s.take(shared)
		}
	}
	return s
}

// wants lists what every version lacks. An environment that is starting is for
// the callers that have waited longest.
func (d *decider) wants() []*want {
	coming := map[string]int{}
	for _, e := range d.Environments {
		if e.coming(d.Now) && !d.stopped[e.ID] {
			coming[e.Key]++
		}
	}
	var wants []*want
	for _, v := range d.Versions {
		if v.MemoryMiB > d.Limits.MemoryMiB {
			continue // nothing would ever make room for it
		}
		lacks := max(0, v.Waiting-coming[v.Key])
		within := min(lacks, v.Guaranteed)
		wants = append(wants, &want{v, guaranteed, within}, &want{v, shared, lacks - within}, &want{v, provisioned, d.missing[v.Key]})
	}
	return wants
}

// pick chooses who is next, or nil.
func pick(wants []*want, u usage, s *slots) *want {
	var best *want
	for _, w := range wants {
		if w.lacks > 0 && s.open(w.class) && (best == nil || w.before(best, u)) {
			best = w
		}
	}
	return best
}

func (w *want) before(other *want, u usage) bool {
	if w.class != other.class {
		return w.class < other.class
	}
	if mine, others := u.function[w.Function], u.function[other.Function]; w.class == shared && mine != others {
		return mine < others
	}
	return w.Oldest.Before(other.Oldest)
}

// make finds room for one environment: in what is on its way to be free, in idle
// environments, and in busy ones that yield. It touches none in vain. The answer
// is what will be free then, and whether that is enough.
func (d *decider) make(w want, coming room, u usage) (room, bool) {
	if coming.fits(w.MemoryMiB) {
		return coming, true
	}
	victims, enough := d.victims(w, coming, u)
	if !enough {
		return coming, false
	}
	for _, e := range victims {
		coming = coming.plus(e.MemoryMiB)
		if e.Idle {
			d.stop(e.ID, ReasonEvicted)
			continue
		}
		u.add(e.Function, e.Key, -e.MemoryMiB)
		d.yielded[e.ID] = true
		d.decisions = append(d.decisions, Decision{Yield: e.Key})
	}
	return coming, true
}

// victims are the environments to go for one start, and whether they are enough.
func (d *decider) victims(w want, coming room, u usage) (list []Environment, enough bool) {
	if d.idle == nil {
		d.idle = d.evictable()
	}
	for _, e := range d.idle {
		if coming.fits(w.MemoryMiB) {
			return list, true
		}
		if d.stopped[e.ID] || w.class == shared && fresh(e, d.Now) && u.function[w.Function] >= u.function[e.Function]+e.MemoryMiB {
			continue // a storm takes nobody's last environment between two of his calls
		}
		list, coming = append(list, e), coming.plus(e.MemoryMiB)
	}
	u = usage{maps.Clone(u.function), maps.Clone(u.version)}
	for _, e := range d.yielding(w, u) {
		if coming.fits(w.MemoryMiB) {
			return list, true
		}
		if w.class == shared && !u.evens(w, e) {
			continue // it would only be the other's turn next
		}
		u.add(e.Function, e.Key, -e.MemoryMiB)
		list, coming = append(list, e), coming.plus(e.MemoryMiB)
	}
	return list, coming.fits(w.MemoryMiB)
}

// evictable is the idle environments, the first to go first: the least valuable,
// then the least recently used, and last of all those that an alias keeps until
// the version that it moves to has its own (F169).
func (d *decider) evictable() []Environment {
	list := slices.DeleteFunc(slices.Clone(d.Environments), func(e Environment) bool {
		return !e.Idle || d.stopped[e.ID] || e.Provisioned && !d.held[e.ID]
	})
	slices.SortStableFunc(list, func(a, b Environment) int {
		if d.held[a.ID] != d.held[b.ID] {
			if d.held[a.ID] {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(value(a, d.Now), value(b, d.Now)), a.LastUsed.Compare(b.LastUsed))
	})
	return list
}

// yielding is the busy environments that may have to yield to w, those of the
// function that uses most first, and its own version's only to what it has
// provisioned: they serve its callers anyway.
func (d *decider) yielding(w want, u usage) []Environment {
	list := slices.DeleteFunc(slices.Clone(d.Environments), func(e Environment) bool {
		return !e.busy() || e.Guaranteed || e.Provisioned || d.yielded[e.ID] || e.Key == w.Key && w.class != provisioned
	})
	slices.SortStableFunc(list, func(a, b Environment) int {
		return cmp.Or(cmp.Compare(u.function[b.Function], u.function[a.Function]), cmp.Compare(u.version[b.Key], u.version[a.Key]))
	})
	return list
}

// freshFor is how long an idle environment is safe from functions that use more
// than its own.
const freshFor = 2 * time.Second

func fresh(e Environment, now time.Time) bool { return now.Sub(e.LastUsed) < freshFor }

// value is how much is lost when an idle environment goes: what it takes to start
// it again, for each MiB that it holds, the less the longer nobody has used it.
func value(e Environment, now time.Time) float64 {
	cost, unused := e.Cost+time.Millisecond, now.Sub(e.LastUsed)+time.Second
	return float64(cost) / float64(max(1, e.MemoryMiB)) / float64(unused)
}
