package runtimeapi_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimeapi"
)

const park = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n"

// parked is a connection whose call of next has waited for long.
func parked(t *testing.T, s *runtimeapi.Server, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	callNext(t, s, nc)
	return nc, bufio.NewReader(nc)
}

func callNext(t *testing.T, s *runtimeapi.Server, nc net.Conn) {
	t.Helper()
	if _, err := io.WriteString(nc, park); err != nil {
		t.Fatal(err)
	}
	for s.Watched() == 0 {
		runtime.Gosched()
	}
}

func answered(t *testing.T, r *bufio.Reader, status int) {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	if res.StatusCode != status {
		t.Fatalf("answered %d, want %d", res.StatusCode, status)
	}
}

// TestWatched: a connection that has been parked for long is served on, again and
// again, and what it says before its answer is served after it.
func TestWatched(t *testing.T) {
	t.Parallel()
	env := newEnvironment()
	s, addr := listen(t, runtimeapi.Config{Runtime: env, Extensions: env})
	nc, r := parked(t, s, addr)
	for range 3 {
		env.invocations <- &lambda.Invocation{RequestID: "r"}
		answered(t, r, http.StatusOK)
		callNext(t, s, nc)
	}
	if _, err := io.WriteString(nc, "GET /2018-06-01/ping HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	env.invocations <- &lambda.Invocation{RequestID: "r"}
	answered(t, r, http.StatusOK)
	answered(t, r, http.StatusOK) // the ping
	if env.taken(); r.Buffered() > 0 {
		t.Error("more was said than was asked for")
	}
}

// TestWatchedIsGone: that the peer of such a connection has gone is noticed.
func TestWatchedIsGone(t *testing.T) {
	t.Parallel()
	env := newEnvironment()
	s, addr := listen(t, runtimeapi.Config{Runtime: env, Extensions: env})
	nc, _ := parked(t, s, addr)
	nc.Close()
	for s.Watched() > 0 {
		runtime.Gosched()
	}
	s.Close()
	if calls := env.taken(); len(calls) != 2 || calls[1] != "gone" {
		t.Errorf("the environment was called for %q, want next, gone", calls)
	}
}
