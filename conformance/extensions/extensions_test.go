package extensions

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"lambent/conformance/server"
)

// hostName is the host's loopback inside environments.
const hostName = "host.lambent.internal"

// TestExtensions runs all of them on one server.
func TestExtensions(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the extensions are programs for Linux")
	}
	s := &stage{Server: server.Start(t, "--network", "host")}
	t.Run("all", func(t *testing.T) {
		t.Run("OpenTelemetry", func(t *testing.T) { t.Parallel(); s.openTelemetry(t) })
		t.Run("Sentry", func(t *testing.T) { t.Parallel(); s.sentry(t) })
		t.Run("Web Adapter", func(t *testing.T) { t.Parallel(); s.webAdapter(t) })
		t.Run("lambda-sigterm", func(t *testing.T) { t.Parallel(); s.pythonSIGTERM(t) })
		t.Run("aws-lambda-go", func(t *testing.T) { t.Parallel(); s.goSIGTERM(t) })
	})
}

// openTelemetry: an external extension that subscribes to the Telemetry API over
// HTTP and exports what it gets to an OTLP backend.
func (s *stage) openTelemetry(t *testing.T) {
	backend := newBackend(t)
	name := s.deploy(t, function{
		layer: install(t, "opentelemetry-lambda-extension"), runtime: "python3.11", handler: "index.handler",
		files: map[string]string{"index.py": "def handler(event, context):\n    return context.aws_request_id\n"},
		env: map[string]string{
			"LAMBDA_OTEL_EXPORTER_ENDPOINT": "http://" + backend.address, "LAMBDA_OTEL_EXPORTER_COMPRESSION": "none",
			"LAMBDA_OTEL_FLUSH_STRATEGY": "end", "LAMBDA_OTEL_EXPORTER_TIMEOUT": "5000",
		},
	})
	var ids []string
	for range 3 {
		ids = append(ids, strings.Trim(s.invoke(t, name, "{}"), `"`))
	}
	s.retire(t, name) // what happened at the end of the last invocation arrives with the end
	for _, id := range ids {
		backend.await(t, s, name, "POST /v1/metrics", "faas.invocation_id\x12&\n$"+id)
	}
	backend.await(t, s, name, "POST /v1/metrics", "aws.lambda.billed_duration")
	backend.await(t, s, name, "POST /v1/metrics", "spindown")
}

// sentry: an external extension that takes envelopes from the SDK in the function
// and sends them on to Sentry.
func (s *stage) sentry(t *testing.T) {
	backend := newBackend(t)
	dsn := "http://key@" + backend.address + "/42"
	name := s.deploy(t, function{
		layer: install(t, "sentry-extension"), runtime: "python3.11", handler: "index.handler",
		files: map[string]string{"index.py": `
import json, os, time, urllib.request
def handler(event, context):
    if event: return time.sleep(0.1)
    head = json.dumps({"dsn": os.environ["SENTRY_DSN"], "sent_at": "2026-01-10T00:00:00Z"})
    envelope = head + '\n{"type":"event"}\n{"message":"' + context.aws_request_id + '"}\n'
    with urllib.request.urlopen("http://localhost:9000/envelope", envelope.encode()) as answer:
        return [answer.status, context.aws_request_id]
`}, env: map[string]string{"SENTRY_DSN": dsn},
	})
	for range 2 {
		got := s.invoke(t, name, "{}")
		id, ok := strings.CutPrefix(got, `[200, "`)
		if !ok {
			t.Fatalf("got %s\n%s", got, s.log(t, name))
		}
		// The extension does not hold the invocation until Sentry has answered: what
		// is on its way goes on with the next one, here as on AWS.
		backend.during(func() { s.invoke(t, name, `{"only":"time"}`) }).await(t, s, name, "POST /api/42/envelope/?sentry_version=7&sentry_key=key", strings.TrimSuffix(id, `"]`))
	}
}

// webAdapter: an external extension that is the runtime's client besides, so that
// the bootstrap may be any web application.
func (s *stage) webAdapter(t *testing.T) {
	name := s.deploy(t, function{
		layer: install(t, "lambda-adapter"), runtime: "provided.al2023", handler: "bootstrap",
		files: map[string]string{"bootstrap": build(t, "webapp")},
	})
	event := `{"version":"2.0","rawPath":"/over/there","rawQueryString":"a=1","headers":{"host":"h"},"requestContext":{"accountId":"a","apiId":"i",` +
		`"http":{"method":"POST","path":"/over/there","protocol":"HTTP/1.1","sourceIp":"127.0.0.1","userAgent":"u"},"stage":"$default","timeEpoch":1,"requestId":"r",` +
		`"domainName":"d","domainPrefix":"p","time":"10/Jan/2026:00:00:00 +0000"},"body":"hello","isBase64Encoded":false}`
	for range 2 {
		got := s.invoke(t, name, event)
		for _, want := range []string{`"statusCode":418`, `POST /over/there?a=1 hello`, `"x-app":"plain"`} {
			if !strings.Contains(strings.ToLower(got), strings.ToLower(want)) {
				t.Errorf("no %s in %s\n%s", want, got, s.log(t, name))
			}
		}
	}
}

// pythonSIGTERM: an internal extension in a Python function.
func (s *stage) pythonSIGTERM(t *testing.T) {
	name := s.deploy(t, function{
		layer: install(t, "lambda-sigterm"), runtime: "python3.11", handler: "index.handler",
		files: map[string]string{"index.py": `
import os, signal, sys, lambda_sigterm
lambda_sigterm.register()
def leave(number, frame):
    print("goodbye from Python", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
def handler(event, context):
    return "fine"
`},
	})
	s.goodbye(t, name, "goodbye from Python")
}

// goSIGTERM: the internal extension of AWS's library for Go.
func (s *stage) goSIGTERM(t *testing.T) {
	name := s.deploy(t, function{
		runtime: "provided.al2023", handler: "bootstrap", files: map[string]string{"bootstrap": build(t, "sigterm")},
	})
	s.goodbye(t, name, "goodbye from Go")
}

// goodbye ends the environment, of which an internal extension lets the function know.
func (s *stage) goodbye(t *testing.T, name, words string) {
	t.Helper()
	for range 2 {
		if got := s.invoke(t, name, "{}"); got != `"fine"` {
			t.Fatalf("got %s\n%s", got, s.log(t, name))
		}
	}
	if log := s.log(t, name); strings.Contains(log, words) {
		t.Errorf("too early:\n%s", log)
	}
	s.retire(t, name)
	eventually(t, func() error {
		if log := s.log(t, name); !strings.Contains(log, words) {
			return errors.New("no " + words + " in\n" + log)
		}
		return nil
	})
}

// backend is a mock of what an extension sends to, on the host's loopback.
type backend struct {
	address string // as environments reach it

	meanwhile func() // done again and again while something is awaited

	mu  sync.Mutex
	got []string // method, URL and body
}

func (b *backend) during(f func()) *backend {
	b.meanwhile = f
	return b
}

func newBackend(t *testing.T) *backend {
	t.Helper()
	b := &backend{}
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b.address = net.JoinHostPort(hostName, port)
	return b
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // what came is what is looked at
	b.mu.Lock()
	b.got = append(b.got, r.Method+" "+r.URL.String()+"\n"+string(body))
	b.mu.Unlock()
}

// await waits until a request has come that begins and contains so.
func (b *backend) await(t *testing.T, s *stage, function, begins, contains string) {
	t.Helper()
	eventually(t, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, g := range b.got {
			if strings.HasPrefix(g, begins) && strings.Contains(g, contains) {
				return nil
			}
		}
		if b.meanwhile != nil {
			b.mu.Unlock()
			b.meanwhile()
			b.mu.Lock()
		}
		return errors.New("no " + begins + " with " + contains + " among\n" + strings.Join(b.got, "\n---\n") + "\n" + s.log(t, function))
	})
}

// patience is how long what must come may take. It decides nothing when things
// are well.
const patience = 2 * time.Minute

func eventually(t *testing.T, try func() error) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %v: %.8000s", patience, err)
		}
	}
}

var installing sync.Mutex

// install gives the folder of an extension's layer. The first time it fetches
// and builds.
func install(t *testing.T, name string) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "sh", "get.sh", name).CombinedOutput()
	if err != nil {
		t.Skipf("%s cannot be installed here: %v\n%s", name, err, out)
	}
	return filepath.Join("..", "..", "build", "extensions", name)
}

// build compiles a function of this folder.
func build(t *testing.T, name string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", to, "./"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	text, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// retire ends the function's environments.
func (s *stage) retire(t *testing.T, name string) {
	t.Helper()
	_, err := s.client().UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: &name, Description: aws.String("changed")})
	if err != nil {
		t.Fatal(err)
	}
}

// log is what the function has logged.
func (s *stage) log(t *testing.T, name string) string {
	t.Helper()
	resp, err := http.Get(s.URL + "/_lambent/logs?group=/aws/lambda/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out bytes.Buffer
	_, _ = out.ReadFrom(resp.Body) // as much as there is
	return out.String()
}
