package lambdaapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"lambent/internal/lambda"
	"lambent/internal/stream"
)

const (
	streamPrefix = "/2021-11-15/functions/"
	streamSuffix = "/response-streaming-invocations"

	// streamPiece is the payload of a PayloadChunk at the most, and how much of a
	// response is held at a time.
	streamPiece = 32 << 10
)

// streamed tells whether the request is an InvokeWithResponseStream, and the
// FunctionName in its path.
func streamed(r *http.Request) (string, bool) { return functionIn(r, streamPrefix, streamSuffix) }

// answerStream sends the response as the function makes it. An error that it
// returns came before anything was sent.
func (a *API) answerStream(w http.ResponseWriter, r *http.Request, c call) error {
	from := stream.Open(r.Context(), a.StreamRate, func(ctx context.Context, to lambda.Stream) (lambda.Result, error) {
		c.inv.Stream = to
		return a.Invoker.Invoke(ctx, c.function, c.inv)
	})
	defer from.Close()
	piece := make([]byte, streamPiece)
	n, ended := from.Read(piece)
	if ended != nil {
		if _, err := from.Result(); err != nil {
			return err
		}
	}
	caller := stream.To(w)
	defer caller.Done()
	beginEvents(w, c.inv, from)
	out := &events{to: caller, encoder: eventstream.NewEncoder()}
	for ; ended == nil; n, ended = from.Read(piece) {
		if out.payload(piece[:n]) != nil {
			return nil // the caller is gone
		}
	}
	result, err := from.Result()
	if err != nil {
		a.Log.Error("a response ended early", "function", c.function.Name, "request", c.inv.RequestID, "err", err)
	}
	_ = out.complete(outcome(c.inv, result, err)) // the caller may be gone; the invocation is settled either way
	return nil
}

// beginEvents sends the head. The type of the response itself goes beside that of
// the events which it comes in.
func beginEvents(w http.ResponseWriter, inv lambda.Invocation, from *stream.Stream) {
	h := w.Header()
	h.Set("Content-Type", "application/vnd.amazon.eventstream")
	h.Set("X-Amzn-Remapped-Content-Type", from.ContentType())
	h.Set("X-Amz-Executed-Version", from.Version())
	h.Set(traceHeader, inv.Trace)
	w.WriteHeader(http.StatusOK)
}

// completed is the InvokeComplete event; what is not there is absent.
type completed struct {
	ErrorCode    string `json:",omitempty"`
	ErrorDetails string `json:",omitempty"`
	LogResult    string `json:",omitempty"`
}

// outcome tells how an invocation ended whose status has been sent.
func outcome(inv lambda.Invocation, result lambda.Result, err error) completed {
	var c completed
	var known *lambda.Error
	switch {
	case errors.As(err, &known):
		c.ErrorCode, c.ErrorDetails = "ServiceException", known.Message
	case err != nil:
		c.ErrorCode, c.ErrorDetails = "ServiceException", "An error occurred and the request cannot be processed."
	case result.Fault != nil:
		c.ErrorCode, c.ErrorDetails = "Unhandled", string(result.Payload)
	}
	if inv.Tail && err == nil {
		c.LogResult = base64.StdEncoding.EncodeToString(result.LogTail)
	}
	return c
}

// events writes events in the encoding of application/vnd.amazon.eventstream. Each
// leaves at once.
type events struct {
	to      *stream.Caller
	encoder *eventstream.Encoder
	buffer  bytes.Buffer
}

func (e *events) payload(p []byte) error {
	return e.send("PayloadChunk", "application/octet-stream", p)
}

func (e *events) complete(c completed) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(c); err != nil {
		return err
	}
	return e.send("InvokeComplete", "application/json", bytes.TrimSuffix(text.Bytes(), []byte("\n")))
}

func (e *events) send(event, contentType string, payload []byte) error {
	message := eventstream.Message{Payload: payload}
	message.Headers.Set(":event-type", eventstream.StringValue(event))
	message.Headers.Set(":content-type", eventstream.StringValue(contentType))
	message.Headers.Set(":message-type", eventstream.StringValue("event"))
	e.buffer.Reset()
	if err := e.encoder.Encode(&e.buffer, message); err != nil {
		return err
	}
	_, err := e.to.Write(e.buffer.Bytes())
	return err
}
