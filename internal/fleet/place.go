package fleet

import (
	"time"

	"lambent/internal/admission"
	"lambent/internal/lambda"
	"lambent/internal/placement"
)

// poke asks placement to look again, soon.
func (f *Fleet) poke() {
	select {
	case f.wake <- struct{}{}:
	default: // it has been asked already
	}
}

// place carries out what placement decides: on a poke, and when the next
// environment's time is over. It is the only one that starts environments.
func (f *Fleet) place() {
	defer close(f.placed)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next := f.decide()
		timer.Reset(untilNext(next))
		select {
		case <-f.stop:
			return
		case <-f.wake:
		case <-timer.C:
		}
	}
}

// untilNext bounds the sleep; looking once an hour for nothing costs nothing.
func untilNext(next time.Time) time.Duration {
	if next.IsZero() {
		return time.Hour
	}
	return max(time.Until(next), time.Millisecond)
}

// decide asks placement and does what it says.
func (f *Fleet) decide() (next time.Time) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return time.Time{}
	}
	f.forget()
	var stops []*member
	var reasons []string
	for _, p := range f.pools {
		p.yield = 0
	}
	for _, m := range f.members {
		m.leave = ""
	}
	for _, d := range placement.Decide(f.world()) {
		switch {
		case d.Start != "":
			f.start(f.named[d.Start], d.Ahead)
		case d.Yield != "":
			f.named[d.Yield].yield++
		case d.Leave != "":
			f.members[d.Leave].leave = d.Reason
		default:
			m := f.members[d.Stop]
			f.ended(m)
			stops, reasons = append(stops, m), append(reasons, d.Reason)
		}
	}
	next = placement.NextChange(f.world())
	f.next = next
	f.mu.Unlock()
	for i, m := range stops {
		m.env.Stop(reasons[i], false)
	}
	return next
}

// start makes an environment. Make returns at once and calls back only from
// goroutines of its own, so it may be called under mu; and it must, since the
// environment may be vacant before Make has returned.
func (f *Fleet) start(p *pool, ahead bool) {
	m := &member{id: f.config.NewID(), pool: p, state: starting, ahead: ahead, born: time.Now(), lastUsed: time.Now()}
	f.members[m.id] = m
	p.members++
	why := lambda.InitOnDemand
	if ahead {
		p.ahead = append(p.ahead, m)
		why = lambda.InitProvisioned
	} else {
		p.function.starting++
		admission.Growth().Take(&p.function.starts, f.clock())
	}
	m.env = f.config.Make(m.id, p.version, why)
}

// world is what placement looks at, until it is asked for again. mu is held.
func (f *Fleet) world() placement.World {
	w := &f.view
	w.Now, w.Limits, w.Versions, w.Environments = time.Now(), f.config.Limits, w.Versions[:0], w.Environments[:0]
	for _, p := range f.pools {
		p.short = max(0, p.target-p.initialised())
		if v := f.version(p, w.Now); v.Waiting > 0 || v.Provisioned > 0 {
			w.Versions = append(w.Versions, v)
		}
	}
	for _, m := range f.members {
		p := m.pool
		w.Environments = append(w.Environments, placement.Environment{
			ID: m.id, Key: p.name, Function: placement.Function{Account: p.version.Account, Name: p.version.Function},
			MemoryMiB: p.version.MemoryMB, Cost: p.cost, Provisioned: m.ahead,
			Starting: m.state == starting, Idle: m.state == idle, Ending: m.state == ending,
			Guaranteed: m.state == busy && p.guarantees(m.share.class),
			Retired:    p.retired, Born: m.born, LastUsed: m.lastUsed,
		})
	}
	return *w
}

// version is what placement looks at of a pool.
func (f *Fleet) version(p *pool, now time.Time) placement.Version {
	v := placement.Version{
		Key: p.name, Function: placement.Function{Account: p.version.Account, Name: p.version.Function},
		MemoryMiB: p.version.MemoryMB, Provisioned: p.target, NotBefore: p.notBefore,
	}
	coming, last := p.comingBack(now)
	if coming > 0 && len(p.waiters) > 0 {
		f.late.Within(last) // those that it serves are looked at again then
	}
	if coming >= len(p.waiters) {
		return v
	}
	v.Waiting, v.Oldest = len(p.waiters)-coming, p.waiters[0].since
	short := p.short
	for _, w := range p.waiters[coming:] {
		switch {
		case w.share.class == admission.Reserved:
			v.Guaranteed++
		case w.share.class == admission.Provisioned && short > 0:
			short--
			v.Guaranteed++
		}
	}
	return v
}
