package main

import (
	"context"
	"log/slog"
	"net"
	"time"

	"lambent/internal/awsapi"
	"lambent/internal/environment"
	"lambent/internal/lambda"
	"lambent/internal/lifecycle"
	"lambent/internal/runtimeapi"
)

// newEnvironment makes an on-demand environment of a version.
func newEnvironment(parts *environment.Parts, id string, v *lambda.Version) *environment.Environment {
	name, arn := "", ""
	if !v.Runtime.Custom() {
		name, arn = string(v.Runtime), v.RuntimeVersion
	}
	return environment.New(parts, v, environment.NewOrigin(id, v, "on-demand", time.Now()), lifecycle.Config{
		Function: v.Function, Version: v.Number, Handler: v.Handler, Account: v.Account,
		MemoryMB: v.MemoryMB, Timeout: v.Timeout, InitLimit: lambda.InitLimit, BillsInit: true,
		RuntimeName: name, RuntimeARN: arn,
	})
}

// runtimeAPI serves the Runtime API of each environment.
type runtimeAPI struct{ log *slog.Logger }

func (a runtimeAPI) Serve(ln net.Listener, e *environment.Environment) (stop func()) {
	s := runtimeapi.New(runtimeapi.Config{Runtime: e, Extensions: e, Log: a.log})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(ln); err != nil {
			a.log.Error("runtime API", "environment", e.ID(), "err", err)
		}
	}()
	return func() { s.Close(); <-done }
}

// selfEndpoint serves this server's API inside every environment.
type selfEndpoint struct{ d *daemon }

func (s selfEndpoint) Address() (string, int) { return "169.254.100.1", s.d.address.Port }

func (s selfEndpoint) Serve(ln net.Listener) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := awsapi.Serve(ctx, ln, s.d.handler, 0, s.d.log); err != nil {
			s.d.log.Error("endpoint inside an environment", "err", err)
		}
	}()
	return func() { cancel(); <-done }
}
