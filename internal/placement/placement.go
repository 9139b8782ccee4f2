// Package placement decides which environments a host has: when one is started,
// and which one goes to make room or because its time is over. Decide is pure:
// the same world gives the same decisions.
//
// Who gets an idle environment is no decision of this package: the most
// recently used one of the version is handed over at once, without asking
// (AWS does not document its choice; this one lets the others grow old).
//
// # Who comes first
//
// Starts are limited, by the host's room and by its processors. They go, in this
// order, to callers within what was reserved or provisioned for their function,
// oldest first; to provisioned environments that are missing; and to all other
// callers, the function that uses least of the host's memory first, then the
// oldest. What the first of them has no room for is not given to those behind.
//
// # Who goes
//
// Idle environments make room, the least valuable first: quickly started again,
// large, unused for long; but what was used a moment ago does not go for a
// function that uses more than its own. Where that is not enough, environments that are busy
// yield: they end after their invocation instead of taking the next, which their
// own function would otherwise always have. Those within a reservation never
// yield; the others do to what is reserved or provisioned, and to functions that
// use less than their own. docs/decisions/0017-capacity.md has the reasons.
//
// Busy ones whose time is over, and provisioned ones that are too many, leave
// after their invocation too: a function that always has a next one for them
// would keep them for ever.
package placement

import (
	"cmp"
	"slices"
	"time"
)

// World is what a decision depends on.
type World struct {
	Now          time.Time
	Limits       Limits
	Versions     []Version
	Environments []Environment
}

// Limits bound a host. Zero values of durations mean never.
type Limits struct {
	Environments int           // all of them, whatever they do
	MemoryMiB    int           // sum of their memory limits
	Starting     int           // how many may be on their way at once; 0: any number
	Idle         time.Duration // an environment without an invocation for so long ends
	Lifetime     time.Duration // one so old ends as soon as it is idle
}

// Renewal is the age at which a provisioned environment is replaced: ahead of
// the end of its life, so that another one is initialised by then.
func (l Limits) Renewal() time.Duration { return l.Lifetime - l.Lifetime/8 }

// Function is who shares the host with others.
type Function struct{ Account, Name string }

// Version is what waits for environments, or is to have some ahead.
type Version struct {
	Key         string
	Function    Function
	MemoryMiB   int
	Waiting     int       // callers
	Guaranteed  int       // of those, the ones within what is set aside for their function
	Oldest      time.Time // when the first of them came
	Provisioned int       // environments that are to be initialised ahead
	NotBefore   time.Time // when the next of these may be tried
}

// Environment is one that exists.
type Environment struct {
	ID          string
	Key         string // of its version
	Function    Function
	MemoryMiB   int
	Cost        time.Duration // what it takes to start another
	Provisioned bool          // made ahead
	Guaranteed  bool          // busy within what is set aside for its function
	Starting    bool          // it will be vacant soon
	Idle        bool
	Ending      bool // it still takes room
	Retired     bool // its version is no longer current
	Born        time.Time
	LastUsed    time.Time
}

func (e Environment) busy() bool { return !e.Starting && !e.Idle && !e.Ending }

// countedFor is for how long callers count on a provisioned environment that starts:
// as long as the Init of one on demand may take. Its own may take far longer, and
// then they have one made on demand, as AWS does while it allocates.
const countedFor = 10 * time.Second

// coming tells whether the environment will serve a caller soon.
func (e Environment) coming(now time.Time) bool {
	return e.Starting && (!e.Provisioned || now.Sub(e.Born) < countedFor)
}

// Decision is to start an environment for a version, to stop one, or to have a
// busy one end after its invocation: Leave names it, of a Yield's version it is
// the first that is done. These two hold until Decide is asked again.
type Decision struct {
	Start  string // Key of the version, or empty
	Ahead  bool   // the Start is of a provisioned environment
	Stop   string // ID of the environment, or empty
	Leave  string // ID of the environment, or empty
	Reason string // of a Stop or a Leave
	Yield  string // Key of the version, or empty
}

// Reasons for a Stop or a Leave, and for the end of one that yields.
const (
	ReasonIdle     = "idle"
	ReasonLifetime = "lifetime"
	ReasonRetired  = "retired"
	ReasonEvicted  = "evicted"
	ReasonYielded  = "yielded"
	ReasonSurplus  = "no longer provisioned"
	ReasonRenewed  = "renewed"
)

// Decide says what to do now. Stops come first, since their room is what the
// starts may need. An evicted environment frees its room only when it is gone:
// the start that it was evicted for is decided when Decide is asked again.
func Decide(w World) []Decision {
	d := decider{World: w, stopped: map[string]bool{}, yielded: map[string]bool{}}
	d.Versions, d.Environments = slices.Clone(w.Versions), slices.Clone(w.Environments)
	slices.SortStableFunc(d.Versions, func(a, b Version) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortStableFunc(d.Environments, func(a, b Environment) int { return cmp.Compare(a.ID, b.ID) })
	d.expire()
	d.keep()
	d.start()
	return d.decisions
}

// NextChange is when Decide has something new to say though nothing happened,
// or the zero time.
func NextChange(w World) time.Time {
	var next time.Time
	sooner := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	after := func(t time.Time, d time.Duration) {
		if d > 0 {
			sooner(t.Add(d))
		}
	}
	for _, e := range w.Environments {
		switch renew := w.Limits.Renewal(); {
		case e.Provisioned:
			if e.coming(w.Now) {
				after(e.Born, countedFor)
			}
			if e.Born.Add(renew).After(w.Now) { // one that is due waits for room, not for time
				after(e.Born, renew)
			}
		case e.Idle:
			after(e.LastUsed, w.Limits.Idle)
			after(e.Born, w.Limits.Lifetime)
		case !e.Ending && w.Limits.old(e, w.Now): // its turn comes when others of its version have left
			after(w.Now, turnEvery)
		case !e.Ending:
			after(e.Born, w.Limits.Lifetime)
		}
	}
	waiting := false
	for _, v := range w.Versions {
		waiting = waiting || v.Waiting > 0
		if v.NotBefore.After(w.Now) {
			sooner(v.NotBefore)
		}
	}
	for _, e := range w.Environments {
		if waiting && e.Idle && fresh(e, w.Now) {
			after(e.LastUsed, freshFor)
		}
	}
	return next
}

type decider struct {
	World
	decisions []Decision
	stopped   map[string]bool // by environment
	yielded   map[string]bool // by environment
	held      map[string]bool // by environment; surplus that stays while there is room
	missing   map[string]int  // by version; provisioned environments to start
	idle      []Environment   // evictable, once somebody has asked
}

func (d *decider) stop(id, reason string) {
	d.stopped[id] = true
	d.decisions = append(d.decisions, Decision{Stop: id, Reason: reason})
}

func (d *decider) leave(id, reason string) {
	d.decisions = append(d.decisions, Decision{Leave: id, Reason: reason})
}

// expire ends what nobody should use any more.
func (d *decider) expire() {
	for _, e := range d.Environments {
		if !e.Idle {
			continue
		}
		switch {
		case e.Retired:
			d.stop(e.ID, ReasonRetired)
		case e.Provisioned: // see keep
		case d.Limits.old(e, d.Now):
			d.stop(e.ID, ReasonLifetime)
		case d.Limits.Idle > 0 && d.Now.Sub(e.LastUsed) >= d.Limits.Idle:
			d.stop(e.ID, ReasonIdle)
		}
	}
	d.age()
}

// old tells whether an environment has lived its time.
func (l Limits) old(e Environment, now time.Time) bool {
	return l.Lifetime > 0 && now.Sub(e.Born) >= l.Lifetime
}

// turnEvery is how often those are looked at that have lived their time and wait
// for their turn to leave.
const turnEvery = time.Second

// age has busy environments leave whose time is over, an eighth of a version's at
// a time: those that came with one storm must not go all at once.
func (d *decider) age() {
	all, away := map[string]int{}, map[string]int{}
	for _, e := range d.Environments {
		if all[e.Key]++; e.Starting || e.Ending || d.stopped[e.ID] {
			away[e.Key]++
		}
	}
	for _, e := range d.Environments {
		if e.busy() && !e.Provisioned && d.Limits.old(e, d.Now) && away[e.Key] < max(1, all[e.Key]/8) {
			away[e.Key]++
			d.leave(e.ID, ReasonLifetime)
		}
	}
}
