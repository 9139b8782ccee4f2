package scheduler

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/schedule"
	"lambent/internal/store/memory"
)

const (
	prefix = "arn:aws:scheduler:us-east-1:111111111111:"
	aim    = `"Target":{"Arn":"arn:aws:lambda:us-east-1:111111111111:function:f","RoleArn":"arn:aws:iam::111111111111:role/r"}`
	hourly = `"ScheduleExpression":"rate(1 hour)","FlexibleTimeWindow":{"Mode":"OFF"},` + aim
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
	h, err := New(Config{Home: home, Schedules: e, Groups: e, Tags: e, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var moment = regexp.MustCompile(`(Date)":\d+(\.\d+)?`)

// ask gives the status and the answer, without its moments.
func ask(h http.Handler, method, path, body string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	name := w.Header().Get("X-Amzn-Errortype")
	return strings.TrimSpace(fmt.Sprint(w.Code, " ", name)) + " " + moment.ReplaceAllString(w.Body.String(), `$1":0`)
}

// step is a request and its answer.
type step struct{ method, path, body, want string }

func play(t *testing.T, h http.Handler, steps []step) {
	t.Helper()
	for _, s := range steps {
		if got := ask(h, s.method, s.path, s.body); got != s.want {
			t.Errorf("%s %s %s:\n got %s\nwant %s", s.method, s.path, s.body, got, s.want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	const whole = `"Description":"d","GroupName":"g","ScheduleExpression":"cron(0 12 * * ? *)","ScheduleExpressionTimezone":"Europe/Berlin","State":"DISABLED",` +
		`"ActionAfterCompletion":"DELETE","FlexibleTimeWindow":{"Mode":"FLEXIBLE","MaximumWindowInMinutes":15},` +
		`"Target":{"Arn":"arn:aws:lambda:us-east-1:111111111111:function:f:live","RoleArn":"arn:aws:iam::111111111111:role/r","Input":"{\"a\":1}",` +
		`"DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:111111111111:q"},"RetryPolicy":{"MaximumEventAgeInSeconds":60,"MaximumRetryAttempts":0}}`
	play(t, joined(t), []step{
		{"POST", "/schedule-groups/g", `{"Tags":[{"Key":"k","Value":"v"}]}`, `200 {"ScheduleGroupArn":"` + prefix + `schedule-group/g"}`},
		{"POST", "/schedule-groups/g", `{}`, `409 ConflictException {"Message":"Schedule group g already exists."}`},
		{"POST", "/schedules/s", `{` + whole + `}`, `200 {"ScheduleArn":"` + prefix + `schedule/g/s"}`},
		{"POST", "/schedules/s", `{` + whole + `}`, `409 ConflictException {"Message":"Schedule s already exists."}`},
		{"GET", "/schedules/s", ``, `404 ResourceNotFoundException {"Message":"Schedule s does not exist."}`},
		{"GET", "/schedules/s?groupName=g", ``, `200 {"ActionAfterCompletion":"DELETE","Arn":"` + prefix + `schedule/g/s","CreationDate":0,"Description":"d",` +
			`"FlexibleTimeWindow":{"MaximumWindowInMinutes":15,"Mode":"FLEXIBLE"},"GroupName":"g","LastModificationDate":0,"Name":"s","ScheduleExpression":"cron(0 12 * * ? *)",` +
			`"ScheduleExpressionTimezone":"Europe/Berlin","State":"DISABLED","Target":{"Arn":"arn:aws:lambda:us-east-1:111111111111:function:f:live",` +
			`"DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:111111111111:q"},"Input":"{\"a\":1}","RetryPolicy":{"MaximumEventAgeInSeconds":60,"MaximumRetryAttempts":0},"RoleArn":"arn:aws:iam::111111111111:role/r"}}`},
		{"PUT", "/schedules/s", `{"GroupName":"g",` + hourly + `}`, `200 {"ScheduleArn":"` + prefix + `schedule/g/s"}`}, // what is not said is AWS's default again
		{"GET", "/schedules/s?groupName=g", ``, `200 {"ActionAfterCompletion":"NONE","Arn":"` + prefix + `schedule/g/s","CreationDate":0,` +
			`"FlexibleTimeWindow":{"Mode":"OFF"},"GroupName":"g","LastModificationDate":0,"Name":"s","ScheduleExpression":"rate(1 hour)",` +
			`"ScheduleExpressionTimezone":"UTC","State":"ENABLED","Target":{"Arn":"arn:aws:lambda:us-east-1:111111111111:function:f",` +
			`"RetryPolicy":{"MaximumEventAgeInSeconds":86400,"MaximumRetryAttempts":185},"RoleArn":"arn:aws:iam::111111111111:role/r"}}`},
		{"GET", "/schedules?ScheduleGroup=g", ``, `200 {"Schedules":[{"Arn":"` + prefix + `schedule/g/s","CreationDate":0,"GroupName":"g","LastModificationDate":0,"Name":"s","State":"ENABLED",` +
			`"Target":{"Arn":"arn:aws:lambda:us-east-1:111111111111:function:f"}}]}`},
		{"GET", "/schedules?State=DISABLED", ``, `200 {"Schedules":[]}`},
		{"GET", "/tags/" + strings.ReplaceAll(prefix, ":", "%3A") + "schedule-group%2Fg", ``, `200 {"Tags":[{"Key":"k","Value":"v"}]}`},
		{"POST", "/tags/" + strings.ReplaceAll(prefix, ":", "%3A") + "schedule-group%2Fg", `{"Tags":[{"Key":"k","Value":"w"},{"Key":"l","Value":"x"}]}`, `200 `},
		{"DELETE", "/tags/" + strings.ReplaceAll(prefix, ":", "%3A") + "schedule-group%2Fg?TagKeys=l", ``, `200 `},
		{"GET", "/tags/" + strings.ReplaceAll(prefix, ":", "%3A") + "schedule-group%2Fg", ``, `200 {"Tags":[{"Key":"k","Value":"w"}]}`},
		{"DELETE", "/schedules/s?groupName=g", ``, `200 `},
		{"DELETE", "/schedules/s?groupName=g", ``, `404 ResourceNotFoundException {"Message":"Schedule s does not exist."}`},
		{"DELETE", "/schedule-groups/g", ``, `200 `},
		{"GET", "/schedule-groups/g", ``, `404 ResourceNotFoundException {"Message":"Schedule group g does not exist."}`},
		{"DELETE", "/schedule-groups/default", ``, `400 ValidationException {"Message":"The default schedule group cannot be deleted."}`},
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	with := func(was, is string) string { return `{` + strings.Replace(hourly, was, is, 1) + `}` }
	validation := func(text string) string { return `400 ValidationException {"Message":"` + text + `"}` }
	play(t, joined(t), []step{
		{"POST", "/schedules/s", `{"GroupName":"h",` + hourly + `}`, `404 ResourceNotFoundException {"Message":"Schedule group h does not exist."}`},
		{"PUT", "/schedules/s", `{` + hourly + `}`, `404 ResourceNotFoundException {"Message":"Schedule s does not exist."}`},
		{"POST", "/schedules/s", with("rate(1 hour)", "rate(0 hours)"), validation("Invalid Schedule Expression rate(0 hours).")},
		{"POST", "/schedules/s", `{"ScheduleExpressionTimezone":"Nowhere/Else",` + hourly + `}`, validation("Invalid Schedule Expression Timezone Nowhere/Else.")},
		{"POST", "/schedules/s", with(`"OFF"`, `"FLEXIBLE"`), validation("MaximumWindowInMinutes must be provided when FlexibleTimeWindow is set to FLEXIBLE.")},
		{"POST", "/schedules/s", with(`"OFF"`, `"OFF","MaximumWindowInMinutes":5`), validation("MaximumWindowInMinutes must be null when FlexibleTimeWindow is set to OFF.")},
		{"POST", "/schedules/s", `{"StartDate":1,` + hourly + `}`, validation("The StartDate you specify cannot be earlier than 5 minutes ago.")},
		{"POST", "/schedules/s", `{"EndDate":1,` + hourly + `}`, validation("The EndDate you specify cannot be in the past.")},
		{"POST", "/schedules/s", `{"StartDate":32503680001,"EndDate":32503680000,` + hourly + `}`, validation("The EndDate you specify must come after the StartDate.")},
		{"POST", "/schedules/s", with(`"RoleArn"`, `"Input":"{","RoleArn"`), validation("The Input of a function must be JSON.")},
		{"POST", "/schedules/a%20b", `{` + hourly + `}`, validation(`1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$`)},
		{"POST", "/schedules/s", `{` + aim + `,"ScheduleExpression":"rate(1 hour)"}`, validation(`1 validation error detected: Value null at 'flexibleTimeWindow' failed to satisfy constraint: Member must not be null`)},
		{"POST", "/schedules/s", `{"State":"ON",` + hourly + `}`, validation(`1 validation error detected: Value 'ON' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED]`)},
		{"GET", "/schedules?NextToken=%25", ``, validation("Invalid NextToken.")},
		{"GET", "/tags/x", ``, validation(`1 validation error detected: Value 'x' at 'resourceArn' failed to satisfy constraint: Member must satisfy regular expression pattern: ^arn:aws(-[a-z]+)?:scheduler:[a-z0-9\\-]+:\\d{12}:schedule-group\\/[0-9a-zA-Z-_.]+$`)},
		{"GET", "/elsewhere", ``, `404 UnknownOperationException {"Message":""}`},
	})
}

func TestPages(t *testing.T) {
	t.Parallel()
	h := joined(t)
	const many = maxPage + 20
	for i := range many {
		if got := ask(h, "POST", fmt.Sprintf("/schedules/s%03d", i), `{`+hourly+`}`); !strings.HasPrefix(got, "200") {
			t.Fatal(got)
		}
	}
	for limit, want := range map[int][]int{0: {100, 20}, 50: {50, 50, 20}, 100: {100, 20}, many / 2: {60, 60}} {
		var sizes []int
		token := ""
		for {
			path := "/schedules?"
			if token != "" {
				path += "NextToken=" + token + "&"
			}
			if limit > 0 {
				path += fmt.Sprint("MaxResults=", limit)
			}
			got := ask(h, "GET", path, "")
			sizes = append(sizes, strings.Count(got, `"Name":"s`))
			_, rest, more := strings.Cut(got, `"NextToken":"`)
			if token, _, _ = strings.Cut(rest, `"`); !more {
				break
			}
		}
		if fmt.Sprint(sizes) != fmt.Sprint(want) {
			t.Errorf("pages of %d have %v, want %v", limit, sizes, want)
		}
	}
}
