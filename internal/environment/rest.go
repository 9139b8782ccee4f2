package environment

import (
	"context"
	"sync"
	"time"

	"lambent/internal/alarm"
	"lambent/internal/event"
	"lambent/internal/sandbox"
)

// rest keeps an environment frozen while it has nothing to do. Freezing happens
// beside the road: an invocation that comes before it has begun skips it.
type rest struct {
	later *alarm.Alarm // freezes, some time after there is nothing to do any more

	mu     sync.Mutex
	box    sandbox.Sandbox // mu; nil before there is one and after it is gone
	wanted bool            // mu; the environment is to be frozen
	asleep bool            // mu; it is frozen
	since  time.Time       // mu; when it was frozen
	cancel func()          // mu; breaks off the freeze in progress, nil when there is none
	naps   naps            // mu
}

// naps are the freezes that were not worth it. A freeze and its thaw cost as much as
// an invocation; under load clients come back a little after an environment has been
// frozen, again and again, and it then stays awake a little longer.
type naps int

// mostNaps bounds how much longer: 4 times.
const mostNaps = 2

// stretch is how long an environment stays awake that otherwise would for so long.
func (n naps) stretch(usual time.Duration) time.Duration { return usual << n }

// after counts a freeze, by how long it lasted: one that was shorter than the wait
// for it was not worth it, and one that was makes up for all before.
func (n naps) after(slept, usual time.Duration) naps {
	if slept >= n.stretch(usual) {
		return 0
	}
	return min(n+1, mostNaps)
}

func (r *rest) sandbox() sandbox.Sandbox {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.box
}

func (r *rest) frozen() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asleep
}

func (r *rest) set(box sandbox.Sandbox) {
	r.mu.Lock()
	r.box = box
	r.mu.Unlock()
}

// want says whether the environment is to be frozen, and tells of its naps. A freeze
// in progress is broken off when it is not: under load the last process stands still
// only after milliseconds, and an invocation waits for none of them.
func (r *rest) want(frozen bool) naps {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wanted = frozen
	if !frozen && r.cancel != nil {
		r.cancel()
	}
	return r.naps
}

// begin is a freeze's question whether it is still wanted.
func (r *rest) begin() (ctx context.Context, wanted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.wanted || r.box == nil {
		return nil, false
	}
	ctx, r.cancel = context.WithCancel(context.Background())
	return ctx, true
}

// touched tells whether the sandbox is frozen or about to be.
func (r *rest) touched() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asleep || r.cancel != nil
}

func (r *rest) fell(asleep bool) {
	r.mu.Lock()
	r.asleep, r.since = asleep, time.Now()
	if r.cancel != nil {
		r.cancel()
		r.cancel = nil
	}
	r.mu.Unlock()
}

// disturbed counts a freeze that an invocation ended, or broke off; usual is how long
// the environment stays awake before.
func (r *rest) disturbed(usual time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	slept := time.Duration(0)
	if r.asleep {
		slept = time.Since(r.since)
	}
	r.naps = r.naps.after(slept, usual)
}

// freezeSoon freezes the environment beside the road.
func (e *Environment) freezeSoon() {
	wait := e.rest.want(true).stretch(e.parts.FreezeAfter)
	if wait <= 0 {
		go e.freeze()
		return
	}
	e.rest.later.Set(time.Now().Add(wait))
}

// freeze stops the processes unless an invocation came meanwhile.
func (e *Environment) freeze() {
	<-e.turn
	defer func() { e.turn <- struct{}{} }()
	ctx, wanted := e.rest.begin()
	if !wanted {
		return
	}
	err := e.box.Freeze(ctx)
	brokenOff := ctx.Err() != nil
	if err != nil {
		e.wake() // some may stand already
	}
	e.rest.fell(err == nil)
	switch {
	case err == nil:
		e.publish(event.Frozen{})
	case brokenOff:
		e.rest.disturbed(e.parts.FreezeAfter)
	default:
		e.parts.Log.Error("freeze", "environment", e.id, "err", err)
	}
}

// wake lets every process run, or gives the environment up. The caller has the turn.
func (e *Environment) wake() bool {
	err := e.box.Thaw(context.Background())
	if err != nil {
		e.parts.Log.Error("thaw", "environment", e.id, "err", err)
		go e.Stop("thaw failed", true)
	}
	return err == nil
}

// thaw lets the processes run. It costs nothing when they were not frozen yet.
func (e *Environment) thaw() {
	e.rest.want(false)
	e.rest.later.Stop()
	if !e.rest.touched() {
		return // no freeze has begun, and now none will
	}
	<-e.turn
	defer func() { e.turn <- struct{}{} }()
	if !e.rest.frozen() {
		return
	}
	e.rest.disturbed(e.parts.FreezeAfter)
	began := time.Now()
	if !e.wake() {
		return
	}
	e.rest.fell(false)
	e.publish(event.Thawed{Duration: time.Since(began)})
}
