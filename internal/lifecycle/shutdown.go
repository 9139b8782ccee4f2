package lifecycle

import (
	"time"

	"lambent/internal/event"
	"lambent/internal/invariant"
	"lambent/internal/lambda"
	"lambent/internal/sandbox"
)

// Shutdown windows (AWS: "Shutdown phase").
const (
	windowInternal = 500 * time.Millisecond
	windowExternal = 2 * time.Second
)

// reset ends the processes and keeps the sandbox, for now.
func (m *machine) reset(reason string) {
	m.Phase = Resetting
	if m.Config.Replaced && !m.Draining {
		m.Draining, m.StopReason = true, "replaced after a "+reason
	}
	m.publish(event.Reset{Reason: reason})
	m.endProcesses(reason)
}

// end ends the environment.
func (m *machine) end(reason string) {
	m.Phase = Stopping
	m.publish(event.Ending{Reason: m.StopReason})
	m.endProcesses(reason)
}

// endProcesses begins the shutdown sequence.
func (m *machine) endProcesses(reason string) {
	m.disarm(InitTimer)
	m.disarm(DeadlineTimer)
	m.Ending = Ending{Stage: EndingRuntime, Reason: reason, Start: m.now, Window: m.window()}
	if m.Ending.Window == 0 || m.nothingAlive() {
		m.kill()
		return
	}
	m.do(Thaw{})
	m.arm(WindowTimer, m.now.Add(m.Ending.Window))
	if !m.Runtime.Alive {
		m.endExtensions()
		return
	}
	m.do(Signal{})
	m.arm(TermTimer, m.now.Add(m.Ending.Window*3/10))
}

// window is how long the processes have to end by themselves.
func (m *machine) window() time.Duration {
	var w time.Duration
	for _, x := range m.Extensions {
		switch {
		case x.ID == "": // never registered
		case x.External:
			return windowExternal
		default:
			w = windowInternal
		}
	}
	return w
}

func (m *machine) nothingAlive() bool { return !m.Runtime.Alive && !m.externalAlive() }

func (m *machine) externalAlive() bool {
	for _, x := range m.Extensions {
		if x.External && x.Alive {
			return true
		}
	}
	return false
}

// endExtensions tells the external extensions, now that the runtime is gone.
func (m *machine) endExtensions() {
	m.Ending.Stage = EndingExtensions
	m.disarm(TermTimer)
	if !m.externalAlive() {
		m.kill()
		return
	}
	for _, x := range m.Extensions {
		switch {
		case !x.External || !x.Alive:
		case x.Shutdown:
			m.offerShutdown(x)
		default:
			m.do(Signal{Process: Process{x.Name}, Kill: true})
		}
	}
}

// offerShutdown hands an extension its SHUTDOWN event if it waits for one; one
// that is still at work gets it when it asks.
func (m *machine) offerShutdown(x Extension) {
	if x.State != ExtensionReady {
		return
	}
	m.do(OfferExtension{x.ID, lambda.ExtensionEvent{
		Type: "SHUTDOWN", ShutdownReason: m.Ending.Reason, Deadline: m.Ending.Start.Add(m.Ending.Window),
	}})
}

// kill ends what is left, and with a stopping environment its sandbox too.
func (m *machine) kill() {
	m.disarm(TermTimer)
	m.disarm(WindowTimer)
	m.Ending.Stage = Killing
	if m.Phase == Stopping {
		m.do(Destroy{})
		return
	}
	m.do(KillAll{m.Incarnation})
}

// killed: no process is left. A reset environment waits for its next
// invocation, or begins the one that came meanwhile.
func (m *machine) killed(e Killed) {
	if m.Phase != Resetting || e.Incarnation != m.Incarnation {
		return
	}
	invariant.Check(m.Ending.Stage == Killing, "killed at stage %d", m.Ending.Stage)
	m.Runtime = Runtime{}
	m.Extensions = append([]Extension(nil), m.Extensions...)
	for i := range m.Extensions {
		m.Extensions[i].Alive = false
	}
	m.Phase, m.Ending = Blank, Ending{}
	if m.Current != nil {
		m.begin(event.PhaseInvoke)
		return
	}
	m.rest()
}

// killFailed gives up a sandbox whose processes would not end.
func (m *machine) killFailed(e KillFailed) {
	if m.Phase != Resetting || e.Incarnation != m.Incarnation {
		return
	}
	m.Draining, m.StopReason = true, "kill failed"
	if m.Current != nil {
		m.abandon()
	}
	m.Phase = Stopping
	m.leave()
	m.do(Destroy{})
}

// exited: a process is gone. While processes are being ended that is what was
// asked for; at any other time it is a failure.
func (m *machine) exited(e Exited) {
	if e.Incarnation != m.Incarnation {
		return
	}
	if e.Process.Extension == "" {
		m.runtimeExited(e)
		return
	}
	m.extensionExited(e)
}

func (m *machine) runtimeExited(e Exited) {
	m.Runtime.Alive = false
	switch m.Phase {
	case Initializing:
		m.initFailed(m.exitFailure(e))
	case Busy:
		m.do(Drain{})
		m.fail(m.exitFailure(e))
	case Idle:
		m.reset("failure")
	case Resetting, Stopping:
		if m.Ending.Stage == EndingRuntime {
			m.endExtensions()
		}
	case Creating, Blank, Gone:
	}
}

// exitFailure words the end of the runtime process.
func (m *machine) exitFailure(e Exited) failure {
	f := failure{event.Error, "Runtime.ExitError", exitSentence(e.Exit)}
	switch {
	case m.Runtime.Fault != nil:
		f.errorType = normalise(m.Runtime.Fault.ErrorType)
	case e.OutOfMemory && e.Exit.Signal != nil:
		f.errorType = "Runtime.OutOfMemory"
	}
	return f
}

func exitSentence(x sandbox.Exit) string {
	if x.Signal == nil && x.Code == 0 {
		return "Runtime exited without providing a reason"
	}
	return "Runtime exited with error: " + x.String()
}

func (m *machine) extensionExited(e Exited) {
	x := m.extension(m.external(e.Process.Extension))
	x.Alive = false
	if m.Phase == Resetting || m.Phase == Stopping {
		x.State = ExtensionExited
		if m.Ending.Stage == EndingExtensions && !m.externalAlive() {
			m.kill()
		}
		return
	}
	f := failure{event.Error, "Extension.Crash", e.Exit.String()}
	switch {
	case x.State == ExtensionInitError:
		f.errorType = "Extension.InitError"
	case x.State == ExtensionExitError:
		f.errorType = "Extension.ExitError"
	default:
		x.State, x.ErrorType = ExtensionExited, f.errorType
	}
	if e.Exit.Signal == nil && e.Exit.Code == 0 {
		f.text = "exit code 0"
	}
	switch m.Phase {
	case Initializing:
		m.initFailed(f)
	case Busy:
		m.do(Drain{})
		m.fail(f)
	case Idle:
		m.reset("failure")
	case Creating, Blank, Gone, Resetting, Stopping:
	}
}
