package fleet

import (
	"time"

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
	world, pools := f.world()
	var stops []*member
	var reasons []string
	for _, d := range placement.Decide(world) {
		if d.Start != "" {
			f.start(pools[d.Start])
			continue
		}
		m := f.members[d.Stop]
		f.unlist(m)
		m.state = ending
		stops, reasons = append(stops, m), append(reasons, d.Reason)
	}
	world, _ = f.world()
	next = placement.NextChange(world)
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
func (f *Fleet) start(p *pool) {
	m := &member{id: f.config.NewID(), pool: p, state: starting, born: time.Now(), lastUsed: time.Now()}
	f.members[m.id] = m
	p.members++
	m.env = f.config.Make(m.id, p.version)
}

// world is what placement looks at.
func (f *Fleet) world() (placement.World, map[string]*pool) {
	w := placement.World{Now: time.Now(), Limits: f.config.Limits}
	pools := make(map[string]*pool, len(f.pools))
	names := make(map[*pool]string, len(f.pools))
	for k, p := range f.pools {
		name := k.String()
		pools[name], names[p] = p, name
		coming, last := p.comingBack(w.Now)
		if coming > 0 && len(p.waiters) > 0 {
			f.late.Within(last) // those that it serves are looked at again then
		}
		if waiting := len(p.waiters) - coming; waiting > 0 {
			w.Versions = append(w.Versions, placement.Version{
				Key: name, MemoryMiB: p.version.MemoryMB, Waiting: waiting, Oldest: p.waiters[0].since,
			})
		}
	}
	for _, m := range f.members {
		w.Environments = append(w.Environments, placement.Environment{
			ID: m.id, Key: names[m.pool], MemoryMiB: m.pool.version.MemoryMB,
			Starting: m.state == starting, Idle: m.state == idle, Ending: m.state == ending,
			Retired: m.pool.retired, Born: m.born, LastUsed: m.lastUsed,
		})
	}
	return w, pools
}
