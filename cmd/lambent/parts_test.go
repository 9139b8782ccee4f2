package main

import (
	"context"
	"net"
	"testing"
	"time"

	"lambent/internal/catalog"
	"lambent/internal/lambda"
)

func TestRuntimeVersion(t *testing.T) {
	t.Parallel()
	for r, want := range map[lambda.Runtime]string{
		"python3.13": "python:3.13.v1", "nodejs22.x": "nodejs:22.v1", "java8.al2": "java:8.al2.v1",
		"ruby3.4": "ruby:3.4.v1", "java21": "java:21.v1",
	} {
		if got := runtimeVersion(r); got != want {
			t.Errorf("%s: got %s, want %s", r, got, want)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	good := options{
		listen: "127.0.0.1:3001", account: "000000000000", region: "us-east-1", driver: "auto", network: "nat", concurrency: 1, maxEnvironments: 1,
		asyncDelay: time.Minute, access: accessOptions{auth: "auto"},
	}
	if err := good.check(); err != nil {
		t.Errorf("good options: %v", err)
	}
	for name, spoil := range map[string]func(*options){
		"open everywhere":   func(o *options) { o.listen, o.access.auth = ":3001", "off" },
		"open outside":      func(o *options) { o.listen, o.access.auth = "192.0.2.1:3001", "off" },
		"half of auth":      func(o *options) { o.access.auth = "some" },
		"half of TLS":       func(o *options) { o.access.tlsCert = "cert.pem" },
		"endpoint":          func(o *options) { o.access.endpoint = "lambda.example.com" },
		"listen nowhere":    func(o *options) { o.listen = "3001" },
		"account":           func(o *options) { o.account = "12" },
		"region":            func(o *options) { o.region = "here" },
		"driver":            func(o *options) { o.driver = "docker" },
		"network":           func(o *options) { o.network = "bridge" },
		"retry delay":       func(o *options) { o.asyncDelay = 0 },
		"async concurrency": func(o *options) { o.asyncConcurrency = -1 },
		"memory":            func(o *options) { o.maxMemoryMB = -1 },
		"starting":          func(o *options) { o.maxStarting = -1 },
		"waiting":           func(o *options) { o.waiters = -1 },
		"wait":              func(o *options) { o.wait = -1 },
		"idle":              func(o *options) { o.idle = -1 },
		"lifetime":          func(o *options) { o.lifetime = -1 },
		"freeze":            func(o *options) { o.freezeAfter = -1 },
		"pool":              func(o *options) { o.bootPoolMB = -1 },
		"log retention":     func(o *options) { o.logRetention = -1 },
		"logs":              func(o *options) { o.logMaxMB = -1 },
		"dead retention":    func(o *options) { o.deadRetention = -1 },
		"stream rate":       func(o *options) { o.streamRateMB = -1 },
		"drain":             func(o *options) { o.drain = -1 },
		"environments":      func(o *options) { o.maxEnvironments = 0 },
		"concurrency":       func(o *options) { o.concurrency = 0 },
	} {
		o := good
		spoil(&o)
		if o.check() == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}

// TestWhoIsVerified: callers that may come from another machine always are, unless
// somebody says loudly that they must not be.
func TestWhoIsVerified(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		auth, ip string
		want     bool
	}{
		{"auto", "127.0.0.1", false}, {"auto", "::1", false}, {"auto", "0.0.0.0", true}, {"auto", "::", true}, {"auto", "192.0.2.1", true},
		{"on", "127.0.0.1", true}, {"off", "192.0.2.1", false},
	} {
		if got := (accessOptions{auth: c.auth}).enforced(&net.TCPAddr{IP: net.ParseIP(c.ip)}); got != c.want {
			t.Errorf("--auth %s on %s: %v, want %v", c.auth, c.ip, got, c.want)
		}
	}
	if err := (accessOptions{auth: "off", anyone: true}).check("192.0.2.1:3001"); err != nil {
		t.Errorf("the loud flag: %v", err)
	}
	if err := (accessOptions{auth: "auto"}).check("0.0.0.0:3001"); err != nil {
		t.Errorf("another machine: %v", err)
	}
}

// TestFunctionRights: the outcome of a function that is gone is told where nobody is
// refused; where callers are verified its role cannot be asked.
func TestFunctionRights(t *testing.T) {
	t.Parallel()
	for auth, want := range map[string]lambda.Kind{"off": lambda.Internal, "on": lambda.NotFound} {
		d := &daemon{options: options{access: accessOptions{auth: auth}}, address: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}
		told := &deliveries{}
		p := permitted{catalog.New(catalog.Config{Rights: d.functionRights()}), told}
		err := p.Deliver(t.Context(), lambda.Delivery{Function: "f", FunctionARN: "arn:aws:lambda:us-east-1:000000000000:function:f:1"})
		if lambda.KindOf(err) != want || (err == nil) != (told.n == 1) {
			t.Errorf("--auth %s: %v, told %d times", auth, err, told.n)
		}
	}
}

type deliveries struct{ n int }

func (d *deliveries) Deliver(context.Context, lambda.Delivery) error { d.n++; return nil }
