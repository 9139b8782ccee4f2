// Program probe is the conformance suite's process inside an environment: the
// runtime when it runs as bootstrap, and otherwise an external extension. It
// does what its script says and writes down what came of it. A script is a file
// whose first line names this program as its interpreter.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"lambent/conformance/script"
)

const (
	runtimePath   = "/2018-06-01/runtime/"
	extensionPath = "/2020-01-01/extension/"
)

func main() {
	p, err := newProcess(os.Args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(97)
	}
	if p.script.Idle {
		p.idle()
	}
	p.note(script.Record{Label: "started", Body: strings.Join(os.Args[1:], " ")})
	p.moment("init")
	if p.name == "bootstrap" {
		p.serveInvocations()
	}
	p.serveEvents()
}

// process is this process and what it knows.
type process struct {
	name    string
	api     string
	run     int
	script  script.Script
	client  *http.Client
	waiting sync.WaitGroup // async steps

	mu        sync.Mutex
	variables map[string]string
	answered  bool
	records   []script.Record // of the invocation in progress
}

func newProcess(args []string) (*process, error) {
	if len(args) < 2 {
		return nil, fmt.Errorf("which script?")
	}
	text, err := os.ReadFile(args[1])
	if err != nil {
		return nil, err
	}
	_, text, _ = bytes.Cut(text, []byte("\n"))
	p := &process{
		name: filepath.Base(args[1]), api: os.Getenv("AWS_LAMBDA_RUNTIME_API"), variables: map[string]string{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
	}
	if err := json.Unmarshal(text, &p.script); err != nil {
		return nil, fmt.Errorf("read script of %s: %w", p.name, err)
	}
	p.run = p.count("run")
	return p, nil
}

// count counts how often something has happened in this environment's life to
// processes of this name.
func (p *process) count(what string) int {
	path := filepath.Join(os.TempDir(), "count-"+p.name+"-"+what)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return 0
	}
	defer f.Close()
	_, _ = f.WriteString(".")
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return int(info.Size())
}

// moment runs the steps for a moment, those of this very one if there are any.
func (p *process) moment(name string) {
	n := p.count(name)
	steps, special := p.script.Moments[fmt.Sprintf("%s#%d", name, n)]
	if !special {
		steps = p.script.Moments[name]
	}
	p.all(steps)
}

// transcript is where all processes of an environment write what they saw.
func transcript() string { return filepath.Join(os.TempDir(), "transcript") }

// serveInvocations is the life of a runtime. It never returns.
func (p *process) serveInvocations() {
	for {
		next := p.request(script.Step{Do: "request", Label: "next", Method: "GET", Path: runtimePath + "invocation/next"})
		p.note(next)
		if next.Status != http.StatusOK {
			os.Exit(96)
		}
		var event script.Event
		_ = json.Unmarshal([]byte(next.Body), &event) // an event of another shape asks for nothing
		p.mu.Lock()
		p.variables["id"] = next.Header["Lambda-Runtime-Aws-Request-Id"]
		p.variables["attempt"] = next.Header["Lambda-Runtime-Invocation-Id"]
		p.answered, p.records = false, nil
		p.mu.Unlock()
		p.moment("invoke")
		p.all(event.Steps)
		p.answer(event, next.Header)
		p.moment("after")
	}
}

// answer answers the invocation unless a step has.
func (p *process) answer(event script.Event, header map[string]string) {
	p.mu.Lock()
	records, done := p.records, p.answered || event.Silent
	p.mu.Unlock()
	if done {
		return
	}
	if event.Collect {
		records = collected()
	}
	body, err := json.Marshal(script.Answer{Header: header, Records: records})
	if err != nil {
		os.Exit(95)
	}
	p.request(script.Step{Method: "POST", Path: runtimePath + "invocation/${id}/response", Body: string(body)})
}

// collected reads the transcript.
func collected() []script.Record {
	text, err := os.ReadFile(transcript())
	if err != nil {
		return nil
	}
	var all []script.Record
	for line := range bytes.Lines(text) {
		var r script.Record
		if json.Unmarshal(line, &r) == nil {
			all = append(all, r)
		}
	}
	return all
}

// serveEvents is the life of an external extension. It never returns.
func (p *process) serveEvents() {
	for {
		next := p.request(script.Step{
			Do: "request", Label: "event", Method: "GET", Path: extensionPath + "event/next",
			Header: map[string]string{"Lambda-Extension-Identifier": "${ext}"},
		})
		p.note(next)
		var event struct{ EventType, RequestID string }
		if next.Status != http.StatusOK || json.Unmarshal([]byte(next.Body), &event) != nil {
			os.Exit(96)
		}
		if event.EventType == "SHUTDOWN" {
			p.moment("shutdown")
			os.Exit(0)
		}
		p.set("id", event.RequestID)
		p.moment("invoke")
	}
}

func (p *process) set(name, value string) {
	p.mu.Lock()
	p.variables[name] = value
	p.mu.Unlock()
}

// note writes a record down where every process of the environment does.
func (p *process) note(r script.Record) {
	if r.Label == "" {
		return
	}
	r.Process, r.Run = p.name, p.run
	if r.At == 0 {
		r.At = micros()
	}
	line, err := json.Marshal(r)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records = append(p.records, r)
	if p.script.Tell {
		fmt.Printf("RECORD %s\n", line)
	}
	f, err := os.OpenFile(transcript(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.Write(append(line, '\n'))
}

// trap has SIGTERM run the steps of its moment instead of ending the process.
func (p *process) trap() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		for range signals {
			p.note(script.Record{Label: "SIGTERM"})
			p.moment("term")
		}
	}()
}
