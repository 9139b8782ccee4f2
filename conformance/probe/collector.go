package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"lambent/conformance/script"
)

// listen opens a receiver of telemetry, which notes every delivery.
func (p *process) listen(s script.Step) script.Record {
	r := script.Record{Label: s.Label}
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", s.Port))
	if err != nil {
		r.Error = err.Error()
		return r
	}
	c := &collector{p: p, step: s}
	if s.Protocol == "TCP" {
		go c.acceptLines(l)
		return r
	}
	server := &http.Server{Handler: c, ReadHeaderTimeout: time.Hour}
	go func() { _ = server.Serve(l) }()
	return r
}

// collector is a receiver of telemetry. With a Code it answers the first Times
// deliveries with that status, or all of them when Times is 0; with Millis it
// takes so long for each.
type collector struct {
	p    *process
	step script.Step

	mu    sync.Mutex
	count int
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	c.count++
	bad := c.step.Code != 0 && (c.step.Times == 0 || c.count <= c.step.Times)
	c.mu.Unlock()
	record := script.Record{
		Label: "delivery:" + c.step.Label, At: micros(), Header: flat(r.Header), Body: string(body),
		Millis: float64(len(body)), Count: records(body),
	}
	record.Header["Method"], record.Header["Path"], record.Header["Host"] = r.Method, r.URL.RequestURI(), r.Host
	if err != nil {
		record.Error = err.Error()
	}
	if c.step.Quiet {
		record.Body = losses(body)
	}
	time.Sleep(time.Duration(c.step.Millis) * time.Millisecond)
	if bad {
		record.Status = c.step.Code
		c.p.note(record)
		w.WriteHeader(c.step.Code)
		return
	}
	c.p.note(record)
}

// records counts the elements of an array, or -1.
func records(body []byte) int {
	var all []json.RawMessage
	if json.Unmarshal(body, &all) != nil {
		return -1
	}
	return len(all)
}

// losses keeps of a batch only what tells of records that were dropped.
func losses(body []byte) string {
	var all, kept []json.RawMessage
	if json.Unmarshal(body, &all) != nil {
		return ""
	}
	for _, one := range all {
		var r struct{ Type string }
		if json.Unmarshal(one, &r) == nil && r.Type == "platform.logsDropped" {
			kept = append(kept, one)
		}
	}
	text, _ := json.Marshal(kept) // what was JSON still is
	return string(text)
}

func (c *collector) acceptLines(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		c.count++
		n := c.count
		c.mu.Unlock()
		go c.lines(conn, n)
	}
}

// lines notes each line with the number of its connection.
func (c *collector) lines(conn net.Conn, n int) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString('\n')
		if line != "" {
			c.p.note(script.Record{Label: "delivery:" + c.step.Label, Body: line, Count: n})
		}
		if err != nil {
			return
		}
	}
}
