// Package placement decides which environments a host has: when one is started,
// and which one goes to make room or because its time is over. Decide is pure:
// the same world gives the same decisions.
//
// Who gets an idle environment is no decision of this package: the most
// recently used one of the version is handed over at once, without asking
// (AWS does not document its choice; this one lets the others grow old).
package placement

import (
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

// Version is what waits for an environment.
type Version struct {
	Key       string
	MemoryMiB int
	Waiting   int
	Oldest    time.Time // when the first of those came
}

// Environment is one that exists.
type Environment struct {
	ID        string
	Key       string // of its version
	MemoryMiB int
	Starting  bool // it will be vacant soon
	Idle      bool
	Ending    bool // it still takes room
	Retired   bool // its version is no longer current
	Born      time.Time
	LastUsed  time.Time
}

// Decision is to start an environment for a version, or to stop one.
type Decision struct {
	Start  string // Key of the version, or empty
	Stop   string // ID of the environment, or empty
	Reason string // of a Stop
}

// Reasons for a Stop.
const (
	ReasonIdle     = "idle"
	ReasonLifetime = "lifetime"
	ReasonRetired  = "retired"
	ReasonEvicted  = "evicted"
)

// Decide says what to do now. Stops come first, since their room is what the
// starts may need. An evicted environment frees its room only when it is gone:
// the start that it was evicted for is decided when Decide is asked again.
func Decide(w World) []Decision {
	d := decider{World: w}
	d.expire()
	d.start()
	return d.decisions
}

// NextChange is when Decide has something new to say though nothing happened,
// or the zero time.
func NextChange(w World) time.Time {
	var next time.Time
	sooner := func(t time.Time, d time.Duration) {
		if at := t.Add(d); d > 0 && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	for _, e := range w.Environments {
		if e.Idle {
			sooner(e.LastUsed, w.Limits.Idle)
			sooner(e.Born, w.Limits.Lifetime)
		}
	}
	return next
}

type decider struct {
	World
	decisions []Decision
	stopped   map[string]bool
}

func (d *decider) stop(id, reason string) {
	if d.stopped == nil {
		d.stopped = map[string]bool{}
	}
	d.stopped[id] = true
	d.decisions = append(d.decisions, Decision{Stop: id, Reason: reason})
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
		case d.Limits.Lifetime > 0 && d.Now.Sub(e.Born) >= d.Limits.Lifetime:
			d.stop(e.ID, ReasonLifetime)
		case d.Limits.Idle > 0 && d.Now.Sub(e.LastUsed) >= d.Limits.Idle:
			d.stop(e.ID, ReasonIdle)
		}
	}
}

// start makes one environment for each waiter that no starting environment
// will serve, the longest waiting version first and each in turn, as far as
// there is room; then it makes room.
func (d *decider) start() {
	count, memory, starting, coming := 0, 0, 0, map[string]int{}
	for _, e := range d.Environments {
		count++
		memory += e.MemoryMiB
		if e.Starting {
			coming[e.Key]++
			starting++
		}
	}
	versions := slices.Clone(d.Versions)
	slices.SortStableFunc(versions, func(a, b Version) int { return a.Oldest.Compare(b.Oldest) })
	wanted := room{}
	for more := true; more; {
		more = false
		for _, v := range versions {
			if v.Waiting <= coming[v.Key] || d.Limits.Starting > 0 && starting >= d.Limits.Starting {
				continue
			}
			if count >= d.Limits.Environments || memory+v.MemoryMiB > d.Limits.MemoryMiB {
				coming[v.Key]++ // asked for once; it stays wanted
				wanted.memory += v.MemoryMiB
				wanted.count++
				more = true
				continue
			}
			count, memory, starting, more = count+1, memory+v.MemoryMiB, starting+1, true
			coming[v.Key]++
			d.decisions = append(d.decisions, Decision{Start: v.Key})
		}
	}
	d.evict(room{count + wanted.count - d.Limits.Environments, memory + wanted.memory - d.Limits.MemoryMiB})
}

// room is a number of environments and their memory in MiB.
type room struct{ count, memory int }

// evict stops idle environments, least recently used first, until as much room
// is on its way to be free as is short. What is ending already counts.
func (d *decider) evict(short room) {
	for _, e := range d.Environments {
		if e.Ending || d.stopped[e.ID] {
			short.count--
			short.memory -= e.MemoryMiB
		}
	}
	idle := slices.DeleteFunc(slices.Clone(d.Environments), func(e Environment) bool { return !e.Idle || d.stopped[e.ID] })
	slices.SortStableFunc(idle, func(a, b Environment) int { return a.LastUsed.Compare(b.LastUsed) })
	for _, e := range idle {
		if short.count <= 0 && short.memory <= 0 {
			return
		}
		d.stop(e.ID, ReasonEvicted)
		short.count--
		short.memory -= e.MemoryMiB
	}
}
