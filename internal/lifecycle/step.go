package lifecycle

import (
	"time"

	"lambent/internal/event"
	"lambent/internal/invariant"
	"lambent/internal/lambda"
)

// Step is the whole machine. The error is a *lambda.Refusal for a caller's
// wrong moment, or ErrTaken for an assignment to an environment that takes
// none; then the state is unchanged and there are no effects.
func Step(s State, e Event) (State, []Effect, error) {
	m := machine{State: s, now: e.when()}
	if err := m.take(e); err != nil {
		return s, nil, err
	}
	return m.State, m.effects, nil
}

// ErrTaken says that an environment takes no invocation now.
var ErrTaken = lambda.Errorf(lambda.Internal, "the environment takes no invocation now")

// machine is one step in progress: a copy of the state and the effects so far.
// What the state points to is shared with the old state and is copied before it
// is changed (current, extension).
type machine struct {
	State
	now     time.Time
	effects []Effect
}

func (m *machine) take(e Event) error {
	switch e := e.(type) {
	case SandboxReady:
		m.sandboxReady(e)
	case SandboxFailed:
		m.sandboxFailed()
	case Assigned:
		return m.assigned(e.Invocation)
	case RuntimeNext:
		return m.runtimeNext()
	case RuntimeResponds:
		return m.runtimeResponds(e)
	case RuntimeAnswer:
		return m.runtimeAnswer(e)
	case RuntimeInitError:
		return m.runtimeInitError(e.Answer)
	case RuntimeBroken:
		m.runtimeBroken(e)
	case ExtensionRegister:
		return m.extensionRegister(e)
	case ExtensionNext:
		return m.extensionNext(e.ID)
	case ExtensionFailed:
		return m.extensionFailed(e)
	case StartFailed:
		m.startFailed(e)
	case Exited:
		m.exited(e)
	case TimerFired:
		m.timerFired(e.Timer)
	case Killed:
		m.killed(e)
	case KillFailed:
		m.killFailed(e)
	case Stop:
		m.stop(e)
	case Destroyed:
		m.Phase = Gone
	}
	return nil
}

func (m *machine) do(effects ...Effect) { m.effects = append(m.effects, effects...) }

func (m *machine) publish(r event.Record) { m.do(Publish{r}) }

func (m *machine) arm(t Timer, at time.Time) {
	m.Timers[t] = at
	m.do(Arm{t, at})
}

func (m *machine) disarm(t Timer) {
	if m.Timers[t].IsZero() {
		return
	}
	m.Timers[t] = time.Time{}
	m.do(Disarm{t})
}

// current gives the invocation in progress for changing.
func (m *machine) current() *Current {
	invariant.Check(m.Current != nil, "no invocation in phase %s", m.Phase)
	c := *m.Current
	m.Current = &c
	return &c
}

// extension gives the i-th extension for changing.
func (m *machine) extension(i int) *Extension {
	m.Extensions = append([]Extension(nil), m.Extensions...)
	return &m.Extensions[i]
}

func (m *machine) timerFired(t Timer) {
	if at := m.Timers[t]; at.IsZero() || m.now.Before(at) {
		return // disarmed or set anew since it went off
	}
	m.Timers[t] = time.Time{}
	switch t {
	case InitTimer:
		m.initFailed(failure{status: event.Timeout, errorType: "Runtime.Unknown"})
	case DeadlineTimer:
		m.deadline()
	case TermTimer:
		m.do(Signal{Kill: true})
		m.endExtensions()
	case WindowTimer:
		m.kill()
	case timers:
	}
}

func (m *machine) sandboxFailed() {
	invariant.Check(m.Phase == Creating || m.Phase == Stopping, "sandbox failed in phase %s", m.Phase)
	m.Phase = Gone
	m.do(Leave{"sandbox failed"})
	m.publish(event.Gone{Reason: "sandbox failed"})
}

// stop ends the environment, or has it end after the invocation in progress.
func (m *machine) stop(e Stop) {
	switch m.Phase {
	case Stopping, Gone:
		if e.Now {
			m.hurry()
		}
		return
	case Creating, Initializing, Busy:
		m.Draining, m.StopReason = true, e.Reason
		if !e.Now {
			return
		}
	case Resetting:
		m.Draining, m.StopReason = true, e.Reason
		if m.Current != nil && e.Now {
			m.abandon()
		}
		if e.Now {
			m.hurry()
		}
		return
	case Idle, Blank:
		m.Draining, m.StopReason = true, e.Reason
	}
	if m.Phase == Creating {
		m.abandonCreation()
		return
	}
	if m.Current != nil {
		m.abandon()
	}
	m.leave()
	m.end("spindown")
}

// hurry cuts a shutdown sequence short.
func (m *machine) hurry() {
	switch m.Ending.Stage {
	case EndingRuntime, EndingExtensions:
		m.kill()
	case NotEnding, Killing:
	}
}

// abandonCreation waits for the sandbox that is being made, to end it then.
func (m *machine) abandonCreation() {
	m.Phase = Stopping
	m.leave()
}

// abandon gives up on the invocation in progress: the daemon is going down, or
// the sandbox does not do what it must.
func (m *machine) abandon() {
	c := m.current()
	if !c.Settled {
		c.Settled = true
		m.do(SettleWith{lambda.Errorf(lambda.Internal, "the environment had to be ended: %s", m.StopReason)})
	}
	m.disarm(DeadlineTimer)
	m.disarm(InitTimer)
	if c.Started { // what has begun also ends in the log
		lost := failure{event.Failure, "Sandbox.Failure", m.StopReason}
		if c.RuntimeEnd.IsZero() {
			m.publishRuntimeDone(c, lost.status, lost.errorType)
		}
		m.report(c, lost)
	}
	m.Current = nil
	m.do(Attribute{})
}

func (m *machine) leave() { m.do(Leave{m.StopReason}) }

// rest makes the environment available, or ends it when it is to go.
func (m *machine) rest() {
	if m.Draining {
		m.leave()
		m.end("spindown")
		return
	}
	m.do(Rest{})
}
