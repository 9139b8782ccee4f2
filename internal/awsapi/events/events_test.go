package events

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/schedule"
	"lambent/internal/store/memory"
)

const (
	prefix = "arn:aws:events:us-east-1:111111111111:"
	f      = "arn:aws:lambda:us-east-1:111111111111:function:f"
)

type functions struct{}

func (functions) Exists(lambda.Reference) error { return nil }

// joined is the API over a real engine, which fires nothing.
func joined(t *testing.T) http.Handler {
	t.Helper()
	db := memory.Open(&memory.Data{})
	t.Cleanup(func() { _ = db.Close() })
	home := lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"}
	e := schedule.New(schedule.Config{Home: home, Store: db, Functions: functions{}, NewID: func() string { return "id" }, Log: slog.New(slog.DiscardHandler)})
	h, err := New(Config{Home: home, Rules: e, Targets: e, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, operation, body string) string {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "AWSEvents."+operation)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return fmt.Sprint(w.Code, " ", w.Body)
}

// step is a request and its answer.
type step struct{ operation, body, want string }

func play(t *testing.T, h http.Handler, steps []step) {
	t.Helper()
	for _, s := range steps {
		if got := ask(h, s.operation, s.body); got != s.want {
			t.Errorf("%s %s:\n got %s\nwant %s", s.operation, s.body, got, s.want)
		}
	}
}

func refused(exception, text string) string {
	return `400 {"__type":"` + exception + `","message":"` + text + `"}`
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	const first = `{"Id":"1","Arn":"` + f + `","RoleArn":"arn:aws:iam::111111111111:role/r","Input":"{\"a\":1}","DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:111111111111:q"},` +
		`"RetryPolicy":{"MaximumRetryAttempts":3,"MaximumEventAgeInSeconds":60}}`
	const second = `{"Id":"2","Arn":"` + f + `:live","InputTransformer":{"InputPathsMap":{"t":"$.time"},"InputTemplate":"<t>"}}`
	const targets = first + "," + second
	play(t, joined(t), []step{
		{"PutRule", `{"Name":"r","ScheduleExpression":"rate(5 minutes)","Description":"d","Tags":[{"Key":"k","Value":"v"}]}`, `200 {"RuleArn":"` + prefix + `rule/r"}`},
		{"PutTargets", `{"Rule":"r","Targets":[` + targets + `]}`, `200 {"FailedEntryCount":0,"FailedEntries":[]}`},
		{"ListTargetsByRule", `{"Rule":"r"}`, `200 {"Targets":[` + targets + `]}`},
		{"ListTargetsByRule", `{"Rule":"r","Limit":1}`, `200 {"Targets":[` + first + `],"NextToken":"MQ"}`},
		{"ListTargetsByRule", `{"Rule":"r","Limit":1,"NextToken":"MQ"}`, `200 {"Targets":[` + second + `]}`},
		{"ListRuleNamesByTarget", `{"TargetArn":"` + f + `:live"}`, `200 {"RuleNames":["r"]}`},
		{"ListRuleNamesByTarget", `{"TargetArn":"` + f + `:other"}`, `200 {"RuleNames":[]}`},
		{"DescribeRule", `{"Name":"r","EventBusName":"default"}`, `200 {"Name":"r","Arn":"` + prefix + `rule/r","ScheduleExpression":"rate(5 minutes)","State":"ENABLED","Description":"d","EventBusName":"default","CreatedBy":"111111111111"}`},
		{"DisableRule", `{"Name":"r"}`, `200 `},
		{"ListRules", `{"NamePrefix":"r","EventBusName":"` + prefix + `event-bus/default"}`, `200 {"Rules":[{"Name":"r","Arn":"` + prefix + `rule/r","State":"DISABLED","Description":"d","ScheduleExpression":"rate(5 minutes)","EventBusName":"default"}]}`},
		{"EnableRule", `{"Name":"r"}`, `200 `},
		{"PutRule", `{"Name":"r","ScheduleExpression":"rate(1 hour)"}`, `200 {"RuleArn":"` + prefix + `rule/r"}`},
		{"DescribeRule", `{"Name":"r"}`, `200 {"Name":"r","Arn":"` + prefix + `rule/r","ScheduleExpression":"rate(1 hour)","State":"ENABLED","EventBusName":"default","CreatedBy":"111111111111"}`},
		{"TagResource", `{"ResourceARN":"` + prefix + `rule/r","Tags":[{"Key":"l","Value":""}]}`, `200 `},
		{"ListTagsForResource", `{"ResourceARN":"` + prefix + `rule/r"}`, `200 {"Tags":[{"Key":"k","Value":"v"},{"Key":"l","Value":""}]}`},
		{"UntagResource", `{"ResourceARN":"` + prefix + `rule/default/r","TagKeys":["k"]}`, `200 `},
		{"ListTagsForResource", `{"ResourceARN":"` + prefix + `rule/r"}`, `200 {"Tags":[{"Key":"l","Value":""}]}`},
		{"DeleteRule", `{"Name":"r"}`, refused("ValidationException", "Rule can't be deleted since it has targets.")},
		{"RemoveTargets", `{"Rule":"r","Ids":["1","2","3"]}`, `200 {"FailedEntryCount":1,"FailedEntries":[{"TargetId":"3","ErrorCode":"ResourceNotFoundException","ErrorMessage":"Rule r does not have a target with the Id 3."}]}`},
		{"DeleteRule", `{"Name":"r"}`, `200 `},
		{"DeleteRule", `{"Name":"r"}`, `200 `}, // as on AWS, there being none is no error
		{"DescribeRule", `{"Name":"r"}`, refused("ResourceNotFoundException", "Rule r does not exist on EventBus default.")},
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	invalid := func(text string) string { return refused("ValidationException", text) }
	h := joined(t)
	if got := ask(h, "PutRule", `{"Name":"r","ScheduleExpression":"rate(1 hour)"}`); !strings.HasPrefix(got, "200") {
		t.Fatal(got)
	}
	target := func(more string) string { return `{"Rule":"r","Targets":[{"Id":"1","Arn":"` + f + `",` + more + `}]}` }
	play(t, h, []step{
		{"PutRule", `{"Name":"r"}`, invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")},
		{"PutRule", `{"Name":"r","ScheduleExpression":"rate(1 hours)"}`, invalid("Parameter ScheduleExpression is not valid.")},
		{"PutRule", `{"Name":"r","EventPattern":"{}"}`, `501 {"__type":"NotImplementedException","message":"Rules with an EventPattern are not yet available in Lambent; those with a ScheduleExpression are."}`},
		{"PutRule", `{"Name":"r","EventBusName":"b","ScheduleExpression":"rate(1 hour)"}`, refused("ResourceNotFoundException", "Event bus b does not exist.")},
		{"PutRule", `{"ScheduleExpression":"rate(1 hour)"}`, invalid("1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null")},
		{"PutRule", `{"Name":"a b","ScheduleExpression":"rate(1 hour)"}`, invalid(`1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+`)},
		{"PutTargets", `{"Rule":"none","Targets":[{"Id":"1","Arn":"` + f + `"}]}`, refused("ResourceNotFoundException", "Rule none does not exist on EventBus default.")},
		{"PutTargets", target(`"Input":"{"`), invalid("JSON syntax error in input for target 1.")},
		{"PutTargets", target(`"Input":"1","InputPath":"$"`), invalid("Only one of Input, InputPath, or InputTransformer must be provided for target 1.")},
		{"PutTargets", target(`"InputPath":"x"`), invalid("Invalid InputPath for target 1.")},
		{"PutTargets", target(`"SqsParameters":{}`), invalid("Parameter(s) SqsParameters are not valid for target 1.")},
		{"EnableRule", `{"Name":"none"}`, refused("ResourceNotFoundException", "Rule none does not exist on EventBus default.")},
		{"ListRules", `{"NextToken":"%"}`, invalid("Invalid NextToken.")},
		{"PutEvents", `{}`, `501 {"__type":"NotImplementedException","message":"The operation PutEvents is not yet available in Lambent."}`},
		{"Elsewhere", `{}`, `404 {"__type":"UnknownOperationException","message":""}`},
	})
}

func TestPages(t *testing.T) {
	t.Parallel()
	h := joined(t)
	for i := range 120 {
		if got := ask(h, "PutRule", fmt.Sprintf(`{"Name":"r%03d","ScheduleExpression":"rate(1 hour)"}`, i)); !strings.HasPrefix(got, "200") {
			t.Fatal(got)
		}
	}
	for limit, want := range map[int]string{0: "[100 20]", 50: "[50 50 20]", 60: "[60 60]"} {
		var sizes []int
		more := ""
		if limit > 0 {
			more = fmt.Sprint(`"Limit":`, limit, ",")
		}
		for token := ""; ; {
			got := ask(h, "ListRules", `{`+more+token+`"NamePrefix":"r"}`)
			sizes = append(sizes, strings.Count(got, `"Name":"r`))
			_, rest, ok := strings.Cut(got, `"NextToken":"`)
			if !ok {
				break
			}
			rest, _, _ = strings.Cut(rest, `"`)
			token = `"NextToken":"` + rest + `",`
		}
		if got := fmt.Sprint(sizes); got != want {
			t.Errorf("pages of %d have %s, want %s", limit, got, want)
		}
	}
}
