package simulated

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"

	"lambent/internal/sandbox"
)

// Extension plays an external extension: a client of the Extensions API, which
// behaves as its script says.
type Extension struct {
	Events []string // nil is INVOKE and SHUTDOWN; empty is none

	// Launch comes before the registration, Init after it and before the first
	// Next. An Error of Init is posted to /init/error and ends the process with
	// status 1 unless the Turn says how.
	Launch, Init func(p *Process) Turn
	// Invoke handles an INVOKE event; its Error is posted to /exit/error and
	// ends the process likewise. Shutdown handles a SHUTDOWN event, after which
	// the process exits with status 0.
	Invoke, Shutdown func(p *Process, event ExtensionEvent) Turn

	// Telemetry subscribes after the registration when it is set.
	Telemetry *Telemetry
}

// ExtensionEvent is what an extension got.
type ExtensionEvent struct {
	EventType          string `json:"eventType"`
	DeadlineMs         int64  `json:"deadlineMs"`
	RequestID          string `json:"requestId"`
	InvokedFunctionARN string `json:"invokedFunctionArn"`
	ShutdownReason     string `json:"shutdownReason"`
}

// Telemetry is a subscription over HTTP.
type Telemetry struct {
	Port     int
	Types    []string          // nil is platform, function and extension
	Received func(body []byte) // one delivery

	// Late subscribes with the first INVOKE instead, when it must be refused,
	// and tells the status.
	Late func(status int)
}

const extensionPath = "/2020-01-01/extension/"

// Program is the process's life.
func (e Extension) Program(p *Process) sandbox.Exit {
	c := &client{p: p, address: p.Env("AWS_LAMBDA_RUNTIME_API")}
	if e.Launch != nil {
		turn := e.Launch(p)
		turn.begin(p)
		turn.end(p)
	}
	id, failed := e.register(p, c)
	if failed != nil {
		return *failed
	}
	if e.Telemetry != nil && e.Telemetry.Late == nil {
		if failed := e.Telemetry.subscribe(p, c, id); failed != nil {
			return *failed
		}
	}
	if e.Init != nil {
		turn := e.Init(p)
		turn.begin(p)
		e.complain(p, c, id, "init/error", turn)
		turn.end(p)
	}
	return e.serve(p, c, id)
}

func (e Extension) register(p *Process, c *client) (id http.Header, failed *sandbox.Exit) {
	events := e.Events
	if events == nil {
		events = []string{"INVOKE", "SHUTDOWN"}
	}
	body, err := json.Marshal(map[string][]string{"events": events})
	if err != nil {
		panic(err) // strings always have a JSON form
	}
	header := http.Header{"Lambda-Extension-Name": {path.Base(p.Command.Path)}}
	got, err := c.call("POST", extensionPath+"register", header, bodyOf(body))
	if err != nil || got.Status != http.StatusOK {
		exit := fault(p, "register", got, err)
		return nil, &exit
	}
	return http.Header{"Lambda-Extension-Identifier": {got.Header.Get("Lambda-Extension-Identifier")}}, nil
}

func (e Extension) serve(p *Process, c *client, id http.Header) sandbox.Exit {
	late := e.Telemetry != nil && e.Telemetry.Late != nil
	for {
		got, err := c.call("GET", extensionPath+"event/next", id, nil)
		if err != nil || got.Status != http.StatusOK {
			return fault(p, "next", got, err)
		}
		var event ExtensionEvent
		if err := json.Unmarshal(got.Body, &event); err != nil {
			return fault(p, "event", got, err)
		}
		if late && event.EventType == "INVOKE" {
			late = false
			if got, err := e.Telemetry.ask(c, id); err == nil {
				e.Telemetry.Late(got.Status)
			}
		}
		script := e.Invoke
		if event.EventType == "SHUTDOWN" {
			script = e.Shutdown
		}
		if script != nil {
			turn := script(p, event)
			turn.begin(p)
			e.complain(p, c, id, "exit/error", turn)
			turn.end(p)
		}
		if event.EventType == "SHUTDOWN" {
			return sandbox.Exit{}
		}
	}
}

// complain posts a turn's error and ends the process.
func (e Extension) complain(p *Process, c *client, id http.Header, act string, turn Turn) {
	if turn.Error == "" {
		return
	}
	header := id.Clone()
	header.Set("Lambda-Extension-Function-Error-Type", turn.Error)
	c.call("POST", extensionPath+act, header, errorBody(turn.Error))
	turn.end(p)
	p.Exit(sandbox.Exit{Code: 1})
}

func (t Telemetry) subscribe(p *Process, c *client, id http.Header) *sandbox.Exit {
	l, err := p.Listen("sandbox.localdomain", t.Port)
	if err != nil {
		exit := fault(p, "listen for telemetry", reply{}, err)
		return &exit
	}
	p.Go(func() { t.accept(p, l) })
	got, err := t.ask(c, id)
	if err != nil || got.Status != http.StatusOK {
		exit := fault(p, "subscribe to telemetry", got, err)
		return &exit
	}
	return nil
}

// ask sends the subscription.
func (t Telemetry) ask(c *client, id http.Header) (reply, error) {
	types := t.Types
	if types == nil {
		types = []string{"platform", "function", "extension"}
	}
	body, err := json.Marshal(map[string]any{
		"schemaVersion": "2022-12-13", "types": types,
		"buffering":   map[string]int{"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 100},
		"destination": map[string]string{"protocol": "HTTP", "URI": fmt.Sprintf("http://sandbox.localdomain:%d", t.Port)},
	})
	if err != nil {
		panic(err) // strings and numbers always have a JSON form
	}
	return c.call("PUT", "/2022-07-01/telemetry", id, bodyOf(body))
}

func (t Telemetry) accept(p *Process, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		p.Go(func() { t.receive(p, conn) })
	}
}

func (t Telemetry) receive(p *Process, conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		if t.Received != nil {
			p.Gate()
			t.Received(body)
		}
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
			return
		}
	}
}
