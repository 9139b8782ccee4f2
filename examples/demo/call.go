package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// activeWithin is how long a function may be pending.
const activeWithin = time.Minute

// function is one of the three.
type function struct {
	name, runtime, handler string
	code                   []byte // zip
	layer                  []byte // zip, or nil
	layerName              string
	memory                 int32
	calls                  [2]*call // cold, then warm
}

// call is an invocation: what is sent, and what must come back.
type call struct {
	event map[string]any
	check func(answer []byte) (finding string, err error)
	seen  seen
}

// seen is what an invocation showed.
type seen struct {
	took           time.Duration // for the caller
	duration, init string        // from the REPORT line, in ms
}

func (c *call) payload() ([]byte, error) { return json.Marshal(c.event) }

// create publishes the function's layer, creates the function and waits until
// it is active.
func (s *server) create(ctx context.Context, f *function, say *story) error {
	in := &lambda.CreateFunctionInput{
		FunctionName: &f.name, Runtime: types.Runtime(f.runtime), Handler: &f.handler,
		Role: aws.String("arn:aws:iam::000000000000:role/demo"),
		Code: &types.FunctionCode{ZipFile: f.code}, MemorySize: &f.memory, Timeout: aws.Int32(30),
	}
	if f.layer != nil {
		out, err := s.api.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{
			LayerName: &f.layerName, Content: &types.LayerVersionContentInput{ZipFile: f.layer},
		})
		if err != nil {
			return err
		}
		in.Layers = []string{*out.LayerVersionArn}
		say.line("layer     %s, %s", *out.LayerVersionArn, size(len(f.layer)))
	}
	out, err := s.api.CreateFunction(ctx, in)
	if err != nil {
		return err
	}
	wait := lambda.NewFunctionActiveV2Waiter(s.api, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, 200*time.Millisecond
	})
	if err := wait.Wait(ctx, &lambda.GetFunctionInput{FunctionName: &f.name}, activeWithin); err != nil {
		return err
	}
	say.line("function  %s, %s, %s", *out.FunctionArn, f.runtime, size(len(f.code)))
	return nil
}

// invoke carries out a call and looks at the answer and the log.
func (s *server) invoke(ctx context.Context, f *function, temperature string, c *call, say *story) error {
	event, err := c.payload()
	if err != nil {
		return err
	}
	began := time.Now()
	out, err := s.api.Invoke(ctx, &lambda.InvokeInput{FunctionName: &f.name, Payload: event, LogType: types.LogTypeTail})
	if err != nil {
		return err
	}
	c.seen.took = time.Since(began)
	log, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if err != nil {
		return fmt.Errorf("read the log's tail: %w", err)
	}
	if out.FunctionError != nil {
		return fmt.Errorf("the function failed (%s): %s\n%s", *out.FunctionError, out.Payload, log)
	}
	finding, err := c.check(out.Payload)
	if err != nil {
		return fmt.Errorf("%w; it logged\n%s", err, log)
	}
	report, err := c.seen.read(string(log), temperature == "cold")
	if err != nil {
		return fmt.Errorf("%w in\n%s", err, log)
	}
	say.line("%s, %s, after %s: %s\n  %s", f.name, temperature, round(c.seen.took), finding, report)
	return nil
}

var (
	reportLine   = regexp.MustCompile(`(?m)^REPORT RequestId: .*$`)
	durationPart = regexp.MustCompile(`\tDuration: ([0-9.]+) ms`)
	initPart     = regexp.MustCompile(`\tInit Duration: ([0-9.]+) ms`)
)

// read finds the REPORT line, which tells of an Init when and only when the
// environment is new.
func (s *seen) read(log string, cold bool) (report string, err error) {
	report = reportLine.FindString(log)
	duration, init := durationPart.FindStringSubmatch(report), initPart.FindStringSubmatch(report)
	switch {
	case duration == nil:
		return "", errors.New("there is no REPORT line")
	case cold && init == nil:
		return "", errors.New("a first invocation reports no Init Duration")
	case !cold && init != nil:
		return "", errors.New("a second invocation reports an Init Duration")
	}
	s.duration = duration[1]
	if init != nil {
		s.init = init[1]
	}
	return strings.TrimSpace(strings.ReplaceAll(report, "\t", "  ")), nil
}
