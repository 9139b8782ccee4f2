package ownapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// fakeQueue has one event, r.
type fakeQueue struct {
	broken bool
	did    []string
}

var errBroken = errors.New("disk on fire")

func (q *fakeQueue) Queued(_ context.Context, dead bool, function string, limit int) (QueuePage, error) {
	if q.broken {
		return QueuePage{}, errBroken
	}
	if !dead || function != "f" || limit != maxQueued {
		return QueuePage{Events: []QueuedEvent{}}, nil
	}
	return QueuePage{Events: []QueuedEvent{{RequestID: "r", Function: "f", Condition: "RetriesExhausted"}}, Total: 7}, nil
}

func (q *fakeQueue) act(what, id string) (bool, error) {
	if q.broken {
		return false, errBroken
	}
	q.did = append(q.did, what+" "+id)
	return id == "r", nil
}

func (q *fakeQueue) Replay(_ context.Context, id string) (bool, error) { return q.act("replay", id) }
func (q *fakeQueue) Drop(_ context.Context, id string) (bool, error)   { return q.act("drop", id) }

func TestQueuePages(t *testing.T) {
	t.Parallel()
	q := &fakeQueue{}
	var log strings.Builder
	s := httptest.NewServer(&Handler{Queue: q, Log: slog.New(slog.NewTextHandler(&log, nil))})
	defer s.Close()
	ask := func(method, path string, status int, want string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+Prefix+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != status || !strings.Contains(string(body), want) || strings.Contains(string(body), "fire") {
			t.Errorf("%s %s: %d %s, want %d with %s", method, path, resp.StatusCode, body, status, want)
		}
	}
	ask("GET", "queue", 200, `{"events":[],"total":0}`)
	ask("GET", "queue?dead=1&function=f", 200, `"requestId":"r","function":"f"`)
	ask("GET", "queue?dead=1&function=f", 200, `"total":7`)
	ask("POST", "queue/replay?request=r", 200, `{"found":true}`)
	ask("POST", "queue/drop?request=x", 200, `{"found":false}`)
	ask("GET", "queue/drop?request=r", 405, "")
	if got := strings.Join(q.did, ", "); got != "replay r, drop x" {
		t.Errorf("did %s", got)
	}
	q.broken = true
	ask("GET", "queue", 500, "can't be read")
	ask("POST", "queue/drop?request=r", 500, "can't be changed")
	s.Close()
	if n := strings.Count(log.String(), "disk on fire"); n != 2 {
		t.Errorf("the log has the cause %d times, want 2:\n%s", n, log.String())
	}
}
