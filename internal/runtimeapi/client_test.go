package runtimeapi_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/readable"
	"lambent/internal/runtimeapi"
)

// listen serves an environment on a real socket, as the daemon does, and returns its address.
func listen(t testing.TB, cfg runtimeapi.Config) (*runtimeapi.Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w, err := readable.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	cfg.Shared = &runtimeapi.Shared{Readable: w}
	s := runtimeapi.New(cfg)
	s.Attend(l)
	t.Cleanup(s.Close)
	return s, l.Addr().String()
}

// TestStandardClient speaks as net/http does: kept connections, new ones for
// every request, chunks, trailers, expectations, and large payloads both ways.
func TestStandardClient(t *testing.T) {
	t.Parallel()
	for _, fresh := range []bool{false, true} {
		for _, size := range []int{0, 1, 4096, 100_000, lambda.MaxSyncPayload} {
			for _, chunked := range []bool{false, true} {
				t.Run(fmt.Sprintf("fresh=%t/size=%d/chunked=%t", fresh, size, chunked), func(t *testing.T) {
					t.Parallel()
					standardRounds(t, fresh, size, chunked)
				})
			}
		}
	}
}

func standardRounds(t *testing.T, fresh bool, size int, chunked bool) {
	env := &keeper{environment: newEnvironment()}
	_, addr := listen(t, runtimeapi.Config{Runtime: env, Extensions: env})
	transport := &http.Transport{DisableKeepAlives: fresh, ExpectContinueTimeout: 1 << 40}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	base := "http://" + addr + "/2018-06-01/runtime/invocation/"
	payload := bytes.Repeat([]byte("p"), size)

	for i := range 3 {
		id := fmt.Sprint("r", i)
		env.invocations <- &lambda.Invocation{RequestID: id, Payload: payload}
		res, err := client.Get(base + "next")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || !bytes.Equal(got, payload) || res.Header.Get("Lambda-Runtime-Aws-Request-Id") != id {
			t.Fatalf("the event has %d bytes (%v) and headers %v, want %d bytes for %s", len(got), err, res.Header, size, id)
		}
		var body io.Reader = bytes.NewReader(payload)
		if chunked {
			body = io.MultiReader(body) // of unknown length
		}
		req, err := http.NewRequest(http.MethodPost, base+id+"/response", body)
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			req.Header.Set("Expect", "100-continue")
		}
		res, err = client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusAccepted || string(said) != "{\"status\":\"OK\"}\n" {
			t.Fatalf("the response was answered %d %q, %v", res.StatusCode, said, err)
		}
		if a := env.kept()[i]; !bytes.Equal(a.Body, payload) {
			t.Fatalf("the environment got %d bytes, want %d", len(a.Body), size)
		}
	}
}

// TestTooLargeIsRead: a client that sends all before it listens gets its answer.
func TestTooLargeIsRead(t *testing.T) {
	t.Parallel()
	env := &keeper{environment: newEnvironment()}
	_, addr := listen(t, runtimeapi.Config{Runtime: env, Extensions: env})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, body := range []io.Reader{
		bytes.NewReader(make([]byte, 20<<20)),
		io.MultiReader(bytes.NewReader(make([]byte, 20<<20))),
	} {
		res, err := client.Post("http://"+addr+"/2018-06-01/runtime/invocation/r/response", "", body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatalf("20 MiB were answered %d, want 413", res.StatusCode)
		}
	}
	if len(env.answers) != 2 || !env.answers[0].TooLarge || env.answers[0].Body != nil {
		t.Fatalf("the environment got %d answers, want two that say too large and keep nothing", len(env.answers))
	}
}

// TestRefusedWhileSending: a refusal survives that its body was not read.
func TestRefusedWhileSending(t *testing.T) {
	t.Parallel()
	env := newEnvironment()
	_, addr := listen(t, runtimeapi.Config{Runtime: env, Extensions: env})
	env.say("check", &lambda.Refusal{Type: lambda.RefusedRequestID, Message: "Invalid request ID"})
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	fmt.Fprintf(nc, "POST /2018-06-01/runtime/invocation/r/response HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n%s", strings.Repeat("x", 300_000))
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusBadRequest || !res.Close {
		t.Fatalf("answered %d (close %t), want 400 and the end of the connection", res.StatusCode, res.Close)
	}
}

// TestCloseEndsEverything: parked, idle, half-sent and pipelining connections.
func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	for _, watched := range []time.Duration{0, time.Hour} {
		t.Run(watched.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { closeEndsEverything(t, watched) })
		})
	}
}

func closeEndsEverything(t *testing.T, watched time.Duration) {
	env := newEnvironment()
	server, pipes, stop := start(env, nil)
	var peers []*peer
	for _, said := range []string{
		"",
		"GET /2018-06-01/ru",
		"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n",
		"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\nGET /2018-06-01/ping HTTP/1.1\r\n\r\n",
		"GET /2020-01-01/extension/event/next HTTP/1.1\r\nLambda-Extension-Identifier: 5f2a7a34-0f5b-4b0c-9d55-1d1f6f5a7b10\r\n\r\n",
		"POST /2018-06-01/runtime/invocation/r/response HTTP/1.1\r\nContent-Length: 5000000\r\n\r\nx",
		"POST /2018-06-01/runtime/invocation/r/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5",
		"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Length: 5\r\n\r\nx",
	} {
		p := pipes.peer()
		p.send(said)
		peers = append(peers, p)
	}
	synctest.Wait()
	time.Sleep(watched)
	synctest.Wait()
	env.taken()
	stop()
	for i, p := range peers {
		<-p.done
		if got, _ := p.received(); got != "" {
			t.Errorf("connection %d was told %q", i, got)
		}
		p.Close()
	}
	for _, call := range env.taken() {
		if call != "gone" {
			t.Errorf("closing made the call %q", call)
		}
	}
	if n := server.Buffered(); n != 0 {
		t.Errorf("%d bytes are still held", n)
	}
	if err := server.Serve(newPipes()); err != nil {
		t.Errorf("serving after closing: %v", err)
	}
}

// TestConnectionsAreBounded: full means refused, and room comes back.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		env := newEnvironment()
		_, pipes, stop := start(env, nil)
		var peers []*peer
		for range 128 {
			peers = append(peers, pipes.peer())
		}
		extra := pipes.peer()
		<-extra.done
		peers[0].Close()
		synctest.Wait()
		again := pipes.peer()
		again.send("GET /2018-06-01/ping HTTP/1.1\r\n\r\n")
		synctest.Wait()
		if got, closed := again.received(); closed || !strings.HasSuffix(got, "pong") {
			t.Errorf("after one left, a new connection got %q (closed %t)", got, closed)
		}
		stop()
		for _, p := range append(peers, extra, again) {
			p.Close()
		}
	})
}

// TestBytesAreBounded: many connections cannot make us hold many bodies.
func TestBytesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		env := newEnvironment()
		server, pipes, stop := start(env, nil)
		var peers []*peer
		refused := 0
		for range 10 {
			p := pipes.peer()
			p.send("POST /2018-06-01/runtime/invocation/r/response HTTP/1.1\r\nContent-Length: 6291556\r\n\r\nx")
			synctest.Wait()
			if got, _ := p.received(); strings.HasPrefix(got, "HTTP/1.1 500 ") {
				refused++
			}
			peers = append(peers, p)
		}
		if held := server.Buffered(); refused != 6 || held != 4*lambda.MaxResponsePayload {
			t.Errorf("%d of 10 bodies were refused and %d bytes are held, want 6 and %d", refused, held, 4*lambda.MaxResponsePayload)
		}
		for _, p := range peers {
			p.Close()
		}
		synctest.Wait()
		if held := server.Buffered(); held != 0 {
			t.Errorf("%d bytes are held for nobody", held)
		}
		stop()
	})
}

// TestLogIsNotTheFunctions: what a function can bring about again and again fills
// nobody's log.
func TestLogIsNotTheFunctions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		env := newEnvironment()
		var log lines
		_, pipes, stop := startWith(runtimeapi.Config{Runtime: env, Extensions: env, Log: slog.New(slog.NewTextHandler(&log, nil))})
		var peers []*peer
		for i := range 140 {
			p := pipes.peer()
			if i < 20 {
				p.send("POST /2018-06-01/runtime/invocation/r/response HTTP/1.1\r\nContent-Length: 6291556\r\n\r\nx")
			}
			peers = append(peers, p)
		}
		synctest.Wait()
		for range 20 {
			peers = append(peers, pipes.peer())
		}
		synctest.Wait()
		if n := log.n.Load(); n != 2 {
			t.Errorf("%d lines were logged, want one of connections and one of bytes", n)
		}
		stop()
		for _, p := range peers {
			p.Close()
		}
	})
}

// lines counts what is logged.
type lines struct{ n atomic.Int32 }

func (l *lines) Write(p []byte) (int, error) {
	l.n.Add(1)
	return len(p), nil
}

// flaky is a listener that cannot accept at first, and then for good.
type flaky struct {
	net.Listener
	errors []error
}

func (f *flaky) Accept() (net.Conn, error) {
	if len(f.errors) == 0 {
		return f.Listener.Accept()
	}
	err := f.errors[0]
	f.errors = f.errors[1:]
	return nil, err
}

type busy struct{ error }

func (busy) Temporary() bool { return true }

func TestAcceptingTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		env := newEnvironment()
		s := runtimeapi.New(runtimeapi.Config{Runtime: env, Extensions: env})
		l := newPipes()
		served := make(chan error, 1)
		go func() {
			served <- s.Serve(&flaky{l, []error{busy{errors.New("no descriptors")}, busy{errors.New("no descriptors")}}})
		}()
		p := l.peer()
		p.send("GET /2018-06-01/ping HTTP/1.1\r\n\r\n")
		synctest.Wait()
		if got, _ := p.received(); !strings.HasSuffix(got, "pong") {
			t.Errorf("after trouble with accepting, a connection got %q", got)
		}
		s.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		p.Close()

		broken := errors.New("broken")
		s = runtimeapi.New(runtimeapi.Config{Runtime: env, Extensions: env})
		if err := s.Serve(&flaky{newPipes(), []error{broken}}); !errors.Is(err, broken) {
			t.Errorf("a listener broken for good: %v, want %v", err, broken)
		}
		s.Close()
	})
}

// TestEventForTheDead: an event written to a peer that is gone is not the
// server's to keep, and the next connection is served at once.
func TestEventForTheDead(t *testing.T) {
	t.Parallel()
	env := &rerun{environment: newEnvironment(), parked: make(chan struct{}, 10), offer: make(chan struct{}, 10)}
	_, addr := listen(t, runtimeapi.Config{Runtime: env, Extensions: env})
	next := "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n"
	dead, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(dead, next)
	<-env.parked
	dead.Close()
	env.offer <- struct{}{} // may meet the hang-up or not: both must end well

	alive, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	io.WriteString(alive, next)
	<-env.parked
	env.offer <- struct{}{}
	res, err := http.ReadResponse(bufio.NewReader(alive), nil)
	if err != nil || res.Header.Get("Lambda-Runtime-Aws-Request-Id") != "r" {
		t.Fatalf("the second connection got %v, %v", res, err)
	}
	res.Body.Close()
}

// rerun gives the same event to whoever asks, as long as there is no answer.
type rerun struct {
	*environment
	parked, offer chan struct{}
}

func (r *rerun) Next(ctx context.Context) (*lambda.Invocation, error) {
	r.parked <- struct{}{}
	select {
	case <-r.offer:
		return &lambda.Invocation{RequestID: "r"}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// instant is an environment that always has an event, for measuring.
type instant struct {
	*environment
	inv *lambda.Invocation
}

func (i *instant) Next(context.Context) (*lambda.Invocation, error) { return i.inv, nil }
func (i *instant) Check(string, string) error                       { return nil }
func (i *instant) Answer(string, lambda.Answer) error               { return nil }

// handing is an environment whose runtime waits for each event, for measuring.
type handing struct {
	*environment
	invs     chan *lambda.Invocation
	answered chan struct{}
}

// hand is the invokers: a new one comes when the last one has its answer.
func (h *handing) hand(done <-chan struct{}) {
	for {
		select {
		case h.invs <- warmInvocation():
		case <-done:
			return
		}
		select {
		case <-h.answered:
		case <-done:
			return
		}
	}
}

func (h *handing) Next(ctx context.Context) (*lambda.Invocation, error) {
	select {
	case inv := <-h.invs:
		return inv, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (h *handing) Check(string, string) error { return nil }

func (h *handing) Answer(string, lambda.Answer) error {
	h.answered <- struct{}{}
	return nil
}

const (
	warmNext = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: aws-lambda-python/3.11.7-4.0.1\r\n\r\n"
	warmPost = "POST /2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n" +
		"User-Agent: aws-lambda-python/3.11.7-4.0.1\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"status\":200}"
)

func warmInvocation() *lambda.Invocation {
	return &lambda.Invocation{
		RequestID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd", AttemptID: "9576a536-e9f4-11e8-9739-2dfe598c3fcd",
		FunctionARN: "arn:aws:lambda:us-east-1:123456789012:function:f", Trace: "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1",
		Payload: []byte(`{"key":"value"}`),
	}
}

// BenchmarkRound is one warm invocation as the server sees it: next and
// response on a kept connection. The client is raw, so that the difference
// between the two is the servers'.
func BenchmarkRound(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		env := &instant{newEnvironment(), warmInvocation()}
		_, addr := listen(b, runtimeapi.Config{Runtime: env, Extensions: env})
		rounds(b, addr)
	})
	b.Run("ours-parked", func(b *testing.B) {
		env := &handing{environment: newEnvironment(), invs: make(chan *lambda.Invocation), answered: make(chan struct{})}
		_, addr := listen(b, runtimeapi.Config{Runtime: env, Extensions: env})
		done := make(chan struct{})
		go env.hand(done)
		defer close(done)
		rounds(b, addr)
	})
	b.Run("kernel", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { sayBack(l) })
		defer wg.Wait()
		defer l.Close()
		rounds(b, l.Addr().String())
	})
	b.Run("net-http", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		s := &http.Server{Handler: standardHandler(warmInvocation())}
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.Serve(l) })
		defer wg.Wait()
		defer s.Close()
		rounds(b, l.Addr().String())
	})
}

// sayBack answers every read with bytes that are ready: the floor under every
// server.
func sayBack(l net.Listener) {
	nc, err := l.Accept()
	if err != nil {
		return
	}
	defer nc.Close()
	buf := make([]byte, 8<<10)
	next := []byte(strings.Repeat("x", 300) + `{"key":"value"}`)
	for {
		if _, err := nc.Read(buf); err != nil {
			return
		}
		say := next
		if buf[0] == 'P' {
			say = []byte("HTTP/1.1 202 Accepted\r\n\r\n{\"status\":\"OK\"}\n")
		}
		if _, err := nc.Write(say); err != nil {
			return
		}
	}
}

func standardHandler(inv *lambda.Invocation) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", inv.RequestID)
		w.Header().Set("Lambda-Runtime-Invocation-Id", inv.AttemptID)
		w.Header().Set("Lambda-Runtime-Trace-Id", inv.Trace)
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", inv.FunctionARN)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(inv.Payload)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "{\"status\":\"OK\"}\n")
	})
	return mux
}

// rounds plays b.N rounds with as little client as possible.
func rounds(b *testing.B, addr string) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	buf := make([]byte, 8<<10)
	ends := [][]byte{[]byte(`{"key":"value"}`), []byte("{\"status\":\"OK\"}\n")}
	b.ReportAllocs()
	for b.Loop() {
		for i, said := range []string{warmNext, warmPost} {
			if _, err := io.WriteString(nc, said); err != nil {
				b.Fatal(err)
			}
			for n := 0; !bytes.HasSuffix(buf[:n], ends[i]); {
				m, err := nc.Read(buf[n:])
				if err != nil {
					b.Fatal(err)
				}
				n += m
			}
		}
	}
}

// TestWarmRoundAllocates holds the promise of the package: what a warm round
// allocates is its body. It is not parallel, since it counts for the whole
// process.
func TestWarmRoundAllocates(t *testing.T) {
	env := &instant{newEnvironment(), warmInvocation()}
	_, addr := listen(t, runtimeapi.Config{Runtime: env, Extensions: env})
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	buf, next, post := make([]byte, 8<<10), []byte(warmNext), []byte(warmPost)
	round := func() {
		for _, said := range [][]byte{next, post} {
			if _, err := nc.Write(said); err != nil {
				t.Fatal(err)
			}
			if _, err := nc.Read(buf); err != nil {
				t.Fatal(err)
			}
		}
	}
	round()
	if n := testing.AllocsPerRun(100, round); n > 3 {
		t.Errorf("a warm round makes %.1f allocations, want at most 3", n)
	}
}
