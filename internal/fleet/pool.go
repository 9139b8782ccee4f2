package fleet

import (
	"slices"
	"time"

	"lambent/internal/admission"
	"lambent/internal/lambda"
	"lambent/internal/placement"
)

// pool is the environments of one version and those who wait for one.
type pool struct {
	name     string // that placement knows it by
	version  *lambda.Version
	function *function
	idle     []*member // on demand, most recently used last
	ready    []*member // provisioned and idle, most recently used last
	waiters  []*waiter // oldest first
	members  int
	retired  bool
	failures int // environments in a row that could not be made for callers
	yield    int // busy ones that end as soon as they can, for the sake of other functions

	target    int             // provisioned environments that there should be
	ahead     []*member       // those that there are, oldest first
	short     int             // of the target, those that could not serve when placement looked last
	paid      int             // invocations that provisioned concurrency pays for
	requests  admission.Meter // theirs
	setbacks  int             // provisioned environments in a row that could not be initialised
	failed    string          // why, for those who ask
	notBefore time.Time       // the next is tried then
	preferred uint64          // invocations in provisioned environments
	spilled   uint64          // invocations in others while there was a target
	cost      time.Duration   // what it last took to start one
}

// member is one environment in the fleet.
type member struct {
	id       string
	pool     *pool
	env      Environment
	state    memberState
	ahead    bool // of provisioned concurrency
	born     time.Time
	lastUsed time.Time
	share    share     // of concurrency, while it is busy
	back     time.Time // when it is expected back from an invocation that it has answered
	leave    string    // why it ends as soon as it is done, empty if it does not
}

type memberState uint8

const (
	starting memberState = iota
	idle
	busy
	ending
)

// waiter is a caller in a queue.
type waiter struct {
	since time.Time
	turn  chan turn // holds one
	share share
}

// turn is how a wait ends: with an environment or an error.
type turn struct {
	member *member
	err    error
}

// pool is the version's pool, a new one if need be. mu is held.
func (f *Fleet) pool(v *lambda.Version) *pool {
	k := keyOf(v)
	p := f.pools[k]
	if p == nil {
		p = &pool{name: k.String(), version: v, function: f.function(owner{v.Account, v.Function})}
		p.function.pools++
		f.pools[k], f.named[p.name] = p, p
	}
	return p
}

// drop forgets a pool that nobody uses. mu is held.
func (f *Fleet) drop(p *pool) {
	if k := keyOf(p.version); p.members == 0 && len(p.waiters) == 0 && p.target == 0 && f.pools[k] == p {
		delete(f.pools, k)
		delete(f.named, p.name)
		p.function.pools--
		p.function.used = f.clock()
	}
}

// take gives the most recently used idle environment, a provisioned one if there
// is one (F170), or nil.
func (p *pool) take() *member {
	from := &p.idle
	if len(p.ready) > 0 {
		from = &p.ready
	}
	n := len(*from)
	if n == 0 {
		return nil
	}
	m := (*from)[n-1]
	*from = (*from)[:n-1]
	return m
}

// give makes an environment busy with a share. mu is held.
func (p *pool) give(m *member, s share) {
	m.state, m.share = busy, s
	switch {
	case m.ahead:
		p.preferred++
	case p.target > 0:
		p.spilled++
	}
}

// leaves tells why an environment that is done ends instead of taking the next
// invocation; it is empty if it need not. mu is held.
func (p *pool) leaves(m *member) string {
	if m.leave == "" && p.yield > 0 && !m.ahead {
		p.yield--
		return placement.ReasonYielded
	}
	return m.leave
}

// rest puts an environment among the idle ones. mu is held.
func (p *pool) rest(m *member) {
	m.state = idle
	if m.ahead {
		p.ready = append(p.ready, m)
		return
	}
	p.idle = append(p.idle, m)
}

// unlist takes an environment from the idle ones, if it is there. mu is held.
func (p *pool) unlist(m *member) {
	list := &p.idle
	if m.ahead {
		list = &p.ready
	}
	if i := slices.Index(*list, m); i >= 0 {
		*list = append((*list)[:i:i], (*list)[i+1:]...)
	}
}

// comingBack counts the environments that have answered and are expected to be
// vacant soon, and tells when the last of them should be. Nothing is started
// for callers whom these can serve: a client that calls again as soon as it has
// its answer comes before the runtime has asked for more, and need not pay for
// a cold start. mu is held.
func (p *pool) comingBack(now time.Time) (n int, last time.Time) {
	for m := range p.function.settled {
		if m.pool == p && m.back.After(now) {
			n++
			if m.back.After(last) {
				last = m.back
			}
		}
	}
	return n, last
}
