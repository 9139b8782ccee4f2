package lambda

import "time"

// Delivery is what one destination of a finished asynchronous invocation gets.
type Delivery struct {
	Target      string // ARN
	RequestID   string
	Function    string // name
	FunctionARN string // with its qualifier, $LATEST at least (F282)
	Trace       string
	Time        time.Time // when the invocation was over
	Success     bool

	// Body is the record of what became of the event, or the event itself for a
	// dead letter queue.
	Body []byte

	// DeadLetter is set for a dead letter queue alone.
	DeadLetter *DeadLetter

	// Attributes are of a dead letter that is not Lambda's own; nil: DeadLetter tells.
	Attributes map[string]string
}

// DeadLetter is what the attributes of a dead letter say (F280).
type DeadLetter struct {
	Code    int // the status that a synchronous caller would have got
	Message string
}
