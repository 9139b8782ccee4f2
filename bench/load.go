package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

var smallEvent = []byte(`{"name":"world","n":42}`)

// post sends one event and reads the answer to its end.
func post(ctx context.Context, client *http.Client, url string, event []byte) (int, error) {
	return postInto(ctx, client, url, event, io.Discard)
}

// postInto does so, and keeps the answer.
func postInto(ctx context.Context, client *http.Client, url string, event []byte, into io.Writer) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(event))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Amz-Function-Error") != "" {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return 0, fmt.Errorf("%s: status %s: %s", url, resp.Status, bytes.TrimSpace(text))
	}
	n, err := io.Copy(into, resp.Body)
	return int(n), err
}

// newClient is a client of its own for each measurement, so that none inherits
// another's connections.
func newClient(connections int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxIdleConns: connections, MaxIdleConnsPerHost: connections, DisableCompression: true, IdleConnTimeout: time.Minute,
	}}
}

// load posts events from a number of clients, each as soon as it has its last
// answer, for a time.
type load struct {
	clients int
	length  time.Duration
	event   []byte
	pause   time.Duration // between an answer and the next event
}

// run measures a side once. The clients connect and warm up first.
func (l load) run(ctx context.Context, s side) (sample, error) {
	l.clients = cmp.Or(s.clients, l.clients)
	client := newClient(l.clients)
	defer client.CloseIdleConnections()
	warm := l
	warm.length = min(200*time.Millisecond, l.length/4)
	if out := warm.phase(ctx, client, s); out.errors > 0 && len(out.latencies) == 0 {
		return out, fmt.Errorf("%s answers nothing: %w", s.name, out.first)
	}
	before := accountOf(family(s.pid)...)
	out := l.phase(ctx, client, s)
	out.cpu = accountOf(family(s.pid)...).since(before)
	return out, ctx.Err()
}

// phase lets the clients run.
func (l load) phase(ctx context.Context, client *http.Client, s side) sample {
	var all sync.WaitGroup
	each := make([]sample, l.clients)
	began := time.Now()
	for i := range each {
		all.Go(func() { each[i] = l.client(ctx, client, s, began.Add(l.length)) })
	}
	all.Wait()
	out := sample{elapsed: time.Since(began)}
	for _, one := range each {
		out.latencies = append(out.latencies, one.latencies...)
		out.errors += one.errors
		if out.first == nil {
			out.first = one.first
		}
	}
	slices.Sort(out.latencies)
	return out
}

func (l load) client(ctx context.Context, client *http.Client, s side, until time.Time) (out sample) {
	for began := time.Now(); began.Before(until) && ctx.Err() == nil; began = time.Now() {
		_, err := post(ctx, client, s.url, l.event)
		switch {
		case err == nil:
			out.latencies = append(out.latencies, time.Since(began))
		case ctx.Err() == nil:
			if out.errors++; out.errors == 1 {
				out.first = err
			}
		}
		if l.pause > 0 {
			time.Sleep(l.pause) // after a refusal too: who calls now and then does not begin to storm
		}
	}
	return out
}

// bytesEvent is a JSON event of about n bytes.
func bytesEvent(n int) []byte {
	return []byte(`{"data":"` + strings.Repeat("x", max(n-11, 0)) + `"}`)
}
