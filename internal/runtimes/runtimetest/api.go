// Package runtimetest runs a family's bootstrap as a plain process against a
// Runtime API of the test's own, so that what a handler does can be compared
// with what its caller and its log would get.
package runtimetest

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Event is one invocation that the API hands out.
type Event struct {
	ID      string            // default: "id-1", "id-2", …
	Payload string            // default: {}
	Header  map[string]string // further headers of /next; they replace the usual ones
	Chunked bool              // hand it out in chunks, without a length
}

// Answer is what the runtime posted.
type Answer struct {
	Path    string // after /2018-06-01/runtime/: "invocation/id-1/response"
	Header  http.Header
	Trailer http.Header
	Body    string
}

// Deadline is the one that every event has, unless it says otherwise.
const Deadline = 4102444800000 // the year 2100, in milliseconds

// api is the Runtime API of one run.
type api struct {
	server *http.Server
	addr   string
	begun  time.Time

	idle chan struct{} // closed when the runtime waits for an event that will not come

	mu      sync.Mutex
	events  []Event
	handed  int
	answers []Answer
	first   time.Duration // until the first /next
}

func startAPI(t testing.TB, events []Event, closing bool) *api {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for the Runtime API: %v", err)
	}
	a := &api{addr: listener.Addr().String(), events: events, idle: make(chan struct{}), begun: time.Now()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.next)
	mux.HandleFunc("GET /2018-06-01/runtime/restore/next", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /2018-06-01/runtime/", a.post)
	a.server = &http.Server{Handler: mux}
	a.server.SetKeepAlivesEnabled(!closing)
	served := make(chan struct{})
	go func() {
		defer close(served)
		a.server.Serve(listener)
	}()
	t.Cleanup(func() {
		a.server.Close()
		<-served
	})
	return a
}

func (a *api) next(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	if a.first == 0 {
		a.first = time.Since(a.begun)
	}
	n := a.handed
	if n == len(a.events) {
		select {
		case <-a.idle:
		default:
			close(a.idle)
		}
		a.mu.Unlock()
		<-r.Context().Done()
		return
	}
	a.handed++
	e := a.events[n]
	a.mu.Unlock()

	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", requestID(e, n))
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.Itoa(Deadline))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:test")
	h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1")
	for name, value := range e.Header {
		if value == "" {
			h.Del(name)
			continue
		}
		h.Set(name, value)
	}
	payload := e.Payload
	if payload == "" {
		payload = "{}"
	}
	if e.Chunked {
		io.WriteString(w, payload[:1])
		w.(http.Flusher).Flush()
		payload = payload[1:]
	}
	io.WriteString(w, payload)
}

func requestID(e Event, n int) string {
	if e.ID != "" {
		return e.ID
	}
	return "id-" + strconv.Itoa(n+1)
}

func (a *api) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	a.mu.Lock()
	a.answers = append(a.answers, Answer{
		Path:    strings.TrimPrefix(r.URL.Path, "/2018-06-01/runtime/"),
		Header:  r.Header,
		Trailer: r.Trailer,
		Body:    string(body),
	})
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, "{\"status\":\"OK\"}\n")
}
