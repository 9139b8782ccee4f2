// Package ownapi is what Lambent says of itself over HTTP, beside the AWS API:
// which environments there are, what they log and what an invocation took. The
// command line and whoever watches a host read it; the queue and access keys can be
// changed.
//
//	GET /_lambent/environments                     a JSON list
//	GET /_lambent/ahead                            a JSON list: what is started ahead
//	GET /_lambent/logs?group=G[&since=T][&follow=1]  a JSON record a line
//	GET /_lambent/trace?request=ID                 a JSON timeline
//	GET /_lambent/metrics                          counts, in Prometheus' text format
//	GET /_lambent/queue[?dead=1][&function=F]       a JSON page of asynchronous events
//	POST /_lambent/queue/replay?request=ID          and queue/drop: change one of them
//	GET, POST, DELETE /_lambent/keys                access keys, for the owner of the data folder
//
// Times are RFC 3339, in UTC.
package ownapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Prefix is where the pages of this package begin.
const Prefix = "/_lambent/"

// Environment is one execution environment as people see it.
type Environment struct {
	ID          string    `json:"id"`
	Function    string    `json:"function"`
	Version     string    `json:"version"`
	State       string    `json:"state"` // init, busy, idle, frozen, resetting, stopping
	Born        time.Time `json:"born"`
	LastUsed    time.Time `json:"lastUsed"`
	Invocations int64     `json:"invocations"`
	MemoryMB    int       `json:"memoryMB"`     // in use now
	MemoryPeak  int       `json:"memoryPeakMB"` // the most so far
	MemoryLimit int       `json:"memoryLimitMB"`
	LogStream   string    `json:"logStream"`
	RequestID   string    `json:"requestId,omitempty"` // the invocation in progress
}

// Record is one log event.
type Record struct {
	Time    time.Time `json:"time"`
	Stream  string    `json:"stream"`
	Message string    `json:"message"`
}

// Trace is the timeline of one invocation.
type Trace struct {
	RequestID   string `json:"requestId"`
	Function    string `json:"function"`
	Version     string `json:"version"`
	Environment string `json:"environment"`
	LogStream   string `json:"logStream"`
	Cold        bool   `json:"cold"`
	Status      string `json:"status"` // success, error, failure or timeout; empty while it runs
	ErrorType   string `json:"errorType,omitempty"`
	Spans       []Span `json:"spans"` // in the order of their beginnings
}

// Span is one thing that was done for an invocation.
type Span struct {
	Name     string    `json:"name"`
	Start    time.Time `json:"start"`
	Duration float64   `json:"durationMs"`
}

// ErrNoGroup says that there is no log group of that name.
var ErrNoGroup = errors.New("no such log group")

// Logs reads log groups.
type Logs interface {
	// Since hands over the newest records of a group that are not before a
	// time, limit at most, in the order of their time. ErrNoGroup when there is none.
	Since(ctx context.Context, group string, since time.Time, limit int, f func(Record) error) error
	// Follow goes on handing over records as they come, until ctx ends or f fails.
	Follow(ctx context.Context, group string, since time.Time, f func(Record) error) error
}

// Host tells of the environments.
type Host interface {
	Environments() []Environment
}

// Traces keeps the timelines of the last invocations.
type Traces interface {
	Trace(requestID string) (Trace, bool)
}

// Handler serves the pages.
type Handler struct {
	Host   Host
	Logs   Logs
	Traces Traces
	// Metrics answers with counts.
	Metrics http.Handler
	Queue   Queue
	Keys    Keys
	Ahead   Ahead
	Log     *slog.Logger // gets what callers are not told
}

// failed answers for what went wrong here.
func (h *Handler) failed(w http.ResponseWriter, what string, err error) {
	h.Log.Error(what, "err", err)
	http.Error(w, what, http.StatusInternalServerError)
}

// maxRecords bounds what is shown of the past.
const maxRecords = 10_000

// ServeHTTP answers a page.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Prefix+"environments", h.environments)
	mux.HandleFunc("GET "+Prefix+"ahead", h.ahead)
	mux.HandleFunc("GET "+Prefix+"logs", h.logs)
	mux.HandleFunc("GET "+Prefix+"trace", h.trace)
	if h.Metrics != nil {
		mux.Handle("GET "+Prefix+"metrics", h.Metrics)
	}
	mux.HandleFunc("GET "+Prefix+"queue", h.queue)
	mux.HandleFunc("POST "+Prefix+"queue/replay", h.changeQueue(Queue.Replay))
	mux.HandleFunc("POST "+Prefix+"queue/drop", h.changeQueue(Queue.Drop))
	mux.HandleFunc("GET "+Prefix+"keys", h.keys)
	mux.HandleFunc("POST "+Prefix+"keys", h.createKey)
	mux.HandleFunc("DELETE "+Prefix+"keys", h.revokeKeys)
	mux.ServeHTTP(w, r)
}

func (h *Handler) environments(w http.ResponseWriter, _ *http.Request) {
	list := h.Host.Environments()
	slices.SortFunc(list, func(a, b Environment) int { return a.Born.Compare(b.Born) })
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list) // the reader is gone: nobody to tell
}

func (h *Handler) trace(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("request")
	trace, kept := h.Traces.Trace(id)
	if !kept {
		http.Error(w, "no invocation with the request ID "+strconv.Quote(id)+" is kept; only the last ones are", http.StatusNotFound)
		return
	}
	slices.SortStableFunc(trace.Spans, func(a, b Span) int { return a.Start.Compare(b.Start) })
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(trace) // the reader is gone: nobody to tell
}

// logs streams records; with follow it goes on until the reader leaves.
func (h *Handler) logs(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var since time.Time
	if text := q.Get("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339Nano, text); err != nil {
			http.Error(w, "since: not a time like 2026-01-10T00:00:00Z", http.StatusBadRequest)
			return
		}
	}
	follow, _ := strconv.ParseBool(q.Get("follow"))
	group := q.Get("group")
	if group == "" {
		http.Error(w, "group: which log group?", http.StatusBadRequest)
		return
	}
	out := &stream{w: w, enc: json.NewEncoder(w)}
	read := h.Logs.Follow
	if !follow {
		read = func(ctx context.Context, group string, since time.Time, f func(Record) error) error {
			return h.Logs.Since(ctx, group, since, maxRecords, f)
		}
	}
	out.start(follow)
	err := read(r.Context(), group, since, out.send)
	if errors.Is(err, ErrNoGroup) && !out.begun {
		w.Header().Del("Content-Type")
		http.Error(w, "there is no log group "+group, http.StatusNotFound)
	}
}

// stream writes a record a line.
type stream struct {
	w     http.ResponseWriter
	enc   *json.Encoder
	begun bool
	live  bool
}

func (s *stream) start(live bool) {
	s.w.Header().Set("Content-Type", "application/x-ndjson")
	s.live = live
	if live { // so that a follower knows that it listens
		s.w.WriteHeader(http.StatusOK)
		s.begun = true
		s.flush()
	}
}

func (s *stream) send(r Record) error {
	s.begun = true
	if err := s.enc.Encode(r); err != nil {
		return err
	}
	if s.live {
		s.flush()
	}
	return nil
}

func (s *stream) flush() {
	if f, ok := s.w.(http.Flusher); ok {
		f.Flush()
	}
}
