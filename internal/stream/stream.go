// Package stream is a response on its way from a function to the one who asked
// for it, piece by piece. Nothing is kept: a piece is taken from the function when
// it is read, so a slow reader slows down the function, as on AWS.
package stream

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"lambent/internal/lambda"
)

// Run is an invocation whose response goes to the stream that it is given. It
// returns what the invocation came to, or at once when ctx ends.
type Run func(ctx context.Context, to lambda.Stream) (lambda.Result, error)

// Stream is one response, for one reader.
type Stream struct {
	pipe   *io.PipeReader
	source *source
	cancel context.CancelFunc
	over   chan struct{} // closed when the invocation is

	result lambda.Result // final when over is closed
	err    error
}

// Open begins the invocation, in a goroutine that ends with it. Close must follow.
func Open(ctx context.Context, rate Rate, run Run) *Stream {
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	s := &Stream{pipe: r, cancel: cancel, over: make(chan struct{})}
	s.source = &source{pipe: w, ended: ctx.Done(), bucket: newBucket(rate, time.Now())}
	go func() {
		defer close(s.over)
		s.result, s.err = run(ctx, s.source)
		cancel()
		w.Close() // whoever still writes is told
	}()
	return s
}

// Read waits for the next piece. The error is io.EOF when nothing more will come;
// then Result says why. A first Read without a byte means that the function did
// not respond, or with nothing.
func (s *Stream) Read(p []byte) (int, error) { return s.pipe.Read(p) }

// Version is the number of the version that responds. It is known when the first
// Read has returned, and empty when the invocation was refused.
func (s *Stream) Version() string { return s.source.version }

// ContentType is what the function says its response is. It is known when the
// first Read has returned.
func (s *Stream) ContentType() string {
	if kind := s.source.kind.Load(); kind != nil && *kind != "" {
		return *kind
	}
	return "application/octet-stream" // what AWS takes for granted
}

// Result waits for the end of the invocation and tells what it came to. A fault
// may come after a part of the response.
func (s *Stream) Result() (lambda.Result, error) {
	<-s.over
	return s.result, s.err
}

// Close gives up what has not been read; the function runs on. It returns when
// nothing of the stream is left.
func (s *Stream) Close() {
	s.cancel()
	s.pipe.Close()
	<-s.over
}

// source is the function's end.
type source struct {
	pipe   *io.PipeWriter
	ended  <-chan struct{}
	bucket bucket

	version string                 // written by the invocation's own goroutine
	kind    atomic.Pointer[string] // a function may begin while its time runs out
}

// Runs implements lambda.Stream.
func (s *source) Runs(version string) { s.version = version }

// Begin implements lambda.Stream.
func (s *source) Begin(contentType string) { s.kind.Store(&contentType) }

// Write implements lambda.Stream: it returns when the piece has been read.
func (s *source) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		n, wait := s.bucket.take(time.Now(), len(p))
		if n == 0 {
			if !s.pause(wait) {
				return written, io.ErrClosedPipe
			}
			continue
		}
		n, err = s.pipe.Write(p[:n])
		written += n
		if err != nil {
			return written, err
		}
		p = p[n:]
	}
	return written, nil
}

// pause waits, and tells whether the stream is still open.
func (s *source) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ended:
		return false
	}
}
