package lifecycle

import (
	"fmt"

	"lambent/internal/event"
	"lambent/internal/lambda"
)

// extensionRegister takes an extension in. A name from /opt/extensions is an
// external one; any other is an internal one, which may come only before the
// runtime's first Next.
func (m *machine) extensionRegister(e ExtensionRegister) error {
	if m.Phase != Initializing {
		return registrationClosed()
	}
	for i, x := range m.Extensions {
		if x.Name != e.Name {
			continue
		}
		if !x.External {
			return &lambda.Refusal{Type: lambda.RefusedExtensionState, Message: "Extension with this name already registered"}
		}
		if x.State != ExtensionStarted {
			return refuseExtension(x.State, "Registered", x.Name)
		}
		m.extension(i).register(e)
		m.publish(event.Registered{Extension: e.Name})
		m.startRuntime()
		return nil
	}
	return m.registerInternal(e)
}

func (m *machine) registerInternal(e ExtensionRegister) error {
	if m.Runtime.State != RuntimeAbsent && m.Runtime.State != RuntimeStarted {
		return registrationClosed()
	}
	for _, name := range e.Events {
		if name == "SHUTDOWN" {
			return &lambda.Refusal{Type: lambda.RefusedExtensionEvent, Message: "SHUTDOWN: event not supported for internal extensions"}
		}
	}
	if len(m.Extensions) >= lambda.MaxExtensions {
		return &lambda.Refusal{Type: lambda.RefusedExtensionTooMany, Message: fmt.Sprintf("Extension limit (%d) reached", lambda.MaxExtensions)}
	}
	x := Extension{Name: e.Name}
	x.register(e)
	m.Extensions = append(append([]Extension(nil), m.Extensions...), x)
	m.publish(event.Registered{Extension: e.Name})
	return nil
}

func (x *Extension) register(e ExtensionRegister) {
	x.ID, x.State = e.ID, ExtensionRegistered
	for _, name := range e.Events {
		x.Invoke = x.Invoke || name == "INVOKE"
		x.Shutdown = x.Shutdown || name == "SHUTDOWN"
	}
}

func registrationClosed() error {
	return &lambda.Refusal{Type: lambda.RefusedExtensionRegister, Message: "Extension registration closed already"}
}

func refuseExtension(from ExtensionState, to, who string) error {
	return &lambda.Refusal{Type: lambda.RefusedExtensionState, Message: fmt.Sprintf(
		"State transition from %s to %s failed for extension %s. Error: State transition is not allowed", from, to, who)}
}

func (m *machine) registered(id string) int {
	for i, x := range m.Extensions {
		if x.ID == id && id != "" {
			return i
		}
	}
	return -1
}

// ExtensionName tells who has an identifier.
func (s State) ExtensionName(id string) (string, error) {
	m := machine{State: s}
	if i := m.registered(id); i >= 0 {
		return s.Extensions[i].Name, nil
	}
	return "", &lambda.Refusal{Type: lambda.RefusedExtensionUnknown, Message: "Unknown extension " + id}
}

// extensionNext: an extension is ready: with its Init, with the invocation, or
// for its SHUTDOWN event.
func (m *machine) extensionNext(id string) error {
	i := m.registered(id)
	if i < 0 {
		return &lambda.Refusal{Type: lambda.RefusedExtensionUnknown, Message: "Unknown extension " + id}
	}
	switch from := m.Extensions[i].State; from {
	case ExtensionRegistered, ExtensionRunning, ExtensionReady:
		m.extension(i).State = ExtensionReady
		m.extensionReady(m.Extensions[i], from)
	case ExtensionStarted, ExtensionInitError, ExtensionExitError, ExtensionLaunchError, ExtensionExited:
		return refuseExtension(from, "Ready", id)
	}
	return nil
}

func (m *machine) extensionReady(x Extension, from ExtensionState) {
	switch m.Phase {
	case Initializing:
		if from == ExtensionRegistered {
			m.publish(event.Ready{Extension: x.Name})
		}
		m.initReady()
	case Busy:
		if from == ExtensionRunning {
			m.publish(event.Ready{Extension: x.Name, RequestID: m.Current.Invocation.RequestID})
			m.invokeReady()
		}
	case Resetting, Stopping:
		if m.Ending.Stage == EndingExtensions && x.Shutdown {
			m.offerShutdown(x)
		}
	case Creating, Idle, Blank, Gone:
	}
}

// extensionFailed keeps an extension's word; its exit is what fails the phase.
func (m *machine) extensionFailed(e ExtensionFailed) error {
	i := m.registered(e.ID)
	if i < 0 {
		return &lambda.Refusal{Type: lambda.RefusedExtensionUnknown, Message: "Unknown Lambda-Extension-Identifier"}
	}
	to, from := ExtensionInitError, m.Extensions[i].State
	allowed := from == ExtensionRegistered
	if e.Exiting {
		to = ExtensionExitError
		allowed = allowed || from == ExtensionReady || from == ExtensionRunning
	}
	if from == to {
		return nil // repeats are accepted
	}
	if !allowed {
		return refuseExtension(from, to.String(), e.ID)
	}
	x := m.extension(i)
	x.State, x.ErrorType = to, e.ErrorType
	return nil
}
