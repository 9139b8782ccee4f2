package sim

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lambent/internal/bootpool"
	"lambent/internal/environment"
	"lambent/internal/event"
	"lambent/internal/fleet"
	"lambent/internal/lambda"
	"lambent/internal/lifecycle"
	"lambent/internal/placement"
	"lambent/internal/runtimeapi"
	"lambent/internal/sandbox"
	"lambent/internal/sandbox/simulated"
	"lambent/internal/telemetry"
)

// host is the engines on a simulated driver: what cmd/lambent joins on a real one.
type host struct {
	driver *simulated.Driver
	pool   *bootpool.Pool // nil: without
	used   atomic.Int64   // runtimes that waited and were taken
	fleet  *fleet.Fleet
	events *recorder
	layers map[string]string // function name to a folder with its extensions
}

type config struct {
	seed    uint64
	faults  simulated.Faults
	limits  placement.Limits
	account int
	waiters int
	reserve fleet.Reservations
	pool    bool // sandboxes and runtimes are made ahead
	program func(cmd sandbox.Command) simulated.Program
}

func newHost(t testing.TB, c config) *host {
	h := &host{events: &recorder{}, layers: map[string]string{}}
	h.driver = simulated.New(simulated.Options{Seed: c.seed, Faults: c.faults, Program: h.ahead(c.program)})
	log := slog.New(slog.DiscardHandler)
	parts := &environment.Parts{
		Sandboxes: h.driver, Packages: h, Programs: h, API: apis{log}, Events: h.events, Log: log,
	}
	if c.pool {
		h.pool = bootpool.New(h.driver, bootpool.Config{Blank: environment.Blank(), MemoryMiB: 256, Making: 2, Log: log})
		parts.Sandboxes = h.pool
	}
	made := 0 // what befalls a sandbox is drawn from its name, so names repeat with the seed
	h.fleet = fleet.New(fleet.Config{
		NewID:  func() string { made++; return fmt.Sprintf("environment-%d", made) },
		Limits: c.limits, Account: c.account, Reserve: c.reserve, Waiters: c.waiters, Wait: time.Minute, Log: log,
		Make: func(id string, v *lambda.Version, why lambda.Initialization) fleet.Environment {
			c := lifecycle.Config{
				Function: v.Function, Version: v.Number, Handler: v.Handler, Account: v.Account,
				MemoryMB: v.MemoryMB, Timeout: v.Timeout, InitLimit: lambda.InitLimit, BillsInit: true,
			}
			if why == lambda.InitProvisioned {
				c.InitLimit, c.Replaced = lambda.ProvisionedInitLimit(v.Timeout), true
			}
			return environment.New(parts, v, environment.NewOrigin(id, v, string(why), time.Now()), c)
		},
	})
	parts.Keeper = h.fleet
	return h
}

// close ends everything.
func (h *host) close() {
	h.fleet.Close(context.Background())
	if h.pool != nil {
		h.pool.Empty()
	}
}

// bootMark is the variable by which a runtime knows that it was started ahead.
const bootMark = "BOOT"

// ahead lets programs be started before it is known for whom.
func (h *host) ahead(program func(cmd sandbox.Command) simulated.Program) func(cmd sandbox.Command) simulated.Program {
	return func(cmd sandbox.Command) simulated.Program {
		run := program(cmd)
		return func(p *simulated.Process) sandbox.Exit {
			if p.Env(bootMark) == "" {
				return run(p)
			}
			p.Use(16 << 20)
			p.Sleep(40 * time.Millisecond)
			p.Stdout.Write([]byte{0})
			message, err := io.ReadAll(p.Stdin)
			if err != nil || len(message) == 0 {
				return sandbox.Exit{Code: 1}
			}
			h.used.Add(1)
			words := strings.Split(strings.TrimSuffix(string(message), "\x00"), "\x00")
			p.Command.Dir, p.Command.Env = words[0], words[1:]
			return run(p)
		}
	}
}

// Open gives a function the layer folder that the test made for it.
func (h *host) Open(_ context.Context, v *lambda.Version) (string, []string, func(), error) {
	var opt []string
	if dir := h.layers[v.Function]; dir != "" {
		opt = append(opt, dir)
	}
	return "/code/" + v.Function, opt, func() {}, nil
}

// Program runs every function as /var/runtime/bootstrap with its name.
func (h *host) Program(v *lambda.Version, _ string, _ []string) (sandbox.Program, error) {
	return sandbox.Program{
		Argv: []string{"/var/runtime/bootstrap", v.Function}, Dir: "/var/task",
		Ahead: &sandbox.Ahead{Path: "/var/runtime/bootstrap", Env: []string{bootMark + "=1"}},
	}, nil
}

// extensions makes a layer folder with external extensions of these names.
func (h *host) extensions(t testing.TB, function string, names ...string) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "extensions"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, "extensions", name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.layers[function] = dir
}

type apis struct{ log *slog.Logger }

func (a apis) Serve(ln net.Listener, e *environment.Environment) func() {
	hub := telemetry.New(telemetry.Config{
		Dialer: e, Name: e.Extension, Log: a.log, Subscribed: func(s event.TelemetrySubscription) { e.Tell(s) },
	})
	e.Observe(hub)
	s := runtimeapi.New(runtimeapi.Config{Runtime: e, Extensions: e, Telemetry: hub, Log: a.log})
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(ln) }()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		hub.Close(ctx)
		cancel()
		s.Close()
		<-done
	}
}

// recorder keeps what happened, by invocation and in order.
type recorder struct {
	mu     sync.Mutex
	events []event.Event
}

func (r *recorder) Publish(e event.Event) {
	if l, ok := e.Record.(event.Line); ok {
		l.Text = append([]byte(nil), l.Text...)
		e.Record = l
	}
	r.mu.Lock()
	r.events = append(r.events, e)
	r.mu.Unlock()
}

func (r *recorder) all() []event.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]event.Event(nil), r.events...)
}

// function makes a version that the engines can run.
func function(name string, memoryMB int, timeout time.Duration) *lambda.Version {
	return &lambda.Version{
		Account: "000000000000", Region: "us-east-1", Function: name, Number: lambda.Latest, Generation: "g-" + name,
		Handler: "index.handler", Runtime: "provided.al2023", MemoryMB: memoryMB, Timeout: timeout, EphemeralMB: 512,
		Logging: lambda.Logging{Format: "Text", Group: "/aws/lambda/" + name},
	}
}

func invocation(n int, payload string) *lambda.Invocation {
	return &lambda.Invocation{RequestID: fmt.Sprintf("request-%d", n), AttemptID: fmt.Sprintf("attempt-%d", n), Payload: []byte(payload)}
}
