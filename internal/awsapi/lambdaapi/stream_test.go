package lambdaapi

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/lambda"
)

const streamPath = "/2021-11-15/functions/f/response-streaming-invocations"

// responding is a function that streams pieces and ends with a result.
func responding(result lambda.Result, err error, pieces ...string) func(context.Context, lambda.Reference, lambda.Invocation) (lambda.Result, error) {
	return func(_ context.Context, _ lambda.Reference, inv lambda.Invocation) (lambda.Result, error) {
		inv.Stream.Runs("7")
		if len(pieces) > 0 {
			inv.Stream.Begin("text/html")
		}
		for _, p := range pieces {
			if _, err := inv.Stream.Write([]byte(p)); err != nil {
				return result, err
			}
		}
		return result, err
	}
}

// TestResponseStream: what AWS's client makes of it.
func TestResponseStream(t *testing.T) {
	t.Parallel()
	failed := lambda.Result{Payload: []byte(`{"errorType":"Boom"}`), Fault: &lambda.Fault{Type: "Function.Boom"}, LogTail: []byte("tail")}
	for name, c := range map[string]struct {
		run             func(context.Context, lambda.Reference, lambda.Invocation) (lambda.Result, error)
		tail            bool
		payload         string
		code, text, log string
	}{
		"pieces":             {run: responding(lambda.Result{}, nil, "one", "two"), payload: "one|two|"},
		"nothing":            {run: responding(lambda.Result{}, nil)},
		"tail":               {run: responding(lambda.Result{LogTail: []byte("END")}, nil, "x"), tail: true, payload: "x|", log: "END"},
		"large":              {run: responding(lambda.Result{}, nil, strings.Repeat("x", streamPiece+1)), payload: strings.Repeat("x", streamPiece) + "|x|"},
		"failed before":      {run: responding(failed, nil), code: "Unhandled", text: `{"errorType":"Boom"}`},
		"failed midway":      {run: responding(failed, nil, "part"), tail: true, payload: "part|", code: "Unhandled", text: `{"errorType":"Boom"}`, log: "tail"},
		"ours midway":        {run: responding(lambda.Result{}, errors.New("secret"), "part"), tail: true, payload: "part|", code: "ServiceException", text: "An error occurred and the request cannot be processed."},
		"ours, in our words": {run: responding(lambda.Result{}, lambda.Errorf(lambda.Internal, "it had to be ended"), "part"), payload: "part|", code: "ServiceException", text: "it had to be ended"},
	} {
		w := withFunction()
		w.invoke = c.run
		in := &sdk.InvokeWithResponseStreamInput{FunctionName: aws.String("f"), Qualifier: aws.String("live"), Payload: []byte(`{"a":1}`)}
		if c.tail {
			in.LogType = types.LogTypeTail
		}
		out, err := client(serve(t, w)).InvokeWithResponseStream(t.Context(), in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var payload strings.Builder
		var end *types.InvokeWithResponseStreamCompleteEvent
		for e := range out.GetStream().Events() {
			switch e := e.(type) {
			case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
				payload.WriteString(string(e.Value.Payload) + "|")
			case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
				end = &e.Value
			}
		}
		if err := out.GetStream().Err(); err != nil || end == nil {
			t.Fatalf("%s: %v, end %v", name, err, end)
		}
		log, _ := base64.StdEncoding.DecodeString(aws.ToString(end.LogResult))
		if payload.String() != c.payload || aws.ToString(end.ErrorCode) != c.code || aws.ToString(end.ErrorDetails) != c.text || string(log) != c.log {
			t.Errorf("%s: %q, then %q %q %q; want %q, then %q %q %q", name, payload.String(), aws.ToString(end.ErrorCode), aws.ToString(end.ErrorDetails), log, c.payload, c.code, c.text, c.log)
		}
		if aws.ToString(out.ExecutedVersion) != "7" || out.StatusCode != 200 || aws.ToString(out.ResponseStreamContentType) != "application/vnd.amazon.eventstream" {
			t.Errorf("%s: the head is %+v", name, out)
		}
		if inv := w.last(t); string(inv.Payload) != `{"a":1}` || inv.Tail != c.tail || w.refs[0] != (lambda.Reference{Name: "f", Qualifier: "live"}) {
			t.Errorf("%s: invoked %+v with %+v", name, w.refs[0], inv)
		}
	}
}

// TestResponseStreamEvents is what goes over the wire.
func TestResponseStreamEvents(t *testing.T) {
	t.Parallel()
	w := withFunction()
	w.invoke = responding(lambda.Result{}, nil, "hello")
	response, body := request(t, serve(t, w), "POST", streamPath, "", nil)
	if got := response.Header.Get("X-Amzn-Remapped-Content-Type"); got != "text/html" || response.Header.Get("X-Amz-Executed-Version") != "7" || response.Header.Get("X-Amzn-Trace-Id") == "" || response.ContentLength != -1 {
		t.Errorf("the head is %v", response.Header)
	}
	rest := strings.NewReader(string(body))
	for _, want := range []string{"PayloadChunk application/octet-stream event hello", "InvokeComplete application/json event {}"} {
		m, err := eventstream.NewDecoder().Decode(rest, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range m.Headers {
			got = append(got, h.Value.String())
		}
		if text := strings.Join(append(got, string(m.Payload)), " "); text != want {
			t.Errorf("the event is %q, want %q", text, want)
		}
	}
	if rest.Len() != 0 {
		t.Errorf("%d bytes follow the last event", rest.Len())
	}
}

// TestResponseStreamIsLive: every piece is there before the next is made.
func TestResponseStreamIsLive(t *testing.T) {
	t.Parallel()
	w, read := withFunction(), make(chan struct{})
	w.invoke = func(_ context.Context, _ lambda.Reference, inv lambda.Invocation) (lambda.Result, error) {
		inv.Stream.Begin("text/plain")
		for range 3 {
			if _, err := inv.Stream.Write([]byte("x")); err != nil {
				return lambda.Result{}, err
			}
			<-read
		}
		return lambda.Result{}, nil
	}
	out, err := client(serve(t, w)).InvokeWithResponseStream(t.Context(), &sdk.InvokeWithResponseStreamInput{FunctionName: aws.String("f")})
	if err != nil {
		t.Fatal(err)
	}
	pieces := 0
	for e := range out.GetStream().Events() {
		if _, ok := e.(*types.InvokeWithResponseStreamResponseEventMemberPayloadChunk); ok {
			pieces++
			read <- struct{}{}
		}
	}
	if pieces != 3 {
		t.Errorf("%d pieces, want 3", pieces)
	}
}

// TestResponseStreamLeft: the wait of a caller who hangs up ends.
func TestResponseStreamLeft(t *testing.T) {
	t.Parallel()
	w, told := withFunction(), make(chan error, 1)
	w.invoke = func(ctx context.Context, _ lambda.Reference, inv lambda.Invocation) (lambda.Result, error) {
		_, _ = inv.Stream.Write([]byte("x"))
		<-ctx.Done()
		told <- ctx.Err()
		return lambda.Result{}, ctx.Err()
	}
	server := serve(t, w)
	r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+streamPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(response.Body, make([]byte, 4)); err != nil {
		t.Error(err)
	}
	response.Body.Close()
	if err := <-told; !errors.Is(err, context.Canceled) {
		t.Errorf("the invocation was told %v", err)
	}
}

// TestResponseStreamRefusals: as long as nothing is sent they are those of Invoke.
func TestResponseStreamRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, body string
		header     map[string]string
		err        error
		status     int
		says       string
	}{
		"event":        {header: map[string]string{"X-Amz-Invocation-Type": "Event"}, status: 400, says: "Value 'Event' at 'invocationType' failed to satisfy constraint"},
		"other":        {header: map[string]string{"X-Amz-Invocation-Type": "x"}, status: 400, says: "ValidationException"},
		"dry run":      {header: map[string]string{"X-Amz-Invocation-Type": "DryRun"}, status: 204},
		"body":         {body: "{", status: 400, says: "InvalidRequestContentException"},
		"not there":    {path: strings.Replace(streamPath, "/f/", "/g/", 1), status: 404, says: "ResourceNotFoundException"},
		"throttled":    {err: lambda.Errorf(lambda.Throttled, "Rate Exceeded."), status: 429, says: "TooManyRequestsException"},
		"ours":         {err: errors.New("secret"), status: 500, says: "ServiceException"},
		"slash at end": {path: streamPath + "/", header: map[string]string{"X-Amz-Invocation-Type": "DryRun"}, status: 204},
		"escaped":      {path: strings.Replace(streamPath, "/f/", "/%66/", 1), header: map[string]string{"X-Amz-Invocation-Type": "DryRun"}, status: 204},
		"another path": {path: streamPath + "/x", status: 404, says: "UnknownOperationException"},
	} {
		w := withFunction()
		w.invoke = responding(lambda.Result{}, c.err)
		path := c.path
		if path == "" {
			path = streamPath
		}
		response, body := request(t, serve(t, w), "POST", path, c.body, c.header)
		if response.StatusCode != c.status || !strings.Contains(string(body)+response.Header.Get("X-Amzn-Errortype"), c.says) || strings.Contains(string(body), "secret") {
			t.Errorf("%s: %d %v %s, want %d and %q", name, response.StatusCode, response.Header, body, c.status, c.says)
		}
	}
}
