package environment

import (
	"context"
	"net"
	"syscall"

	"lambent/internal/event"
	"lambent/internal/lambda"
	"lambent/internal/lifecycle"
	"lambent/internal/sandbox"
)

// The methods of this file are what the Runtime and Extensions APIs ask of an
// environment. A *lambda.Refusal is the caller's wrong moment.

// errSuperseded answers a call whose place another one took.
var errSuperseded = &lambda.Refusal{Type: lambda.RefusedTransition, Message: "Concurrent state modification"}

// Next parks until there is an invocation for the runtime. A second call takes
// the first one's place: some clients open a new connection for each.
func (e *Environment) Next(ctx context.Context) (*lambda.Invocation, error) {
	var parked chan *lambda.Invocation
	err := e.post(lifecycle.RuntimeNext{At: now()}, func() {
		if e.runtime != nil {
			close(e.runtime)
		}
		if parked, e.spare.runtime = e.spare.runtime, nil; parked == nil {
			parked = make(chan *lambda.Invocation, 1)
		}
		e.runtime = parked
	})
	if err != nil {
		return nil, err
	}
	select {
	case inv, ok := <-parked:
		if !ok {
			return nil, errSuperseded
		}
		e.mu.Lock()
		e.spare.runtime = parked
		e.mu.Unlock()
		return inv, nil
	case <-ctx.Done():
		e.mu.Lock()
		if e.runtime == parked {
			e.runtime = nil
		}
		e.mu.Unlock()
		return nil, context.Cause(ctx)
	}
}

// Check tells whether an answer for the ids would be taken now.
func (e *Environment) Check(requestID, attemptID string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state.CheckAnswer(requestID, attemptID)
}

// Respond is Check for a response. One that its caller wants as it comes has
// begun with that, and is for the stream.
func (e *Environment) Respond(requestID, attemptID string) (lambda.Stream, error) {
	e.mu.Lock()
	var to lambda.Stream
	err := e.state.CheckAnswer(requestID, attemptID)
	if err == nil {
		to = e.state.Current.Invocation.Stream
	}
	e.mu.Unlock()
	if to == nil {
		return nil, err
	}
	return to, e.post(lifecycle.RuntimeResponds{At: now(), RequestID: requestID}, nil)
}

// Answer settles the invocation in progress.
func (e *Environment) Answer(requestID string, a lambda.Answer) error {
	return e.post(lifecycle.RuntimeAnswer{At: now(), RequestID: requestID, Answer: a}, nil)
}

// InitError takes the runtime's word that it cannot start.
func (e *Environment) InitError(a lambda.Answer) error {
	return e.post(lifecycle.RuntimeInitError{At: now(), Answer: a}, nil)
}

// Broken tells of an answer that cannot be used.
func (e *Environment) Broken(requestID, errorType string) {
	_ = e.post(lifecycle.RuntimeBroken{At: now(), RequestID: requestID, ErrorType: errorType}, nil) // never refused
}

// Register takes an extension in.
func (e *Environment) Register(r lambda.Registration) (lambda.Registered, error) {
	id := NewID()
	err := e.post(lifecycle.ExtensionRegister{At: now(), ID: id, Name: r.Name, Events: r.Events}, nil)
	if err != nil {
		return lambda.Registered{}, err
	}
	return lambda.Registered{
		Identifier: id, FunctionName: e.version.Function, FunctionVersion: e.version.Number,
		Handler: e.version.Handler, Account: e.version.Account,
	}, nil
}

// NextEvent parks until there is an event for the extension.
func (e *Environment) NextEvent(ctx context.Context, identifier string) (lambda.ExtensionEvent, error) {
	parked := make(chan lambda.ExtensionEvent, 1)
	err := e.post(lifecycle.ExtensionNext{At: now(), ID: identifier}, func() {
		if old := e.events[identifier]; old != nil {
			close(old)
		}
		e.events[identifier] = parked
	})
	if err != nil {
		return lambda.ExtensionEvent{}, err
	}
	select {
	case ev, ok := <-parked:
		if !ok {
			return lambda.ExtensionEvent{}, errSuperseded
		}
		return ev, nil
	case <-ctx.Done():
		e.mu.Lock()
		if e.events[identifier] == parked {
			delete(e.events, identifier)
		}
		e.mu.Unlock()
		return lambda.ExtensionEvent{}, context.Cause(ctx)
	}
}

// ExtensionError takes an extension's word that it failed, in its "init" or on
// its "exit".
func (e *Environment) ExtensionError(identifier, phase, errorType string) error {
	return e.post(lifecycle.ExtensionFailed{
		At: now(), ID: identifier, Exiting: phase == "exit", ErrorType: errorType,
	}, nil)
}

// Extension tells the name of the extension that has the identifier.
func (e *Environment) Extension(identifier string) (name string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state.ExtensionName(identifier)
}

// Dial connects to a listener inside the environment.
func (e *Environment) Dial(ctx context.Context, address string) (net.Conn, error) {
	box := e.rest.sandbox()
	d, ok := box.(sandbox.Dialer)
	if !ok {
		return nil, syscall.ENOTCONN // not made yet, or gone
	}
	return d.Dial(ctx, address)
}

// Observe adds a reader of this environment's events alone. It may be called
// only by API.Serve, before any process of the environment has started.
func (e *Environment) Observe(s event.Sink) { e.observer = s }

// Tell publishes a record as the environment's.
func (e *Environment) Tell(r event.Record) { e.publish(r) }
