// Package lifecycle decides what an execution environment does next. It is a
// pure state machine: Step takes a state and an event and gives the next state
// and the effects that its owner must carry out, in order. It has no clock, no
// I/O, no lock and no goroutine; the time is in the events.
//
// # Phases
//
//	            SandboxReady                all have called Next
//	Creating ───────────────▶ Initializing ─────────────────────▶ Idle ◀─┐
//	    │                      │        ▲                          │     │ all have called Next
//	    │ SandboxFailed        │ fails, │ Assigned                 │ Assigned
//	    ▼                      │ 10 s   │ (Init inside             ▼     │
//	   Gone ◀── Stopping       ▼        │  the invocation)        Busy ──┘
//	              ▲        Resetting ──▶ Blank                     │
//	              │            ▲  Killed                           │ crash, timeout
//	              │ Stop       └───────────────────────────────────┘
//
// An environment that failed to initialise, crashed or timed out is reset: its
// processes end, its sandbox and /tmp stay, and it is Blank. The next
// invocation initialises it again, inside the function's own timeout (AWS calls
// this a suppressed init). AWS pages: "Understanding the Lambda execution
// environment lifecycle", "Using the Lambda Extensions API".
//
// # Authority
//
// The function, its runtime and its extensions are never trusted: a call at a
// wrong moment is refused with a *lambda.Refusal and changes nothing. The owner
// is trusted: an event that only a bug of ours can send breaks an invariant.
//
// # Ending processes
//
// The window W is 0 without extensions, 500 ms with internal ones only and 2 s
// with external ones. With W = 0 all are killed at once. Otherwise the runtime
// gets SIGTERM and 0.3 W, then SIGKILL; then the external extensions get their
// SHUTDOWN event, or SIGKILL when they did not subscribe to it; at W everything
// left is killed.
package lifecycle

import (
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
)

// Phase is where an environment stands.
type Phase uint8

// The phases, as drawn at the top of the package.
const (
	Creating Phase = iota
	Initializing
	Idle
	Busy
	Resetting
	Blank
	Stopping
	Gone
)

var phaseNames = [...]string{"creating", "initializing", "idle", "busy", "resetting", "blank", "stopping", "gone"}

func (p Phase) String() string { return phaseNames[p] }

// Config is what an environment is made for. It never changes.
type Config struct {
	Function    string
	Version     string
	Handler     string
	Account     string
	MemoryMB    int
	Timeout     time.Duration
	InitLimit   time.Duration // lambda.InitLimit for on-demand environments
	BillsInit   bool          // Init Duration is part of Billed Duration
	Replaced    bool          // where others are reset, this one ends: its keeper makes another ahead of the next invocation
	RuntimeName string        // "python:3.13.v1", empty for custom runtimes
	RuntimeARN  string
}

// State is everything an environment's decisions depend on. Only Step changes
// it; the zero value with a Config is a new environment.
type State struct {
	Config Config
	Phase  Phase

	// Incarnation counts the sets of processes: exits of an earlier set are ignored.
	Incarnation int

	Runtime    Runtime
	Extensions []Extension // external in start order, then internal in order of registration

	Init    Init
	Current *Current // the invocation in progress, or waiting for the Init inside it
	Ending  Ending
	Timers  [timers]time.Time // zero: not armed

	// Draining: stop as soon as the invocation in progress is done.
	Draining   bool
	StopReason string
}

// Runtime is the runtime process as seen through its API. The names are those
// that AWS prints in refusals.
type Runtime struct {
	State RuntimeState
	Alive bool // a process exists
	// Fault is the first word of failure: what it posted to init/error.
	Fault   *lambda.Answer
	Invoked bool // it has been offered an event in this incarnation
	Early   bool // it asked for the next event while its response was still coming
}

// RuntimeState is the runtime's place in the protocol.
type RuntimeState uint8

// The states of a runtime.
const (
	RuntimeAbsent RuntimeState = iota
	RuntimeStarted
	RuntimeReady      // asked for the next event
	RuntimeRunning    // has an event
	RuntimeResponding // its response has begun, and its caller has what came
	RuntimeResponded
	RuntimeInitFailed
)

var runtimeStateNames = [...]string{"Absent", "Started", "Ready", "Running", "InvocationResponse", "RuntimeResponseSentState", "InitError"}

func (s RuntimeState) String() string { return runtimeStateNames[s] }

// Extension is one extension, external (a process) or internal (within the runtime).
type Extension struct {
	Name      string
	ID        string // empty until it has registered
	External  bool
	Invoke    bool // subscribed to INVOKE
	Shutdown  bool // subscribed to SHUTDOWN
	State     ExtensionState
	Alive     bool
	ErrorType string
}

// ExtensionState is an extension's place in the protocol.
type ExtensionState uint8

// The states of an extension, named as platform.extension shows them.
const (
	ExtensionStarted ExtensionState = iota
	ExtensionRegistered
	ExtensionReady // asked for the next event
	ExtensionRunning
	ExtensionInitError
	ExtensionExitError
	ExtensionLaunchError
	ExtensionExited
)

var extensionStateNames = [...]string{"Started", "Registered", "Ready", "Running", "InitError", "ExitError", "LaunchError", "Exited"}

func (s ExtensionState) String() string { return extensionStateNames[s] }

// Init is the Init phase in progress, or the last one.
type Init struct {
	Phase    event.Phase
	Started  time.Time
	Duration time.Duration // of the last successful one
	Billable time.Duration // not yet reported: the next REPORT carries it
}

// Current is the invocation in progress.
type Current struct {
	Invocation *lambda.Invocation
	Assigned   time.Time // start of its Duration
	Offered    time.Time
	Settled    bool // the caller has its answer
	Started    bool // START has been published
	Answer     *lambda.Answer
	Result     *lambda.Result // kept until the report when the caller wants the log tail
	RuntimeEnd time.Time      // the runtime's Next after its answer
	Resets     bool           // it ends with a reset
}

// Ending is a shutdown sequence in progress.
type Ending struct {
	Stage  Stage
	Reason string // what SHUTDOWN events say: spindown, timeout, failure
	Start  time.Time
	Window time.Duration
}

// Stage is how far a shutdown sequence has come.
type Stage uint8

// The stages of a shutdown sequence.
const (
	NotEnding Stage = iota
	EndingRuntime
	EndingExtensions
	Killing
)

// Timer names the clocks that an environment may have running.
type Timer uint8

// The timers.
const (
	InitTimer     Timer = iota // the Init phase's limit
	DeadlineTimer              // the invocation's deadline
	TermTimer                  // the runtime's share of a shutdown window
	WindowTimer                // the end of a shutdown window
	timers
)

var timerNames = [...]string{"init", "deadline", "term", "window"}

func (t Timer) String() string { return timerNames[t] }

// New is the state of an environment that is being made.
func New(c Config) State { return State{Config: c} }

// Takes tells whether an environment in this state accepts an invocation.
func (s State) Takes() bool {
	switch s.Phase {
	case Idle, Blank:
		return true
	case Resetting:
		return s.Current == nil && !s.Draining
	case Creating, Initializing, Busy, Stopping, Gone:
	}
	return false
}
