package simulated_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/sandbox"
	"lambent/internal/sandbox/simulated"
)

// api is a Runtime API that offers its events once each and notes what it hears.
type api struct {
	events chan string

	mu    sync.Mutex
	heard []string
}

func (a *api) note(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard = append(a.heard, fmt.Sprintf(format, args...))
}

func (a *api) notes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.heard)
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		a.note("%s: %v", r.URL.Path, err)
		return
	}
	switch {
	case r.Method == http.MethodGet:
		select {
		case event := <-a.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "id")
			io.WriteString(w, event)
		case <-r.Context().Done():
		}
	case strings.HasSuffix(r.URL.Path, "/register"):
		a.note("register %s %s", r.Header.Get("Lambda-Extension-Name"), body)
		w.Header().Set("Lambda-Extension-Identifier", "ext-id")
	case strings.HasSuffix(r.URL.Path, "/telemetry"):
		a.note("subscribe %s", r.Header.Get("Lambda-Extension-Identifier"))
	default:
		kind := r.Header.Get("Lambda-Runtime-Function-Error-Type") + r.Header.Get("Lambda-Extension-Function-Error-Type")
		a.note("%s %s%s", r.URL.Path, kind, body)
		w.WriteHeader(http.StatusAccepted)
	}
}

// play runs a program against an api with these events and says what was heard
// and how the process ended. check runs once everything has come to rest.
func play(t *testing.T, program simulated.Program, events []string, check func(sandbox.Sandbox)) (heard []string, exit sandbox.Exit, out string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d, s := host(t, programs{"/opt/extensions/x": program}, simulated.Faults{})
		l, err := s.Listen("169.254.100.1", 9001)
		if err != nil {
			t.Fatal(err)
		}
		a := &api{events: make(chan string, len(events))}
		for _, e := range events {
			a.events <- e
		}
		server := &http.Server{Handler: a}
		go server.Serve(l)
		var stdout bytes.Buffer
		p := start(t, s, sandbox.Command{Path: "/opt/extensions/x", Stdout: &stdout,
			Env: []string{"AWS_LAMBDA_RUNTIME_API=169.254.100.1:9001"}})
		time.Sleep(time.Minute)
		synctest.Wait()
		if check != nil {
			check(s)
		}
		if err := s.Kill(t.Context()); err != nil {
			t.Error(err)
		}
		<-p.Done()
		server.Close()
		heard, exit, out = a.notes(), p.Exit(), stdout.String()
		done(t, d, s)
	})
	return heard, exit, out
}

func TestRuntimeScripts(t *testing.T) {
	t.Parallel()
	const invocation = "/2018-06-01/runtime/invocation/id/"
	tests := []struct {
		name   string
		init   *simulated.Turn
		invoke simulated.Turn
		events []string
		heard  []string
		exit   string
		out    string
	}{
		{name: "echo", events: []string{"1", "2"}, heard: []string{invocation + "response 1", invocation + "response 2"}, exit: "signal: killed"},
		{name: "answer", invoke: simulated.Turn{Lines: []string{"a"}, Answer: []byte("yes"), LinesAfter: []string{"b"}, Work: time.Second},
			events: []string{"1"}, heard: []string{invocation + "response yes"}, exit: "signal: killed", out: "a\nb\n"},
		{name: "error", invoke: simulated.Turn{Error: "My.Error"}, events: []string{"1"},
			heard: []string{invocation + `error My.Error{"errorMessage":"scripted","errorType":"My.Error"}`}, exit: "signal: killed"},
		{name: "exit before", invoke: simulated.Turn{Exit: simulated.Exited(9)}, events: []string{"1"}, exit: "exit status 9"},
		{name: "exit after", invoke: simulated.Turn{ExitAfter: simulated.Exited(8)}, events: []string{"1", "2"},
			heard: []string{invocation + "response 1"}, exit: "exit status 8"},
		{name: "hang", invoke: simulated.Turn{Hang: true}, events: []string{"1"}, exit: "signal: killed"},
		{name: "stream", invoke: simulated.Turn{Stream: []simulated.Chunk{{Data: "one "}, {Sleep: time.Second, Data: "two"}}}, events: []string{"1"},
			heard: []string{invocation + "response one two"}, exit: "signal: killed"},
		{name: "truncate", invoke: simulated.Turn{Truncate: true, ExitAfter: simulated.Exited(1)}, events: []string{"1"},
			heard: []string{invocation + "response: unexpected EOF"}, exit: "exit status 1"},
		{name: "slow init", init: &simulated.Turn{Sleep: 2 * time.Minute}, events: []string{"1"}, exit: "signal: killed"},
		{name: "init error", init: &simulated.Turn{Error: "Init.Error"}, events: []string{"1"},
			heard: []string{`/2018-06-01/runtime/init/error Init.Error{"errorMessage":"scripted","errorType":"Init.Error"}`}, exit: "exit status 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := simulated.Runtime{Invoke: func(*simulated.Process, simulated.Invocation) simulated.Turn { return tt.invoke }}
			if tt.init != nil {
				r.Init = func(*simulated.Process) simulated.Turn { return *tt.init }
			}
			heard, exit, out := play(t, r.Program, tt.events, nil)
			if !slices.Equal(heard, tt.heard) {
				t.Errorf("the API heard %q, want %q", heard, tt.heard)
			}
			if exit.String() != tt.exit || out != tt.out {
				t.Errorf("ended with %s after %q, want %s after %q", exit, out, tt.exit, tt.out)
			}
		})
	}
}

func TestExtensionScripts(t *testing.T) {
	t.Parallel()
	const (
		register = `register x {"events":["INVOKE","SHUTDOWN"]}`
		invoke   = `{"eventType":"INVOKE","requestId":"id"}`
		shutdown = `{"eventType":"SHUTDOWN","shutdownReason":"spindown"}`
	)
	say := func(turn simulated.Turn) func(*simulated.Process, simulated.ExtensionEvent) simulated.Turn {
		return func(_ *simulated.Process, e simulated.ExtensionEvent) simulated.Turn {
			turn.Lines = []string{e.EventType + e.RequestID + e.ShutdownReason}
			return turn
		}
	}
	tests := []struct {
		name   string
		script simulated.Extension
		events []string
		heard  []string
		exit   string
		out    string
	}{
		{name: "a whole life", script: simulated.Extension{Invoke: say(simulated.Turn{}), Shutdown: say(simulated.Turn{})},
			events: []string{invoke, shutdown}, heard: []string{register}, exit: "exit status 0", out: "INVOKEid\nSHUTDOWNspindown\n"},
		{name: "no events", script: simulated.Extension{Events: []string{}}, heard: []string{`register x {"events":[]}`}, exit: "signal: killed"},
		{name: "never registers", script: simulated.Extension{Launch: func(*simulated.Process) simulated.Turn { return simulated.Turn{Hang: true} }}, exit: "signal: killed"},
		{name: "init error", script: simulated.Extension{Init: func(*simulated.Process) simulated.Turn { return simulated.Turn{Error: "E"} }},
			heard: []string{register, `/2020-01-01/extension/init/error E{"errorMessage":"scripted","errorType":"E"}`}, exit: "exit status 1"},
		{name: "exit error", script: simulated.Extension{Invoke: say(simulated.Turn{Error: "E", ExitAfter: simulated.Exited(5)})}, events: []string{invoke},
			heard: []string{register, `/2020-01-01/extension/exit/error E{"errorMessage":"scripted","errorType":"E"}`}, exit: "exit status 5", out: "INVOKEid\n"},
		{name: "crash", script: simulated.Extension{Invoke: say(simulated.Turn{Exit: simulated.Exited(2)})}, events: []string{invoke},
			heard: []string{register}, exit: "exit status 2", out: "INVOKEid\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			heard, exit, out := play(t, tt.script.Program, tt.events, nil)
			if !slices.Equal(heard, tt.heard) {
				t.Errorf("the API heard %q, want %q", heard, tt.heard)
			}
			if exit.String() != tt.exit || out != tt.out {
				t.Errorf("ended with %s after %q, want %s after %q", exit, out, tt.exit, tt.out)
			}
		})
	}
}

func TestExtensionHearsTelemetry(t *testing.T) {
	t.Parallel()
	var got []string
	ext := simulated.Extension{Telemetry: &simulated.Telemetry{Port: 4243, Received: func(b []byte) { got = append(got, string(b)) }}}
	heard, _, _ := play(t, ext.Program, nil, func(s sandbox.Sandbox) {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer(s)}}
		resp, err := client.Post("http://sandbox.localdomain:4243", "application/json", strings.NewReader("[1]"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	})
	if want := []string{`register x {"events":["INVOKE","SHUTDOWN"]}`, "subscribe ext-id"}; !slices.Equal(heard, want) {
		t.Errorf("the API heard %q, want %q", heard, want)
	}
	if !slices.Equal(got, []string{"[1]"}) {
		t.Errorf("the extension received %q", got)
	}
}

func dialer(s sandbox.Sandbox) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		return s.(sandbox.Dialer).Dial(ctx, address)
	}
}
