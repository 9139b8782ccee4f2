package runtimeapi

import (
	"time"

	"lambent/internal/lambda"
)

const (
	// maxConnections bounds open connections. Clients use one or two; the ones
	// that connect anew for every request leave few behind.
	maxConnections = 128

	// maxHead bounds a request line with its headers. It is net/http's default,
	// since X-Ray causes travel in a header and are cropped only here.
	maxHead = 1 << 20

	// maxTrailers bounds the trailers of a chunked body: a base64 error body.
	maxTrailers = 1 << 20

	// maxChunkLine bounds the line that announces a chunk.
	maxChunkLine = 4 << 10

	// maxIgnoredBody is how much of a body that nobody wants is read so that
	// the connection can be used again.
	maxIgnoredBody = 256 << 10

	// maxDrain is how much of a too large response is read before the
	// connection is given up; clients commonly send all before they listen.
	maxDrain = 256 << 20

	// lingerTime is how long the peer has to read an answer to a request that
	// was not read to its end.
	lingerTime = 500 * time.Millisecond

	// watchAfter is how long a parked connection goes unwatched. A busy
	// environment's next event comes sooner, and saves waking a second goroutine;
	// a peer that dies meanwhile is noticed that much later.
	watchAfter = 10 * time.Millisecond

	// maxDocument bounds the small JSON bodies of extensions.
	maxDocument = 256 << 10

	// maxBuffered bounds the bytes of heads and bodies that one environment
	// makes us hold at a time, over all its connections.
	maxBuffered = 4 * lambda.MaxResponsePayload

	// maxRelease bounds the runtime release string.
	maxRelease = 128

	// restless is after how many reads a connection gives way, though it need not
	// wait for the next one.
	restless = 8

	// readBuffer is what a connection starts with; a bigger one is given back
	// after the request that needed it.
	readBuffer = 4 << 10

	// largeBody is what a body in chunks has reached when it is given room for the
	// largest.
	largeBody = 1 << 20

	// streamPiece is how much of a streamed response is held at a time.
	streamPiece = 32 << 10

	// joinedBody is up to which size a body is copied behind its head to leave
	// in one write; a bigger one is written from where it is.
	joinedBody = 4 << 10
)
