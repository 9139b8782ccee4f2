package runtimeapi

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// body is how far the body of the request in progress has been read. The zero
// value is a body without bytes.
type body struct {
	open    bool  // there may be more to read
	chunked bool  // what follows a segment is another one, not the end
	inside  bool  // a chunk's data was read, its line end not yet
	waits   bool  // the peer waits for 100 Continue
	left    int64 // of the segment: the chunk, or the whole body

	firstByte, lastByte time.Time
}

var (
	errTruncated = errors.New("body ended early or is not well formed")
	errTooLarge  = errors.New("body exceeds its limit")
)

func newBody(r *request) body {
	return body{
		open:    r.chunked || r.length > 0,
		chunked: r.chunked,
		left:    max(r.length, 0),
		waits:   r.expects,
	}
}

// readBody reads the body whole. On errTooLarge and errNoRoom the rest of the
// body is still to be read.
func (c *conn) readBody(limit int64) ([]byte, error) {
	if c.body.left > limit {
		return nil, errTooLarge // said beforehand, so it need not be asked for
	}
	var data []byte
	for {
		n, err := c.segment()
		if err != nil {
			return nil, err
		}
		if n == 0 {
			c.stamp()
			return data, nil
		}
		if int64(len(data))+n > limit {
			return nil, errTooLarge
		}
		if data, err = c.grow(data, n, limit); err != nil {
			return nil, err
		}
		if err := c.readSegment(data[int64(len(data))-n:]); err != nil {
			return nil, err
		}
	}
}

// grow makes data n bytes longer. A body in chunks does not tell how long it will
// be; one that has become large gets all that it may need, rather than be copied
// again and again.
func (c *conn) grow(data []byte, n, limit int64) ([]byte, error) {
	have, want := int64(cap(data)), int64(len(data))+n
	if want <= have {
		return data[:want], nil
	}
	size := want
	if c.body.chunked {
		size = min(max(want, 2*have, 512), limit)
		if have >= largeBody {
			size = limit
		}
	}
	if !c.hold(size - have) {
		return nil, errNoRoom
	}
	grown := c.srv.cfg.Spare.Take(int(size))[:want]
	copy(grown, data)
	return grown, nil
}

// readSegment fills p, which is what is left of the segment.
func (c *conn) readSegment(p []byte) error {
	for done := 0; done < len(p); {
		n, err := c.Read(p[done:])
		if n > 0 && c.body.firstByte.IsZero() {
			c.body.firstByte = c.srv.cfg.Now()
		}
		done += n
		if err != nil && done < len(p) {
			return errTruncated
		}
	}
	c.endSegment()
	return nil
}

func (c *conn) endSegment() {
	c.body.left = 0
	c.body.inside = c.body.chunked
	c.body.open = c.body.chunked
}

// stamp notes that the body is complete.
func (c *conn) stamp() {
	c.body.lastByte = c.srv.cfg.Now()
	if c.body.firstByte.IsZero() {
		c.body.firstByte = c.body.lastByte
	}
}

// drain reads on without keeping anything, and tells whether the body's end was
// reached within max bytes.
func (c *conn) drain(max int64) bool {
	for {
		n, err := c.segment()
		if err != nil || n > max {
			return false
		}
		if n == 0 {
			return true
		}
		max -= n
		if _, err := io.CopyN(io.Discard, c, n); err != nil {
			return false
		}
		c.endSegment()
	}
}

// finishBody reads the part of a body that nobody wants, so that another
// request can follow, and tells whether one can.
func (c *conn) finishBody() bool {
	if !c.body.open {
		return true
	}
	if c.body.waits {
		return false // the peer was never asked to send it
	}
	return c.drain(maxIgnoredBody)
}

// segment tells how many bytes of the body come next in one piece; 0 is the
// body's end, with its trailers read.
func (c *conn) segment() (int64, error) {
	b := &c.body
	if !b.open || b.left > 0 && !b.waits {
		return b.left, nil
	}
	if b.waits {
		b.waits = false
		if c.r == c.w {
			if _, err := io.WriteString(c.nc, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
				return 0, errTruncated
			}
		}
	}
	if !b.chunked {
		return b.left, nil
	}
	if b.inside {
		if line, err := c.line(maxChunkLine); err != nil || len(line) != 0 {
			return 0, errTruncated
		}
		b.inside = false
	}
	line, err := c.line(maxChunkLine)
	if err != nil {
		return 0, err
	}
	n, ok := parseChunkSize(line)
	if !ok {
		return 0, errTruncated
	}
	if n == 0 {
		return 0, c.readTrailers()
	}
	b.left = n
	return n, nil
}

// readTrailers reads what follows the last chunk. Trailers count whether they
// were announced or not.
func (c *conn) readTrailers() error {
	total := 0
	for {
		line, err := c.line(maxTrailers)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			c.body.open = false
			return nil
		}
		if total += len(line); total > maxTrailers {
			return errTruncated
		}
		name, value, ok := cutField(line)
		if !ok {
			return errTruncated
		}
		if equalFold(name, fieldNames[errorType]) || equalFold(name, fieldNames[errorBody]) {
			c.req.keep(name, bytes.Clone(value)) // the buffer may be used anew for the next line
		}
	}
}

// line reads one line of the chunked framing, which ends with CRLF and nothing
// less: a bare line feed may be a byte of a chunk. It is valid until more is read.
func (c *conn) line(limit int) ([]byte, error) {
	for searched := 0; ; {
		unused := c.in[c.r:c.w]
		if i := bytes.IndexByte(unused[searched:], '\n'); i >= 0 {
			end := searched + i
			c.r += end + 1
			if end == 0 || unused[end-1] != '\r' {
				return nil, errTruncated
			}
			return unused[:end-1], nil
		}
		searched = len(unused)
		switch err := c.fill(limit); {
		case errors.Is(err, errNoRoom):
			return nil, err
		case err != nil:
			return nil, errTruncated
		}
	}
}

// parseChunkSize reads the hexadecimal size of a chunk; extensions are ignored.
func parseChunkSize(line []byte) (int64, bool) {
	line, _, _ = bytes.Cut(line, []byte(";"))
	line = bytes.TrimRight(line, " \t")
	if len(line) == 0 || len(line) > 15 {
		return 0, false
	}
	n := int64(0)
	for _, d := range line {
		switch {
		case isDigit(d):
			d -= '0'
		case 'a' <= d && d <= 'f':
			d -= 'a' - 10
		case 'A' <= d && d <= 'F':
			d -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | int64(d)
	}
	return n, true
}
