package stream

import (
	"errors"
	"net/http"
	"time"
)

// stallTimeout is how long a caller may take nothing of a response: it would hold
// its connection for ever.
const stallTimeout = 5 * time.Minute

// Caller is the one who asked, over HTTP: what is written leaves at once.
type Caller struct {
	answer     http.ResponseWriter
	connection *http.ResponseController
}

// To is the caller that w answers. Done must follow.
func To(w http.ResponseWriter) *Caller {
	return &Caller{answer: w, connection: http.NewResponseController(w)}
}

// Write sends p.
func (c *Caller) Write(p []byte) (int, error) {
	// What has no deadlines, such as a test's recorder, has no slow callers.
	_ = c.connection.SetWriteDeadline(time.Now().Add(stallTimeout))
	n, err := c.answer.Write(p)
	if err != nil {
		return n, err
	}
	if err := c.connection.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return n, err
	}
	return n, nil
}

// Done leaves the connection as it was, for its next request.
func (c *Caller) Done() { _ = c.connection.SetWriteDeadline(time.Time{}) }
