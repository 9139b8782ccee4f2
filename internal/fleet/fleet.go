// Package fleet owns this host's environments: which version has which, who
// waits for one, and how much room there is. placement decides, the fleet does.
//
// # The warm road
//
// Invoke takes the most recently used idle environment of the version under a
// short lock and calls it. Nothing else happens: no decision, no goroutine.
//
// # The cold road
//
// A caller that finds none idle joins its version's queue, oldest first, and
// placement is poked. It is served by whichever environment comes first: the
// one started for it, or one that another caller gave back. Queues are bounded
// in length and in time; full means refused, now.
package fleet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"time"

	"lambent/internal/admission"
	"lambent/internal/alarm"
	"lambent/internal/lambda"
	"lambent/internal/lifecycle"
	"lambent/internal/placement"
)

// Environment is what the fleet needs of an environment.
type Environment interface {
	// Invoke runs one invocation. lifecycle.ErrTaken says that the environment
	// takes none after all.
	Invoke(ctx context.Context, inv *lambda.Invocation) (lambda.Result, error)
	// Stop ends it, at once or after the invocation in progress.
	Stop(reason string, atOnce bool)
	// Relax tells it that the invocation that Vacant promised does not come.
	Relax()
}

// Make makes an environment and returns at once. The environment calls Vacant,
// Left and Gone with the id, from goroutines of its own.
type Make func(id string, v *lambda.Version) Environment

// Reservations tells, from memory, what functions have reserved of the
// account's concurrency.
type Reservations interface {
	Reserved(function string) (n int, set bool)
	ReservedTotal() int
}

// Config is what a fleet is made of.
type Config struct {
	Make    Make
	Limits  placement.Limits
	Account int           // concurrency of the whole account
	Reserve Reservations  // nil: nobody reserves anything
	Waiters int           // callers that may wait, all versions together
	Wait    time.Duration // how long one may wait
	NewID   func() string // names environments: [a-z0-9-]+; nil: at random
	Log     *slog.Logger
}

// key identifies the environments that can serve each other's invocations.
type key struct{ account, function, number, generation string }

func keyOf(v *lambda.Version) key { return key{v.Account, v.Function, v.Number, v.Generation} }

func (k key) String() string {
	return k.account + "/" + k.function + ":" + k.number + "@" + k.generation
}

// Fleet is a host's environments.
type Fleet struct {
	config Config
	wake   chan struct{} // a poke for place; holds at most one
	late   *alarm.Alarm  // pokes: an environment that was expected back may not have come
	stop   chan struct{}
	placed chan struct{} // closed when place has ended

	mu      sync.Mutex
	pools   map[key]*pool      // mu
	members map[string]*member // mu; by environment id
	waiting int                // mu; callers in all queues
	running tally              // mu; concurrency in use
	next    time.Time          // mu; when placement wakes by itself, zero when it does not
	closed  bool               // mu
	empty   chan struct{}      // mu; closed when closed and no member is left
}

// pool is the environments of one version and those who wait for one.
type pool struct {
	version  *lambda.Version
	idle     []*member // most recently used last
	waiters  []*waiter // oldest first
	members  int
	settled  map[*member]struct{} // busy ones that have answered
	retired  bool
	failures int // environments in a row that could not be made
}

// member is one environment in the fleet.
type member struct {
	id       string
	pool     *pool
	env      Environment
	state    memberState
	born     time.Time
	lastUsed time.Time
	share    share     // of concurrency, while it is busy
	back     time.Time // when it is expected back from an invocation that it has answered
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

// New makes a fleet and starts its placement.
func New(c Config) *Fleet {
	f := &Fleet{
		config: c, wake: make(chan struct{}, 1), stop: make(chan struct{}), placed: make(chan struct{}),
		pools: map[key]*pool{}, members: map[string]*member{}, empty: make(chan struct{}),
	}
	if f.config.NewID == nil {
		f.config.NewID = randomID
	}
	f.late = alarm.New(f.poke)
	go f.place()
	return f
}

// Invoke runs an invocation in an environment of the version, a new one if
// need be. A *lambda.Error is the caller's: the host is full, or shutting down.
func (f *Fleet) Invoke(ctx context.Context, v *lambda.Version, inv *lambda.Invocation) (lambda.Result, error) {
	for {
		m, err := f.lease(ctx, v)
		if err != nil {
			return lambda.Result{}, err
		}
		result, err := m.env.Invoke(ctx, inv)
		if !errors.Is(err, lifecycle.ErrTaken) {
			return result, err
		}
		// It ended between being given and being asked; there will be another.
	}
}

// lease finds an idle environment or waits for one.
func (f *Fleet) lease(ctx context.Context, v *lambda.Version) (*member, error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, errClosing
	}
	part, err := f.admit(v)
	if err != nil {
		f.mu.Unlock()
		return nil, err
	}
	p := f.pool(v)
	if n := len(p.idle); n > 0 {
		m := p.idle[n-1]
		p.idle = p.idle[:n-1]
		m.state, m.share = busy, part
		f.mu.Unlock()
		return m, nil
	}
	if err := f.refuse(v); err != nil {
		f.running.leave(part)
		f.drop(p)
		f.mu.Unlock()
		return nil, err
	}
	w := &waiter{since: time.Now(), turn: make(chan turn, 1), share: part}
	p.waiters = append(p.waiters, w)
	f.waiting++
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

// comingBack counts the environments that have answered and are expected to be
// vacant soon, and tells when the last of them should be. Nothing is started
// for callers whom these can serve: a client that calls again as soon as it has
// its answer comes before the runtime has asked for more, and need not pay for
// a cold start. mu is held.
func (p *pool) comingBack(now time.Time) (n int, last time.Time) {
	for m := range p.settled {
		if m.back.After(now) {
			n++
			if m.back.After(last) {
				last = m.back
			}
		}
	}
	return n, last
}

// Settled notes that an environment has answered, and how soon it should be vacant.
func (f *Fleet) Settled(id string, back time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.members[id]; m != nil && m.state == busy {
		m.back = time.Now().Add(back)
		m.pool.settled[m] = struct{}{}
	}
}

// refuse tells why nobody more may wait, if so.
func (f *Fleet) refuse(v *lambda.Version) error {
	if v.MemoryMB > f.config.Limits.MemoryMiB {
		return lambda.Errorf(lambda.NotReady,
			"The function needs %d MB of memory and this host gives %d MB to all environments together (see --max-memory).",
			v.MemoryMB, f.config.Limits.MemoryMiB)
	}
	if f.waiting >= f.config.Waiters {
		return throttled()
	}
	return nil
}

func throttled() error { return tooMany(admission.AccountExceeded) }

func tooMany(reason admission.Reason) error {
	return &lambda.Error{Kind: lambda.Throttled, Message: "Rate Exceeded.", Reason: string(reason), RetryAfter: time.Second}
}

var errClosing = lambda.Errorf(lambda.Internal, "the server is shutting down")

// await waits for the caller's turn.
func (f *Fleet) await(ctx context.Context, p *pool, w *waiter) (*member, error) {
	limit := time.NewTimer(f.config.Wait)
	defer limit.Stop()
	select {
	case t := <-w.turn:
		return t.member, t.err
	case <-ctx.Done():
		f.giveUp(p, w)
		return nil, context.Cause(ctx)
	case <-limit.C:
		f.giveUp(p, w)
		return nil, throttled()
	}
}

// giveUp leaves the queue; an environment that had just been given goes to the next.
func (f *Fleet) giveUp(p *pool, w *waiter) {
	f.mu.Lock()
	for i, other := range p.waiters {
		if other == w {
			p.waiters = append(p.waiters[:i:i], p.waiters[i+1:]...)
			f.waiting--
			f.running.leave(w.share)
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
	p.failures = 0
	m.lastUsed = time.Now()
	f.done(m)
	if len(p.waiters) > 0 {
		w := p.waiters[0]
		p.waiters = p.waiters[1:]
		f.waiting--
		m.state, m.share = busy, w.share
		w.turn <- turn{member: m}
		f.mu.Unlock()
		return true
	}
	m.state = idle
	p.idle = append(p.idle, m)
	poke := p.retired || f.waiting > 0 || f.expiresFirst(m)
	f.mu.Unlock()
	if poke {
		f.poke()
	}
	return false
}

// expiresFirst tells whether placement sleeps past the end of m's time.
// Otherwise it wakes in time, and an invocation costs it nothing.
func (f *Fleet) expiresFirst(m *member) bool {
	before := func(from time.Time, d time.Duration) bool {
		return d > 0 && (f.next.IsZero() || from.Add(d).Before(f.next))
	}
	return before(m.lastUsed, f.config.Limits.Idle) || before(m.born, f.config.Limits.Lifetime)
}

// Left takes an environment out that will serve no more. It still takes room
// until it is gone.
func (f *Fleet) Left(id, reason string, err error) {
	f.mu.Lock()
	if m := f.members[id]; m != nil {
		p := m.pool
		f.unlist(m)
		f.done(m)
		m.state = ending
		if err != nil {
			f.failed(p, err)
		}
	}
	f.mu.Unlock()
	f.poke()
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
		f.running.leave(w.share)
		w.turn <- turn{err: err}
	}
	f.waiting -= len(p.waiters)
	p.waiters = nil
}

func (f *Fleet) unlist(m *member) {
	for i, other := range m.pool.idle {
		if other == m {
			m.pool.idle = append(m.pool.idle[:i:i], m.pool.idle[i+1:]...)
			return
		}
	}
}

// Gone forgets an environment.
func (f *Fleet) Gone(id string) {
	f.mu.Lock()
	if m := f.members[id]; m != nil {
		f.unlist(m)
		f.done(m)
		delete(f.members, id)
		m.pool.members--
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

func (f *Fleet) pool(v *lambda.Version) *pool {
	k := keyOf(v)
	p := f.pools[k]
	if p == nil {
		p = &pool{version: v, settled: map[*member]struct{}{}}
		f.pools[k] = p
	}
	return p
}

// drop forgets a pool that nobody uses.
func (f *Fleet) drop(p *pool) {
	if p.members == 0 && len(p.waiters) == 0 {
		delete(f.pools, keyOf(p.version))
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

// Each calls do for every environment that exists, in no order.
func (f *Fleet) Each(do func(id string, e Environment)) {
	f.mu.Lock()
	members := make([]*member, 0, len(f.members))
	for _, m := range f.members {
		members = append(members, m)
	}
	f.mu.Unlock()
	for _, m := range members {
		do(m.id, m.env)
	}
}

// Close refuses new invocations, lets those in progress finish until ctx ends,
// then ends every environment, and returns when none is left.
func (f *Fleet) Close(ctx context.Context) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		<-f.empty
		return
	}
	f.closed = true
	for _, p := range f.pools {
		f.dismiss(p, errClosing)
	}
	if len(f.members) == 0 {
		f.closeEmpty()
	}
	f.mu.Unlock()
	f.late.Close()
	close(f.stop)
	<-f.placed
	f.Each(func(_ string, e Environment) { e.Stop("shutdown", false) })
	select {
	case <-f.empty:
		return
	case <-ctx.Done():
	}
	f.Each(func(_ string, e Environment) { e.Stop("shutdown", true) })
	<-f.empty
}

func randomID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
