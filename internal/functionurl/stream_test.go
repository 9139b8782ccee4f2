package functionurl

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/stream"
)

// streaming is a world whose URL streams.
func streaming() *world {
	w := newWorld()
	w.target.URL.InvokeMode = "RESPONSE_STREAM"
	return w
}

const preludeText = `{"statusCode":201,"headers":{"X-A":"b"},"cookies":["c=d"]}` + "\x00\x00\x00\x00\x00\x00\x00\x00"

// steps is a function that writes when it is told.
type steps struct {
	*world
	pieces chan string
	midway error // what the invocation comes to in the end
	left   chan error
}

func (s steps) Invoke(ctx context.Context, _ lambda.Reference, inv lambda.Invocation) (lambda.Result, error) {
	inv.Stream.Begin(streamed)
	for p := range s.pieces {
		if _, err := inv.Stream.Write([]byte(p)); err != nil {
			return lambda.Result{}, err
		}
	}
	if s.left != nil {
		<-ctx.Done()
		s.left <- ctx.Err()
	}
	return lambda.Result{Fault: s.result.Fault}, s.midway
}

func (s steps) serve(t *testing.T) *http.Response {
	t.Helper()
	h := s.handler()
	h.Invoker = s
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+Prefix+id+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// TestStreams: the head goes when the prelude is complete, however it comes, and
// every piece of the body when it is written.
func TestStreams(t *testing.T) {
	t.Parallel()
	s := steps{world: streaming(), pieces: make(chan string)}
	go func() {
		for _, p := range []string{preludeText[:10], preludeText[10 : len(preludeText)-3], preludeText[len(preludeText)-3:]} {
			s.pieces <- p
		}
	}()
	response := s.serve(t)
	if response.StatusCode != 201 || response.Header.Get("X-A") != "b" || response.Header.Get("Set-Cookie") != "c=d" || response.ContentLength != -1 {
		t.Errorf("the head is %d %v, length %d", response.StatusCode, response.Header, response.ContentLength)
	}
	for _, want := range []string{"one", "two \x00\x00\x00\x00\x00\x00\x00\x00"} {
		s.pieces <- want
		got := make([]byte, len(want))
		if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != want {
			t.Errorf("read %q, %v, want %q", got, err, want)
		}
	}
	close(s.pieces)
	if rest, err := io.ReadAll(response.Body); len(rest) != 0 || err != nil {
		t.Errorf("at the end %q, %v", rest, err)
	}
}

// TestStreamFailsMidway: the connection ends without the end of the body.
func TestStreamFailsMidway(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]steps{
		"fault": {world: streaming()},
		"ours":  {world: streaming(), midway: errors.New("broken")},
	} {
		if name == "fault" {
			s.result.Fault = &lambda.Fault{Type: "Sandbox.Timedout"}
		}
		s.pieces = make(chan string, 2)
		s.pieces <- preludeText
		s.pieces <- "part"
		close(s.pieces)
		response := s.serve(t)
		got, err := io.ReadAll(response.Body)
		if response.StatusCode != 201 || string(got) != "part" || err == nil {
			t.Errorf("%s: %d %q, %v, want a body that is cut", name, response.StatusCode, got, err)
		}
	}
}

// TestStreamCallerLeaves: the wait of a caller who hangs up ends.
func TestStreamCallerLeaves(t *testing.T) {
	t.Parallel()
	s := steps{world: streaming(), pieces: make(chan string, 1), left: make(chan error, 1)}
	s.pieces <- preludeText
	close(s.pieces)
	response := s.serve(t)
	response.Body.Close()
	if err := <-s.left; !errors.Is(err, context.Canceled) {
		t.Errorf("the invocation was told %v", err)
	}
}

// TestStreamFailsBefore: as long as nothing is sent the caller learns what it
// would without a stream (F189).
func TestStreamFailsBefore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world)
		status int
	}{
		"fault":             {func(w *world) { w.result.Fault = &lambda.Fault{Type: "Function.Boom"} }, 502},
		"throttled":         {func(w *world) { w.err = lambda.Errorf(lambda.Throttled, "Rate Exceeded.") }, 429},
		"ours":              {func(w *world) { w.err = errors.New("broken") }, 502},
		"fault at the end":  {func(w *world) { w.result.Payload, w.midway.Fault = nil, &lambda.Fault{Type: "Function.Boom"} }, 502},
		"empty":             {func(w *world) { w.result.Payload = nil }, 200},
		"prelude cut":       {func(w *world) { w.result = lambda.Result{ContentType: streamed, Payload: []byte(preludeText[:40])} }, 502},
		"prelude empty":     {func(w *world) { w.result = lambda.Result{ContentType: streamed} }, 502},
		"prelude no object": {func(w *world) { w.result = lambda.Result{ContentType: streamed, Payload: []byte("x" + preludeText)} }, 502},
		"prelude too long": {func(w *world) {
			w.result = lambda.Result{ContentType: streamed, Payload: []byte(strings.Repeat(" ", maxPrelude+streamPiece) + preludeText)}
		}, 502},
		"prelude long": {func(w *world) {
			w.result = lambda.Result{ContentType: streamed, Payload: []byte(strings.Repeat(" \n", maxPrelude/4) + preludeText)}
		}, 201},
		"no body allowed": {func(w *world) {
			w.result = lambda.Result{ContentType: streamed, Payload: []byte(strings.Replace(preludeText, "201", "204", 1))}
		}, 204},
	} {
		w := streaming()
		c.change(w)
		if answer := w.send("GET", "/", ""); answer.Code != c.status {
			t.Errorf("%s: %d %s, want %d", name, answer.Code, answer.Body, c.status)
		}
	}
}

// TestBufferedURLOfAStream: a URL that does not stream gives a streamed response
// whole, and asks for nothing else.
func TestBufferedURLOfAStream(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.result = lambda.Result{ContentType: streamed, Payload: []byte(preludeText + "body")}
	if answer := w.send("GET", "/", ""); answer.Code != 201 || answer.Body.String() != "body" || w.inv.Stream != nil {
		t.Errorf("%d %q, stream %v", answer.Code, answer.Body, w.inv.Stream)
	}
}

// FuzzPrelude: however a response comes in pieces, its head is the same as that of
// the whole, and nothing of the body is lost.
func FuzzPrelude(f *testing.F) {
	f.Add([]byte(preludeText+"body"), 3)
	f.Add([]byte(preludeText), 100)
	f.Add([]byte("{}\x00\x00\x00\x00\x00\x00\x00"), 1)
	f.Add([]byte(`{"statusCode":"299","headers":{"a":1},"cookies":null}`+"\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 1)
	f.Fuzz(func(t *testing.T, sent []byte, piece int) {
		if piece < 1 || len(sent)/piece > 1000 {
			return
		}
		from := stream.Open(t.Context(), stream.Rate{}, func(_ context.Context, to lambda.Stream) (lambda.Result, error) {
			to.Begin(streamed)
			for left := sent; len(left) > 0; {
				n, err := to.Write(left[:min(piece, len(left))])
				if err != nil {
					break
				}
				left = left[n:]
			}
			return lambda.Result{}, nil
		})
		defer from.Close()
		got, err := new(Handler).head(from)
		want, wrong := readStream(sent)
		if (err != nil) != (wrong != nil) {
			t.Fatalf("of %q in pieces of %d: %v, as a whole %v", sent, piece, err, wrong)
		}
		if err != nil {
			return
		}
		rest, _ := io.ReadAll(from)
		if body := append(got.body, rest...); got.status != want.status || !bytes.Equal(body, want.body) || len(got.headers) != len(want.headers) || len(got.cookies) != len(want.cookies) {
			t.Fatalf("of %q in pieces of %d: %+v and %q, want %+v", sent, piece, got, rest, want)
		}
		if got.status < 200 || got.status > 599 {
			t.Fatalf("status %d", got.status)
		}
	})
}
