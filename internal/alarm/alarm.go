// Package alarm has timers for what is nearly always called off.
//
// Setting a runtime timer to a time before all others wakes a thread, which
// waits anew for the nearer time; a deadline that is set and stopped for every
// invocation costs more than handing over the invocation. An Alarm leaves its
// timer running instead and looks, when it goes off, whether its time has come,
// was moved, or was called off. Setting and stopping it cost a lock.
package alarm

import (
	"sync"
	"time"
)

// Alarm calls a function at a time. Its methods may be used from several
// goroutines.
type Alarm struct {
	do func()

	mu     sync.Mutex
	timer  *time.Timer // mu; nil before the first Set
	due    time.Time   // mu; when to call, zero for not at all
	rings  time.Time   // mu; when the timer goes off, zero when it does not
	closed bool        // mu
}

// New makes an Alarm that calls do, each time in a goroutine of its own.
func New(do func()) *Alarm { return &Alarm{do: do} }

// Set has the function called at a time, and at no other.
func (a *Alarm) Set(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.set(at)
}

// Within has the function called at the time at the latest: an earlier time
// that was set stays.
func (a *Alarm) Within(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.due.IsZero() || at.Before(a.due) {
		a.set(at)
	}
}

// Stop calls it off, and tells whether the function would have been called.
func (a *Alarm) Stop() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := !a.due.IsZero()
	a.due = time.Time{}
	return was
}

// Close calls it off for good, so that nothing of the Alarm is kept until its
// timer would go off.
func (a *Alarm) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed, a.due = true, time.Time{}
	if a.timer != nil {
		a.timer.Stop()
	}
}

// set is Set with mu held.
func (a *Alarm) set(at time.Time) {
	if a.closed {
		return
	}
	a.due = at
	if a.rings.IsZero() || at.Before(a.rings) {
		a.wind(at)
	}
}

// wind has the timer go off; mu is held.
func (a *Alarm) wind(at time.Time) {
	a.rings = at
	if a.timer == nil {
		a.timer = time.AfterFunc(time.Until(at), a.ring)
		return
	}
	a.timer.Reset(time.Until(at))
}

// ring is the timer going off, perhaps for a time that was moved since.
func (a *Alarm) ring() {
	a.mu.Lock()
	a.rings = time.Time{}
	switch {
	case a.due.IsZero() || a.closed:
		a.mu.Unlock()
		return
	case time.Until(a.due) > 0:
		a.wind(a.due)
		a.mu.Unlock()
		return
	}
	a.due = time.Time{}
	a.mu.Unlock()
	a.do()
}
