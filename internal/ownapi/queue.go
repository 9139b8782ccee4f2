package ownapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// QueuedEvent is an asynchronous invocation that is not finished, or that is dead.
type QueuedEvent struct {
	RequestID   string    `json:"requestId"`
	Function    string    `json:"function"`
	Qualifier   string    `json:"qualifier,omitempty"`
	Accepted    time.Time `json:"accepted"`
	Due         time.Time `json:"due"`                 // when it is tried next
	Invocations int       `json:"invocations"`         // so far
	Condition   string    `json:"condition,omitempty"` // of one that is over: Success, RetriesExhausted, …
	Problem     string    `json:"problem,omitempty"`   // why it is still here
}

// QueuePage is the oldest events of a queue, and how many there are in all.
type QueuePage struct {
	Events []QueuedEvent `json:"events"`
	Total  int           `json:"total"`
}

// QueueChange tells whether there was an event to replay or to drop.
type QueueChange struct {
	Found bool `json:"found"`
}

// Queue is the asynchronous invocations.
type Queue interface {
	// Queued lists the oldest events that wait, or the oldest dead ones.
	Queued(ctx context.Context, dead bool, function string, limit int) (QueuePage, error)
	// Replay tries an event at once; Drop forgets it. False means that there is no
	// such event, or that it runs.
	Replay(ctx context.Context, requestID string) (bool, error)
	Drop(ctx context.Context, requestID string) (bool, error)
}

// maxQueued bounds one page.
const maxQueued = 1000

func (h *Handler) queue(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	dead, _ := strconv.ParseBool(q.Get("dead"))
	page, err := h.Queue.Queued(r.Context(), dead, q.Get("function"), maxQueued)
	if err != nil {
		h.failed(w, "the queue can't be read", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(page) // the reader is gone: nobody to tell
}

// changeQueue replays or drops one event.
func (h *Handler) changeQueue(act func(Queue, context.Context, string) (bool, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("request")
		found, err := act(h.Queue, r.Context(), id)
		if err != nil {
			h.failed(w, "the queue can't be changed", err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(QueueChange{found}) // the reader is gone: nobody to tell
	}
}
