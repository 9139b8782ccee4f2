package metrics

import (
	"strings"
	"sync"
	"time"
)

// Levels are what is in use now, as whoever runs functions knows it.
type Levels struct {
	Concurrent int // executions, of all functions
	Unreserved int // of those, the ones that count for what all functions share
	Claimed    int // Unreserved, and what is set aside for functions
	Functions  []FunctionLevels
}

// FunctionLevels are those of one function.
type FunctionLevels struct {
	Name       string
	Concurrent int
	Versions   []VersionLevels // with provisioned concurrency
}

// VersionLevels are those of provisioned concurrency.
type VersionLevels struct {
	Number  string
	Alias   string // that has it, empty if the version itself has
	Ready   int    // provisioned environments that are initialised
	Running int    // of those, the ones that run an invocation
	Spilled uint64 // invocations that ran elsewhere; it grows
}

// lookEvery is how often levels are looked at. It divides a minute.
const lookEvery = 5 * time.Second

// Watch looks at levels again and again, and closes the minutes of the history, until
// stop, which waits.
func (m *Metrics) Watch(look func() Levels) (stop func()) {
	m.history.mu.Lock()
	m.history.look = look
	m.history.mu.Unlock()
	end := make(chan struct{})
	var loop sync.WaitGroup
	loop.Go(func() {
		timer := time.NewTimer(0)
		defer timer.Stop()
		for {
			select {
			case <-timer.C:
			case <-end:
				return
			}
			m.tick(time.Now())
			now := time.Now()
			timer.Reset(now.Truncate(lookEvery).Add(lookEvery).Sub(now))
		}
	})
	return sync.OnceFunc(func() { close(end); loop.Wait() })
}

// tick closes the minute when it is over, and looks at the levels.
func (m *Metrics) tick(now time.Time) {
	h := &m.history
	h.mu.Lock()
	defer h.mu.Unlock()
	if minute := now.Truncate(time.Minute); minute.After(h.minute) {
		h.close(m.everything())
		h.minute = minute
	}
	m.look()
}

// level is a number that goes up and down: what it is, and what it was when it was
// looked at since the minute began.
type level struct {
	now   float64
	known bool // it has been looked at
	seen  tally
}

func (l *level) is(v float64) {
	l.now, l.known = v, true
	l.seen.add(v)
}

// unlessIdle is for what need not be told while it is zero.
func (l *level) unlessIdle(v float64) {
	if l.now, l.known = v, true; v > 0 || l.seen.n > 0 {
		l.seen.add(v)
	}
}

// levels are those of a series.
type levels struct {
	concurrent, unreserved, claimed, provisioned, utilization level

	spilled uint64 // as it was last
}

// look asks for the levels. history.mu is held.
func (m *Metrics) look() {
	if m.history.look == nil {
		return
	}
	now := m.history.look()
	m.account.levels.concurrent.is(float64(now.Concurrent))
	m.account.levels.unreserved.is(float64(now.Unreserved))
	m.account.levels.claimed.is(float64(now.Claimed))
	gone := m.history.busy
	m.history.busy = map[*series]bool{}
	for _, f := range now.Functions {
		s := m.find(f.Name, "")
		s.levels.concurrent.unlessIdle(float64(f.Concurrent))
		m.seen(s, gone)
		if len(f.Versions) > 0 {
			m.lookProvisioned(s, f, gone)
		}
	}
	for s := range gone {
		s.levels.end()
	}
	for _, s := range m.everything() { // of versions and aliases only we know who was named
		if s.resource != "" {
			s.levels.concurrent.unlessIdle(float64(s.running.Load()))
		}
	}
}

// seen notes whose levels are known now, so that they end with what they are of.
func (m *Metrics) seen(s *series, gone map[*series]bool) {
	m.history.busy[s] = true
	delete(gone, s)
}

// end is for what has no levels any more.
func (l *levels) end() {
	for _, one := range []*level{&l.concurrent, &l.provisioned, &l.utilization} {
		one.now, one.known = 0, false
	}
	l.spilled = 0
}

// lookProvisioned adds up what versions have, for the function and for an alias too.
func (m *Metrics) lookProvisioned(s *series, f FunctionLevels, gone map[*series]bool) {
	sums := map[*series]VersionLevels{}
	for _, v := range f.Versions {
		of := m.find(f.Name, f.Name+":"+v.Number)
		all := []*series{s, of}
		if v.Alias != "" {
			all = append(all, m.find(f.Name, f.Name+":"+v.Alias))
		}
		// Whoever counts forgets what is not used; then it begins at zero.
		spilled := v.Spilled - of.levels.spilled
		if v.Spilled < of.levels.spilled {
			spilled = v.Spilled
		}
		of.levels.spilled = v.Spilled
		m.account.spilled.Add(spilled)
		for _, each := range all {
			each.spilled.Add(spilled)
			sum := sums[each]
			sum.Ready, sum.Running = sum.Ready+v.Ready, sum.Running+v.Running
			sums[each] = sum
		}
	}
	for each, sum := range sums {
		each.levels.provide(sum.Running, sum.Ready)
		m.seen(each, gone)
	}
}

func (l *levels) provide(running, ready int) {
	l.provisioned.is(float64(running))
	if ready > 0 {
		l.utilization.is(float64(running) / float64(ready))
	}
}

// everything is all series: the account, functions, resources, and these by version.
func (m *Metrics) everything() []*series {
	all := []*series{&m.account}
	for _, s := range *m.known.Load() {
		all = append(all, s)
		if of := s.versions.Load(); of != nil {
			for _, v := range *of {
				all = append(all, v)
			}
		}
	}
	return all
}

// seriesOf finds a series that is there.
func (m *Metrics) seriesOf(function, resource, version string) *series {
	if function == "" && resource == "" {
		return &m.account
	}
	key := function
	if resource != "" {
		key = resource
	}
	s := (*m.known.Load())[key]
	switch {
	case s == nil || function != "" && s.function != function || resource == "" && strings.Contains(key, ":"):
		return nil
	case version == "":
		return s
	}
	if of := s.versions.Load(); of != nil {
		return (*of)[version]
	}
	return nil
}
