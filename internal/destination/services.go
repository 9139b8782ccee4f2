package destination

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"lambent/internal/lambda"
)

// Each request is made once: the queue tries again, and remembers over restarts.
const attempts = 1

// toSQS sends a message. A record has no attributes but the trace (F286); a dead
// letter has what F280 says.
func (d *Destinations) toSQS(ctx context.Context, target arn, delivery lambda.Delivery) error {
	if strings.ContainsAny(target.account+target.resource, "/?#%") { // its URL would be another queue's
		return hopeless("%s: not the ARN of a queue", delivery.Target)
	}
	endpoint, err := d.endpoint(SQS)
	if err != nil {
		return err
	}
	base := "https://sqs." + target.region + ".amazonaws.com"
	if endpoint != nil {
		base = *endpoint
	}
	message := &sqs.SendMessageInput{
		QueueUrl:    aws.String(base + "/" + target.account + "/" + target.resource),
		MessageBody: aws.String(string(delivery.Body)),
	}
	if delivery.Trace != "" {
		message.MessageSystemAttributes = map[string]sqstypes.MessageSystemAttributeValue{
			"AWSTraceHeader": {DataType: aws.String("String"), StringValue: &delivery.Trace},
		}
	}
	for _, a := range attributes(delivery) {
		if message.MessageAttributes == nil {
			message.MessageAttributes = map[string]sqstypes.MessageAttributeValue{}
		}
		message.MessageAttributes[a.name] = sqstypes.MessageAttributeValue{DataType: &a.kind, StringValue: &a.value}
	}
	client := sqs.New(sqs.Options{
		BaseEndpoint: endpoint, Region: target.region, Credentials: d.credentials, HTTPClient: d.http, RetryMaxAttempts: attempts,
	})
	if _, err := client.SendMessage(ctx, message); err != nil {
		return fmt.Errorf("send message: %w", err)
	}
	return nil
}

// toSNS publishes a message.
func (d *Destinations) toSNS(ctx context.Context, target arn, delivery lambda.Delivery) error {
	endpoint, err := d.endpoint(SNS)
	if err != nil {
		return err
	}
	message := &sns.PublishInput{TopicArn: &delivery.Target, Message: aws.String(string(delivery.Body))}
	for _, a := range attributes(delivery) {
		if message.MessageAttributes == nil {
			message.MessageAttributes = map[string]snstypes.MessageAttributeValue{}
		}
		message.MessageAttributes[a.name] = snstypes.MessageAttributeValue{DataType: &a.kind, StringValue: &a.value}
	}
	client := sns.New(sns.Options{
		BaseEndpoint: endpoint, Region: target.region, Credentials: d.credentials, HTTPClient: d.http, RetryMaxAttempts: attempts,
	})
	if _, err := client.Publish(ctx, message); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// attribute is one attribute of a message.
type attribute struct{ name, kind, value string }

func attributes(delivery lambda.Delivery) []attribute {
	if delivery.Attributes != nil {
		var all []attribute
		for _, name := range slices.Sorted(maps.Keys(delivery.Attributes)) {
			all = append(all, attribute{name, "String", printable(delivery.Attributes[name])})
		}
		return all
	}
	l := delivery.DeadLetter
	if l == nil {
		return nil
	}
	all := []attribute{{"RequestID", "String", delivery.RequestID}, {"ErrorCode", "Number", strconv.Itoa(l.Code)}}
	if l.Message != "" { // an attribute may not be empty
		all = append(all, attribute{"ErrorMessage", "String", printable(l.Message)})
	}
	return all
}

// printable replaces what SQS and SNS refuse in an attribute: all that XML has no
// characters for, such as the colours of a terminal in an error's message.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return utf8.RuneError
		}
		return r // also for what is no UTF-8
	}, s)
}

// toEventBridge puts an event on a bus (F287).
func (d *Destinations) toEventBridge(ctx context.Context, target arn, delivery lambda.Delivery) error {
	endpoint, err := d.endpoint(EventBridge)
	if err != nil {
		return err
	}
	result := "Failure"
	if delivery.Success {
		result = "Success"
	}
	entry := eventtypes.PutEventsRequestEntry{
		EventBusName: &delivery.Target, Source: aws.String("lambda"), Time: &delivery.Time,
		DetailType: aws.String("Lambda Function Invocation Result - " + result),
		Resources:  []string{delivery.Target, delivery.FunctionARN},
		Detail:     aws.String(string(delivery.Body)),
	}
	if delivery.Trace != "" {
		entry.TraceHeader = &delivery.Trace
	}
	client := eventbridge.New(eventbridge.Options{
		BaseEndpoint: endpoint, Region: target.region, Credentials: d.credentials, HTTPClient: d.http, RetryMaxAttempts: attempts,
	})
	out, err := client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []eventtypes.PutEventsRequestEntry{entry}})
	if err != nil {
		return fmt.Errorf("put event: %w", err)
	}
	if out.FailedEntryCount == 0 {
		return nil
	}
	for _, e := range out.Entries {
		return fmt.Errorf("put event: %s: %s", aws.ToString(e.ErrorCode), aws.ToString(e.ErrorMessage))
	}
	return errors.New("put event: the bus did not take it")
}

// toS3 puts an object.
func (d *Destinations) toS3(ctx context.Context, target arn, delivery lambda.Delivery) error {
	endpoint, err := d.endpoint(S3)
	if err != nil {
		return err
	}
	region := target.region
	if region == "" { // as in the ARN of every bucket
		region = d.options.Home.Region
	}
	bucket, _, _ := strings.Cut(target.resource, "/")
	client := s3.New(s3.Options{
		BaseEndpoint: endpoint, Region: region, Credentials: d.credentials, HTTPClient: d.http, RetryMaxAttempts: attempts,
		UsePathStyle: endpoint != nil, // a local endpoint has no wildcard names
		// Not every server can compute the newer checksums.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
	})
	_, err = client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: aws.String(objectKey(delivery.Function, delivery.Time, d.options.NewID())),
		Body: bytes.NewReader(delivery.Body), ContentType: aws.String("application/json"),
	})
	if err != nil {
		return fmt.Errorf("put object: %w", err)
	}
	return nil
}
