package main

import (
	"testing"
	"time"

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
		listen: "127.0.0.1:3001", account: "000000000000", region: "us-east-1", driver: "auto", network: "nat", maxEnvironments: 1,
		asyncDelay: time.Minute,
	}
	if err := good.check(); err != nil {
		t.Errorf("good options: %v", err)
	}
	for name, spoil := range map[string]func(*options){
		"listen everywhere": func(o *options) { o.listen = ":3001" },
		"listen outside":    func(o *options) { o.listen = "192.0.2.1:3001" },
		"listen nowhere":    func(o *options) { o.listen = "3001" },
		"account":           func(o *options) { o.account = "12" },
		"region":            func(o *options) { o.region = "here" },
		"driver":            func(o *options) { o.driver = "docker" },
		"network":           func(o *options) { o.network = "bridge" },
		"retry delay":       func(o *options) { o.asyncDelay = 0 },
		"async concurrency": func(o *options) { o.asyncConcurrency = -1 },
		"environments":      func(o *options) { o.maxEnvironments = 0 },
	} {
		o := good
		spoil(&o)
		if o.check() == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}
