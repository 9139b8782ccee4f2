package awsapi

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
	"time"
)

// quickWriter is the http.ResponseWriter of plain invocations. An answer whose
// Content-Length is set goes out with the first Write, uncopied; any other is
// kept until the handler has returned.
type quickWriter struct {
	conn   *quickConn
	header http.Header
	status int
	kept   []byte
	left   int64 // of a Content-Length that was set; -1 when it was not
	sent   bool  // the head is out
	failed bool
}

// reset makes it the writer of the next answer.
func (w *quickWriter) reset() {
	clear(w.header)
	*w = quickWriter{conn: w.conn, header: w.header}
}

// Header is what will be sent.
func (w *quickWriter) Header() http.Header { return w.header }

// WriteHeader notes the status; only the first one counts.
func (w *quickWriter) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status, w.left = status, -1
	if length := w.header["Content-Length"]; len(length) == 1 {
		if n, err := strconv.ParseInt(length[0], 10, 64); err == nil && n >= 0 {
			w.left = n
		}
	}
}

// Write sends a part of the body.
func (w *quickWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.left < 0 {
		w.kept = append(w.kept, p...)
		return len(p), nil
	}
	if int64(len(p)) > w.left {
		w.failed = true
		return 0, http.ErrContentLength
	}
	w.left -= int64(len(p))
	if err := w.send(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// copied is how much of a body is copied behind its head, rather than written
// from where it is.
const copied = 2 << 10

// send writes the head, if it is not out yet, and a piece of the body.
func (w *quickWriter) send(p []byte) (err error) {
	out := w.conn.out[:0]
	if !w.sent {
		w.sent = true
		out = w.appendHead(out)
	}
	if len(p) <= copied {
		out = append(out, p...)
		_, err = w.conn.nc.Write(out)
	} else {
		pieces := net.Buffers{out, p}
		_, err = pieces.WriteTo(w.conn.nc)
	}
	w.conn.out = out[:0]
	w.failed = w.failed || err != nil
	return err
}

// finish sends what is not out yet, and tells whether the answer is whole.
func (w *quickWriter) finish() bool {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.left < 0 {
		w.left = 0
		if w.status != http.StatusNoContent {
			w.header["Content-Length"] = []string{strconv.Itoa(len(w.kept))}
		}
	}
	if !w.sent || len(w.kept) > 0 {
		_ = w.send(w.kept) // noted in failed
	}
	return !w.failed && w.left == 0
}

func (w *quickWriter) appendHead(out []byte) []byte {
	out = append(out, "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(w.status), 10)
	out = append(append(out, ' '), http.StatusText(w.status)...)
	out = append(out, "\r\nDate: "...)
	out = time.Now().UTC().AppendFormat(out, http.TimeFormat)
	out = append(out, "\r\n"...)
	for name, values := range w.header {
		for _, value := range values {
			out = append(append(out, name...), ": "...)
			begin := len(out)
			out = append(out, value...)
			for i, c := range out[begin:] {
				if c == '\r' || c == '\n' { // a value must not become a header
					out[begin+i] = ' '
				}
			}
			out = append(out, "\r\n"...)
		}
	}
	return append(bytes.TrimRight(out, " "), "\r\n"...)
}
