package lifecycle

import (
	"time"

	"lambent/internal/lambda"
	"lambent/internal/sandbox"
)

// Event is something that happened to an environment. Every event carries its
// time.
type Event interface{ when() time.Time }

// At is the time of an event.
type At time.Time

func (a At) when() time.Time { return time.Time(a) }

// SandboxReady: the sandbox stands. Extensions are the file names found in
// /opt/extensions, in the order in which they are to be started.
type SandboxReady struct {
	At
	Extensions []string
}

// SandboxFailed: the sandbox cannot be made. It is nobody's fault but ours.
type SandboxFailed struct{ At }

// Assigned: the fleet gave this environment an invocation.
type Assigned struct {
	At
	Invocation *lambda.Invocation
}

// RuntimeNext: the runtime asked for the next event.
type RuntimeNext struct{ At }

// RuntimeResponds: the runtime has begun a response that its caller gets as it
// comes. RuntimeAnswer follows when it is complete.
type RuntimeResponds struct {
	At
	RequestID string
}

// RuntimeAnswer: the runtime answered.
type RuntimeAnswer struct {
	At
	RequestID string
	Answer    lambda.Answer
}

// RuntimeInitError: the runtime says that it cannot start.
type RuntimeInitError struct {
	At
	Answer lambda.Answer
}

// RuntimeBroken: the runtime's answer cannot be used (cut off, or a bad response mode).
type RuntimeBroken struct {
	At
	RequestID string
	ErrorType string
}

// ExtensionRegister: an extension registers; ID is the identifier that it will get.
type ExtensionRegister struct {
	At
	ID     string
	Name   string
	Events []string
}

// ExtensionNext: an extension asked for its next event.
type ExtensionNext struct {
	At
	ID string
}

// ExtensionFailed: an extension called init/error or exit/error.
type ExtensionFailed struct {
	At
	ID        string
	Exiting   bool // exit/error
	ErrorType string
}

// Process is a process of an environment: the runtime or an external extension.
type Process struct {
	Extension string // empty: the runtime
}

// StartFailed: a process could not be executed.
type StartFailed struct {
	At
	Incarnation int
	Process     Process
	ErrorType   string // Runtime.InvalidEntrypoint, …; for an extension PermissionDenied or UnknownError
	Message     string
}

// Exited: a process ended.
type Exited struct {
	At
	Incarnation int
	Process     Process
	Exit        sandbox.Exit
	OutOfMemory bool // the kernel ended something in this sandbox for want of memory
}

// TimerFired: a timer went off. It counts only when it is armed and due.
type TimerFired struct {
	At
	Timer Timer
}

// Killed: every process is gone.
type Killed struct {
	At
	Incarnation int
}

// KillFailed: processes may be left that cannot be ended in their sandbox; the
// sandbox has to go with them.
type KillFailed struct {
	At
	Incarnation int
}

// Stop: the environment is to end: Now even in the middle of an invocation,
// otherwise when it is idle.
type Stop struct {
	At
	Reason string
	Now    bool
}

// Destroyed: the sandbox is gone.
type Destroyed struct{ At }
