package awsapi

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// TooLarge is a body of more bytes than its limit.
type TooLarge struct {
	Size int64 // what the caller announced, or what was read before giving up
}

func (e *TooLarge) Error() string {
	return "body of " + strconv.FormatInt(e.Size, 10) + " bytes is too large"
}

// A body that is not small must arrive within bodyTimeout: a sender that stops in
// the middle would hold its memory for ever. The deadline ends with the body,
// because an invocation may run longer.
const (
	smallBody   = 64 << 10
	bodyTimeout = 5 * time.Minute
)

// ReadBody reads a body of up to limit bytes; the error is a *TooLarge for a
// larger one. A body that is too large is read to its end all the same, as long
// as that is bearable: a client that is still writing would see a broken
// connection and not the answer.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if h, ok := r.Body.(*held); ok { // it has been read already
		if int64(len(h.text)) > limit {
			return nil, &TooLarge{int64(len(h.text))}
		}
		return h.text, nil
	}
	if r.ContentLength < 0 || r.ContentLength > smallBody {
		connection := http.NewResponseController(w)
		// What has no deadlines, such as a test's recorder, has no slow senders.
		_ = connection.SetReadDeadline(time.Now().Add(bodyTimeout))
		defer func() { _ = connection.SetReadDeadline(time.Time{}) }()
	}
	if r.ContentLength > limit {
		drain(r.Body, limit)
		return nil, &TooLarge{r.ContentLength}
	}
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, misread("The request's body ended early")
		}
		return body, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, misread("The request's body can't be read")
	}
	if int64(len(body)) > limit {
		return nil, &TooLarge{int64(len(body)) + drain(r.Body, limit)}
	}
	return body, nil
}

// drain reads and forgets up to four times the limit.
func drain(r io.Reader, limit int64) int64 {
	n, _ := io.CopyN(io.Discard, r, 4*limit) // whatever ends it, the answer is the same
	return n
}
