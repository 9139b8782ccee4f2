package destination

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lambent/internal/lambda"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var home = lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"}

// services is a server that all services are at; it keeps the last request.
type services struct {
	*httptest.Server
	status int
	answer string
	header http.Header
	method string
	path   string
	body   []byte
}

func serve(t *testing.T, answer string) *services {
	t.Helper()
	s := &services{status: http.StatusOK, answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.header, s.method, s.path = r.Header.Clone(), r.Method, r.URL.Path
		s.body, _ = io.ReadAll(r.Body)
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.answer)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *services) destinations(t *testing.T) *Destinations {
	t.Helper()
	d := New(Options{Home: home, Endpoints: map[string]string{"": s.URL + "/"}, AccessKeyID: "AKID", SecretAccessKey: "secret", NewID: func() string { return "an-id" }})
	t.Cleanup(d.Close)
	return d
}

// signed checks the shape of the signature: whose it is, for what.
func (s *services) signed(t *testing.T, region, service string) {
	t.Helper()
	want := regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=AKID/\d{8}/` + region + `/` + service + `/aws4_request, SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}$`)
	if got := s.header.Get("Authorization"); !want.MatchString(got) {
		t.Errorf("signed %q, want %s", got, want)
	}
}

func (s *services) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(s.body, &v); err != nil {
		t.Fatalf("request %s: %v", s.body, err)
	}
	return v
}

const (
	function = "arn:aws:lambda:us-east-1:111111111111:function:f:$LATEST"
	traced   = "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"
)

func record(target string) lambda.Delivery {
	return lambda.Delivery{
		Target: target, RequestID: "r", Function: "f", FunctionARN: function, Trace: traced,
		Time: time.Date(2026, 1, 9, 23, 5, 6, 0, time.UTC), Body: []byte(`{"version":"1.0"}`),
	}
}

func letter(target, message string) lambda.Delivery {
	d := record(target)
	d.Body = []byte(`{"a":1}`)
	d.DeadLetter = &lambda.DeadLetter{Code: 200, Message: message}
	return d
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n%v, want\n%v", what, got, want)
	}
}

const queue = "arn:aws:sqs:eu-west-1:222222222222:outcomes"

func TestQueueGetsRecord(t *testing.T) {
	t.Parallel()
	s := serve(t, `{"MessageId":"m"}`)
	if err := s.destinations(t).Deliver(t.Context(), record(queue)); err != nil {
		t.Fatal(err)
	}
	s.signed(t, "eu-west-1", "sqs")
	equal(t, "target", s.header.Get("X-Amz-Target"), "AmazonSQS.SendMessage")
	equal(t, "message", s.json(t), map[string]any{ // F286: no attributes but the trace
		"QueueUrl": s.URL + "/222222222222/outcomes", "MessageBody": `{"version":"1.0"}`,
		"MessageSystemAttributes": map[string]any{"AWSTraceHeader": map[string]any{"DataType": "String", "StringValue": traced}},
	})
}

func TestQueueGetsDeadLetter(t *testing.T) {
	t.Parallel()
	s := serve(t, `{"MessageId":"m"}`)
	if err := s.destinations(t).Deliver(t.Context(), letter(queue, "no luck")); err != nil {
		t.Fatal(err)
	}
	got := s.json(t)
	equal(t, "body", got["MessageBody"], `{"a":1}`)
	attribute := func(kind, value string) map[string]any {
		return map[string]any{"DataType": kind, "StringValue": value}
	}
	equal(t, "attributes (F280)", got["MessageAttributes"], map[string]any{
		"RequestID": attribute("String", "r"), "ErrorCode": attribute("Number", "200"), "ErrorMessage": attribute("String", "no luck"),
	})
	if err := s.destinations(t).Deliver(t.Context(), letter(queue, "")); err != nil {
		t.Fatal(err)
	}
	if a := s.json(t)["MessageAttributes"].(map[string]any); len(a) != 2 {
		t.Errorf("attributes %v: an empty one is refused by SQS", a)
	}
	if err := s.destinations(t).Deliver(t.Context(), letter(queue, "a\tb\r\n\x1b[31mred\x00\uFFFF é😀")); err != nil {
		t.Fatal(err)
	}
	equal(t, "attributes that SQS takes", s.json(t)["MessageAttributes"].(map[string]any)["ErrorMessage"],
		any(attribute("String", "a\tb\r\n\uFFFD[31mred\uFFFD\uFFFD é😀")))
}

func TestTopic(t *testing.T) {
	t.Parallel()
	s := serve(t, `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>`)
	const topic = "arn:aws:sns:us-east-1:111111111111:outcomes"
	d := s.destinations(t)
	if err := d.Deliver(t.Context(), record(topic)); err != nil {
		t.Fatal(err)
	}
	s.signed(t, "us-east-1", "sns")
	form, _ := url.ParseQuery(string(s.body))
	equal(t, "record", form, url.Values{"Action": {"Publish"}, "Version": {"2010-03-31"}, "TopicArn": {topic}, "Message": {`{"version":"1.0"}`}})
	if err := d.Deliver(t.Context(), letter(topic, "no luck")); err != nil {
		t.Fatal(err)
	}
	form, _ = url.ParseQuery(string(s.body))
	attributes := map[string]string{}
	for i := 1; i <= 3; i++ {
		entry := fmt.Sprintf("MessageAttributes.entry.%d.", i)
		attributes[form.Get(entry+"Name")] = form.Get(entry+"Value.DataType") + " " + form.Get(entry+"Value.StringValue")
	}
	equal(t, "dead letter", form.Get("Message"), `{"a":1}`)
	equal(t, "attributes", attributes, map[string]string{"RequestID": "String r", "ErrorCode": "Number 200", "ErrorMessage": "String no luck"})
}

func TestBus(t *testing.T) {
	t.Parallel()
	const bus = "arn:aws:events:us-east-1:111111111111:event-bus/default"
	for _, c := range []struct {
		success bool
		detail  string
	}{{true, "Lambda Function Invocation Result - Success"}, {false, "Lambda Function Invocation Result - Failure"}} {
		s := serve(t, `{"FailedEntryCount":0,"Entries":[{"EventId":"e"}]}`)
		delivery := record(bus)
		delivery.Success = c.success
		if err := s.destinations(t).Deliver(t.Context(), delivery); err != nil {
			t.Fatal(err)
		}
		s.signed(t, "us-east-1", "events")
		equal(t, "target", s.header.Get("X-Amz-Target"), "AWSEvents.PutEvents")
		entry := s.json(t)["Entries"].([]any)[0].(map[string]any)
		delete(entry, "Time")
		equal(t, "entry (F287)", entry, map[string]any{
			"EventBusName": bus, "Source": "lambda", "DetailType": c.detail, "Resources": []any{bus, function},
			"Detail": `{"version":"1.0"}`, "TraceHeader": traced,
		})
	}
	s := serve(t, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure","ErrorMessage":"later"}]}`)
	if err := s.destinations(t).Deliver(t.Context(), record(bus)); err == nil || !strings.Contains(err.Error(), "InternalFailure: later") {
		t.Errorf("an entry that the bus refused: %v", err)
	}
}

func TestBucket(t *testing.T) {
	t.Parallel()
	s := serve(t, "")
	if err := s.destinations(t).Deliver(t.Context(), record("arn:aws:s3:::outcomes")); err != nil {
		t.Fatal(err)
	}
	s.signed(t, "us-east-1", "s3")
	equal(t, "request", s.method+" "+s.path, "PUT /outcomes/aws/lambda/async/f/2026/01/09/2026-01-09T23.05.06-an-id")
	equal(t, "object", string(s.body), `{"version":"1.0"}`)
}

// accepting is this server's queue.
type accepting struct {
	ref lambda.Reference
	inv lambda.Invocation
	err error
}

func (a *accepting) Accept(_ context.Context, ref lambda.Reference, inv lambda.Invocation) error {
	a.ref, a.inv = ref, inv
	return a.err
}

func TestFunction(t *testing.T) {
	t.Parallel()
	a := &accepting{}
	d := New(Options{Home: home, Functions: a, NewID: func() string { return "an-id" }})
	if err := d.Deliver(t.Context(), record("arn:aws:lambda:us-east-1:111111111111:function:g:live")); err != nil {
		t.Fatal(err)
	}
	if a.ref.Name != "g" || a.ref.Qualifier != "live" || a.inv.RequestID != "an-id" || string(a.inv.Payload) != `{"version":"1.0"}` || a.inv.Trace != traced {
		t.Errorf("invoked %+v with %+v", a.ref, a.inv)
	}
	a.err = errors.New("disk full")
	if err := d.Deliver(t.Context(), record("arn:aws:lambda:us-east-1:111111111111:function:g")); !errors.Is(err, a.err) {
		t.Errorf("an event that was not accepted: %v, want %v", err, a.err)
	}
}

// TestHopeless: what no other try would mend says so, and says what to do.
func TestHopeless(t *testing.T) {
	t.Parallel()
	d := New(Options{Home: home, Endpoints: map[string]string{SNS: "http://127.0.0.1:1"}})
	for target, want := range map[string]string{
		queue:                                       "--aws-endpoint sqs=URL",
		"arn:aws:s3:::outcomes":                     "--aws-endpoint s3=URL",
		"arn:aws:events:us-east-1:1:event-bus/b":    "--aws-endpoint events=URL",
		"arn:aws:iam::111111111111:role/r":          "not the ARN of",
		"nonsense":                                  "not an ARN",
		"arn:aws:sqs:us-east-1:111111111111:q.fifo": "FIFO",
		"arn:aws:sns:us-east-1:111111111111:t.fifo": "FIFO",
		"arn:aws:sqs:us-east-1:111111111111:x/../../222222222222/q": "not the ARN of a queue",
		"arn:aws:sqs:us-east-1:1/../2:q":                            "not the ARN of a queue",
		"arn:aws:lambda:eu-west-1:111111111111:function:g":          "not a function of this server",
	} {
		err := d.Deliver(t.Context(), record(target))
		if lambda.KindOf(err) != lambda.InvalidParameter || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a hopeless error with %q", target, err, want)
		}
	}
	err := d.Deliver(t.Context(), record("arn:aws:sns:us-east-1:111111111111:t"))
	if err == nil || lambda.KindOf(err) == lambda.InvalidParameter {
		t.Errorf("a server that is down: %v, want an error that time may mend", err)
	}
}

// TestRefusedOnce: the queue tries again, so the SDK must not.
func TestRefusedOnce(t *testing.T) {
	t.Parallel()
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	d := New(Options{Home: home, Endpoints: map[string]string{SQS: server.URL}})
	defer d.Close()
	if err := d.Deliver(t.Context(), record(queue)); err == nil {
		t.Error("a refused message: no error")
	}
	if requests != 1 {
		t.Errorf("%d requests, want 1", requests)
	}
}
