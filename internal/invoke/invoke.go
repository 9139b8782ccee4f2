// Package invoke is the road of one synchronous invocation: resolve, admit,
// lease, run, settle. Who calls it has turned its dialect into a
// lambda.Invocation; from here on there is no header and no HTTP.
package invoke

import (
	"context"

	"lambent/internal/lambda"
	"lambent/internal/recursion"
)

// Versions resolves what a caller wrote to a version that can be invoked. It
// answers from memory.
type Versions interface {
	Resolve(name, qualifier string) (*lambda.Version, error)
}

// Environments runs an invocation in an environment of the version.
type Environments interface {
	Invoke(ctx context.Context, v *lambda.Version, inv *lambda.Invocation) (lambda.Result, error)
}

// Tails keeps the last lines of an invocation that asked for its log.
type Tails interface {
	Open(requestID string)
	Close(requestID string) []byte
}

// Loops tells whether a function may run in a circle.
type Loops interface {
	RecursiveLoop(ctx context.Context, function string) (string, error)
}

// Observer hears of invocations that were not run.
type Observer interface {
	Refused(function lambda.Reference, err error)
}

// Invoker runs invocations.
type Invoker struct {
	Versions     Versions
	Environments Environments
	Tails        Tails
	Home         lambda.Home
	NewID        func() string // a random UUID
	Loops        Loops
	Observer     Observer
}

// Invoke runs the function and gives what came of it. A function that fails is
// a Result with a Fault; a *lambda.Error is the caller's, any other error ours.
// When ctx ends, the caller's wait ends and the function runs on.
func (i *Invoker) Invoke(ctx context.Context, function lambda.Reference, inv lambda.Invocation) (lambda.Result, error) {
	v, err := i.Versions.Resolve(function.Name, function.Qualifier)
	if err != nil {
		return lambda.Result{}, err
	}
	inv.FunctionARN = i.Home.FunctionARN(function.Name, function.Qualifier)
	inv.AttemptID = i.NewID()
	if inv.Stream != nil {
		inv.Stream.Runs(v.Number)
	}
	if err := i.follow(ctx, function, &inv); err != nil {
		i.Observer.Refused(function, err)
		return lambda.Result{}, err
	}
	if !inv.Tail {
		return i.run(ctx, v, function, &inv)
	}
	i.Tails.Open(inv.RequestID)
	result, err := i.run(ctx, v, function, &inv)
	result.LogTail = i.Tails.Close(inv.RequestID)
	return result, err
}

// follow hands the chain on that an invocation belongs to, and refuses to go on in
// a circle.
func (i *Invoker) follow(ctx context.Context, function lambda.Reference, inv *lambda.Invocation) error {
	var stop bool
	if inv.Trace, stop = recursion.Follow(inv.Trace, function.Name); !stop {
		return nil
	}
	if loop, err := i.Loops.RecursiveLoop(ctx, function.Name); err != nil || loop == "Allow" {
		return err
	}
	return lambda.Errorf(lambda.Recursive, "Lambda has detected your function being invoked in a recursive loop with other "+
		"Amazon Web Services resources and stopped your function's invocation.")
}

func (i *Invoker) run(ctx context.Context, v *lambda.Version, function lambda.Reference, inv *lambda.Invocation) (lambda.Result, error) {
	result, err := i.Environments.Invoke(ctx, v, inv)
	if err != nil {
		i.Observer.Refused(function, err)
		return lambda.Result{}, err
	}
	result.Version = v.Number
	return result, nil
}
