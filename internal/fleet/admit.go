package fleet

import (
	"fmt"
	"time"

	"lambent/internal/admission"
	"lambent/internal/lambda"
)

// owner is the function that concurrency is counted for.
type owner struct{ account, name string }

// function is all that is counted for one function.
type function struct {
	running     int // invocations admitted, but for those that provisioned concurrency pays for
	paid        int // those
	waiting     int // callers in the queues of its versions
	starting    int // environments on their way for callers
	provisioned int // targets of its versions, all together
	pools       int

	settled   map[*member]struct{} // busy environments that have answered
	requests  admission.Meter
	starts    admission.Meter
	throttles uint64
	used      time.Duration // when somebody called last, by the fleet's clock
}

// share is one invocation's part of the concurrency; the zero value is none. It
// is taken with the admission and given back when the environment is done, not
// when the caller has its answer.
type share struct {
	pool  *pool
	class admission.Class
}

// clock is the time for meters: it never goes back.
func (f *Fleet) clock() time.Duration { return time.Since(f.epoch) }

// function is a function's place in the books. mu is held.
func (f *Fleet) function(o owner) *function {
	fn := f.functions[o]
	if fn == nil {
		fn = &function{used: f.clock(), settled: map[*member]struct{}{}}
		f.functions[o] = fn
	}
	return fn
}

// forgetAfter is when the numbers of a function that nobody calls are dropped.
// Meters are whole again long before.
const forgetAfter = time.Hour

// forget drops functions that are gone or sleep, so that the books do not grow
// with every function that there ever was. mu is held.
func (f *Fleet) forget() {
	now := f.clock()
	if now < f.forgotten+forgetAfter {
		return
	}
	f.forgotten = now
	for o, fn := range f.functions {
		if fn.pools == 0 && now-fn.used >= forgetAfter {
			delete(f.functions, o)
		}
	}
}

// admit takes a share of the concurrency for an invocation. mu is held.
func (f *Fleet) admit(p *pool, asynchronous bool) (share, error) {
	now, fn := f.clock(), p.function
	fn.used = now
	l := admission.Limits{Account: f.config.Account, Provisioned: fn.provisioned, Version: p.entitled(p.paid, fn.paid)}
	if f.config.Reserve != nil {
		l.Reserved, l.HasReserved = f.config.Reserve.Reserved(p.version.Function)
		l.Committed = f.config.Reserve.ReservedTotal()
	}
	u := admission.Usage{Version: p.paid, Function: fn.running, Unreserved: f.unreserved}
	m := admission.Meters{Version: p.requests, Function: fn.requests, Account: f.requests}
	class, reason := admission.Decide(l, u, &m, now, asynchronous)
	if len(fn.settled) > 0 && (reason == admission.ReservedExceeded || reason == admission.AccountExceeded) {
		u, paid := p.withoutSettled(u)
		l.Version = p.entitled(u.Version, paid)
		class, reason = admission.Decide(l, u, &m, now, asynchronous)
	}
	p.requests, fn.requests, f.requests = m.Version, m.Function, m.Account
	s := share{p, class}
	if class == admission.Refused {
		fn.throttles++
		return share{}, tooMany(reason)
	}
	s.enter(f)
	return s, nil
}

// withoutSettled takes the function's invocations that have answered, and whose
// environments are expected back soon, from what runs, and from those of them that
// provisioned concurrency pays for. A client that calls again as soon as it has its
// answer is not two, whichever version it gets. mu is held.
func (p *pool) withoutSettled(u admission.Usage) (_ admission.Usage, paid int) {
	now := time.Now()
	paid = p.function.paid
	for m := range p.function.settled {
		if !m.back.After(now) {
			continue
		}
		switch m.share.class {
		case admission.Provisioned:
			paid--
			if m.pool == p {
				u.Version--
			}
		case admission.Unreserved:
			u.Function--
			u.Unreserved--
		case admission.Reserved:
			u.Function--
		case admission.Refused:
		}
	}
	return u, paid
}

func (s share) enter(f *Fleet) { s.count(f, 1) }

// leave gives the share back. mu is held.
func (s share) leave(f *Fleet) {
	if s.pool != nil {
		s.count(f, -1)
	}
}

func (s share) count(f *Fleet, n int) {
	switch s.class {
	case admission.Provisioned:
		s.pool.paid += n
		s.pool.function.paid += n
	case admission.Unreserved:
		s.pool.function.running += n
		f.unreserved += n
	case admission.Reserved:
		s.pool.function.running += n
	case admission.Refused:
	}
}

// refuse tells why a caller for whom no environment is free may not wait, if so.
// Who is within what is set aside for its function always may: there are no more
// of those than were set aside, and a storm of others must not keep them out.
func (f *Fleet) refuse(p *pool, s share) error {
	v := p.version
	if v.MemoryMB > f.config.Limits.MemoryMiB {
		return lambda.Errorf(lambda.NotReady,
			"The function needs %d MB of memory and this host gives %d MB to all environments together (see --max-memory).",
			v.MemoryMB, f.config.Limits.MemoryMiB)
	}
	fn := p.function
	switch {
	case f.waiting >= f.config.Waiters && !s.class.Guaranteed():
		return f.full(p, "%d callers wait for room already (see --max-waiting)", f.waiting)
	case fn.waiting-fn.starting >= admission.Growth().Left(fn.starts, f.clock()): // it cannot grow so quickly
		fn.throttles++
		return tooMany(admission.AccountExceeded)
	}
	return nil
}

// full refuses a caller for whom this host has no room, though the account's limits
// have. AWS has no word for that; whoever runs the host is told what to look at. mu is
// held.
func (f *Fleet) full(p *pool, format string, args ...any) error {
	p.function.throttles++
	refusal := tooMany(admission.AccountExceeded)
	refusal.Message += " This host is full: " + fmt.Sprintf(format, args...) + "."
	return refusal
}

func tooMany(reason admission.Reason) *lambda.Error {
	return &lambda.Error{Kind: lambda.Throttled, Message: "Rate Exceeded.", Reason: string(reason), RetryAfter: time.Second}
}

// done notes that an environment has finished, and gives back its share. mu is held.
func (f *Fleet) done(m *member) {
	m.share.leave(f)
	m.share = share{}
	delete(m.pool.function.settled, m)
}
