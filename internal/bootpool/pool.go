// Package bootpool keeps sandboxes that were begun, and runtimes that were
// booted in them, before anybody needs them, so that a cold start need only finish
// one.
//
// A Pool is a sandbox.Driver around another one: who creates sandboxes knows
// nothing of it. It has a stock for each kind of program that can be started
// ahead (sandbox.Ahead), and one of bare sandboxes for everything else. Create takes
// a member that fits and finishes it; without one it is the driver's Create. The
// first Start of the member's program binds the writers of the command to the
// process that waits, and sends it its message. One that still boots is taken too
// when none waits: it has a lead, and reads its message when it gets there.
//
// # What a member is
//
// A member was executed on its own, like any process: nothing is forked from
// something warm, so that hash seeds and random numbers are its own. It has seen
// no byte of a customer. It is frozen until it is taken, taken once, and ends with
// the sandbox that it became. One that dies while it waits is thrown away.
//
// # Size
//
// How many members there are follows from the takes of late, a budget of memory,
// and what the host's environments leave (size.go, which is pure). Members are
// made a few at a time, after the start that took one has been served; a kind that
// nobody has wanted for some time has none.
package bootpool

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"lambent/internal/sandbox"
)

// Driver is what a Pool stands before.
type Driver interface {
	sandbox.Driver
	sandbox.Stocker
}

// Config is what a Pool is made of.
type Config struct {
	Blank     sandbox.Blank // what all sandboxes have in common; its ID is not used
	MemoryMiB int           // that members may take together, as measured
	Making    int           // members that are made at once

	// Addresses tells where every environment listens; nil: nowhere. Members
	// listen there already.
	Addresses func() []Address

	// Room tells how much memory, in MiB, environments leave; nil: enough. It is
	// asked without a lock of the Pool's.
	Room func() int
	Log  *slog.Logger // nil: silent
}

// Address is where somebody listens in a sandbox.
type Address struct {
	Host string
	Port int
}

// Pool is a driver that has sandboxes at hand.
type Pool struct {
	Driver
	config Config
	ctx    context.Context // of all that is made; ends with cancel
	cancel context.CancelFunc
	wake   chan struct{} // capacity 1: the stocks have changed
	work   sync.WaitGroup

	mu      sync.Mutex
	closed  bool              // mu
	number  int               // mu; of members, for their IDs
	stocks  map[string]*stock // mu; by kind, "" for bare sandboxes
	lastUse time.Time         // mu
	short   time.Time         // mu; since when something has been missing
}

// stock is the members of one kind.
type stock struct {
	key     string
	ahead   *sandbox.Ahead // nil: bare sandboxes
	ready   []*member      // the oldest first
	booting []*member      // of those that are coming: whose program runs already
	booted  bool           // one has come to where it waits
	coming  int
	demand  rate
	wanted  time.Time
	size    int64 // bytes of a member, as measured last
	failed  int   // in a row
	found   Found
	hold    time.Time
}

// What a member is taken to need before one was measured. A bare sandbox is
// the kernel's memory, which no control group counts.
const (
	guessBare   = 1 << 20
	guessBooted = 32 << 20
)

// New makes a pool without members.
func New(driver Driver, c Config) *Pool {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pool{Driver: driver, config: c, wake: make(chan struct{}, 1), stocks: map[string]*stock{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.work.Go(p.tend)
	return p
}

// Expect says that a program will be wanted soon: nil for one that cannot be
// started ahead and needs a bare sandbox only.
func (p *Pool) Expect(ahead *sandbox.Ahead) {
	p.mu.Lock()
	if s := p.stock(ahead); s != nil {
		s.wanted = time.Now()
	}
	p.mu.Unlock()
	p.poke()
}

// Create finishes a member, or makes a sandbox.
func (p *Pool) Create(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	m := p.take(spec)
	if m == nil {
		return p.Driver.Create(ctx, spec)
	}
	box, err := m.finish(ctx, spec)
	if err == nil {
		return box, nil
	}
	p.config.Log.Warn("finish a sandbox that was begun", "sandbox", spec.ID, "err", err)
	if err := m.destroy(ctx); err != nil {
		p.discard(m)
		return nil, fmt.Errorf("create sandbox %s: %w", spec.ID, err)
	}
	return p.Driver.Create(ctx, spec)
}

// take finds a member for the spec: one that has booted its program, else a bare one.
func (p *Pool) take(spec sandbox.Spec) *member {
	if spec.Hostname != p.config.Blank.Hostname || !slices.Equal(spec.Hosts, p.config.Blank.Hosts) {
		return nil
	}
	defer p.poke()
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.lastUse = now
	own := p.stock(spec.Ahead)
	if own == nil {
		return nil
	}
	own.demand.add(now)
	own.wanted = now
	m := p.find(own)
	if m != nil {
		m.owned = true
	}
	return m
}

// find takes what is best for who wants a member of the stock. It is called with
// mu held.
func (p *Pool) find(own *stock) *member {
	if m := own.pop(); m != nil {
		own.found.Ready++
		return m
	}
	if m := own.popBooting(); m != nil {
		own.found.Booting++
		return m
	}
	if bare := p.stocks[""]; bare != nil && bare != own {
		if m := bare.pop(); m != nil {
			own.found.Bare++
			return m
		}
	}
	own.found.Nothing++
	return nil
}

// pop takes the newest member: what it used last is warm. Those that have died stay
// for watch, which destroys what it finds here.
func (s *stock) pop() *member {
	for _, m := range slices.Backward(s.ready) {
		if m.lives() {
			s.ready = without(s.ready, m)
			return m
		}
	}
	return nil
}

// popBooting takes the member that has booted longest. A kind of which none has
// ever come to the end may not be able to.
func (s *stock) popBooting() *member {
	for s.booted && len(s.booting) > 0 {
		m := s.booting[0]
		s.booting = s.booting[1:]
		if m.lives() {
			return m
		}
	}
	return nil
}

// stock finds or makes the stock of a kind; nil when the pool is closed. It is
// called with mu held.
func (p *Pool) stock(ahead *sandbox.Ahead) *stock {
	if p.closed || p.config.MemoryMiB <= 0 {
		return nil
	}
	key := kind(ahead)
	s := p.stocks[key]
	if s == nil {
		s = &stock{key: key, ahead: ahead, size: guessBare}
		if ahead != nil {
			s.size = guessBooted
		}
		p.stocks[key] = s
	}
	return s
}

// kind tells programs apart by all that they are started with.
func kind(a *sandbox.Ahead) string {
	if a == nil {
		return ""
	}
	return strings.Join(slices.Concat([]string{a.Path, a.Dir}, a.Args, []string{"\x01"}, a.Env, []string{fmt.Sprint(a.Mounts, a.Pipes)}), "\x00")
}

func (p *Pool) poke() {
	select {
	case p.wake <- struct{}{}:
	default: // it has been told already
	}
}

// Empty gives up every member, and keeps none from here on. Sandboxes that were
// taken are their owners'.
func (p *Pool) Empty() {
	p.mu.Lock()
	p.closed = true
	var left []*member
	for _, s := range p.stocks {
		left = append(left, s.ready...)
		s.ready = nil // nor watch's
	}
	clear(p.stocks)
	p.mu.Unlock()
	p.cancel()
	for _, m := range left {
		p.discard(m)
	}
	p.work.Wait()
}

// Close empties the pool and closes the driver.
func (p *Pool) Close() error {
	p.Empty()
	return p.Driver.Close()
}
