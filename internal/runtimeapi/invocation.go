package runtimeapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"strconv"

	"lambent/internal/lambda"
)

// nextInvocation is GET /runtime/invocation/next.
func (c *conn) nextInvocation() fate {
	return c.park(func(c *conn) bool {
		inv, err := c.srv.cfg.Runtime.Next(c.ctx)
		if err != nil {
			return c.ctx.Err() == nil && c.refuse(err) == again
		}
		return c.deliver(inv) == again
	})
}

// deliver writes an invocation: its facts as headers, its payload verbatim.
func (c *conn) deliver(inv *lambda.Invocation) fate {
	c.requestID, c.attemptID = inv.RequestID, inv.AttemptID
	c.begin(http.StatusOK)
	c.header("Lambda-Runtime-Aws-Request-Id", inv.RequestID)
	c.header("Lambda-Runtime-Invocation-Id", inv.AttemptID)
	c.header("Lambda-Runtime-Trace-Id", inv.Trace)
	c.header("Lambda-Runtime-Client-Context", inv.ClientContext)
	c.header("Lambda-Runtime-Cognito-Identity", inv.CognitoIdentity)
	c.header("Lambda-Runtime-Invoked-Function-Arn", inv.FunctionARN)
	if !inv.Deadline.IsZero() {
		c.out = append(c.out, "Lambda-Runtime-Deadline-Ms: "...)
		c.out = strconv.AppendInt(c.out, inv.Deadline.UnixMilli(), 10)
		c.out = append(c.out, "\r\n"...)
	}
	c.header("Lambda-Runtime-Aws-Tenant-Id", inv.Tenant)
	kind := inv.ContentType
	if kind == "" {
		kind = jsonType
	}
	return c.finish(kind, inv.Payload)
}

// response is POST /runtime/invocation/{id}/response. The id is checked before
// anything else, as AWS does it.
func (c *conn) response(id []byte) fate {
	requestID, to, err := c.respond(id)
	if err != nil {
		return c.refuse(err)
	}
	streaming := c.req.has(responseMode)
	if c.req.repeated || streaming && string(c.req.fields[responseMode]) != "streaming" {
		c.srv.cfg.Runtime.Broken(requestID, "Runtime.InvalidResponseModeHeader")
		return c.deny(refusedMode, "Invalid function response mode")
	}
	a := lambda.Answer{ContentType: text(c.req.fields[contentType], jsonType), Streaming: streaming}
	if to != nil {
		return c.stream(requestID, a, to)
	}
	return c.take(requestID, a, failMidway)
}

// failure is POST /runtime/invocation/{id}/error.
func (c *conn) failure(id []byte) fate {
	requestID, err := c.check(id)
	if err != nil {
		return c.refuse(err)
	}
	a := lambda.Answer{
		Failed:      true,
		ErrorType:   c.req.text(errorType),
		ContentType: text(c.req.fields[contentType], jsonType),
		XRayCause:   errorCause(c.req.fields[xrayCause]),
	}
	return c.take(requestID, a, splitCause)
}

// check asks the environment whether an answer may come.
func (c *conn) check(id []byte) (string, error) {
	if len(id) == 0 {
		return "", &lambda.Refusal{Type: lambda.RefusedRequestID, Message: "Invalid request ID"}
	}
	requestID := text(id, c.requestID)
	return requestID, c.srv.cfg.Runtime.Check(requestID, text(c.req.fields[invocationID], c.attemptID))
}

// respond is check for a response, which may be wanted as it comes.
func (c *conn) respond(id []byte) (requestID string, to lambda.Stream, err error) {
	if c.srv.cfg.Streams == nil || len(id) == 0 {
		requestID, err = c.check(id)
		return requestID, nil, err
	}
	requestID = text(id, c.requestID)
	to, err = c.srv.cfg.Streams.Respond(requestID, text(c.req.fields[invocationID], c.attemptID))
	return requestID, to, err
}

// take reads the body of an answer and settles the invocation with it; last is
// what remains to be done with the answer once its body and trailers are there.
func (c *conn) take(requestID string, a lambda.Answer, last func(*request, *lambda.Answer)) fate {
	body, err := c.readBody(lambda.MaxResponsePayload)
	switch {
	case errors.Is(err, errTooLarge):
		return c.takeTooLarge(requestID, a, lambda.MaxResponsePayload)
	case errors.Is(err, errTruncated):
		return c.breakOff(requestID)
	case err != nil:
		return c.refuseBody(err)
	}
	a.Body, a.Produced = body, int64(len(body))
	last(&c.req, &a)
	return c.answer(requestID, a)
}

// answer settles the invocation when all of the answer is there.
func (c *conn) answer(requestID string, a lambda.Answer) fate {
	a.FirstByte, a.LastByte = c.body.firstByte, c.body.lastByte
	if err := c.srv.cfg.Runtime.Answer(requestID, a); err != nil {
		return c.refuse(err)
	}
	runtime.Gosched() // lets the caller have its answer first
	return c.accept()
}

// breakOff fails the invocation when its answer ended early, unless it was us who
// closed.
func (c *conn) breakOff(requestID string) fate {
	if c.ctx.Err() != nil {
		return over
	}
	c.srv.cfg.Runtime.Broken(requestID, "Runtime.TruncatedResponse")
	return c.truncated()
}

// takeTooLarge settles the invocation at once, so that its caller need not wait
// for bytes that nobody keeps, and then reads them.
func (c *conn) takeTooLarge(requestID string, a lambda.Answer, limit int) fate {
	c.stamp()
	a.TooLarge, a.FirstByte, a.LastByte = true, c.body.firstByte, c.body.lastByte
	if err := c.srv.cfg.Runtime.Answer(requestID, a); err != nil {
		return c.refuse(err)
	}
	return c.tooLarge(limit)
}

func (c *conn) tooLarge(limit int) fate {
	if !c.body.waits {
		c.drain(maxDrain)
	}
	return c.deny(refusedTooLarge, "Exceeded maximum allowed payload size ("+strconv.Itoa(limit)+" bytes).")
}

// truncated answers a body that ended early. Often nobody is there to read it,
// but a client that wrote a wrong chunk is.
func (c *conn) truncated() fate {
	c.req.closing = true
	c.body.open, c.body.waits = true, true
	return c.deny(refusedTruncated, "HTTP request detected as truncated")
}

// refuseBody is for bodies that this environment cannot make us hold.
func (c *conn) refuseBody(err error) fate {
	c.req.closing = true
	c.body.waits = true
	return c.refuse(err)
}

// failMidway turns a response into a failure when its trailers say that the
// function failed after it had begun to respond.
func failMidway(r *request, a *lambda.Answer) {
	if !r.has(errorType) && !r.has(errorBody) || !r.chunked {
		return
	}
	a.Failed, a.ErrorType = true, r.text(errorType)
	decoded, err := base64.StdEncoding.DecodeString(r.text(errorBody))
	if err != nil {
		decoded = r.fields[errorBody]
	}
	a.Body, a.ContentType = decoded, documentType(decoded)
}

// initError is POST /runtime/init/error.
func (c *conn) initError() fate {
	a := lambda.Answer{
		Failed:    true,
		ErrorType: c.req.text(errorType),
		XRayCause: errorCause(c.req.fields[xrayCause]),
	}
	body, err := c.readBody(lambda.MaxResponsePayload)
	if errors.Is(err, errTruncated) && c.ctx.Err() != nil {
		return over
	}
	if err != nil && !errors.Is(err, errTooLarge) && !errors.Is(err, errTruncated) {
		return c.refuseBody(err)
	}
	a.Body, a.TooLarge = body, errors.Is(err, errTooLarge)
	a.ContentType = documentType(body)
	a.FirstByte, a.LastByte = c.body.firstByte, c.body.lastByte
	// The type alone tells why Init failed, so it counts without a usable body.
	if refused := c.srv.cfg.Runtime.InitError(a); refused != nil {
		return c.refuse(refused)
	}
	switch {
	case a.TooLarge:
		return c.tooLarge(lambda.MaxResponsePayload)
	case err != nil:
		return c.truncated()
	}
	return c.accept()
}

// documentType is what AWS takes an error body for when nobody said.
func documentType(body []byte) string {
	if json.Valid(body) {
		return jsonType
	}
	return octetsType
}

// text returns b as a string, without an allocation when it is the expected one.
func text(b []byte, expected string) string {
	if string(b) == expected {
		return expected
	}
	return string(b)
}
