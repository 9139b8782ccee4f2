package environment

import (
	"context"
	"sync"
	"time"

	"lambent/internal/event"
	"lambent/internal/sandbox"
)

// rest keeps an environment frozen while it has nothing to do. Freezing happens
// beside the road: an invocation that comes before it has begun skips it.
type rest struct {
	mu     sync.Mutex
	box    sandbox.Sandbox // mu; nil before there is one and after it is gone
	wanted bool            // mu; the environment is to be frozen
	asleep bool            // mu; it is frozen
	timer  *time.Timer     // mu
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

func (r *rest) want(frozen bool) {
	r.mu.Lock()
	r.wanted = frozen
	r.mu.Unlock()
}

func (r *rest) wants() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wanted && r.box != nil
}

func (r *rest) fell(asleep bool) {
	r.mu.Lock()
	r.asleep = asleep
	r.mu.Unlock()
}

// freezeSoon freezes the environment beside the road.
func (e *Environment) freezeSoon() {
	e.rest.want(true)
	if e.parts.FreezeAfter <= 0 {
		go e.freeze()
		return
	}
	e.rest.mu.Lock()
	defer e.rest.mu.Unlock()
	if e.rest.timer == nil {
		e.rest.timer = time.AfterFunc(e.parts.FreezeAfter, e.freeze)
		return
	}
	e.rest.timer.Reset(e.parts.FreezeAfter)
}

// freeze stops the processes unless an invocation came meanwhile.
func (e *Environment) freeze() {
	<-e.turn
	defer func() { e.turn <- struct{}{} }()
	if !e.rest.wants() {
		return
	}
	if err := e.box.Freeze(context.Background()); err != nil {
		e.parts.Log.Error("freeze", "environment", e.id, "err", err)
		return
	}
	e.rest.fell(true)
	e.publish(event.Frozen{})
}

// thaw lets the processes run. It costs nothing when they were not frozen yet.
func (e *Environment) thaw() {
	e.rest.want(false)
	e.rest.mu.Lock()
	idle := !e.rest.asleep && e.rest.timer != nil && e.rest.timer.Stop()
	e.rest.mu.Unlock()
	if idle {
		return // the freeze had not begun, and now it will not
	}
	<-e.turn
	defer func() { e.turn <- struct{}{} }()
	if !e.rest.frozen() {
		return
	}
	began := time.Now()
	if err := e.box.Thaw(context.Background()); err != nil {
		e.parts.Log.Error("thaw", "environment", e.id, "err", err)
		go e.Stop("thaw failed", true)
		return
	}
	e.rest.fell(false)
	e.publish(event.Thawed{Duration: time.Since(began)})
}
