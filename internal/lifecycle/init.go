package lifecycle

import (
	"time"

	"lambent/internal/event"
	"lambent/internal/invariant"
	"lambent/internal/lambda"
)

// sandboxReady begins the Init phase.
func (m *machine) sandboxReady(e SandboxReady) {
	if m.Phase == Stopping { // it was given up while it was being made
		m.Ending.Stage = Killing
		m.do(Destroy{})
		return
	}
	invariant.Check(m.Phase == Creating, "sandbox ready in phase %s", m.Phase)
	for _, name := range e.Extensions {
		m.Extensions = append(m.Extensions, Extension{Name: name, External: true})
	}
	m.begin(event.PhaseInit)
	m.arm(InitTimer, m.now.Add(m.Config.InitLimit))
}

// begin starts the processes: external extensions first, the runtime when all
// of them have registered.
func (m *machine) begin(phase event.Phase) {
	m.Phase = Initializing
	m.Incarnation++
	m.Runtime = Runtime{}
	m.Ending = Ending{}
	m.Init.Phase, m.Init.Started, m.Init.Duration = phase, m.now, 0
	m.publish(event.InitStart{Phase: phase, RuntimeVersion: m.Config.RuntimeName, RuntimeVersionARN: m.Config.RuntimeARN})

	var external []Extension
	for _, x := range m.Extensions {
		if x.External {
			external = append(external, Extension{Name: x.Name, External: true})
		}
	}
	m.Extensions = external
	for i := range m.Extensions {
		if i == lambda.MaxExtensions {
			x := &m.Extensions[i]
			x.State, x.ErrorType = ExtensionLaunchError, "TooManyExtensions"
			m.initFailed(failure{event.Error, "Extension.LaunchError", "TooManyExtensions"})
			return
		}
		m.Extensions[i].Alive = true
		m.do(Start{m.Incarnation, Process{m.Extensions[i].Name}})
	}
	m.startRuntime()
}

// startRuntime starts the runtime once every external extension has registered.
func (m *machine) startRuntime() {
	if m.Runtime.State != RuntimeAbsent {
		return
	}
	for _, x := range m.Extensions {
		if x.External && x.State == ExtensionStarted {
			return
		}
	}
	m.Runtime.State, m.Runtime.Alive = RuntimeStarted, true
	m.do(Start{m.Incarnation, Process{}})
}

// initReady ends the Init phase when runtime and extensions have all called Next.
func (m *machine) initReady() {
	if m.Runtime.State != RuntimeReady {
		return
	}
	for _, x := range m.Extensions {
		if x.State != ExtensionReady {
			return
		}
	}
	m.Init.Duration = m.now.Sub(m.Init.Started)
	m.disarm(InitTimer)
	m.do(Drain{})
	m.publishInit(event.Success, "")
	if m.Current != nil {
		m.deliver()
		return
	}
	m.Init.Billable = m.Init.Duration
	m.Phase = Idle
	m.rest()
}

// publishInit tells how Init went, in AWS's order.
func (m *machine) publishInit(status event.Status, errorType string) {
	m.publish(event.InitRuntimeDone{Phase: m.Init.Phase, Status: status, ErrorType: errorType})
	for _, x := range m.Extensions {
		m.publish(event.Extension{Name: x.Name, State: x.State.String(), Events: x.events(), ErrorType: x.ErrorType})
	}
	m.publish(event.InitReport{
		Phase: m.Init.Phase, Status: status, ErrorType: errorType, Duration: m.now.Sub(m.Init.Started),
	})
}

func (x Extension) events() []string {
	events := []string{}
	if x.Invoke {
		events = append(events, "INVOKE")
	}
	if x.Shutdown {
		events = append(events, "SHUTDOWN")
	}
	return events
}

// initFailed ends an Init that did not succeed. Inside an invocation it is the
// invocation's failure too; before one, the environment is reset and the first
// invocation tries again.
func (m *machine) initFailed(f failure) {
	m.disarm(InitTimer)
	m.do(Drain{})
	m.publishInit(f.status, f.errorType)
	if m.Current == nil {
		m.reset(endingReason(f.status))
		return
	}
	c := m.current()
	if !c.Started {
		m.publishStart(c)
	}
	m.fail(f)
}

func endingReason(status event.Status) string {
	if status == event.Timeout {
		return "timeout"
	}
	return "failure"
}

// runtimeInitError keeps the runtime's word; its exit is what fails the Init.
func (m *machine) runtimeInitError(a lambda.Answer) error {
	if m.Phase != Initializing || m.Runtime.State != RuntimeStarted {
		return m.refuseRuntime("InitError")
	}
	m.Runtime.State = RuntimeInitFailed
	m.Runtime.Fault = &a
	return nil
}

// startFailed is a process that could not be executed.
func (m *machine) startFailed(e StartFailed) {
	if e.Incarnation != m.Incarnation || m.Phase != Initializing {
		return
	}
	if e.Process.Extension == "" {
		m.Runtime.Alive = false
		m.initFailed(failure{event.Error, e.ErrorType, e.Message})
		return
	}
	x := m.extension(m.external(e.Process.Extension))
	x.Alive, x.State, x.ErrorType = false, ExtensionLaunchError, e.ErrorType
	m.initFailed(failure{event.Error, "Extension.LaunchError", e.Message})
}

func (m *machine) external(name string) int {
	for i, x := range m.Extensions {
		if x.External && x.Name == name {
			return i
		}
	}
	invariant.Check(false, "no external extension %q", name)
	return -1
}

// assigned takes an invocation: at once when idle, after an Init when blank.
func (m *machine) assigned(inv *lambda.Invocation) error {
	if !m.Takes() {
		return ErrTaken
	}
	taken := *inv
	taken.Deadline = m.now.Add(m.Config.Timeout)
	m.Current = &Current{Invocation: &taken, Assigned: m.now}
	m.do(Attribute{taken.RequestID, taken.Tenant})
	switch m.Phase {
	case Idle:
		m.do(Thaw{})
		m.arm(DeadlineTimer, taken.Deadline)
		m.deliver()
	case Blank:
		m.do(Thaw{})
		m.arm(DeadlineTimer, taken.Deadline)
		m.begin(event.PhaseInvoke)
	case Resetting: // begins when the last process is gone
		m.arm(DeadlineTimer, taken.Deadline)
	case Creating, Initializing, Busy, Stopping, Gone:
	}
	return nil
}

// deliver hands the event to the runtime and to the extensions that asked for it.
func (m *machine) deliver() {
	m.Phase = Busy
	c := m.current()
	c.Offered = m.now
	m.publishStart(c)
	m.Runtime.State, m.Runtime.Invoked = RuntimeRunning, true
	m.do(Offer{c.Invocation})
	for i := range m.Extensions {
		if !m.Extensions[i].Invoke {
			continue
		}
		x := m.extension(i)
		x.State = ExtensionRunning
		m.do(OfferExtension{x.ID, invokeEvent(c.Invocation)})
	}
}

func (m *machine) publishStart(c *Current) {
	c.Started = true
	inv := c.Invocation
	m.publish(event.Start{RequestID: inv.RequestID, Version: m.Config.Version, Trace: inv.Trace, Tenant: inv.Tenant, FunctionARN: inv.FunctionARN})
}

func invokeEvent(inv *lambda.Invocation) lambda.ExtensionEvent {
	return lambda.ExtensionEvent{
		Type: "INVOKE", Deadline: inv.Deadline, RequestID: inv.RequestID,
		FunctionARN: inv.FunctionARN, Trace: inv.Trace, Tenant: inv.Tenant,
	}
}

// billed rounds up to whole milliseconds, at least one.
func billed(d time.Duration) time.Duration {
	ms := (d + time.Millisecond - 1) / time.Millisecond
	if ms < 1 {
		ms = 1
	}
	return ms * time.Millisecond
}
