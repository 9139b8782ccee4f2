// Package destination tells others what became of an asynchronous invocation: a
// queue of SQS, a topic of SNS, a bus of EventBridge, a bucket of S3, or another
// function. Each delivery is one request of AWS's own SDK, so any server that
// speaks like the service will do.
//
// Nobody's cloud is spoken to by accident: a service without an endpoint is
// refused, and the endpoint "aws" means AWS itself.
package destination

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"lambent/internal/lambda"
)

// Functions takes deliveries to functions of this server.
type Functions interface {
	// Accept returns nil when the event is durable.
	Accept(ctx context.Context, function lambda.Reference, inv lambda.Invocation) error
}

// The services that have endpoints.
const (
	SQS         = "sqs"
	SNS         = "sns"
	EventBridge = "events"
	S3          = "s3"
)

// AWS is the endpoint that stands for AWS itself.
const AWS = "aws"

// Options say where the services are and who asks.
type Options struct {
	Home lambda.Home
	// Endpoints are URLs, or AWS, by service; the one of "" is for all others.
	Endpoints map[string]string

	AccessKeyID, SecretAccessKey, SessionToken string

	Functions Functions
	NewID     func() string // a random UUID
}

// Destinations delivers.
type Destinations struct {
	options     Options
	credentials aws.CredentialsProvider
	http        *http.Client
}

// New makes Destinations; it makes no request.
func New(o Options) *Destinations {
	if o.AccessKeyID == "" {
		// Servers on a developer's machine want a signature and do not judge it.
		o.AccessKeyID, o.SecretAccessKey = "lambent", "lambent"
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	return &Destinations{
		options:     o,
		credentials: credentials.NewStaticCredentialsProvider(o.AccessKeyID, o.SecretAccessKey, o.SessionToken),
		http:        &http.Client{Transport: transport},
	}
}

// Close gives the connections back.
func (d *Destinations) Close() { d.http.CloseIdleConnections() }

// arn is an ARN in parts.
type arn struct{ partition, service, region, account, resource string }

func parse(text string) (arn, error) {
	p := strings.SplitN(text, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[5] == "" {
		return arn{}, hopeless("%q is not an ARN", text)
	}
	return arn{p[1], p[2], p[3], p[4], p[5]}, nil
}

// hopeless is an error that another try would not mend.
func hopeless(format string, args ...any) error {
	return lambda.Errorf(lambda.InvalidParameter, format, args...)
}

// Deliver hands the delivery to its target, and returns nil when the target has
// it. A *lambda.Error of kind InvalidParameter means that trying again is of no use.
func (d *Destinations) Deliver(ctx context.Context, delivery lambda.Delivery) error {
	target, err := parse(delivery.Target)
	if err != nil {
		return err
	}
	send := map[string]func(context.Context, arn, lambda.Delivery) error{
		SQS: d.toSQS, SNS: d.toSNS, EventBridge: d.toEventBridge, S3: d.toS3, "lambda": d.toFunction,
	}[target.service]
	if send == nil {
		return hopeless("%s: not the ARN of a queue, a topic, a bus, a bucket or a function", delivery.Target)
	}
	if strings.HasSuffix(target.resource, ".fifo") && (target.service == SQS || target.service == SNS) {
		return hopeless("%s: queues and topics that are FIFO take no outcomes", delivery.Target)
	}
	return send(ctx, target, delivery)
}

// endpoint finds where a service is; nil is AWS's own place.
func (d *Destinations) endpoint(service string) (*string, error) {
	e, ok := d.options.Endpoints[service]
	if !ok {
		e, ok = d.options.Endpoints[""]
	}
	switch {
	case !ok:
		return nil, hopeless("there is no endpoint for %s; start lambent with --aws-endpoint %s=URL", service, service)
	case e == AWS:
		return nil, nil
	}
	e = strings.TrimSuffix(e, "/")
	return &e, nil
}

// toFunction invokes another function asynchronously, with the record as its event.
func (d *Destinations) toFunction(ctx context.Context, target arn, delivery lambda.Delivery) error {
	ref, err := lambda.ParseReference(delivery.Target)
	if err != nil || target.region != d.options.Home.Region || target.account != d.options.Home.Account {
		return hopeless("%s: not a function of this server", delivery.Target)
	}
	err = d.options.Functions.Accept(ctx, ref, lambda.Invocation{
		RequestID: d.options.NewID(), Payload: delivery.Body, ContentType: "application/json", Trace: delivery.Trace,
	})
	if err != nil {
		return fmt.Errorf("invoke %s: %w", delivery.Target, err)
	}
	return nil
}

// objectTime is how the key of an object tells its time.
const objectTime = "2006/01/02/2006-01-02T15.04.05"

// objectKey is where S3 keeps a record (developer guide, "Capturing records of
// Lambda asynchronous invocations").
func objectKey(function string, at time.Time, id string) string {
	return "aws/lambda/async/" + function + "/" + at.UTC().Format(objectTime) + "-" + id
}
