package runtimeapi

import (
	"errors"
	"io"

	"lambent/internal/lambda"
)

// stream hands a response on while it comes, and settles the invocation at its
// end.
func (c *conn) stream(requestID string, a lambda.Answer, to lambda.Stream) fate {
	a.Streamed = true
	to.Begin(a.ContentType)
	var err error
	a.Produced, err = c.pass(to, lambda.MaxStreamedResponse)
	switch {
	case errors.Is(err, errTooLarge):
		return c.takeTooLarge(requestID, a, lambda.MaxStreamedResponse)
	case err != nil: // even for want of room: there is no other answer any more
		return c.breakOff(requestID)
	}
	failMidway(&c.req, &a)
	return c.answer(requestID, a)
}

// pass writes the body to w as it comes, and tells how long it was. Of one that is
// longer than limit, as much as the limit is written. When w takes no more, the
// rest is read all the same.
func (c *conn) pass(w io.Writer, limit int64) (passed int64, err error) {
	piece := make([]byte, streamPiece)
	for {
		left, err := c.segment()
		if err != nil {
			return passed, err
		}
		if left == 0 {
			c.stamp()
			return passed, nil
		}
		if passed == limit {
			return passed, errTooLarge
		}
		n, err := c.readSome(piece[:min(left, limit-passed, streamPiece)])
		if err != nil {
			return passed, err
		}
		passed += int64(n)
		if w == nil {
			continue
		}
		if _, err := w.Write(piece[:n]); err != nil {
			w = nil // its caller is gone, which is none of the function's business
		}
	}
}

// readSome reads what there is of the segment, at least a byte.
func (c *conn) readSome(p []byte) (int, error) {
	n, _ := c.Read(p) // an error that matters comes again
	if n == 0 {
		return 0, errTruncated
	}
	if c.body.firstByte.IsZero() {
		c.body.firstByte = c.srv.cfg.Now()
	}
	if c.body.left -= int64(n); c.body.left == 0 {
		c.endSegment()
	}
	return n, nil
}
