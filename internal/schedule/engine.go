package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// Store keeps what callers have chosen and how far it has come.
type Store interface {
	store.Rules
	store.Schedules
	EachTick(ctx context.Context, visit func(store.Tick) error) error
}

// Queue takes what is due.
type Queue interface {
	// Fire makes the tick and its invocations durable, both or neither. False means
	// that the rule or schedule is not there any more.
	Fire(ctx context.Context, tick store.Tick, due []lambda.Due) (bool, error)
}

// Functions knows which functions there are.
type Functions interface {
	// Exists gives a *lambda.Error of kind NotFound when there is no such function,
	// version or alias.
	Exists(f lambda.Reference) error
}

// Rights knows what rules and schedules may invoke.
type Rights interface {
	// RuleMay refuses what the function's own policy does not let EventBridge invoke
	// for a rule.
	RuleMay(ctx context.Context, ruleARN string, f lambda.Reference) error

	// CheckRole refuses a role that the caller may not give to a schedule, or that no
	// schedule can have.
	CheckRole(ctx context.Context, role string) error

	// ScheduleMay refuses what a schedule's role does not let it invoke. The
	// execution is an ID of this time.
	ScheduleMay(ctx context.Context, role, execution string, f lambda.Reference) error
}

// Config is what an Engine is made of. Every field but Rights is needed.
type Config struct {
	Home      lambda.Home
	Store     Store
	Queue     Queue
	Functions Functions
	Rights    Rights        // nil: everything may be invoked
	NewID     func() string // a random UUID
	Log       *slog.Logger
}

// Grace is how old a recurring tick may be that was missed.
const Grace = time.Minute

const (
	// atOnce bounds the ticks that are written side by side: enough for the store to
	// write many with one flush.
	atOnce = 64
	// lookAgain bounds a wait, since the clock of the host may be set.
	lookAgain = 30 * time.Second
	// tryAgain is when a tick is tried again that could not be written.
	tryAgain = time.Second
)

// Engine owns rules and schedules, and fires them between Start and Close.
type Engine struct {
	config Config
	wake   chan struct{} // a poke for run; holds at most one
	stop   chan struct{}
	once   sync.Once
	loop   sync.WaitGroup

	change sync.Mutex // held across the write of a change; before mu

	mu        sync.Mutex
	rules     map[string]lambda.Rule          // mu
	schedules map[name]lambda.Schedule        // mu
	groups    map[string]lambda.ScheduleGroup // mu; without the default one
	plans     map[string]*plan                // mu; by the key of ticks
	agenda    agenda                          // mu; plans that are due some time, but for those that fire now
	ticks     map[string]time.Time            // mu; the last ones
}

// name is the full name of a schedule.
type name struct{ group, name string }

// New makes an engine that knows nothing until Start.
func New(c Config) *Engine {
	return &Engine{
		config: c, wake: make(chan struct{}, 1), stop: make(chan struct{}),
		rules: map[string]lambda.Rule{}, schedules: map[name]lambda.Schedule{}, groups: map[string]lambda.ScheduleGroup{},
		plans: map[string]*plan{}, ticks: map[string]time.Time{},
	}
}

// Start reads what there is and begins to fire.
func (e *Engine) Start(ctx context.Context) error {
	if err := e.read(ctx); err != nil {
		return fmt.Errorf("read schedules: %w", err)
	}
	now := time.Now()
	var over []name
	e.mu.Lock()
	for _, r := range e.rules {
		e.plan(planRule(r), now)
	}
	for n, s := range e.schedules {
		p := planSchedule(s)
		e.plan(p, now)
		if _, fired := e.ticks[p.key]; fired && !p.idle && p.next.IsZero() && p.delete {
			over = append(over, n)
		}
	}
	e.mu.Unlock()
	for _, n := range over { // the daemon died before
		e.complete(n)
	}
	e.loop.Go(e.run)
	return nil
}

func (e *Engine) read(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.config.Store.EachRule(ctx, func(r lambda.Rule) error { e.rules[r.Name] = r; return nil }); err != nil {
		return err
	}
	err := e.config.Store.EachSchedule(ctx, func(s lambda.Schedule) error { e.schedules[name{s.Group, s.Name}] = s; return nil })
	if err != nil {
		return err
	}
	if err := e.config.Store.EachScheduleGroup(ctx, func(g lambda.ScheduleGroup) error { e.groups[g.Name] = g; return nil }); err != nil {
		return err
	}
	return e.config.Store.EachTick(ctx, func(t store.Tick) error { e.ticks[t.Key] = t.At; return nil })
}

// Close ends firing. What is due from then on is due at the next Start.
func (e *Engine) Close() {
	e.once.Do(func() { close(e.stop) })
	e.loop.Wait()
}

// plan puts a plan in the place of the one before it. mu is held.
func (e *Engine) plan(p *plan, now time.Time) {
	e.drop(p.key)
	if p.idle {
		return
	}
	p.advance(e.ticks[p.key], now)
	e.plans[p.key] = p
	e.agenda.put(p)
}

// drop takes a plan away. mu is held.
func (e *Engine) drop(key string) {
	if p := e.plans[key]; p != nil {
		e.agenda.take(p)
		delete(e.plans, key)
	}
}

func (e *Engine) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// run waits for ticks.
func (e *Engine) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-e.wake:
		case <-e.stop:
			return
		}
		timer.Reset(e.fireDue())
	}
}

// fireDue fires all that is due, and tells how long nothing else is.
func (e *Engine) fireDue() (wait time.Duration) {
	now := time.Now()
	var due []*plan
	e.mu.Lock()
	for p := e.agenda.first(); p != nil && !p.at().After(now); p = e.agenda.first() {
		if p.retry.IsZero() && p.next.Before(now.Add(-p.grace)) { // this host slept
			p.advance(e.ticks[p.key], now)
			e.agenda.put(p)
			continue
		}
		e.agenda.take(p)
		due = append(due, p)
	}
	e.mu.Unlock()
	var all sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for _, p := range due {
		room <- struct{}{}
		all.Go(func() { e.fire(p, now); <-room })
	}
	all.Wait()
	return e.wait()
}

// wait is how long nothing is due.
func (e *Engine) wait() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.agenda.first()
	if p == nil {
		return lookAgain
	}
	return max(0, min(lookAgain, time.Until(p.at())))
}

// fire makes one tick durable and goes on to the next.
func (e *Engine) fire(p *plan, now time.Time) {
	tick := store.Tick{Key: p.key, At: p.next}
	fired := false
	due, err := e.due(p, tick.At, now)
	if err == nil {
		fired, err = e.config.Queue.Fire(context.Background(), tick, due)
	}
	e.mu.Lock()
	current := e.plans[p.key] // somebody may have changed it meanwhile
	if err != nil {
		p.retry = now.Add(tryAgain)
		if current == p {
			e.agenda.put(p)
		}
		e.mu.Unlock()
		e.config.Log.Error("fire schedule", "schedule", p.key, "tick", tick.At, "err", err)
		return
	}
	p.retry = time.Time{}
	if fired && current != nil {
		e.ticks[p.key] = tick.At
		current.advance(tick.At, now)
	}
	if current != nil {
		e.agenda.put(current)
	}
	over := fired && current == p && p.next.IsZero() && p.delete
	e.mu.Unlock()
	if over {
		e.complete(p.name)
	}
}

// due is what a plan asks for. One that makes us panic must not take the others along,
// at each start anew.
func (e *Engine) due(p *plan, tick, now time.Time) (due []lambda.Due, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return p.due(e, tick, now), nil
}

// complete deletes a schedule that has had its last tick, unless somebody has
// changed it since.
func (e *Engine) complete(n name) {
	e.change.Lock()
	defer e.change.Unlock()
	key := store.ScheduleKey(n.group, n.name)
	e.mu.Lock()
	p := e.plans[key]
	e.mu.Unlock()
	if p == nil || !p.next.IsZero() || !p.delete {
		return
	}
	if err := e.config.Store.DeleteSchedule(context.Background(), n.group, n.name); err != nil {
		e.config.Log.Error("delete completed schedule", "schedule", key, "err", err)
		return
	}
	e.mu.Lock()
	e.forget(key)
	delete(e.schedules, n)
	e.mu.Unlock()
}

// forget drops what was planned under a key. mu is held.
func (e *Engine) forget(key string) {
	e.drop(key)
	delete(e.ticks, key)
}

// within is a moment of a flexible time window.
func within(window time.Duration) time.Duration {
	if window <= 0 {
		return 0
	}
	return rand.N(window)
}
