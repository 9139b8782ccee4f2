package async

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// quick makes a minute of AWS's delays 60 ms.
const quick = "--async-retry-delay=60ms"

func mustSend(t testing.TB, s *server, name, payload string) (id string) {
	t.Helper()
	id, err := s.send(t.Context(), name, payload)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestEventRuns(t *testing.T) {
	t.Parallel()
	s := own(t, quick)
	rec := s.deploy(t, "f", nil)
	id := mustSend(t, s, "f", `{"n": 7}`)
	eventually(t, "the run", func() bool { return len(rec.runs()) == 1 })
	if r := rec.runs()[0]; r.id != id || r.payload != `{"n": 7}` {
		t.Errorf("ran %+v, want request %s", r, id)
	}
	eventually(t, "an empty queue", func() bool { return s.queued(t, false).Total == 0 })
}

// record is a destination's record.
type record struct {
	RequestContext struct {
		RequestID              string `json:"requestId"`
		FunctionArn, Condition string
		ApproximateInvokeCount int
	}
	RequestPayload  json.RawMessage
	ResponseContext *struct {
		StatusCode                     int
		ExecutedVersion, FunctionError string
	}
	ResponsePayload json.RawMessage
}

func decode(t *testing.T, a arrival) (r record) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &r); err != nil {
		t.Fatalf("record %q: %v", a.body, err)
	}
	return r
}

func configure(t *testing.T, s *server, name string, retries int32, onSuccess, onFailure string) {
	t.Helper()
	d := &types.DestinationConfig{OnSuccess: &types.OnSuccess{}, OnFailure: &types.OnFailure{}}
	if onSuccess != "" {
		d.OnSuccess.Destination = &onSuccess
	}
	if onFailure != "" {
		d.OnFailure.Destination = &onFailure
	}
	_, err := s.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: &name, MaximumRetryAttempts: &retries, DestinationConfig: d,
	})
	if err != nil {
		t.Fatal(err)
	}
}

const arn = "arn:aws:lambda:us-east-1:000000000000:function:"

// TestOutcomes sends one event for every kind of destination.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	s := own(t, quick, "--aws-endpoint", c.URL)
	letters := func(in *lambda.CreateFunctionInput) {
		in.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: aws.String("arn:aws:sns:us-east-1:000000000000:letters")}
	}
	second := s.deploy(t, "second", nil)
	for name, to := range map[string][2]string{
		"queue":    {"arn:aws:sqs:us-east-1:000000000000:good", "arn:aws:sqs:us-east-1:000000000000:bad"},
		"topic":    {"arn:aws:sns:us-east-1:000000000000:good", "arn:aws:sns:us-east-1:000000000000:bad"},
		"bus":      {"arn:aws:events:us-east-1:000000000000:event-bus/good", "arn:aws:events:us-east-1:000000000000:event-bus/bad"},
		"function": {arn + "second", "arn:aws:s3:::bad"},
	} {
		s.deploy(t, name, letters)
		configure(t, s, name, 1, to[0], to[1])
	}
	ids := map[string]string{}
	for _, name := range []string{"queue", "topic", "bus", "function"} {
		for _, n := range []int{1, 2} {
			ids[fmt.Sprint(name, n)] = mustSend(t, s, name, fmt.Sprintf(`{"n": %d, "fail": %v}`, n, n == 2))
		}
	}
	check := func(service, target, name string, n int) arrival {
		t.Helper()
		eventually(t, service+" "+target, func() bool { return len(c.arrived(service, target)) == 1 })
		a := c.arrived(service, target)[0]
		r := decode(t, a)
		condition, count, fault, response := "Success", 1, "", `{"ok":true}`
		if n == 2 {
			condition, count, fault, response = "RetriesExhausted", 2, "Unhandled", `{"errorMessage":"no luck","errorType":"Error"}`
		}
		if r.RequestContext.RequestID != ids[fmt.Sprint(name, n)] || r.RequestContext.FunctionArn != arn+name+":$LATEST" ||
			r.RequestContext.Condition != condition || r.RequestContext.ApproximateInvokeCount != count || string(r.ResponsePayload) != response ||
			r.ResponseContext == nil || r.ResponseContext.FunctionError != fault || r.ResponseContext.ExecutedVersion != "$LATEST" {
			t.Errorf("%s %s got %s", service, target, a.body)
		}
		return a
	}
	check("sqs", "/000000000000/good", "queue", 1)
	if a := check("sqs", "/000000000000/bad", "queue", 2); len(a.attributes) != 1 || !strings.HasPrefix(a.attributes["system AWSTraceHeader"], "String Root=1-") {
		t.Errorf("attributes of a record: %v, want only the trace (F286)", a.attributes)
	}
	check("sns", ":good", "topic", 1)
	check("sns", ":bad", "topic", 2)
	check("events", "/good", "bus", 1)
	if a := check("events", "/bad", "bus", 2); a.entry["DetailType"] != "Lambda Function Invocation Result - Failure" || a.entry["Source"] != "lambda" ||
		fmt.Sprint(a.entry["Resources"]) != "[arn:aws:events:us-east-1:000000000000:event-bus/bad "+arn+"bus:$LATEST]" {
		t.Errorf("event %v (F287)", a.entry)
	}
	if a := check("s3", "bad/", "function", 2); !regexp.MustCompile(`^bad/aws/lambda/async/function/\d{4}/\d\d/\d\d/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d-[0-9a-f-]{36}$`).MatchString(a.target) {
		t.Errorf("object %s", a.target)
	}
	eventually(t, "the second function", func() bool { return len(second.runs()) == 1 })
	if r := decode(t, arrival{body: second.runs()[0].payload}); r.RequestContext.RequestID != ids["function1"] || r.RequestContext.Condition != "Success" {
		t.Errorf("the second function got %s", second.runs()[0].payload)
	}
	eventually(t, "dead letters of all four", func() bool { return len(c.arrived("sns", ":letters")) == 4 })
	for _, a := range c.arrived("sns", ":letters") { // F280
		if a.body != `{"n": 2, "fail": true}` || a.attributes["ErrorCode"] != "Number 200" || a.attributes["ErrorMessage"] != "String no luck" || a.attributes["RequestID"] == "" {
			t.Errorf("dead letter %+v", a)
		}
	}
	eventually(t, "an empty queue", func() bool { return s.queued(t, false).Total == 0 })
}

// TestNothingReserved is F160.
func TestNothingReserved(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	s := own(t, quick, "--aws-endpoint", "sqs="+c.URL)
	rec := s.deploy(t, "f", nil)
	configure(t, s, "f", 2, "", "arn:aws:sqs:us-east-1:000000000000:bad")
	if _, err := s.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("f"), ReservedConcurrentExecutions: aws.Int32(0)}); err != nil {
		t.Fatal(err)
	}
	mustSend(t, s, "f", `{"n": 1}`)
	eventually(t, "the record", func() bool { return len(c.arrived("sqs", "bad")) == 1 })
	r := decode(t, c.arrived("sqs", "bad")[0])
	if r.RequestContext.Condition != "ZeroReservedConcurrency" || r.RequestContext.ApproximateInvokeCount != 0 || r.ResponseContext != nil || r.ResponsePayload != nil {
		t.Errorf("record %s", c.arrived("sqs", "bad")[0].body)
	}
	if n := len(rec.runs()); n != 0 {
		t.Errorf("the function ran %d times", n)
	}
}

// TestReservedConcurrencyWorksOff: many more events than a function may run at
// once are all run, each once.
func TestReservedConcurrencyWorksOff(t *testing.T) {
	t.Parallel()
	s := own(t, quick)
	rec := s.deploy(t, "f", nil)
	if _, err := s.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("f"), ReservedConcurrentExecutions: aws.Int32(1)}); err != nil {
		t.Fatal(err)
	}
	const events = 100
	for n := range events {
		mustSend(t, s, "f", fmt.Sprintf(`{"n": %d}`, n))
	}
	eventually(t, "all runs", func() bool { return len(rec.runs()) >= events })
	eventually(t, "an empty queue", func() bool { return s.queued(t, false).Total == 0 })
	if n := len(rec.runs()); n != events {
		t.Errorf("%d runs of %d events", n, events)
	}
}

// TestLatestIsOfTheMoment is F077: an event that waits runs what is configured then.
func TestLatestIsOfTheMoment(t *testing.T) {
	t.Parallel()
	s := own(t, "--async-retry-delay=2s")
	rec := s.deploy(t, "f", nil)
	mustSend(t, s, "f", `{"n": 1, "fail": true}`)
	eventually(t, "the first run", func() bool { return len(rec.runs()) == 1 })
	moved := newRecorder(t)
	if _, err := s.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("f"), Environment: &types.Environment{Variables: map[string]string{"TEST_RECORD": moved.url(s)}},
	}); err != nil {
		t.Fatal(err)
	}
	if err := lambda.NewFunctionUpdatedV2Waiter(s).Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")}, time.Minute); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a retry on the new settings", func() bool { return len(moved.runs()) > 0 })
	if first, second := rec.runs(), moved.runs(); first[0].id != second[0].id {
		t.Errorf("the retry has request %s, the first attempt %s (F278)", second[0].id, first[0].id)
	}
}

// TestQueueVerb shows, replays and drops through the command line.
func TestQueueVerb(t *testing.T) {
	t.Parallel()
	s := own(t, quick)
	rec := s.deploy(t, "f", nil)
	configure(t, s, "f", 0, "", "")
	lambent := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), binary, append(args, "--endpoint", s.url)...).CombinedOutput()
		if err != nil {
			t.Fatalf("lambent %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	first := mustSend(t, s, "f", `{"n": 1, "fail": true}`)
	mustSend(t, s, "f", `{"n": 2, "fail": true}`)
	eventually(t, "two dead events", func() bool { return s.queued(t, true).Total == 2 })
	if out := lambent("queue", "--dead"); !strings.Contains(out, first) || !strings.Contains(out, "RetriesExhausted") || !strings.Contains(out, "no luck") {
		t.Errorf("lambent queue --dead says\n%s", out)
	}
	lambent("queue", "replay", first)
	eventually(t, "the replay", func() bool { return len(rec.runs()) == 3 })
	eventually(t, "two dead events", func() bool { return s.queued(t, true).Total == 2 })
	if out := lambent("queue", "drop", "--dead", "-f", "f"); !strings.Contains(out, "2") {
		t.Errorf("lambent queue drop says %s", out)
	}
	if n := s.queued(t, true).Total; n != 0 {
		t.Errorf("%d dead events are left", n)
	}
	if out, err := exec.CommandContext(t.Context(), binary, "queue", "drop", first, "--endpoint", s.url).CombinedOutput(); err == nil {
		t.Errorf("dropping what is not there says %s", out)
	}
	if out := lambent("queue", "-o", "json"); !strings.Contains(out, `"total": 0`) {
		t.Errorf("lambent queue -o json says %s", out)
	}
}
