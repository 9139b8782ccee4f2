package runtimeapi

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"

	"lambent/internal/lambda"
)

// The error types that this package says itself; the environment's are in
// package lambda.
const (
	refusedMode       = "InvalidFunctionResponseMode"
	refusedTruncated  = "TruncatedHTTPRequest"
	refusedTooLarge   = "RequestEntityTooLarge"
	refusedValidation = "ValidationError"
	internalError     = "InternalServerError"

	refusedMissingIdentifier = "Extension.MissingExtensionIdentifier"
	refusedIdentifier        = "Extension.InvalidExtensionIdentifier"
	refusedMissingHeader     = "Extension.MissingHeader"
)

const (
	jsonType  = "application/json"
	plainType = "text/plain; charset=utf-8"

	accepted = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n"
)

// statusOf is the status that AWS gives to an error type.
func statusOf(errorType string) int {
	switch errorType {
	case lambda.RefusedRequestID, lambda.RefusedInvocationID, refusedMode, refusedTruncated, refusedValidation, "Logs.ValidationError":
		return http.StatusBadRequest
	case refusedTooLarge:
		return http.StatusRequestEntityTooLarge
	case "InvokeTimeout":
		return http.StatusGone
	case internalError:
		return http.StatusInternalServerError
	}
	return http.StatusForbidden
}

// accept answers that what was sent was taken.
func (c *conn) accept() fate {
	if c.req.minor == '1' && !c.req.closing && c.finishBody() {
		c.out = append(c.out[:0], accepted...)
		return c.fate(c.flush(nil), true)
	}
	return c.reply(http.StatusAccepted, jsonType, []byte("{\"status\":\"OK\"}\n"))
}

// refuse answers with an error of the environment.
func (c *conn) refuse(err error) fate {
	var r *lambda.Refusal
	if !errors.As(err, &r) {
		if errors.Is(err, errNoRoom) {
			c.srv.toldNoRoom.Do(func() { c.srv.cfg.Log.Warn("runtime API refuses requests", "error", err) })
		} else {
			c.srv.cfg.Log.Error("runtime API call went wrong", "error", err)
		}
		r = &lambda.Refusal{Type: internalError, Message: "Internal Server Error"}
	}
	return c.fail(statusOf(r.Type), r.Type, r.Message)
}

// deny answers with an error of ours.
func (c *conn) deny(errorType, message string) fate {
	return c.fail(statusOf(errorType), errorType, message)
}

func (c *conn) fail(status int, errorType, message string) fate {
	return c.replyJSON(status, struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{message, errorType})
}

// replyJSON answers with a document and a newline, as AWS ends its documents.
func (c *conn) replyJSON(status int, document any) fate {
	b, err := json.Marshal(document)
	if err != nil {
		return c.refuse(err)
	}
	return c.reply(status, jsonType, append(b, '\n'))
}

// notFound is what net/http says at paths that are not there, and AWS with it.
func (c *conn) notFound() fate {
	c.begin(http.StatusNotFound)
	c.header("X-Content-Type-Options", "nosniff")
	return c.finish(plainType, []byte("404 page not found\n"))
}

func (c *conn) notAllowed(allow string) fate {
	c.begin(http.StatusMethodNotAllowed)
	c.header("Allow", allow)
	return c.finish("", nil)
}

// reply answers with a body and no other headers.
func (c *conn) reply(status int, contentType string, body []byte) fate {
	c.begin(status)
	return c.finish(contentType, body)
}

// begin starts an answer; headers follow, then finish.
func (c *conn) begin(status int) {
	c.out = append(c.out[:0], "HTTP/1.1 "...)
	c.out = strconv.AppendInt(c.out, int64(status), 10)
	c.out = append(c.out, ' ')
	c.out = append(c.out, http.StatusText(status)...)
	c.out = append(c.out, "\r\n"...)
}

// header adds a header when it has a value. A line break would end it early, so
// those of client contexts become spaces, as net/http does it.
func (c *conn) header(name, value string) {
	if value == "" {
		return
	}
	c.out = append(c.out, name...)
	c.out = append(c.out, ": "...)
	if strings.ContainsAny(value, "\r\n") {
		value = strings.TrimSpace(strings.NewReplacer("\r", " ", "\n", " ").Replace(value))
	}
	c.out = append(c.out, value...)
	c.out = append(c.out, "\r\n"...)
}

// finish ends the head, reads what is left of the request, and sends all.
func (c *conn) finish(contentType string, body []byte) fate {
	goesOn := c.finishBody() && !c.req.closing
	c.header("Content-Type", contentType)
	c.out = append(c.out, "Content-Length: "...)
	c.out = strconv.AppendInt(c.out, int64(len(body)), 10)
	c.out = append(c.out, "\r\n"...)
	switch {
	case !goesOn:
		c.out = append(c.out, "Connection: close\r\n"...)
	case c.req.minor == '0':
		c.out = append(c.out, "Connection: keep-alive\r\n"...)
	}
	c.out = append(c.out, "\r\n"...)
	if c.req.head {
		body = nil
	}
	return c.fate(c.flush(body), goesOn)
}

func (c *conn) fate(err error, goesOn bool) fate {
	if err == nil && goesOn {
		return again
	}
	if err == nil && c.body.open {
		c.linger()
	}
	return over
}

// flush sends the head made so far and the body, in one call to the kernel. A
// body of any size is sent from where it lies.
func (c *conn) flush(body []byte) error {
	if len(body) <= joinedBody {
		c.out = append(c.out, body...)
		_, err := c.nc.Write(c.out)
		return err
	}
	c.vec = [2][]byte{c.out, body}
	c.bufs = net.Buffers(c.vec[:])
	_, err := c.bufs.WriteTo(c.nc)
	c.vec = [2][]byte{}
	return err
}

// refuseHead answers a head that could not be read, if anyone is there to read
// the answer.
func (c *conn) refuseHead(err error) fate {
	status := 0
	switch {
	case errors.Is(err, errMalformed):
		status = http.StatusBadRequest
	case errors.Is(err, errHeadTooLong), errors.Is(err, errNoRoom):
		status = http.StatusRequestHeaderFieldsTooLarge
	case errors.Is(err, errEncoding):
		status = http.StatusNotImplemented
	case errors.Is(err, errExpectation):
		status = http.StatusExpectationFailed
	case errors.Is(err, errVersion):
		status = http.StatusHTTPVersionNotSupported
	default:
		return over // the peer closed, or the server did
	}
	c.srv.cfg.Log.Debug("runtime API refuses a request", "error", err)
	c.req = request{closing: true}
	c.body = body{open: true, waits: true} // unread: the connection lingers
	return c.reply(status, plainType, []byte(strconv.Itoa(status)+" "+http.StatusText(status)))
}
