package awsapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// caller is a connection that waits to be accepted; its requests are sent, and
// answered, when somebody takes them.
type caller struct {
	net.Conn
	answered atomic.Int32 // answers that have come
}

// call sends a request and leaves its connection open.
func (p pipes) call(path string, body string) *caller {
	ours, theirs := net.Pipe()
	c := &caller{Conn: ours}
	go func() {
		p.conns <- theirs
		fmt.Fprintf(ours, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	}()
	go func() {
		r := bufio.NewReader(ours)
		for {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			c.answered.Add(1)
		}
	}()
	return c
}

// bounded runs a test with a Serve that has bounds.
func bounded(t *testing.T, b Bounds, handler http.HandlerFunc, test func(pipes)) {
	synctest.Test(t, func(t *testing.T) {
		l := pipes{make(chan net.Conn), make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- Serve(ctx, l, handler, b, time.Second, slog.New(slog.DiscardHandler)) }()
		test(l)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestConnectionsAreBounded: whoever serves a connection, quick or net/http, its seat
// is free when it has ended, and not before.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	bounded(t, Bounds{Connections: 2}, echo, func(l pipes) {
		open := []*caller{l.call("/other", "{}"), l.call(invocation, "{}")}
		for range 6 {
			synctest.Wait()
			next := l.call(invocation, "{}")
			if len(open)%2 == 1 {
				next = l.call("/other", "{}")
			}
			synctest.Wait()
			if next.answered.Load() != 0 {
				t.Fatal("there is a third connection beside two")
			}
			for _, c := range open {
				if c.answered.Load() != 1 {
					t.Fatal("one of two is not answered")
				}
			}
			open[0].Close()
			synctest.Wait()
			if next.answered.Load() != 1 {
				t.Fatal("the third is not served when the first has gone")
			}
			open = append(open[1:], next)
		}
		for _, c := range open {
			c.Close()
		}
	})
}

// TestBodiesAreBounded: large bodies wait for room, small ones do not.
func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	const size = 2 * smallBody
	var inside atomic.Int32
	var release chan struct{}
	bounded(t, Bounds{Bodies: 2*size + smallBody}, func(_ http.ResponseWriter, r *http.Request) {
		if n, _ := io.Copy(io.Discard, r.Body); n > smallBody {
			inside.Add(1)
			<-release
			inside.Add(-1)
		}
	}, func(l pipes) {
		release = make(chan struct{}) // of the bubble
		var all []*caller
		for range 5 {
			all = append(all, l.call("/large", strings.Repeat("x", size)))
		}
		for left := 5; left > 0; left-- {
			synctest.Wait()
			if n := inside.Load(); n != int32(min(2, left)) {
				t.Fatalf("%d large bodies are held, want %d", n, min(2, left))
			}
			small := l.call("/small", "{}")
			if synctest.Wait(); small.answered.Load() != 1 {
				t.Fatal("a small one waits")
			}
			small.Close()
			release <- struct{}{}
		}
		synctest.Wait()
		for _, c := range all {
			if c.answered.Load() != 1 {
				t.Error("one was never answered")
			}
			c.Close()
		}
	})
}

// TestWaitersGo: who waits for room and goes is in nobody's way, and a body that does
// not say how large it is takes all the room there is.
func TestWaitersGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, end := context.WithCancel(t.Context())
		release := make(chan struct{})
		h := Bounds{Bodies: 4 * smallBody}.bound(server, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		begin := func(length int64) (over *atomic.Int32, leave func()) {
			ctx, cancel := context.WithCancel(t.Context())
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", http.NoBody)
			r.ContentLength = length
			over = new(atomic.Int32)
			go func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				over.Store(int32(w.Code))
			}()
			synctest.Wait()
			return over, cancel
		}
		first, _ := begin(3 * smallBody)
		unknown, leave := begin(-1)
		behind, _ := begin(smallBody + 1)
		small, _ := begin(smallBody)
		last, _ := begin(100 * smallBody)
		leave()
		synctest.Wait()
		if unknown.Load() != http.StatusServiceUnavailable {
			t.Error("it waits though its caller has gone")
		}
		release <- struct{}{}
		release <- struct{}{}
		synctest.Wait()
		if n := first.Load() + small.Load() + behind.Load(); n != 2*http.StatusOK {
			t.Fatalf("after two were let go: %d, %d, %d", first.Load(), small.Load(), behind.Load())
		}
		release <- struct{}{}
		synctest.Wait()
		if behind.Load() != http.StatusOK || last.Load() != 0 {
			t.Errorf("behind the one that left: %d; the last: %d", behind.Load(), last.Load())
		}
		lost, _ := begin(-1)
		end()
		synctest.Wait()
		if lost.Load() != http.StatusServiceUnavailable {
			t.Error("it waits though the server has ended")
		}
		release <- struct{}{}
		synctest.Wait()
		if last.Load() != http.StatusOK {
			t.Errorf("one that is larger than all the room: %d", last.Load())
		}
	})
}

// TestRequestsGiveWay: within bounds, each request leaves others a turn before it is
// served. It has one processor for all and counts turns, so it is not for running
// beside others.
func TestRequestsGiveWay(t *testing.T) { //nolint:paralleltest // see above
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const requests = 2000
	served := atomic.Int32{}
	h := Bounds{Bodies: 1}.bound(t.Context(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }))
	go func() {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		for range requests {
			h.ServeHTTP(nil, r)
		}
	}()
	turns := 0
	for ; served.Load() < requests; turns++ {
		runtime.Gosched()
	}
	if turns < requests/2 {
		t.Errorf("others had %d turns beside %d requests", turns, requests)
	}
}
