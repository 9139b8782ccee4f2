// Package environment owns execution environments. One Environment is one
// sandbox with the processes of one version of one function in it; lifecycle
// decides what happens, this package does it.
//
// # Ownership
//
// The lifecycle state belongs to mu: whoever brings an event takes the lock for
// the length of one Step and learns at once whether the event was refused. The
// effects go to a queue, and whoever finds nobody carrying out effects does so,
// in order, until the queue is empty. So there is one owner at a time and no
// goroutine to hop to on an invocation's way.
//
// Effects that take long (freeze, kill, destroy) run in goroutines that bring
// their outcome as an event. The sandbox's own calls are taken one at a time
// (turn), as its contract asks.
package environment

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"lambent/internal/alarm"
	"lambent/internal/event"
	"lambent/internal/lambda"
	"lambent/internal/lifecycle"
	"lambent/internal/sandbox"
)

// Sandboxes makes the place that an environment lives in.
type Sandboxes interface {
	Create(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error)
}

// Packages gives the folders of a version's code and of its layers, in order.
// release is called when the environment is gone.
type Packages interface {
	Open(ctx context.Context, v *lambda.Version) (task string, opt []string, release func(), err error)
}

// Programs says how a version's runtime is started. An error with a FaultType
// method is the function's fault and fails its Init; any other is ours.
type Programs interface {
	Program(v *lambda.Version, task string, opt []string) (sandbox.Program, error)
}

// API serves the Runtime API of one environment on a listener inside its
// sandbox. The function that it returns ends every connection and waits for
// its goroutines.
type API interface {
	Serve(ln net.Listener, e *Environment) (stop func())
}

// Endpoint serves Lambent's own API inside the sandbox, so that AWS_ENDPOINT_URL
// reaches it whatever the network mode. nil: not offered.
type Endpoint interface {
	// Address is host:port where processes inside are told to find it.
	Address() (host string, port int)
	Serve(ln net.Listener) (stop func())
}

// Keeper is who gives an environment its invocations. Its methods are called
// without any lock of the environment held and must not block.
type Keeper interface {
	// Vacant: the environment can take an invocation. True means that one is on
	// its way, so that freezing would be in vain.
	Vacant(id string) bool
	// Settled: the caller has its answer, and the environment should be vacant
	// again so soon, unless an extension is still at work.
	Settled(id string, back time.Duration)
	// Left: the environment will never take an invocation again. err is set
	// when its sandbox could not be made.
	Left(id, reason string, err error)
	// Gone: nothing of the environment is left.
	Gone(id string)
}

// Parts are what environments are made of; one set serves all.
type Parts struct {
	Sandboxes Sandboxes
	Packages  Packages
	Programs  Programs
	API       API
	Endpoint  Endpoint
	Events    event.Sink
	Keeper    Keeper
	Log       *slog.Logger

	// Credentials makes those of functions; nil: they get some that open nothing.
	Credentials Credentials

	// FileSystems gives the host's folder that stands for the access point of a
	// file system. Nil: there are none.
	FileSystems func(arn string) (folder string, ok bool)

	// FreezeAfter is how long an idle environment waits before it is frozen.
	FreezeAfter time.Duration
}

// Environment is one execution environment.
type Environment struct {
	id       string
	version  *lambda.Version
	parts    *Parts
	origin   *event.Origin
	secrets  lambda.Credentials
	observer event.Sink // set once, before the first process; may be nil
	born     time.Time

	mu      sync.Mutex
	state   lifecycle.State                       // mu
	queue   []lifecycle.Effect                    // mu; effects not yet carried out
	working bool                                  // mu; somebody carries out effects
	runtime chan *lambda.Invocation               // mu; the parked Next call
	events  map[string]chan lambda.ExtensionEvent // mu; parked Next calls by extension
	caller  chan outcome                          // mu; who waits for the invocation in progress
	spare   spare                                 // mu

	// Written by whoever carries out effects, one at a time.
	timers    [4]*alarm.Alarm
	box       sandbox.Sandbox
	program   program
	processes map[lifecycle.Process]sandbox.Process // of the incarnation

	incarnation int
	cleanup     []func()
	createErr   error
	codeTook    time.Duration // to open the package

	exits   sync.WaitGroup // watchers of processes, and last events on their way
	turn    chan struct{}  // the sandbox's calls, one at a time; holds one token
	rest    rest
	lines   atomic.Pointer[lifecycle.Attribute]
	oom     atomic.Int64
	count   atomic.Int64
	lastUse atomic.Int64 // Unix nanoseconds
	ended   chan struct{}
}

// spare are channels that have served and can serve again: what they carried has
// been received, and nobody holds them. nil: there is none.
type spare struct {
	runtime chan *lambda.Invocation
	caller  chan outcome
}

type outcome struct {
	result lambda.Result
	err    error
}

// New makes an environment for a version and begins to make its sandbox and to
// initialise it. It returns at once; the Keeper hears when it is vacant.
func New(parts *Parts, v *lambda.Version, origin *event.Origin, c lifecycle.Config) *Environment {
	e := &Environment{
		id: origin.Environment, version: v, parts: parts, origin: origin, secrets: parts.credentialsOf(v), born: time.Now(),
		state:     lifecycle.New(c),
		events:    map[string]chan lambda.ExtensionEvent{},
		processes: map[lifecycle.Process]sandbox.Process{},
		turn:      make(chan struct{}, 1),
		ended:     make(chan struct{}),
	}
	e.rest.later = alarm.New(e.freeze)
	e.turn <- struct{}{}
	e.lines.Store(&lifecycle.Attribute{})
	e.lastUse.Store(e.born.UnixNano())
	go e.create()
	return e
}

// ID is the environment's identifier.
func (e *Environment) ID() string { return e.id }

// Version is what the environment runs.
func (e *Environment) Version() *lambda.Version { return e.version }

// Ended is closed when nothing of the environment is left.
func (e *Environment) Ended() <-chan struct{} { return e.ended }

// ErrTaken says that the environment takes no invocation now; another one must be found.
var ErrTaken = lifecycle.ErrTaken

// Invoke runs one invocation and gives what came of it. The environment must
// have been reported vacant, and be offered to one caller only; otherwise the
// error is ErrTaken. When ctx ends, the wait ends and the function runs on.
func (e *Environment) Invoke(ctx context.Context, inv *lambda.Invocation) (lambda.Result, error) {
	var answer chan outcome
	err := e.post(lifecycle.Assigned{At: now(), Invocation: inv}, func() {
		if answer, e.spare.caller = e.spare.caller, nil; answer == nil {
			answer = make(chan outcome, 1)
		}
		e.caller = answer
	})
	if err != nil {
		return lambda.Result{}, err
	}
	select {
	case o := <-answer:
		e.mu.Lock()
		e.spare.caller = answer
		e.mu.Unlock()
		return o.result, o.err
	case <-ctx.Done():
		return lambda.Result{}, fmt.Errorf("invoke in %s: %w", e.id, context.Cause(ctx))
	}
}

// Stop ends the environment: at once when now, else after the invocation in progress.
func (e *Environment) Stop(reason string, atOnce bool) {
	_ = e.post(lifecycle.Stop{At: now(), Reason: reason, Now: atOnce}, nil) // never refused
}

func now() lifecycle.At { return lifecycle.At(time.Now()) }

// post brings an event. accepted runs under the lock when the event was taken,
// before any of its effects.
func (e *Environment) post(ev lifecycle.Event, accepted func()) error {
	e.mu.Lock()
	next, effects, err := lifecycle.Step(e.state, ev)
	if err != nil {
		e.mu.Unlock()
		return err
	}
	e.state = next
	if accepted != nil {
		accepted()
	}
	if e.queue == nil {
		e.queue = effects // nobody else has them
	} else {
		e.queue = append(e.queue, effects...)
	}
	if e.working {
		e.mu.Unlock()
		return nil
	}
	e.working = true
	for len(e.queue) > 0 {
		batch := e.queue
		e.queue = nil
		e.mu.Unlock()
		for _, f := range batch {
			e.carryOut(f)
		}
		e.mu.Lock()
	}
	e.working = false
	e.mu.Unlock()
	return nil
}

// Relax takes back the Keeper's word that an invocation was on its way.
func (e *Environment) Relax() { e.freezeSoon() }

// Snapshot is what people see of an environment.
type Snapshot struct {
	ID          string
	Function    string
	Version     string
	State       string // init, busy, idle, frozen, resetting, stopping
	Born        time.Time
	LastUsed    time.Time
	Invocations int64
	MemoryMB    int // in use now
	MemoryPeak  int
	MemoryLimit int
	LogStream   string
	RequestID   string // the invocation in progress
}

// Snapshot tells how the environment is now.
func (e *Environment) Snapshot() Snapshot {
	e.mu.Lock()
	phase, current := e.state.Phase, e.state.Current
	e.mu.Unlock()
	s := Snapshot{
		ID: e.id, Function: e.version.Function, Version: e.version.Number, Born: e.born,
		LastUsed: time.Unix(0, e.lastUse.Load()), Invocations: e.count.Load(),
		MemoryLimit: e.version.MemoryMB, LogStream: e.origin.LogStream,
	}
	s.State = stateName(phase, e.rest.frozen())
	if current != nil {
		s.RequestID = current.Invocation.RequestID
	}
	if box := e.rest.sandbox(); box != nil {
		if u, err := box.Usage(); err == nil {
			s.MemoryMB, s.MemoryPeak = mebibytes(u.MemoryBytes), mebibytes(u.MemoryPeakBytes)
		}
	}
	return s
}

func stateName(p lifecycle.Phase, frozen bool) string {
	switch p {
	case lifecycle.Creating, lifecycle.Initializing:
		return "init"
	case lifecycle.Idle, lifecycle.Blank:
		if frozen {
			return "frozen"
		}
		return "idle"
	case lifecycle.Busy, lifecycle.Resetting, lifecycle.Stopping, lifecycle.Gone:
	}
	return p.String()
}

func mebibytes(n int64) int { return int((n + 1<<20 - 1) >> 20) }
