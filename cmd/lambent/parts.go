package main

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"time"

	"lambent/internal/awsapi"
	"lambent/internal/environment"
	"lambent/internal/event"
	"lambent/internal/lambda"
	"lambent/internal/lifecycle"
	"lambent/internal/readable"
	"lambent/internal/runtimeapi"
	"lambent/internal/spare"
	"lambent/internal/telemetry"
)

// newEnvironment makes an environment of a version. One that nobody waits for has
// more time for its Init, and is replaced instead of being initialised again.
func newEnvironment(parts *environment.Parts, id string, v *lambda.Version, why lambda.Initialization) *environment.Environment {
	c := lifecycle.Config{
		Function: v.Function, Version: v.Number, Handler: v.Handler, Account: v.Account,
		MemoryMB: v.MemoryMB, Timeout: v.Timeout, InitLimit: lambda.InitLimit, BillsInit: true,
	}
	if why == lambda.InitProvisioned {
		c.InitLimit, c.Replaced = lambda.ProvisionedInitLimit(v.Timeout), true
	}
	if !v.Runtime.Custom() {
		c.RuntimeName, c.RuntimeARN = runtimeVersion(v.Runtime), v.RuntimeVersion
	}
	return environment.New(parts, v, environment.NewOrigin(id, v, string(why), time.Now()), c)
}

// runtimeVersion is how INIT_START names what runs: python3.13 is "python:3.13.v1"
// (F272). AWS counts the releases of its images; ours is always the first.
func runtimeVersion(r lambda.Runtime) string {
	i := strings.IndexAny(string(r), "0123456789")
	if i < 0 {
		return string(r) + ".v1"
	}
	return string(r[:i]) + ":" + strings.TrimSuffix(string(r[i:]), ".x") + ".v1"
}

// runtimeAPI serves the Runtime, Extensions and Telemetry APIs of each environment.
type runtimeAPI struct {
	log    *slog.Logger
	spare  *spare.Buffers
	shared *runtimeapi.Shared
}

// flushLimit bounds the last deliveries to extensions that are being ended.
const flushLimit = 100 * time.Millisecond

func (a runtimeAPI) Serve(ln net.Listener, e *environment.Environment) (stop func()) {
	hub := telemetry.New(telemetry.Config{
		Dialer: e, Name: e.Extension, Log: a.log,
		Subscribed: func(s event.TelemetrySubscription) { e.Tell(s) },
	})
	e.Observe(hub)
	s := runtimeapi.New(runtimeapi.Config{Runtime: e, Streams: e, Extensions: e, Telemetry: hub, Spare: a.spare, Shared: a.shared, Log: a.log})
	s.Attend(ln)
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushLimit)
		hub.Close(ctx)
		cancel()
		s.Close()
	}
}

// selfEndpoint serves this server's API inside every environment.
type selfEndpoint struct{ d *daemon }

func (s selfEndpoint) Address() (string, int) { return "169.254.100.1", s.d.address.Port }

func (s selfEndpoint) Serve(ln net.Listener) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	// Clients of AWS open 50 connections unless they are told to open more, and the
	// largest request that there is fits alone.
	bounds := awsapi.Bounds{Connections: 256, Bodies: lambda.MaxCreateRequest}
	serve := func() {
		defer close(done)
		if err := awsapi.Serve(ctx, ln, s.d.handler, bounds, 0, s.d.log); err != nil {
			s.d.log.Error("endpoint inside an environment", "err", err)
		}
	}
	// Most functions never call it: it begins with the first that connects.
	first, err := s.whenCalled(ln, serve)
	if err != nil {
		go serve()
		return func() { cancel(); <-done }
	}
	return func() {
		early := first.Stop()
		cancel()
		if early {
			ln.Close()
			return
		}
		<-done
	}
}

func (s selfEndpoint) whenCalled(ln net.Listener, serve func()) (*readable.Watch, error) {
	of, err := readable.Of(ln)
	if err != nil {
		return nil, err
	}
	return s.d.readable.Watch(of, serve)
}
