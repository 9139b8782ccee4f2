package lambda

import "time"

// Invocation is one request to run a function, after the edge has turned the
// caller's dialect into ours.
type Invocation struct {
	RequestID       string // lower-case UUID; the function, its logs and the caller see the same (F242)
	AttemptID       string // unique per attempt: Lambda-Runtime-Invocation-Id
	FunctionARN     string // as invoked, with the qualifier that the caller gave (F094)
	Payload         []byte
	ContentType     string
	ClientContext   string // decoded JSON, or empty
	CognitoIdentity string // JSON, or empty
	Trace           string // X-Amzn-Trace-Id
	Tenant          string
	Tail            bool // the caller wants the log tail, so the answer waits for the report
	Asynchronous    bool // it comes from the queue: bound by concurrency, not by the rate of requests

	// Stream takes the response while the function makes it; nil: the caller wants
	// it whole.
	Stream Stream

	// Deadline is when the function's time is up. It is set when the event is
	// handed over, not when the request arrived: waiting for an environment is
	// not the function's time.
	Deadline time.Time
}

// Stream is who asked for a response and wants it as it comes. Its methods are
// called one at a time, in this order.
type Stream interface {
	// Runs says which version it will come from.
	Runs(version string)
	// Begin says of what type it is; there may be no bytes yet. It does not come
	// when the function fails instead of responding: then the Result has it all.
	Begin(contentType string)
	// Write returns when p is taken and may be used again. After an error nobody
	// wants the rest; the function is not to notice.
	Write(p []byte) (int, error)
}

// Result is what came of an invocation: the function's answer, or its fault.
// The payload of a response that went to a Stream is empty.
type Result struct {
	Payload     []byte
	ContentType string
	Fault       *Fault // nil when the function answered
	Version     string // number of the version that ran, or Latest
	LogTail     []byte // last 4 KiB of the log, when the invocation asked
}

// Fault is the function's own failure. The caller still gets HTTP 200; the
// payload of the Result tells what happened.
type Fault struct {
	Type string // e.g. "Runtime.ExitError"; normalised, as telemetry shows it
}

// Answer is what a runtime posts for an invocation, or for its Init.
type Answer struct {
	Body        []byte
	ContentType string
	Failed      bool   // posted to …/error
	ErrorType   string // Lambda-Runtime-Function-Error-Type as sent, "" when absent
	XRayCause   string // Lambda-Runtime-Function-XRay-Error-Cause, cropped to MaxErrorCause
	Streaming   bool   // Lambda-Runtime-Function-Response-Mode: streaming
	TooLarge    bool   // the body exceeded its limit, MaxResponsePayload or MaxStreamedResponse, and was not kept
	Streamed    bool   // the body went to the invocation's Stream; Body is what its trailers say of a failure
	Produced    int64  // bytes of the body
	// FirstByte and LastByte are when the body began and ended to arrive.
	FirstByte, LastByte time.Time
}

// Registration is what an extension says of itself.
type Registration struct {
	Name     string
	External bool // its name is a file of /opt/extensions; decided by the environment, not by the caller
	Events   []string
}

// Registered is the answer to a registration.
type Registered struct {
	Identifier      string // UUID
	FunctionName    string
	FunctionVersion string
	Handler         string
	Account         string
}

// ExtensionEvent is one answer to an extension's Next.
type ExtensionEvent struct {
	Type           string // "INVOKE" or "SHUTDOWN"
	Deadline       time.Time
	RequestID      string // INVOKE
	FunctionARN    string // INVOKE
	Trace          string // INVOKE
	ShutdownReason string // SHUTDOWN: "spindown", "timeout" or "failure"
	Tenant         string
}
