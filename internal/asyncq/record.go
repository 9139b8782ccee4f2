package asyncq

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"lambent/internal/lambda"
	"lambent/internal/recursion"
	"lambent/internal/retry"
	"lambent/internal/store"
)

// record is what destinations get (F281). Its members are in AWS's order.
type record struct {
	Version         string           `json:"version"`
	Timestamp       string           `json:"timestamp"`
	RequestContext  requestContext   `json:"requestContext"`
	RequestPayload  json.RawMessage  `json:"requestPayload,omitempty"` // absent only when there is no room
	ResponseContext *responseContext `json:"responseContext,omitempty"`
	ResponsePayload json.RawMessage  `json:"responsePayload,omitempty"`
}

type requestContext struct {
	RequestID   string `json:"requestId"`
	FunctionARN string `json:"functionArn"`
	Condition   string `json:"condition"`
	InvokeCount int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"`
}

// timestampFormat is RFC 3339 with milliseconds.
const timestampFormat = "2006-01-02T15:04:05.000Z"

// delivery is what a target gets of an event that is over.
func (q *Queue) delivery(e *store.Event, t store.Target) lambda.Delivery {
	qualifier := e.Qualifier
	if qualifier == "" {
		qualifier = lambda.Latest // F282
	}
	d := lambda.Delivery{
		Target: t.ARN, RequestID: e.RequestID, Function: e.Function, FunctionARN: q.config.Home.FunctionARN(e.Function, qualifier),
		Time: e.Outcome.At, Success: e.Outcome.Condition == string(retry.Success),
	}
	d.Trace, _ = recursion.Follow(e.Trace, e.Function) // whoever is told is a link of the same chain
	if t.DeadLetter {
		d.Body, d.DeadLetter, d.Attributes = e.Payload, deadLetter(e), t.Attributes
		return d
	}
	r := record{
		Version: "1.0", Timestamp: e.Outcome.At.UTC().Truncate(time.Millisecond).Format(timestampFormat),
		RequestContext:  requestContext{e.RequestID, d.FunctionARN, e.Outcome.Condition, e.Invoked},
		RequestPayload:  asJSON(e.Payload),
		ResponseContext: answered(e.Last),
		ResponsePayload: payload(e.Last),
	}
	if d.Body = encode(r); len(d.Body) > room(t.ARN) {
		r.RequestPayload, r.ResponsePayload = nil, nil
		d.Body = encode(r)
	}
	return d
}

// room is how long a record may be that a target takes. From a longer one the
// payloads are dropped, as AWS does for SNS (API reference, OnFailure); it says
// nothing of the others, which would refuse the record.
func room(target string) int {
	const KiB, MiB = 1 << 10, 1 << 20
	service := strings.SplitN(target, ":", 4)
	if len(service) < 4 {
		return math.MaxInt
	}
	switch service[2] {
	case "sns":
		return 256 * KiB
	case "sqs", "lambda":
		return MiB
	case "events":
		return MiB - 2*KiB // an entry is its detail, its resources and more
	}
	return math.MaxInt
}

func answered(a *store.Answer) *responseContext {
	if a == nil {
		return nil
	}
	c := &responseContext{StatusCode: http.StatusOK, ExecutedVersion: a.Version}
	if a.Failed {
		c.FunctionError = "Unhandled"
	}
	return c
}

func payload(a *store.Answer) json.RawMessage {
	if a == nil {
		return nil
	}
	return asJSON(a.Payload)
}

// asJSON is the text itself when it is JSON, and a JSON string of it otherwise:
// custom runtimes may answer anything.
func asJSON(text []byte) json.RawMessage {
	text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	if json.Valid(text) {
		return text
	}
	return encode(string(text))
}

// encode leaves <, > and & as they are, as AWS does.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // strings and valid JSON: cannot fail
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// deadLetter is F280: 200 and the function's own message when the function
// failed, the refusal when it was not run.
func deadLetter(e *store.Event) *lambda.DeadLetter {
	switch {
	case e.Refusal != nil:
		return &lambda.DeadLetter{Code: e.Refusal.Status, Message: crop(e.Refusal.Message)}
	case e.Last != nil:
		return &lambda.DeadLetter{Code: http.StatusOK, Message: errorMessage(e.Last.Payload)}
	}
	return &lambda.DeadLetter{Code: http.StatusInternalServerError, Message: "The event was not run within its maximum age."}
}

// maxMessage is what a dead letter has of an error message (developer guide,
// "Dead-letter queues": the first 1 KB).
const maxMessage = 1024

// errorMessage is the errorMessage of a runtime's error object, or what there is.
func errorMessage(payload []byte) string {
	var fault struct {
		ErrorMessage string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &fault) != nil || fault.ErrorMessage == "" {
		return crop(string(payload))
	}
	return crop(fault.ErrorMessage)
}

// crop cuts between characters.
func crop(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	s = s[:maxMessage]
	for len(s) > 0 {
		if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n != 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s
}
