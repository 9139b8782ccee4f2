package lambda

import (
	"strings"
	"time"
)

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

// DeliveryAct is what a function's role must allow for an outcome of the function to
// be handed to a target ("Capturing records of Lambda asynchronous invocations",
// "Dead-letter queues"). False: nothing is ever handed to such a target.
func DeliveryAct(target, function string) (Act, bool) {
	fields := strings.SplitN(target, ":", 6)
	if len(fields) < 6 {
		return Act{}, false
	}
	act := Act{Resource: target}
	switch fields[2] {
	case "sqs":
		act.Action = "sqs:SendMessage"
	case "sns":
		act.Action = "sns:Publish"
	case "events":
		act.Action = "events:PutEvents"
	case "lambda":
		act.Action = "lambda:InvokeFunction"
	case "s3":
		bucket, _, _ := strings.Cut(fields[5], "/")
		act.Action = "s3:PutObject"
		act.Resource = strings.Join(fields[:5], ":") + ":" + bucket + "/aws/lambda/async/" + function + "/*"
	default:
		return Act{}, false
	}
	if fields[4] != "" { // buckets do not say whose they are
		act.Conditions = map[string][]string{"aws:resourceaccount": {fields[4]}}
	}
	return act, true
}
