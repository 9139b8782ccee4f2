package environment

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
	"lambent/internal/lifecycle"
	"lambent/internal/sandbox"
	"lambent/internal/sandbox/simulated"
)

// world is one environment on a simulated driver, and what it did.
type world struct {
	driver  *simulated.Driver
	parts   *Parts
	program sandbox.Program
	opt     []string

	mu       sync.Mutex
	commands []sandbox.Command
	vacant   chan string
}

// Open, Program and Serve play the parts.
func (w *world) Open(context.Context, *lambda.Version) (string, []string, func(), error) {
	return "/host/task", w.opt, func() {}, nil
}

func (w *world) Program(*lambda.Version, string, []string) (sandbox.Program, error) {
	return w.program, nil
}

func (w *world) Serve(ln net.Listener, _ *Environment) func() { return func() { ln.Close() } }

func (w *world) Vacant(id string) bool         { return false }
func (w *world) Left(string, string, error)    {}
func (w *world) Settled(string, time.Duration) {}
func (w *world) Gone(string)                   {}

func newWorld(p sandbox.Program) *world {
	w := &world{program: p, vacant: make(chan string, 1)}
	w.driver = simulated.New(simulated.Options{Program: func(c sandbox.Command) simulated.Program {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.commands = append(w.commands, c)
		return func(p *simulated.Process) sandbox.Exit { <-p.Context().Done(); return sandbox.Exit{} }
	}})
	w.parts = &Parts{
		Sandboxes: w.driver, Packages: w, Programs: w, API: w, Events: event.Discard{}, Keeper: w, Log: slog.New(slog.DiscardHandler),
	}
	return w
}

func version() *lambda.Version {
	return &lambda.Version{
		Account: "123456789012", Region: "eu-west-1", Function: "f", Number: "3", Runtime: "python3.13", Handler: "a.b",
		MemoryMB: 256, EphemeralMB: 512, Timeout: 3 * time.Second, Logging: lambda.Logging{Format: "Text", Group: "/aws/lambda/f"},
	}
}

// run makes an environment, lets its processes start, and ends it.
func (w *world) run(t *testing.T, v *lambda.Version) []sandbox.Command {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := New(w.parts, v, NewOrigin("env-1", v, "on-demand", time.Now()), lifecycle.Config{
			Function: v.Function, Version: v.Number, MemoryMB: v.MemoryMB, Timeout: v.Timeout, InitLimit: lambda.InitLimit,
		})
		synctest.Wait()
		e.Stop("test", true)
		<-e.Ended()
		if leaks := w.driver.Leaks(); leaks != "" {
			t.Errorf("left behind:\n%s", leaks)
		}
	})
	return w.commands
}

// TestVariables holds F257 to F263: what a managed runtime's process sees.
func TestVariables(t *testing.T) {
	t.Parallel()
	v := version()
	v.Environment = []lambda.Variable{{Name: "MINE", Value: "a/b:c"}, {Name: "TZ", Value: "Europe/Berlin"}, {Name: "AWS_REGION", Value: "nowhere"}}
	w := newWorld(sandbox.Program{Argv: []string{"/var/lang/bin/python3.13"}, Dir: "/var/task", Shell: true, LogFD: 62, Env: []string{"PYTHONPATH=/var/runtime", "MINE=theirs"}})
	got := w.run(t, v)
	if len(got) != 1 {
		t.Fatalf("%d commands", len(got))
	}
	for _, want := range []string{
		"MINE=a/b:c", // the customer's word wins over the runtime's default
		"TZ=Europe/Berlin", "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1", "LANG=en_US.UTF-8",
		"PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_FUNCTION_VERSION=3", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/f", "AWS_LAMBDA_RUNTIME_API=169.254.100.1:9001",
		"AWS_XRAY_CONTEXT_MISSING=LOG_ERROR", "AWS_XRAY_DAEMON_ADDRESS=169.254.100.1:2000",
		"_AWS_XRAY_DAEMON_ADDRESS=169.254.100.1", "_AWS_XRAY_DAEMON_PORT=2000", "LAMBDA_TASK_ROOT=/var/task", "LAMBDA_RUNTIME_DIR=/var/runtime",
		"_HANDLER=a.b", "AWS_EXECUTION_ENV=AWS_Lambda_python3.13", "PWD=/var/task", "SHLVL=0", "PYTHONPATH=/var/runtime", "_LAMBDA_TELEMETRY_LOG_FD=62",
	} {
		if !slices.Contains(got[0].Env, want) {
			t.Errorf("no %s in %v", want, got[0].Env)
		}
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_LOG_STREAM_NAME"} {
		if !slices.ContainsFunc(got[0].Env, func(pair string) bool { return strings.HasPrefix(pair, name+"=") && len(pair) > len(name)+1 }) {
			t.Errorf("no %s", name)
		}
	}
	for _, name := range []string{"AWS_ACCESS_KEY", "AWS_LAMBDA_FUNCTION_TIMEOUT", "TMPDIR", "AWS_ENDPOINT_URL", "_X_AMZN_TRACE_ID"} {
		if slices.ContainsFunc(got[0].Env, func(pair string) bool { return strings.HasPrefix(pair, name+"=") }) {
			t.Errorf("%s is set", name)
		}
	}
}

// TestWrapper holds the wrapper script's place (F253, F267), and that custom
// runtimes know none.
func TestWrapper(t *testing.T) {
	t.Parallel()
	v := version()
	v.Environment = []lambda.Variable{{Name: "AWS_LAMBDA_EXEC_WRAPPER", Value: "/opt/wrap"}}
	argv := []string{"/var/lang/bin/python3.13", "/var/runtime/bootstrap.py"}
	with := newWorld(sandbox.Program{Argv: argv, Wrapper: true}).run(t, v)[0]
	want := []string{"/bin/sh", "-c", `exec "$@"`, "bootstrap", "/opt/wrap", argv[0], argv[1]}
	if got := append([]string{with.Path}, with.Args...); !slices.Equal(got, want) {
		t.Errorf("with a wrapper: %q, want %q", got, want)
	}
	without := newWorld(sandbox.Program{Argv: argv}).run(t, v)[0]
	if got := append([]string{without.Path}, without.Args...); !slices.Equal(got, argv) {
		t.Errorf("a custom runtime: %q, want %q", got, argv)
	}
}

// TestExtensionVariables holds what external extensions do not see, and where
// they are started.
func TestExtensionVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(sandbox.Program{Argv: []string{"/var/task/bootstrap"}, Shell: true})
	layer := t.TempDir()
	if err := os.MkdirAll(filepath.Join(layer, "extensions", "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(layer, "extensions", "one"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	w.opt = []string{layer, t.TempDir()}
	got := w.run(t, version())
	if len(got) != 1 || got[0].Path != "/opt/extensions/one" || got[0].Dir != "/" {
		t.Fatalf("commands %+v", got)
	}
	for _, pair := range got[0].Env {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "_") || slices.Contains(privateToRuntime, name) {
			t.Errorf("the extension sees %s", pair)
		}
	}
	if !slices.Contains(got[0].Env, "AWS_LAMBDA_RUNTIME_API=169.254.100.1:9001") {
		t.Error("the extension does not know the Runtime API")
	}
}

// TestTranslate: what the platform says in inside paths, in the words of a
// sandbox without a root of its own.
func TestTranslate(t *testing.T) {
	t.Parallel()
	e := &Environment{box: elsewhere{}}
	for word, want := range map[string]string{
		"plain": "plain", "/var/task": "/x/var/task", "/a:/b:c": "/x/a:/x/b:c",
		"-XX:SharedArchiveFile=/var/runtime/a.jsa": "-XX:SharedArchiveFile=/x/var/runtime/a.jsa", "": "",
	} {
		if got := e.translate(word); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

type elsewhere struct{ sandbox.Sandbox }

func (elsewhere) Path(inside string) string { return "/x" + inside }

// TestOrigin holds the names of log streams.
func TestOrigin(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 10, 23, 0, 0, 0, time.FixedZone("", -3600*5))
	v := version()
	if s := NewOrigin("e", v, "on-demand", at).LogStream; !strings.HasPrefix(s, "2026/01/11/[3]") || len(s) != len("2026/01/11/[3]")+32 {
		t.Errorf("own group: %q", s)
	}
	v.Logging.Group = "/shared"
	if s := NewOrigin("e", v, "on-demand", at).LogStream; !strings.HasPrefix(s, "2026/01/11/f[3]") {
		t.Errorf("shared group: %q", s)
	}
}
