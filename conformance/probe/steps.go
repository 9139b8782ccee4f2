package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
	"syscall"
	"time"

	"lambent/conformance/script"
)

func micros() int64 { return time.Now().UnixMicro() }

func (p *process) all(steps []script.Step) {
	for _, s := range steps {
		p.step(s)
	}
}

// step does one thing and notes what came of it.
func (p *process) step(s script.Step) {
	switch s.Do {
	case "request":
		p.noteRequest(s)
	case "raw":
		p.note(p.raw(s))
	case "sleep":
		time.Sleep(time.Duration(s.Millis) * time.Millisecond)
		p.note(script.Record{Label: s.Label})
	case "print":
		fmt.Print(strings.Repeat(p.expand(s.Text), max(s.Times, 1)))
	case "exit":
		os.Exit(s.Code)
	case "signal":
		_ = syscall.Kill(os.Getpid(), syscall.Signal(s.Code))
		hang()
	case "hang":
		hang()
	case "trap":
		p.trap()
	case "note":
		p.note(script.Record{Label: s.Label})
	case "async":
		p.waiting.Go(func() { p.all(s.Steps) })
	case "wait":
		p.waiting.Wait()
	case "repeat":
		for range s.Times {
			p.all(s.Steps)
		}
	case "tick":
		go p.tick(s)
	case "listen":
		p.note(p.listen(s))
	case "environment":
		p.note(environment(s.Label))
	case "file":
		p.note(file(s))
	default:
		p.note(script.Record{Label: s.Label, Error: "unknown step " + s.Do})
	}
}

// hang waits for ever, on a timer: a Go program in which nothing can happen any
// more ends by itself.
func hang() {
	for {
		time.Sleep(time.Hour)
	}
}

func (p *process) noteRequest(s script.Step) {
	r := p.request(s)
	p.note(r)
	posted := strings.HasSuffix(s.Path, "/response") || strings.HasSuffix(s.Path, "/error")
	if s.Method == "POST" && posted && (r.Status == http.StatusAccepted || r.Status == http.StatusRequestEntityTooLarge) {
		p.mu.Lock()
		p.answered = true
		p.mu.Unlock()
	}
}

// expand puts variables into a text.
func (p *process) expand(text string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, value := range p.variables {
		text = strings.ReplaceAll(text, "${"+name+"}", value)
	}
	return text
}

// request speaks HTTP to the Runtime API and tells the answer.
func (p *process) request(s script.Step) script.Record {
	began := time.Now()
	r := script.Record{Label: s.Label}
	req, err := p.build(s)
	if err != nil {
		r.Error = err.Error()
		return r
	}
	client := *p.client
	client.Timeout = time.Duration(s.Millis) * time.Millisecond
	resp, err := client.Do(req)
	if err != nil {
		r.Error, r.Millis = err.Error(), millis(began)
		return r
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Error = err.Error()
	}
	r.At, r.Status, r.Body, r.Header, r.Millis = micros(), resp.StatusCode, string(body), flat(resp.Header), millis(began)
	for name, header := range s.Save {
		p.set(name, resp.Header.Get(header))
	}
	return r
}

func (p *process) build(s script.Step) (*http.Request, error) {
	text := p.expand(s.Body) + strings.Repeat("x", s.Size)
	var body io.Reader
	switch {
	case s.Chunked:
		body = struct{ io.Reader }{strings.NewReader(text)} // of a length that nobody knows
	case text != "" || s.Method == "POST" || s.Method == "PUT":
		body = strings.NewReader(text)
	}
	req, err := http.NewRequest(s.Method, "http://"+p.api+p.expand(s.Path), body)
	if err != nil {
		return nil, err
	}
	for name, value := range s.Header {
		req.Header.Set(name, p.expand(value))
	}
	for name, value := range s.Trailer {
		if req.Trailer == nil {
			req.Trailer = http.Header{}
		}
		req.Trailer.Set(name, value)
	}
	return req, nil
}

func flat(h http.Header) map[string]string {
	out := map[string]string{}
	for name, values := range h {
		out[name] = strings.Join(values, ", ")
	}
	return out
}

func millis(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1000 }

// raw sends bytes as they are, closes its side when Code is 1, and reads an
// answer if one comes.
func (p *process) raw(s script.Step) script.Record {
	r := script.Record{Label: s.Label}
	conn, err := net.Dial("tcp", p.api)
	if err != nil {
		r.Error = err.Error()
		return r
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Duration(max(s.Millis, 2000)) * time.Millisecond))
	if _, err := io.WriteString(conn, p.expand(s.Text)); err != nil {
		r.Error = err.Error()
		return r
	}
	if half, ok := conn.(*net.TCPConn); ok && s.Code == 1 {
		_ = half.CloseWrite()
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		r.Error = err.Error()
		return r
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		r.Error = err.Error()
	}
	r.Status, r.Header, r.Body = resp.StatusCode, flat(resp.Header), string(body)
	return r
}

// tick notes the time again and again in the background, and the longest that
// it did not get to it.
func (p *process) tick(s script.Step) {
	every := time.Duration(s.Millis) * time.Millisecond
	last, longest := time.Now(), time.Duration(0)
	for {
		time.Sleep(every)
		now := time.Now().Round(0) // of the wall clock, which a freeze does not stop
		if gap := now.Sub(last.Round(0)); gap > longest {
			longest = gap
			p.note(script.Record{Label: s.Label, Millis: float64(gap.Milliseconds())})
		}
		last = now
	}
}

func environment(label string) script.Record {
	all := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		all[name] = value
	}
	dir, _ := os.Getwd()
	return script.Record{Label: label, Header: all, Body: dir, Count: os.Getuid(), Status: processGroup()}
}

// processGroup is 1 for the leader of a process group.
func processGroup() int {
	if syscall.Getpgrp() == os.Getpid() {
		return 1
	}
	return 0
}

// file writes a file when there is a text, and reads it otherwise; a folder is
// listed.
func file(s script.Step) script.Record {
	r := script.Record{Label: s.Label}
	var err error
	var text []byte
	if s.Text != "" {
		err = os.WriteFile(s.Path, []byte(s.Text), 0o666)
	} else if text, err = os.ReadFile(s.Path); errors.Is(err, syscall.EISDIR) {
		text, err = list(s.Path)
	}
	if err != nil {
		r.Error = err.Error()
	}
	r.Body = string(text)
	return r
}

func list(path string) ([]byte, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	sort.Strings(names)
	return json.Marshal(names)
}
