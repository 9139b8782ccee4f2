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
//
// # Ahead of the road
//
// Versions with provisioned concurrency have a target: so many environments
// that are initialised before anybody calls. They are used first, stay whatever
// the idle timeout says, and are replaced when they end.
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
// Left and Gone with the id, from goroutines of its own. One with provisioned
// concurrency must leave, without having been vacant, when its Init fails, and
// also when it would have to be initialised again.
type Make func(id string, v *lambda.Version, why lambda.Initialization) Environment

// Reservations tells, from memory, what functions have set aside of the
// account's concurrency.
type Reservations interface {
	Reserved(function string) (n int, set bool)
	// ReservedTotal is what all functions have reserved, and what is provisioned
	// for those that have not.
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
	epoch  time.Time     // when the clock of meters began

	mu         sync.Mutex
	pools      map[key]*pool       // mu
	named      map[string]*pool    // mu; the same, by name
	view       placement.World     // mu; what placement looks at, kept for its room
	members    map[string]*member  // mu; by environment id
	functions  map[owner]*function // mu
	waiting    int                 // mu; callers in all queues
	unreserved int                 // mu; invocations that count for what all functions share
	requests   admission.Meter     // mu; theirs
	forgotten  time.Duration       // mu; when forget did its work last
	next       time.Time           // mu; when placement wakes by itself, zero when it does not
	closed     bool                // mu
	empty      chan struct{}       // mu; closed when closed and no member is left
}

// New makes a fleet and starts its placement.
func New(c Config) *Fleet {
	f := &Fleet{
		config: c, wake: make(chan struct{}, 1), stop: make(chan struct{}), placed: make(chan struct{}),
		pools: map[key]*pool{}, named: map[string]*pool{}, members: map[string]*member{}, functions: map[owner]*function{}, empty: make(chan struct{}),
		epoch: time.Now(),
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
		m, err := f.lease(ctx, v, inv.Asynchronous)
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
