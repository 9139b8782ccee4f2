package fleet

import (
	"context"
	"time"

	"lambent/internal/lambda"
)

// lease finds an idle environment or waits for one.
func (f *Fleet) lease(ctx context.Context, v *lambda.Version, asynchronous bool) (*member, error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, errClosing
	}
	p := f.pool(v)
	part, err := f.admit(p, asynchronous)
	if err != nil {
		f.drop(p)
		f.mu.Unlock()
		return nil, err
	}
	if m := p.take(); m != nil {
		p.give(m, part)
		f.mu.Unlock()
		return m, nil
	}
	if err := f.refuse(p, part); err != nil {
		part.leave(f)
		f.drop(p)
		f.mu.Unlock()
		return nil, err
	}
	w := &waiter{since: time.Now(), turn: make(chan turn, 1), share: part}
	f.queue(p, w)
	coming, last := p.comingBack(w.since)
	soon := len(p.waiters) <= coming
	f.mu.Unlock()
	if soon {
		f.late.Within(last) // until then placement is not troubled
	} else {
		f.poke()
	}
	return f.await(ctx, p, w)
}

var errClosing = lambda.Errorf(lambda.Internal, "the server is shutting down")

// await waits for the caller's turn.
func (f *Fleet) await(ctx context.Context, p *pool, w *waiter) (*member, error) {
	patience := f.patience(w)
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case t := <-w.turn:
		return t.member, t.err
	case <-ctx.Done():
		f.giveUp(p, w)
		return nil, context.Cause(ctx)
	case <-limit.C:
		f.giveUp(p, w)
		f.mu.Lock()
		defer f.mu.Unlock()
		return nil, f.full(p, "it had no room for the caller within %s (see --max-wait)", patience)
	}
}

// patience is how long a caller may wait. Who is within what is set aside for its
// function is not refused for the invocations of others that have its room: it waits
// until the longest of these has ended, and the host has made use of that. Where
// more is provisioned than the host can hold, there may never be room.
func (f *Fleet) patience(w *waiter) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.share.class.Guaranteed() && !f.overbooked() {
		return f.config.Wait + lambda.MaxTimeout
	}
	return f.config.Wait
}

// queue lets a caller wait. mu is held.
func (f *Fleet) queue(p *pool, w *waiter) {
	p.waiters = append(p.waiters, w)
	f.waiting++
	p.function.waiting++
}

// unqueue counts callers who wait no more. mu is held.
func (f *Fleet) unqueue(p *pool, n int) {
	f.waiting -= n
	p.function.waiting -= n
}

// giveUp leaves the queue; an environment that had just been given goes to the next.
func (f *Fleet) giveUp(p *pool, w *waiter) {
	f.mu.Lock()
	for i, other := range p.waiters {
		if other == w {
			p.waiters = append(p.waiters[:i:i], p.waiters[i+1:]...)
			f.unqueue(p, 1)
			w.share.leave(f)
			f.drop(p)
			f.mu.Unlock()
			return
		}
	}
	f.mu.Unlock()
	if t := <-w.turn; t.member != nil && !f.Vacant(t.member.id) {
		t.member.env.Relax()
	}
}
