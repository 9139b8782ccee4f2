package bootpool

import (
	"context"
	"fmt"
	"time"

	"lambent/internal/sandbox"
)

const (
	// makeLimit bounds the making of a member, up to where it waits. It runs when
	// nobody else wants to, which on a busy host takes long.
	makeLimit = 2 * time.Minute
	// destroyLimit bounds one try to destroy, of which there are several.
	destroyLimit = 30 * time.Second
	destroyTries = 6
	// A kind that fails is tried again later and later.
	firstHold, longestHold = time.Second, 5 * time.Minute
)

// tend keeps the stocks at their size. It is the only one that makes and drops
// members.
func (p *Pool) tend() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.wake:
		case <-timer.C:
		}
		if next := p.adjust(); next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(max(time.Until(next), time.Millisecond))
		}
	}
}

// adjust does what the decision says.
func (p *Pool) adjust() (next time.Time) {
	budget := p.budget()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return time.Time{}
	}
	w := p.world(budget)
	steps, short, next := decide(w)
	switch {
	case !short:
		p.short = time.Time{}
	case p.short.IsZero():
		p.short = w.now
	}
	for _, do := range steps {
		s := p.stocks[do.key]
		if do.drop {
			m := s.ready[0]
			s.ready = s.ready[1:]
			p.discard(m)
			continue
		}
		s.coming++
		p.number++
		id := fmt.Sprintf("ahead-%d", p.number)
		share := weight(s.demand.now(w.now))
		p.work.Go(func() { p.add(s, id, share) })
	}
	p.forget(w.now)
	return next
}

// budget is how many bytes all members may take together now.
func (p *Pool) budget() int64 {
	mib := p.config.MemoryMiB
	if p.config.Room != nil {
		mib = min(mib, p.config.Room())
	}
	return int64(max(mib, 0)) << 20
}

// world is what the decision looks at. It is called with mu held.
func (p *Pool) world(budget int64) world {
	w := world{now: time.Now(), budget: budget, making: p.config.Making, lastUse: p.lastUse, short: p.short}
	for _, s := range p.stocks {
		w.stocks = append(w.stocks, stockView{
			key: s.key, size: s.size, ready: len(s.ready), coming: s.coming,
			demand: s.demand.now(w.now), wanted: s.wanted, hold: s.hold,
		})
	}
	return w
}

// forget drops stocks that have nothing and are wanted by nobody. It is called
// with mu held.
func (p *Pool) forget(now time.Time) {
	for key, s := range p.stocks {
		if len(s.ready)+s.coming == 0 && now.Sub(s.wanted) >= quiet {
			delete(p.stocks, key)
		}
	}
}

// add makes a member of the stock.
func (p *Pool) add(s *stock, id string, weight int) {
	ctx, cancel := context.WithTimeout(p.ctx, makeLimit)
	defer cancel()
	m, err := p.make(ctx, s, id, weight)
	p.mu.Lock()
	owned, closed := p.count(s, m, err), p.closed
	p.mu.Unlock()
	if m != nil {
		close(m.made)
	}
	switch {
	case owned:
	case err == nil && !closed:
		p.watch(s, m)
	case m != nil:
		p.discard(m)
	}
	if err != nil && !closed && !owned {
		p.config.Log.Warn("make a sandbox ahead", "sandbox", id, "err", err)
	}
	p.poke()
}

// count notes what came of a member, and puts it with those that wait, unless
// somebody has it already. It is called with mu held.
func (p *Pool) count(s *stock, m *member, err error) (owned bool) {
	s.coming--
	if m != nil {
		s.booting = without(s.booting, m)
		if m.owned {
			return true
		}
	}
	if err != nil {
		s.hold = time.Now().Add(min(firstHold<<min(s.failed, 16), longestHold))
		s.failed++
		return false
	}
	s.failed, s.booted = 0, true
	s.size = max(m.size, guessBare)
	if !p.closed {
		s.ready = append(s.ready, m)
	}
	return false
}

// make begins a sandbox, and boots the program of the stock in it. A member that
// comes with an error is only good to be destroyed, by its owner if it has one.
func (p *Pool) make(ctx context.Context, s *stock, id string, weight int) (*member, error) {
	blank := p.config.Blank
	blank.ID, blank.Weight = id, weight
	if s.ahead != nil {
		blank.Mounts = s.ahead.Mounts
	}
	begun, err := p.Begin(ctx, blank)
	if err != nil {
		return nil, err
	}
	m := &member{Unfinished: begun, key: s.key, size: guessBare, taken: make(chan struct{}), made: make(chan struct{})}
	if p.config.Addresses != nil {
		if err := m.listen(p.config.Addresses()); err != nil {
			return m, err
		}
	}
	if s.ahead == nil {
		return m, nil
	}
	if err := m.start(ctx, s.ahead); err != nil {
		return m, err
	}
	p.mu.Lock()
	s.booting = append(s.booting, m)
	p.mu.Unlock()
	return m, m.boot(ctx)
}

// watch throws a member away that dies while it waits.
func (p *Pool) watch(s *stock, m *member) {
	if m.process == nil {
		return
	}
	p.work.Go(func() {
		select {
		case <-p.ctx.Done():
			return
		case <-m.taken:
			return
		case <-m.process.Done():
		}
		p.mu.Lock()
		left := len(s.ready)
		s.ready = without(s.ready, m)
		mine := len(s.ready) < left // otherwise it is somebody's already
		p.mu.Unlock()
		if mine {
			p.config.Log.Warn("a program that waited has ended", "sandbox", m.ID(), "exit", m.process.Exit())
			p.discard(m)
			p.poke()
		}
	})
}

func without(list []*member, m *member) []*member {
	for i, one := range list {
		if one == m {
			return append(list[:i:i], list[i+1:]...)
		}
	}
	return list
}

// discard destroys a member beside the road.
func (p *Pool) discard(m *member) {
	p.work.Go(func() {
		pause := 50 * time.Millisecond
		for try := 1; ; try++ {
			ctx, cancel := context.WithTimeout(context.Background(), destroyLimit)
			err := m.destroy(ctx)
			cancel()
			if err == nil {
				return
			}
			p.config.Log.Error("destroy sandbox", "sandbox", m.ID(), "try", try, "err", err)
			if try == destroyTries {
				return // it is left for the driver's Close, or the next start's Sweep
			}
			<-time.After(pause)
			pause *= 2
		}
	})
}

var _ sandbox.Driver = (*Pool)(nil)
