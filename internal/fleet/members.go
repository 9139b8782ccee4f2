package fleet

import (
	"slices"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/placement"
)

// Settled notes that an environment has answered, and how soon it should be vacant.
func (f *Fleet) Settled(id string, back time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.members[id]; m != nil && m.state == busy {
		m.back = time.Now().Add(back)
		m.pool.function.settled[m] = struct{}{}
	}
}

// Vacant takes an environment back, and gives it to the one who has waited
// longest. False means that nobody waits.
func (f *Fleet) Vacant(id string) bool {
	f.mu.Lock()
	m := f.members[id]
	if m == nil || m.state == ending {
		f.mu.Unlock()
		return false
	}
	p := m.pool
	m.lastUsed = time.Now()
	poke := f.started(m)
	f.done(m)
	if reason := p.leaves(m); reason != "" {
		m.state = ending
		f.mu.Unlock()
		m.env.Stop(reason, false)
		return true // nothing follows, but freezing would be in vain
	}
	if len(p.waiters) > 0 {
		w := p.waiters[0]
		p.waiters = p.waiters[1:]
		f.unqueue(p, 1)
		p.give(m, w.share)
		w.turn <- turn{member: m}
		f.mu.Unlock()
		if poke {
			f.poke()
		}
		return true
	}
	p.rest(m)
	poke = poke || p.retired || f.waiting > 0 || m.ahead && len(p.ahead) > p.target || f.expiresFirst(m)
	f.mu.Unlock()
	if poke {
		f.poke()
	}
	return false
}

// started notes that an environment has been initialised, if it had not been,
// and tells whether that matters to placement. mu is held.
func (f *Fleet) started(m *member) bool {
	p := m.pool
	p.failures = 0
	if m.state != starting {
		return false
	}
	p.cost = m.lastUsed.Sub(m.born)
	if m.ahead {
		p.setbacks, p.failed, p.notBefore = 0, "", time.Time{}
		return true
	}
	p.function.starting--
	return false
}

// expiresFirst tells whether placement sleeps past the end of m's time.
// Otherwise it wakes in time, and an invocation costs it nothing.
func (f *Fleet) expiresFirst(m *member) bool {
	before := func(from time.Time, d time.Duration) bool {
		return d > 0 && (f.next.IsZero() || from.Add(d).Before(f.next))
	}
	if m.ahead {
		return before(m.born, f.config.Limits.Renewal())
	}
	return before(m.lastUsed, f.config.Limits.Idle) || before(m.born, f.config.Limits.Lifetime)
}

// Left takes an environment out that will serve no more. It still takes room
// until it is gone.
func (f *Fleet) Left(id, reason string, err error) {
	f.mu.Lock()
	if m := f.members[id]; m != nil {
		p, before := m.pool, m.state
		f.ended(m)
		switch {
		case m.ahead && before == starting && !p.retired:
			f.setback(p, err)
		case !m.ahead && err != nil:
			f.failed(p, err)
		}
	}
	f.mu.Unlock()
	f.poke()
}

// ended takes an environment from all lists but that of members. mu is held.
func (f *Fleet) ended(m *member) {
	if m.state == starting && !m.ahead {
		m.pool.function.starting--
	}
	m.pool.unlist(m)
	f.done(m)
	m.state = ending
}

// The next provisioned environment is tried after one that could not be
// initialised, later each time.
const (
	firstPause = time.Second
	lastPause  = 5 * time.Minute
)

// setback is a provisioned environment that could not be initialised. Those that
// there are stay; who asks is told. mu is held.
func (f *Fleet) setback(p *pool, err error) {
	p.failed = lambda.ReasonInitFailure
	if err != nil {
		p.failed = lambda.ReasonInternalError
	}
	p.notBefore = time.Now().Add(min(firstPause<<min(p.setbacks, 10), lastPause))
	p.setbacks++
}

// failed is an environment that could not be made: tried once more, then those
// who wait are told.
func (f *Fleet) failed(p *pool, err error) {
	if p.failures++; p.failures < 2 {
		return
	}
	p.failures = 0
	f.dismiss(p, err)
}

// dismiss tells all who wait in a pool that they wait in vain.
func (f *Fleet) dismiss(p *pool, err error) {
	for _, w := range p.waiters {
		w.share.leave(f)
		w.turn <- turn{err: err}
	}
	f.unqueue(p, len(p.waiters))
	p.waiters = nil
}

// Gone forgets an environment.
func (f *Fleet) Gone(id string) {
	f.mu.Lock()
	if m := f.members[id]; m != nil {
		f.ended(m)
		delete(f.members, id)
		m.pool.members--
		if m.ahead {
			m.pool.ahead = slices.DeleteFunc(m.pool.ahead, func(other *member) bool { return other == m })
		}
		f.drop(m.pool)
	}
	if f.closed && len(f.members) == 0 {
		f.closeEmpty()
	}
	f.mu.Unlock()
	f.poke()
}

func (f *Fleet) closeEmpty() {
	select {
	case <-f.empty:
	default:
		close(f.empty)
	}
}

// Retired ends the environments of a generation that is no longer current;
// those that are busy finish first.
func (f *Fleet) Retired(generation string) {
	f.mu.Lock()
	var retired []*member
	for k, p := range f.pools {
		if k.generation == generation {
			p.retired = true
			f.aim(p, 0)
		}
	}
	for _, m := range f.members {
		if m.pool.retired && m.state != idle && m.state != ending && len(m.pool.waiters) == 0 {
			retired = append(retired, m)
		}
	}
	f.mu.Unlock()
	for _, m := range retired {
		m.env.Stop(placement.ReasonRetired, false)
	}
	f.poke()
}
