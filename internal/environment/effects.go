package environment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"lambent/internal/alarm"
	"lambent/internal/event"
	"lambent/internal/lifecycle"
	"lambent/internal/sandbox"
)

// carryOut does one effect. A panic breaks this environment and nothing else.
func (e *Environment) carryOut(f lifecycle.Effect) {
	defer func() {
		if r := recover(); r != nil {
			e.parts.Log.Error("environment broken", "environment", e.id, "panic", r, "stack", string(debug.Stack()))
			go e.Stop("broken", true)
		}
	}()
	switch f := f.(type) {
	case lifecycle.Start:
		e.start(f)
	case lifecycle.Signal:
		e.signal(f)
	case lifecycle.Offer:
		e.offer(f)
	case lifecycle.OfferExtension:
		e.offerExtension(f)
	case lifecycle.Settle:
		e.parts.Keeper.Settled(e.id, f.Back) // first, so that the caller's next call finds it said
		e.settle(outcome{result: f.Result})
	case lifecycle.SettleWith:
		e.settle(outcome{err: f.Err})
	case lifecycle.Arm:
		e.arm(f)
	case lifecycle.Disarm:
		e.disarm(f.Timer)
	case lifecycle.Drain:
		for _, p := range e.processes {
			p.Drain()
		}
	case lifecycle.Attribute:
		e.lines.Store(&f)
	case lifecycle.Publish:
		e.publish(f.Record)
	case lifecycle.Thaw:
		e.thaw()
	case lifecycle.Rest:
		if !e.parts.Keeper.Vacant(e.id) {
			e.freezeSoon()
		}
	case lifecycle.KillAll:
		e.rest.want(false)
		go e.killAll(f.Incarnation)
	case lifecycle.Destroy:
		e.rest.want(false)
		go e.destroy()
	case lifecycle.Leave:
		e.parts.Keeper.Left(e.id, f.Reason, e.createErr)
	}
}

func (e *Environment) offer(f lifecycle.Offer) {
	e.mu.Lock()
	parked := e.runtime
	e.runtime = nil
	e.mu.Unlock()
	if parked != nil { // otherwise the runtime's next Next gets it
		parked <- f.Invocation
	}
}

// flusher is an observer that keeps events for extensions, such as telemetry.
type flusher interface {
	// Flush returns when the extension has got what was kept for it, or when ctx ends.
	Flush(ctx context.Context, identifier string)
}

// lastWords bounds what an extension's SHUTDOWN event waits for. It is part of
// the extension's window.
const lastWords = 200 * time.Millisecond

// offerExtension hands over an event. Many extensions exit on SHUTDOWN without
// looking back, so theirs comes after the telemetry of what went before it.
func (e *Environment) offerExtension(f lifecycle.OfferExtension) {
	kept, keeps := e.observer.(flusher)
	if f.Event.Type != "SHUTDOWN" || !keeps {
		e.handOver(f)
		return
	}
	e.exits.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), lastWords)
		kept.Flush(ctx, f.ID)
		cancel()
		e.handOver(f)
	})
}

func (e *Environment) handOver(f lifecycle.OfferExtension) {
	e.mu.Lock()
	parked := e.events[f.ID]
	delete(e.events, f.ID)
	e.mu.Unlock()
	if parked != nil {
		parked <- f.Event
	}
}

func (e *Environment) settle(o outcome) {
	e.mu.Lock()
	caller := e.caller
	e.caller = nil
	e.mu.Unlock()
	if caller != nil {
		caller <- o
	}
}

func (e *Environment) arm(f lifecycle.Arm) {
	if e.timers[f.Timer] == nil {
		e.timers[f.Timer] = alarm.New(func() {
			_ = e.post(lifecycle.TimerFired{At: now(), Timer: f.Timer}, nil) // never refused
		})
	}
	e.timers[f.Timer].Set(f.At)
}

func (e *Environment) disarm(t lifecycle.Timer) {
	if e.timers[t] != nil {
		e.timers[t].Stop()
	}
}

// publish tells the event stream, with what only the sandbox knows.
func (e *Environment) publish(r event.Record) {
	switch rec := r.(type) {
	case event.Report:
		if peak, err := e.peakMemory(); err == nil {
			rec.MemoryUsed = min(mebibytes(peak), rec.MemorySize)
		}
		r = rec
	case event.Start:
		e.lastUse.Store(time.Now().UnixNano())
		e.emit(time.Now(), event.Invoked{RequestID: rec.RequestID, Cold: e.count.Add(1) == 1})
	}
	e.emit(time.Now(), r)
}

func (e *Environment) peakMemory() (int64, error) {
	if teller, ok := e.box.(sandbox.PeakTeller); ok {
		return teller.PeakMemory()
	}
	u, err := e.box.Usage()
	return u.MemoryPeakBytes, err
}

// emit hands a record to the readers of all environments and to this one's own.
func (e *Environment) emit(at time.Time, r event.Record) {
	ev := event.Event{Time: at, Origin: e.origin, Record: r}
	e.parts.Events.Publish(ev)
	if e.observer != nil {
		e.observer.Publish(ev)
	}
}

// startLimit bounds the execution of a program, up to where it runs.
const startLimit = 5 * time.Second

// start runs a process and watches it.
func (e *Environment) start(f lifecycle.Start) {
	if f.Incarnation != e.incarnation {
		e.incarnation = f.Incarnation
		clear(e.processes)
	}
	cmd, err := e.command(f.Process)
	if err == nil {
		var p sandbox.Process
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		p, err = e.box.Start(ctx, cmd.Command)
		cancel()
		if err == nil {
			e.processes[f.Process] = p
			e.publish(event.Executed{Extension: f.Process.Extension, Duration: time.Since(began)})
			e.exits.Add(1)
			go e.watch(f, p, cmd.flush)
			return
		}
	}
	if !refused(err) {
		e.parts.Log.Error("start", "environment", e.id, "process", f.Process.Extension, "err", err)
		go e.Stop("its sandbox is broken", true)
		return
	}
	go func() { // not from within an effect: the outcome is an event of its own
		errorType, text := startFault(f.Process, err)
		_ = e.post(lifecycle.StartFailed{
			At: now(), Incarnation: f.Incarnation, Process: f.Process, ErrorType: errorType, Message: text,
		}, nil)
	}()
}

// refused tells a program that could not be executed, which is the function's
// fault, from a sandbox that could not try.
func refused(err error) bool {
	var start *sandbox.StartError
	var fault interface{ FaultType() string }
	return errors.As(err, &start) || errors.As(err, &fault)
}

// startFault names a process that could not be executed as AWS does.
func startFault(p lifecycle.Process, err error) (errorType, text string) {
	var fault interface{ FaultType() string }
	switch denied := errors.Is(err, fs.ErrPermission); {
	case errors.As(err, &fault):
		return fault.FaultType(), err.Error()
	case p.Extension != "" && denied:
		return "PermissionDenied", err.Error()
	case p.Extension != "":
		return "UnknownError", err.Error()
	case errors.Is(err, fs.ErrNotExist) || denied || errors.Is(err, syscall.ENOEXEC):
		return "Runtime.InvalidEntrypoint", err.Error()
	}
	return "Runtime.Unknown", err.Error()
}

// watch brings the end of a process. By then all its lines have been published.
func (e *Environment) watch(f lifecycle.Start, p sandbox.Process, flush func()) {
	defer e.exits.Done()
	<-p.Done()
	flush()
	_ = e.post(lifecycle.Exited{
		At: now(), Incarnation: f.Incarnation, Process: f.Process, Exit: p.Exit(), OutOfMemory: e.ranOutOfMemory(),
	}, nil)
}

// ranOutOfMemory tells whether the kernel has ended something since it was last asked.
func (e *Environment) ranOutOfMemory() bool {
	u, err := e.box.Usage()
	return err == nil && u.OOMKills > e.oom.Swap(u.OOMKills)
}

func (e *Environment) signal(f lifecycle.Signal) {
	p := e.processes[f.Process]
	if p == nil {
		return
	}
	sig := syscall.SIGTERM
	if f.Kill {
		sig = syscall.SIGKILL
	}
	if err := p.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		e.parts.Log.Error("signal", "environment", e.id, "process", f.Process.Extension, "err", err)
	}
}

// killAll ends every process, waits until their ends have been told, and says so.
func (e *Environment) killAll(incarnation int) {
	<-e.turn
	ctx, cancel := context.WithTimeout(context.Background(), createLimit)
	err := e.box.Kill(ctx)
	cancel()
	e.rest.fell(false)
	e.turn <- struct{}{}
	if err != nil {
		e.parts.Log.Error("kill", "environment", e.id, "err", err)
		_ = e.post(lifecycle.KillFailed{At: now(), Incarnation: incarnation}, nil) // never refused
		return
	}
	e.exits.Wait()
	_ = e.post(lifecycle.Killed{At: now(), Incarnation: incarnation}, e.forgetParked)
}

// forgetParked ends the Next calls of processes that are gone. mu is held.
func (e *Environment) forgetParked() {
	if e.runtime != nil {
		close(e.runtime)
		e.runtime = nil
	}
	for id, parked := range e.events {
		close(parked)
		delete(e.events, id)
	}
}

// destroy ends the sandbox and everything around it.
func (e *Environment) destroy() {
	e.undo()
	e.exits.Wait()
	_ = e.post(lifecycle.Destroyed{At: now()}, e.forgetParked)
	e.publish(event.Gone{Reason: e.reason()})
	e.finish()
}

func (e *Environment) reason() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state.StopReason == "" {
		return "ended"
	}
	return e.state.StopReason
}

var errNoProgram = errors.New("no program")

func (e *Environment) noProgram() error {
	if e.program.err != nil {
		return e.program.err
	}
	return fmt.Errorf("start runtime of %s: %w", e.version.Function, errNoProgram)
}
