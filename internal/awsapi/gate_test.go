package awsapi

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/sigv4"
)

var gateHome = lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"}

// testGate admits everybody, or refuses with an error, and remembers acts.
type testGate struct {
	off, unread      bool // unread: the body is not part of what is signed
	admit, authorize error
	acts             []lambda.Act
	text             string
}

func (g *testGate) Enforced() bool { return !g.off }

func (g *testGate) Admit(_ *http.Request, body func() ([]byte, error)) (lambda.Caller, error) {
	if g.admit != nil {
		return lambda.Caller{}, g.admit
	}
	if g.unread {
		return lambda.Caller{ARN: "proved"}, nil
	}
	text, err := body()
	g.text = string(text)
	return lambda.Caller{ARN: "proved"}, err
}

func (g *testGate) Believe(*http.Request) lambda.Caller { return lambda.Caller{ARN: "believed"} }

func (g *testGate) Authorize(_ context.Context, _ lambda.Caller, act lambda.Act) error {
	g.acts = append(g.acts, act)
	return g.authorize
}

// echoing tells who was served as whom, and what of the body was left.
func echoing(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		who, known := CallerOf(r.Context())
		if !known {
			who.ARN = "unasked"
		}
		_, _ = io.WriteString(w, name+" "+who.ARN+" "+string(body))
	})
}

func gated(g *testGate) *Front {
	return &Front{
		Services: map[string]http.Handler{"lambda": echoing("lambda"), "iam": echoing("iam"), "logs": echoing("logs"), "events": echoing("events"), "scheduler": echoing("scheduler")},
		Default:  echoing("default"), Gate: g, Home: gateHome, Judging: map[string]bool{"lambda": true},
		Open: func(r *http.Request) bool { return r.URL.Path == "/open" },
		Role: func(name string) (string, bool) {
			return "arn:aws:iam::111111111111:role/top/Boss", strings.EqualFold(name, "Boss")
		},
	}
}

func askGate(f *Front, method, target, service, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if service != "" {
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=k/20260102/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=s")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func TestWhoIsAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		off                   bool
		target, service, want string
		acts                  int
	}{
		{false, "/", "lambda", "lambda proved body", 0}, // it judges itself
		{false, "/", "iam", "iam proved body", 1},
		{false, "/", "", "default proved body", 1},
		{false, "/open", "", "default unasked body", 0},
		{true, "/", "lambda", "lambda unasked body", 0}, // and pays nothing for it
		{true, "/", "iam", "iam believed body", 0},
		{true, "/", "", "default unasked body", 0},
	} {
		g := &testGate{off: c.off}
		w := askGate(gated(g), "POST", c.target, c.service, "body")
		if w.Body.String() != c.want || len(g.acts) != c.acts {
			t.Errorf("%+v: %s after %d acts", c, w.Body, len(g.acts))
		}
	}
}

// TestOpenIsNoWayAround: services that look at no path are not reached by a request
// that was let in for its path.
func TestOpenIsNoWayAround(t *testing.T) {
	t.Parallel()
	for _, c := range [][]string{
		{"iam", "Content-Type", "application/x-www-form-urlencoded"},
		{"", "X-Amz-Target", "Logs_20140328.DeleteLogGroup"},
		{"unknown"},
	} {
		g := &testGate{}
		f := gated(g)
		f.Elsewhere = echoing
		if w := askGate(f, "POST", "/open", c[0], "body", c[1:]...); w.Body.String() != "default unasked body" {
			t.Errorf("%v: %s", c, w.Body)
		}
	}
}

// TestBodyGoesElsewhere: who forwards a request may read its body for longer than a
// connection leaves it alone.
func TestBodyGoesElsewhere(t *testing.T) {
	t.Parallel()
	f := gated(&testGate{off: true})
	var kept io.Reader
	f.Elsewhere = func(string) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { kept = r.Body })
	}
	q := newQuickRequest(t.Context())
	head := "POST " + invocation + " HTTP/1.1\r\nHost: a\r\nAuthorization: AWS4-HMAC-SHA256 Credential=k/20260102/us-east-1/other/aws4_request\r\n\r\n"
	if !q.read([]byte(head)) {
		t.Fatal("not taken")
	}
	q.carry([]byte("first"))
	f.ServeHTTP(httptest.NewRecorder(), q.Request)
	q.carry([]byte("second"))
	if text, err := io.ReadAll(kept); string(text) != "first" || err != nil {
		t.Errorf("forwarded %q, %v", text, err)
	}
}

func TestRefusedAtTheDoor(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded; charset=utf-8"
	for _, c := range []struct {
		kind         lambda.Kind
		service      string
		header, with string
		status       int
		want         string
	}{
		{lambda.UnknownKey, "lambda", "", "", 403, `{"message":"text"}`},
		{lambda.AccessDenied, "lambda", "", "", 403, `{"Message":"text"}`},
		{lambda.InvalidSignature, "iam", "Content-Type", form, 403, "<Code>SignatureDoesNotMatch</Code><Message>text</Message>"},
		{lambda.UnknownKey, "iam", "Content-Type", form, 403, "<Code>InvalidClientTokenId</Code>"},
		{lambda.ExpiredToken, "iam", "Content-Type", form, 403, "<Code>ExpiredToken</Code>"},
		{lambda.IncompleteSignature, "iam", "Content-Type", form, 400, "<Code>IncompleteSignature</Code>"},
		{lambda.NotSigned, "iam", "Content-Type", form, 403, "<Code>MissingAuthenticationToken</Code><Message>Request is missing Authentication Token</Message>"},
		{lambda.AccessDenied, "iam", "Content-Type", form, 403, "<Code>AccessDenied</Code>"},
		{lambda.AccessDenied, "monitoring", "Smithy-Protocol", "rpc-v2-cbor", 403, "AccessDeniedException"},
		{lambda.UnknownKey, "logs", "X-Amz-Target", "Logs_20140328.CreateLogGroup", 400, `{"__type":"UnrecognizedClientException","message":"text"}`},
	} {
		w := askGate(gated(&testGate{admit: lambda.Errorf(c.kind, "text")}), "POST", "/", c.service, "", c.header, c.with)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("kind %d for %s: %d %s", c.kind, c.service, w.Code, w.Body)
		}
	}
}

// TestNeighbours: what is asked for is what the service will do, wherever else a
// caller may have written another operation.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	model, err := os.ReadFile("scheduler/model.json")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseModel(model)
	if err != nil {
		t.Fatal(err)
	}
	scheduler := NewService(parsed, Options{})
	const schedules = "arn:aws:scheduler:us-east-1:111111111111:"
	const logs = "arn:aws:logs:us-east-1:111111111111:log-group:"
	for _, c := range []struct {
		service, method, target, body, header, with string
		action, resource                            string
	}{
		{"iam", "POST", "/", "Action=GetRole&RoleName=r", "", "", "iam:GetRole", "arn:aws:iam::111111111111:role/r"},
		{"iam", "POST", "/?Action=GetRole", "Action=DeleteRole&RoleName=r", "", "", "iam:DeleteRole", "arn:aws:iam::111111111111:role/r"},
		{"iam", "POST", "/", "Action=DeleteRole&RoleName=r", "X-Amz-Target", "IAM.GetRole", "iam:DeleteRole", "arn:aws:iam::111111111111:role/r"},
		{"iam", "GET", "/?Action=ListRoles", "Action=DeleteRole", "", "", "iam:ListRoles", "*"},
		{"iam", "POST", "/", "Action=CreateRole&RoleName=r&Path=/a/b/", "", "", "iam:CreateRole", "arn:aws:iam::111111111111:role/a/b/r"},
		{"iam", "POST", "/", "Action=CreatePolicy&PolicyName=p", "", "", "iam:CreatePolicy", "arn:aws:iam::111111111111:policy/p"},
		{"iam", "POST", "/", "Action=DeletePolicy&PolicyArn=arn:x", "", "", "iam:DeletePolicy", "arn:x"},
		{"iam", "POST", "/", "nothing", "", "", "iam:*", "*"},
		{"iam", "POST", "/", "Action=*", "", "", "iam:*", "*"},
		{"iam", "POST", "/", "Action=DeleteRole&RoleName=r&Path=/mine/", "", "", "iam:DeleteRole", "arn:aws:iam::111111111111:role/r"},
		{"iam", "POST", "/", "Action=DeleteRole&RoleName=boss&Path=/mine/", "", "", "iam:DeleteRole", "arn:aws:iam::111111111111:role/top/Boss"},
		{"iam", "POST", "/", "Action=CreatePolicyVersion&PolicyArn=arn:x&RoleName=mine&PolicyName=mine", "", "", "iam:CreatePolicyVersion", "arn:x"},
		{"iam", "POST", "/", "Action=CreatePolicy&PolicyName=p&RoleName=mine", "", "", "iam:CreatePolicy", "arn:aws:iam::111111111111:policy/p"},
		{"iam", "POST", "/", "Action=ListRoles&RoleName=mine", "", "", "iam:ListRoles", "*"},
		{"iam", "POST", "/", "Action=GetUser&RoleName=mine&PolicyArn=arn:x", "", "", "iam:GetUser", "*"},
		{"logs", "POST", "/", `{"logGroupName":"mine"}`, "X-Amz-Target", "Logs_20140328.DescribeLogGroups", "logs:DescribeLogGroups", logs + ":log-stream:"},
		{"logs", "POST", "/", `{"logGroupName":"mine","resourceArn":"arn:x:*"}`, "X-Amz-Target", "Logs_20140328.TagResource", "logs:TagResource", "arn:x"},
		{"logs", "POST", "/", `{"logGroupIdentifier":"/g"}`, "X-Amz-Target", "Logs_20140328.GetLogEvents", "logs:GetLogEvents", logs + "/g:log-stream:"},
		{"logs", "POST", "/", `{"logGroupIdentifier":"` + logs + `/g:*"}`, "X-Amz-Target", "Logs_20140328.GetLogEvents", "logs:GetLogEvents", logs + "/g:log-stream:"},
		{"events", "POST", "/", `{"Name":"r","Rule":"mine"}`, "X-Amz-Target", "AWSEvents.DeleteRule", "events:DeleteRule", "arn:aws:events:us-east-1:111111111111:rule/r"},
		{"events", "POST", "/", `{"Rule":"r","Name":"mine"}`, "X-Amz-Target", "AWSEvents.ListTargetsByRule", "events:ListTargetsByRule", "arn:aws:events:us-east-1:111111111111:rule/r"},
		{"events", "POST", "/", `{"Name":"mine","Name":"r","EventBusName":"arn:aws:events:us-east-1:111111111111:event-bus/default"}`, "X-Amz-Target", "AWSEvents.PutRule", "events:PutRule", "arn:aws:events:us-east-1:111111111111:rule/r"},
		{"events", "POST", "/", `{"ResourceARN":"arn:aws:events:us-east-1:111111111111:rule/default/r","Rule":"mine"}`, "X-Amz-Target", "AWSEvents.TagResource", "events:TagResource", "arn:aws:events:us-east-1:111111111111:rule/r"},
		{"logs", "POST", "/", `{"logGroupName":"/g"}`, "X-Amz-Target", "Logs_20140328.CreateLogGroup", "logs:CreateLogGroup", logs + "/g:log-stream:"},
		{"logs", "POST", "/", `{"logGroupName":"/g","logStreamName":"s"}`, "X-Amz-Target", "Logs_20140328.PutLogEvents", "logs:PutLogEvents", logs + "/g:log-stream:s"},
		{"logs", "POST", "/", `{"resourceArn":"arn:x"}`, "X-Amz-Target", "Logs_20140328.TagResource", "logs:TagResource", "arn:x"},
		{"logs", "POST", "/", `{}`, "X-Amz-Target", "Logs_20140328.DescribeLogGroups", "logs:DescribeLogGroups", logs + ":log-stream:"},
		{"logs", "POST", "/?Action=DescribeLogGroups", `{}`, "", "", "logs:*", "*"},
		{"events", "POST", "/", `{"Name":"r"}`, "X-Amz-Target", "AWSEvents.PutRule", "events:PutRule", "arn:aws:events:us-east-1:111111111111:rule/r"},
		{"events", "POST", "/", `{"Rule":"r","EventBusName":"b"}`, "X-Amz-Target", "AWSEvents.PutTargets", "events:PutTargets", "arn:aws:events:us-east-1:111111111111:rule/b/r"},
		{"events", "POST", "/", `{"Name":"b"}`, "X-Amz-Target", "AWSEvents.CreateEventBus", "events:CreateEventBus", "*"},
		{"scheduler", "POST", "/schedules/x", `{}`, "X-Amz-Target", "A.GetSchedule", "scheduler:CreateSchedule", schedules + "schedule/default/x"},
		{"scheduler", "PUT", "/schedules/x?groupName=h", `{"GroupName":"g"}`, "", "", "scheduler:UpdateSchedule", schedules + "schedule/g/x"},
		{"scheduler", "GET", "/schedules/x?groupName=g", `{"GroupName":"h"}`, "", "", "scheduler:GetSchedule", schedules + "schedule/g/x"},
		{"scheduler", "DELETE", "/schedules/x?GroupName=g", ``, "", "", "scheduler:DeleteSchedule", schedules + "schedule/default/x"},
		{"scheduler", "GET", "/schedules?ScheduleGroup=g", ``, "", "", "scheduler:ListSchedules", schedules + "schedule/g/*"},
		{"scheduler", "GET", "/schedules", ``, "", "", "scheduler:ListSchedules", schedules + "schedule/*/*"},
		{"scheduler", "POST", "/schedule-groups/g", `{}`, "", "", "scheduler:CreateScheduleGroup", schedules + "schedule-group/g"},
		{"scheduler", "GET", "/schedule-groups", ``, "", "", "scheduler:ListScheduleGroups", schedules + "schedule-group/*"},
		{"scheduler", "DELETE", "/tags/arn%3Ax", ``, "", "", "scheduler:UntagResource", "arn:x"},
		{"scheduler", "POST", "/elsewhere", `{}`, "", "", "scheduler:*", "*"},
		{"monitoring", "POST", "/", "Action=GetMetricData", "", "", "cloudwatch:GetMetricData", "*"},
		{"monitoring", "POST", "/?Action=GetMetricData", "Action=PutMetricData", "", "", "cloudwatch:PutMetricData", "*"},
		{"monitoring", "POST", "/", "Action=PutMetricData", "X-Amz-Target", "GraniteServiceVersion20100801.ListMetrics", "cloudwatch:ListMetrics", "*"},
		{"monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics", "", "Smithy-Protocol", "rpc-v2-cbor", "cloudwatch:ListMetrics", "*"},
		{"monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics", "Action=PutMetricData", "", "", "cloudwatch:PutMetricData", "*"},
		{"monitoring", "POST", "/service/Other/operation/ListMetrics", "", "Smithy-Protocol", "rpc-v2-cbor", "cloudwatch:*", "*"},
		{"sqs", "POST", "/", `{}`, "X-Amz-Target", "AmazonSQS.SendMessage", "sqs:*", "*"},
	} {
		g := &testGate{authorize: lambda.Errorf(lambda.AccessDenied, "no")}
		front := gated(g)
		front.Services["scheduler"] = scheduler
		w := askGate(front, c.method, c.target, c.service, c.body, c.header, c.with)
		if w.Code < 400 || len(g.acts) != 1 || g.acts[0].Action != c.action || g.acts[0].Resource != c.resource {
			t.Errorf("%s %s %s: %d, asked for %+v, want %s on %s", c.service, c.target, c.body, w.Code, g.acts, c.action, c.resource)
		}
	}
}

// TestRulesAreNoWayAround: who has a rule or a schedule invoke a function, or send
// to a queue, needs the right to do so.
func TestRulesAreNoWayAround(t *testing.T) {
	t.Parallel()
	const fn, queue = "arn:aws:lambda:us-east-1:111111111111:function:", "arn:aws:sqs:us-east-1:111111111111:q"
	const invokes = "lambda:InvokeFunction " + fn
	for _, c := range []struct{ service, method, target, body, want string }{
		{"events", "POST", "AWSEvents.PutTargets", `{"Rule":"r","Targets":[{"Id":"1","Arn":"` + fn + `f"},{"Id":"2","Arn":"` + fn + `g:live"}]}`, invokes + "f " + invokes + "g:live"},
		{"events", "POST", "AWSEvents.PutTargets", `{"Rule":"r","Targets":[{"Id":"1","Arn":"` + fn + `f","DeadLetterConfig":{"Arn":"` + queue + `"}}]}`, invokes + "f sqs:SendMessage " + queue},
		{"scheduler", "PUT", "", `{"Target":{"Arn":"` + fn + `f","DeadLetterConfig":{"Arn":"` + queue + `"}}}`, invokes + "f sqs:SendMessage " + queue},
		{"events", "POST", "AWSEvents.PutTargets", `{"Rule":"r","Targets":[{"Id":"1","Arn":"f"},{"Id":"2"},null]}`, invokes + "f"},
		{"events", "POST", "AWSEvents.RemoveTargets", `{"Rule":"r","Targets":[{"Arn":"` + fn + `f"}]}`, ""},
		{"scheduler", "POST", "", `{"Target":{"Arn":"` + fn + `f","RoleArn":"x"}}`, invokes + "f"},
		{"scheduler", "PUT", "", `{"Target":null}`, ""},
		{"scheduler", "PUT", "", `{`, ""},
	} {
		g := &testGate{}
		askGate(gated(g), c.method, "/schedules/s", c.service, c.body, "X-Amz-Target", c.target)
		var got []string
		for _, act := range g.acts[1:] {
			got = append(got, act.Action+" "+act.Resource)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %s: asked for %v, want %s", c.service, c.body, got, c.want)
		}
	}
}

// TestJudgedAsServed: a body that the signature does not cover is judged all the same.
func TestJudgedAsServed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ service, target, body, want string }{
		{"iam", "", "Action=DeleteRole&RoleName=r", "iam:DeleteRole arn:aws:iam::111111111111:role/r"},
		{"events", "AWSEvents.PutTargets", `{"Rule":"r","Targets":[{"Arn":"arn:aws:lambda:us-east-1:111111111111:function:f"}]}`,
			"events:PutTargets arn:aws:events:us-east-1:111111111111:rule/r lambda:InvokeFunction arn:aws:lambda:us-east-1:111111111111:function:f"},
	} {
		g := &testGate{unread: true}
		w := askGate(gated(g), "POST", "/", c.service, c.body, "X-Amz-Target", c.target)
		var got []string
		for _, act := range g.acts {
			got = append(got, act.Action, act.Resource)
		}
		if strings.Join(got, " ") != c.want || w.Body.String() != c.service+" proved "+c.body {
			t.Errorf("%s: asked for %v, want %s; served %s", c.body, got, c.want, w.Body)
		}
	}
}

// TestRightsElsewhere: a request that is forwarded needs the right to all of each service
// that may carry it out, and a name that no service has no part of one's rights.
func TestRightsElsewhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ service, target, want string }{
		{"s3", "", "s3:*"}, {"execute-api", "", "execute-api:*"}, {"sqs", "AmazonSQS.SendMessage", "sqs:*"},
		{"sqs", "DynamoDB_20120810.PutItem", "sqs:* dynamodb:*"}, {"sqs", "GraniteServiceVersion20100801.PutMetricData", "sqs:* cloudwatch:*"},
		{"glue", "AWSGlue.GetTables", "glue:*"},
		{"s3:Get", "", "*"}, {"*", "", "*"}, {"s3?", "", "*"},
	} {
		g := &testGate{}
		front := gated(g)
		front.Elsewhere = echoing
		askGate(front, "POST", "/", c.service, "{}", "X-Amz-Target", c.target)
		var got []string
		for _, act := range g.acts {
			got = append(got, act.Action)
			if act.Resource != "*" {
				t.Errorf("%s: asked for %+v", c.service, act)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %s: asked for %v, want %s", c.service, c.target, got, c.want)
		}
	}
}

// FuzzSignedFor: a request reaches the service that it was signed for, however its
// signature is written.
func FuzzSignedFor(f *testing.F) {
	const good = "Credential=AK/20260102/us-east-1/s3/aws4_request"
	const rest = ", SignedHeaders=host, Signature=00"
	for _, header := range []string{
		"AWS4-HMAC-SHA256 " + good + rest,
		"AWS4-HMAC-SHA256 X=Credential=A/B/C/iam/D, " + good + rest,
		"AWS4-HMAC-SHA256 SignedHeaders=Credential=A/B/C/iam/D, " + good + rest,
		"AWS4-HMAC-SHA256 XCredential=A/B/C/iam/D," + good + rest,
		"AWS4-HMAC-SHA256 Credential=, " + good + rest,
		"AWS4-HMAC-SHA256 Credential=A/B/C/iam/D Credential=x, " + good + rest,
		"AWS4-HMAC-SHA256 Credential, " + good + rest,
	} {
		f.Add(header, "")
	}
	const query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20260102%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=0&X-Amz-SignedHeaders=host&X-Amz-Date=20260102T000000Z"
	f.Add("", query)
	f.Add("", "X-Amz-Credential=A%2FB%2FC%2Fiam%2FD;&"+query)
	f.Add("", query+"&X-Amz-Credential=A%2FB%2FC%2Fiam%2FD")
	f.Fuzz(func(t *testing.T, header, query string) {
		r := &http.Request{Method: "POST", URL: &url.URL{Path: "/", RawQuery: query}, Header: http.Header{"X-Amz-Date": {"20260102T000000Z"}}}
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		s, err := sigv4.Read(r)
		if err == nil && signedFor(r) != s.Scope.Service {
			t.Errorf("signed for %q, routed to %q", s.Scope.Service, signedFor(r))
		}
	})
}

func TestLargeSignedBody(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("POST", "/", nil)
	r.ContentLength = maxSigned + 1
	_, err := Admit(&testGate{}, httptest.NewRecorder(), r)
	if lambda.KindOf(err) != lambda.EntityTooLarge {
		t.Errorf("%v", err)
	}
}
