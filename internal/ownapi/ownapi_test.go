package ownapi

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

type fake struct{ more chan Record }

func (fake) Stocks() []Stock { return []Stock{{Program: "python3.11", Ready: 2, Taken: 5}} }

func (fake) Environments() []Environment {
	return []Environment{{ID: "b", Born: time.Unix(2, 0)}, {ID: "a", Born: time.Unix(1, 0)}}
}

func (fake) Trace(id string) (Trace, bool) {
	spans := []Span{{Name: "invoke", Start: time.Unix(2, 0), Duration: 1.5}, {Name: "sandbox", Start: time.Unix(1, 0)}}
	return Trace{RequestID: id, Spans: spans}, id == "r"
}

func (f fake) Since(_ context.Context, group string, since time.Time, _ int, do func(Record) error) error {
	if group != "g" {
		return ErrNoGroup
	}
	return do(Record{Message: "at " + since.UTC().Format(time.RFC3339)})
}

func (f fake) Follow(ctx context.Context, _ string, _ time.Time, do func(Record) error) error {
	for {
		select {
		case r := <-f.more:
			if err := do(r); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	f := fake{make(chan Record)}
	s := httptest.NewServer(&Handler{Host: f, Logs: f, Traces: f, Ahead: f})
	defer s.Close()
	for _, c := range []struct {
		path, want string
		status     int
	}{
		{"environments", `[{"id":"a"`, 200},
		{"ahead", `[{"program":"python3.11","ready":2,`, 200},
		{"logs?group=g&since=2026-01-10T00:00:00Z", `"message":"at 2026-01-10T00:00:00Z"`, 200},
		{"logs?group=other", "there is no log group other", 404},
		{"logs", "which log group", 400},
		{"logs?group=g&since=yesterday", "not a time", 400},
		{"trace?request=r", `"spans":[{"name":"sandbox","start":"1970-01-01T00:00:01Z","durationMs":0},{"name":"invoke"`, 200},
		{"trace?request=x", `no invocation with the request ID "x" is kept`, 404},
		{"trace", `no invocation with the request ID "" is kept`, 404},
		{"nothing", "not found", 404},
	} {
		r, err := http.Get(s.URL + Prefix + c.path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != c.status || !strings.Contains(string(body), c.want) {
			t.Errorf("%s: %d %s, want %d with %s", c.path, r.StatusCode, body, c.status, c.want)
		}
	}
}

// TestFollow: a record is seen as soon as it is there, and the reader's leaving ends it.
func TestFollow(t *testing.T) {
	t.Parallel()
	f := fake{make(chan Record)}
	s := httptest.NewServer(&Handler{Host: f, Logs: f})
	defer s.Close()
	r, err := http.Get(s.URL + Prefix + "logs?group=g&follow=1")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	for _, text := range []string{"one", "two"} {
		f.more <- Record{Message: text}
		if !lines.Scan() || !strings.Contains(lines.Text(), text) {
			t.Fatalf("got %q, want %s", lines.Text(), text)
		}
	}
}
