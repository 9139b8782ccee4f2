package functionurl

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"lambent/internal/lambda"
	"lambent/internal/stream"
)

const (
	// streamPiece is how much of a response is held at a time.
	streamPiece = 32 << 10

	// maxPrelude bounds status, headers and cookies, which are held until they are
	// complete.
	maxPrelude = 256 << 10
)

// stream answers with the response as the function makes it. A function that fails
// before there is anything of it is unwell as ever; when it fails later the
// connection ends in the middle, because the status is gone already.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, function lambda.Reference, inv lambda.Invocation) {
	from := stream.Open(r.Context(), h.StreamRate, func(ctx context.Context, to lambda.Stream) (lambda.Result, error) {
		inv.Stream = to
		return h.Invoker.Invoke(ctx, function, inv)
	})
	defer from.Close()
	head, err := h.head(from)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	caller := stream.To(w)
	defer caller.Done()
	head.begin(w)
	if _, err := caller.Write(head.body); err != nil {
		return // the caller is gone, or the status allows no body
	}
	if _, err := io.CopyBuffer(caller, from, make([]byte, streamPiece)); err != nil {
		return
	}
	if result, err := from.Result(); err != nil || result.Fault != nil {
		panic(http.ErrAbortHandler)
	}
}

// errUnwell is a function that failed, or responded with what is no response.
var errUnwell = errors.New("the function failed")

// head waits for the head of the response and gives it with the part of the body
// that came with it. Without a prelude all is body (F190).
func (h *Handler) head(from *stream.Stream) (response, error) {
	var piece [streamPiece]byte
	n, err := from.Read(piece[:])
	if err != nil { // before the first byte, so what came of the invocation can still be told
		result, err := from.Result()
		if err != nil {
			return response{}, err
		}
		if result.Fault != nil {
			return response{}, errUnwell
		}
	}
	if from.ContentType() != streamed {
		return response{status: http.StatusOK, headers: map[string]string{"content-type": from.ContentType()}, body: piece[:n]}, nil
	}
	begun := bytes.Clone(piece[:n])
	for searched := 0; !bytes.Contains(begun[searched:], preludeEnd); {
		if err != nil || len(begun) > maxPrelude {
			return response{}, errUnwell
		}
		searched = max(0, len(begun)-len(preludeEnd)+1)
		n, err = from.Read(piece[:])
		begun = append(begun, piece[:n]...)
	}
	answer, err := readStream(begun)
	if err != nil {
		return response{}, errUnwell
	}
	return answer, nil
}
