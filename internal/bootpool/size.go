package bootpool

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// The rules of size.
const (
	// basis is how many members a stock has whose kind was wanted lately.
	basis = 2
	// mostOfAKind bounds a stock: more would be wanted by a burst only, which is
	// over before they could be made again.
	mostOfAKind = 24
	// halfLife is how long a take counts, half of it.
	halfLife = 30 * time.Second
	// quiet is when a stock that nobody took from is given up.
	quiet = 10 * time.Minute
	// calm is how long after a take nothing is made: whoever took is served first.
	calm = 25 * time.Millisecond
	// urgent is the same for a stock that has nothing: who comes next would wait
	// for all of it.
	urgent = 3 * time.Millisecond
	// patience bounds both under takes that do not end.
	patience = 50 * time.Millisecond
	// eager is the demand from which members are made with a weight of their own:
	// a take of the last half minute. What is only expected to be wanted runs when
	// nobody else does.
	eager = 0.5
	// eagerWeight is that weight, beside the 100 of an environment.
	eagerWeight = 30
	// look is how often demand that decays is looked at.
	look = halfLife
)

// world is what the decision looks at.
type world struct {
	now     time.Time
	budget  int64 // bytes that all members may take together
	making  int   // members that may be made at once
	lastUse time.Time
	short   time.Time // since when something has been missing; zero: nothing was
	stocks  []stockView
}

// stockView is one kind of member.
type stockView struct {
	key    string
	size   int64   // bytes of a member, as measured or guessed
	ready  int     // members that wait
	coming int     // members that are being made
	demand float64 // takes, those of long ago counting less
	wanted time.Time
	hold   time.Time // nothing is made before: what was made last failed
}

// step makes or drops one member of a stock.
type step struct {
	key  string
	drop bool
}

// decide says what brings the stocks to the size that demand and budget give
// them, and when to look again; the zero time is never.
func decide(w world) (steps []step, short bool, next time.Time) {
	targets := share(w)
	making := 0
	for _, s := range w.stocks {
		making += s.coming
	}
	later := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	for _, s := range byNeed(w.stocks, targets) {
		have, target := s.ready+s.coming, targets[s.key]
		for range min(have-target, s.ready) {
			steps = append(steps, step{key: s.key, drop: true})
		}
		if have > 0 || want(s, w.now) > target {
			later(w.now.Add(look)) // demand goes, and memory comes back, without a word
		}
		missing := target - have
		if missing <= 0 {
			continue
		}
		if s.hold.After(w.now) {
			later(s.hold)
			continue
		}
		short = true
		if at := w.earliest(have == 0); at.After(w.now) {
			later(at)
			continue
		}
		for ; missing > 0 && making < w.making; missing-- {
			steps = append(steps, step{key: s.key})
			making++
		}
	}
	return steps, short, next
}

// earliest is when members may be made after the last take, for a stock that
// has none left or for others.
func (w world) earliest(none bool) time.Time {
	at := w.lastUse.Add(calm)
	if none {
		at = w.lastUse.Add(urgent)
	}
	if limit := w.short.Add(patience); !w.short.IsZero() && limit.Before(at) {
		return limit
	}
	return at
}

// weight is what members of a stock get beside environments while they are made.
func weight(demand float64) int {
	if demand < eager {
		return 0
	}
	return eagerWeight
}

// share gives each stock its size: as many as it wants, in turns, the kind that
// was wanted last first, as long as the budget lasts.
func share(w world) map[string]int {
	stocks := slices.Clone(w.stocks)
	slices.SortStableFunc(stocks, func(a, b stockView) int {
		return cmp.Or(b.wanted.Compare(a.wanted), cmp.Compare(a.key, b.key))
	})
	targets := map[string]int{}
	left := w.budget
	for round := 1; round <= mostOfAKind; round++ {
		for _, s := range stocks {
			if want(s, w.now) >= round && s.size <= left {
				targets[s.key]++
				left -= s.size
			}
		}
	}
	return targets
}

// want is how many members a stock would have if memory cost nothing.
func want(s stockView, now time.Time) int {
	if now.Sub(s.wanted) >= quiet {
		return 0
	}
	return min(basis+int(math.Ceil(s.demand)), mostOfAKind)
}

// byNeed puts the emptiest stocks first.
func byNeed(stocks []stockView, targets map[string]int) []stockView {
	full := func(s stockView) float64 { return float64(s.ready+s.coming) / float64(max(1, targets[s.key])) }
	sorted := slices.Clone(stocks)
	slices.SortStableFunc(sorted, func(a, b stockView) int {
		return cmp.Or(cmp.Compare(full(a), full(b)), b.wanted.Compare(a.wanted), cmp.Compare(a.key, b.key))
	})
	return sorted
}

// rate counts takes so that those of long ago count less.
type rate struct {
	value float64
	at    time.Time
}

func (r rate) now(at time.Time) float64 {
	v := r.value * math.Exp2(-at.Sub(r.at).Seconds()/halfLife.Seconds())
	if v < 0.1 {
		return 0
	}
	return v
}

func (r *rate) add(at time.Time) { r.value, r.at = r.now(at)+1, at }
