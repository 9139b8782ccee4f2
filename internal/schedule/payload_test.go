package schedule

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"lambent/internal/lambda"
)

var tick = time.Date(2026, 11, 21, 4, 30, 0, 0, time.UTC)

const ruleOf = "arn:aws:events:us-east-1:111111111111:rule/r"

func TestRulePayloads(t *testing.T) {
	t.Parallel()
	const event = `{"version":"0","id":"ID","detail-type":"Scheduled Event","source":"aws.events","account":"111111111111","time":"2026-11-21T04:30:00Z","region":"us-east-1","resources":["` + ruleOf + `"],"detail":{}}`
	template := func(text string, paths ...string) lambda.RuleTarget {
		all := map[string]string{}
		for i := 0; i < len(paths); i += 2 {
			all[paths[i]] = paths[i+1]
		}
		return lambda.RuleTarget{Template: &lambda.InputTemplate{Text: text, Paths: all}}
	}
	for _, c := range []struct {
		target lambda.RuleTarget
		want   string
	}{
		{lambda.RuleTarget{}, event},
		{lambda.RuleTarget{Input: `{"a": 1}`}, `{"a": 1}`},
		{lambda.RuleTarget{InputPath: "$"}, event},
		{lambda.RuleTarget{InputPath: "$.detail"}, `{}`},
		{lambda.RuleTarget{InputPath: "$.resources[0]"}, `"` + ruleOf + `"`},
		{lambda.RuleTarget{InputPath: "$.resources[1]"}, `null`},
		{lambda.RuleTarget{InputPath: "$.resources[-1]"}, `null`},
		{lambda.RuleTarget{InputPath: "$['detail-type']"}, `"Scheduled Event"`},
		{lambda.RuleTarget{InputPath: "$.detail.nothing"}, `null`},
		{template(`{"at": <time>, "text": "at <time> of <who>", "all": <resources>}`, "time", "$.time", "who", "$.account", "resources", "$.resources"),
			`{"at": "2026-11-21T04:30:00Z", "text": "at 2026-11-21T04:30:00Z of 111111111111", "all": ["` + ruleOf + `"]}`},
		{template(`"rule <aws.events.rule-name> (<aws.events.rule-arn>) at <aws.events.event.ingestion-time>"`),
			`"rule r (` + ruleOf + `) at 2026-11-21T04:30:00Z"`},
		{template(`{"e": <aws.events.event.json>}`), `{"e": ` + event + `}`},
		{template(`{"list": "<resources>"}`, "resources", "$.resources"), `{"list": "[\"` + ruleOf + `\"]"}`},
		{template(`{"missing": <x>, "in": "<x>", "no": "<y> \" <z"}`, "x", "$.x"), `{"missing": "", "in": "", "no": "<y> \" <z"}`},
		{template(`<time> is not JSON`, "time", "$.time"), `"\"2026-11-21T04:30:00Z\" is not JSON"`},
	} {
		got := payloadFor(home, "r", c.target, ruleEvent(home, "r", "ID", tick), tick)
		if string(got) != c.want || !json.Valid(got) {
			t.Errorf("target %+v gets %s, want %s", c.target, got, c.want)
		}
	}
}

func TestSchedulePayloads(t *testing.T) {
	t.Parallel()
	s := lambda.Schedule{Group: "g", Name: "s"}
	const id = "0123456789ab-cdef-0000-0000-000000000000"
	const arn = "arn:aws:scheduler:us-east-1:111111111111:schedule/g/s"
	for input, want := range map[string]string{
		"": `{"version":"0","id":"` + id + `","detail-type":"Scheduled Event","source":"aws.scheduler","account":"111111111111","time":"2026-11-21T04:30:00Z","region":"us-east-1","resources":["` + arn + `"],"detail":"{}"}`,
		`{"k": ["<aws.scheduler.schedule-arn>", "<aws.scheduler.scheduled-time>", "<aws.scheduler.execution-id>", <aws.scheduler.attempt-number>, "<other>"]}`: `{"k": ["` + arn + `", "2026-11-21T04:30:00Z", "0123456789abcdef", 1, "<other>"]}`,
	} {
		s.Target.Input = input
		if got := string(schedulePayload(home, s, id, tick)); got != want {
			t.Errorf("input %q gives %s, want %s", input, got, want)
		}
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"$": nil, "$.a": {"a"}, "$.a.b": {"a", "b"}, "$.a[0].b": {"a", "0", "b"}, "$['a.b'].c": {"a.b", "c"}, "$.detail-type": {"detail-type"},
	} {
		if got, ok := parsePath(path); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("parsePath(%q): %q, %v", path, got, ok)
		}
	}
	for _, path := range []string{"", "a", "$a", "$.", "$.a.", "$[", "$[]", "$['a", "$..a"} {
		if _, ok := parsePath(path); ok {
			t.Errorf("parsePath(%q): ok", path)
		}
	}
}

// TestDeadLetters: where there is no function, the dead letter queue gets the event.
func TestDeadLetters(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		const gone, queue = "arn:aws:lambda:us-east-1:111111111111:function:gone:live", "arn:aws:sqs:us-east-1:111111111111:q"
		ctx := context.Background()
		w.must(w.PutRule(ctx, lambda.Rule{Name: "r", Expression: "rate(1 minute)", State: "ENABLED"}))
		w.must(w.PutTargets(ctx, "r", []lambda.RuleTarget{{ID: "1", ARN: gone, Input: `1`, DeadLetter: queue}, {ID: "2", ARN: f + ":live", Input: `2`}}))
		s := schedule("cron(0/1 * * * ? *)")
		s.Target = lambda.ScheduleTarget{ARN: gone, Input: `3`, DeadLetter: queue}
		w.must(w.CreateSchedule(ctx, s))
		time.Sleep(time.Minute)
		w.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, fired := range w.fired {
			d := fired.due[0]
			if !strings.HasPrefix(d.Invocation.Trace, "Root=1-") {
				t.Errorf("%s: the trace %q has no beginning", fired.key, d.Invocation.Trace)
			}
			if d.Undeliverable == nil || d.Undeliverable.Code != 404 || d.DeadLetter != queue || d.Function.Name != "gone" {
				t.Errorf("%s: %+v", fired.key, d)
			}
			for key, want := range map[string]string{"TARGET_ARN": gone, "ERROR_CODE": map[bool]string{true: "NO_RESOURCE", false: "ResourceNotFoundException"}[fired.key == "rule/r"], "ERROR_MESSAGE": "Function not found: gone"} {
				if d.Attributes[key] != want {
					t.Errorf("%s: attribute %s is %q, want %q", fired.key, key, d.Attributes[key], want)
				}
			}
			switch fired.key {
			case "rule/r":
				second := fired.due[1]
				if d.Attributes["RULE_ARN"] != ruleOf || second.Undeliverable != nil || second.Function != (lambda.Reference{Region: home.Region, Account: home.Account, Name: "f", Qualifier: "live"}) || string(second.Invocation.Payload) != "2" {
					t.Errorf("%+v, %+v", d, second)
				}
			default:
				if d.Attributes["SCHEDULE_ARN"] != ScheduleARN(home, "default", "s") {
					t.Errorf("%+v", d)
				}
			}
		}
		if len(w.fired) < 2 {
			t.Errorf("fired %+v", w.fired)
		}
	})
}

// rights let only what is granted be invoked.
type rights map[string]bool

func (r rights) RuleMay(_ context.Context, ruleARN string, f lambda.Reference) error {
	return r.ask(ruleARN + " " + f.Qualifier)
}

func (r rights) CheckRole(_ context.Context, role string) error { return r.ask(role) }

func (r rights) ScheduleMay(_ context.Context, role, _ string, f lambda.Reference) error {
	return r.ask(role + " " + f.Qualifier)
}

func (r rights) ask(what string) error {
	if !r[what] {
		return lambda.Errorf(lambda.AccessDenied, "not %s", what)
	}
	return nil
}

// TestRights: what may not be invoked is a dead letter, and a role that may not be given
// makes no schedule.
func TestRights(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		const queue = "arn:aws:sqs:us-east-1:111111111111:q"
		w.config.Rights = rights{ruleOf + " live": true, "role": true, "role live": true}
		ctx := context.Background()
		w.must(w.PutRule(ctx, lambda.Rule{Name: "r", Expression: "rate(1 minute)", State: "ENABLED"}))
		w.must(w.PutTargets(ctx, "r", []lambda.RuleTarget{{ID: "1", ARN: f + ":live"}, {ID: "2", ARN: f + ":test", DeadLetter: queue}}))
		for _, qualifier := range []string{"live", "test"} {
			s := schedule("rate(1 hour)")
			s.Name, s.Target = qualifier, lambda.ScheduleTarget{ARN: f + ":" + qualifier, Role: "role", DeadLetter: queue}
			w.must(w.CreateSchedule(ctx, s))
			s.Target.Role = "another"
			w.refused(lambda.AccessDenied, "not another", w.UpdateSchedule(ctx, s))
		}
		time.Sleep(time.Minute)
		w.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		got := map[string]string{}
		for _, fired := range w.fired {
			for _, d := range fired.due {
				got[fired.key+" "+d.Function.Qualifier] = "runs"
				if u := d.Undeliverable; u != nil {
					got[fired.key+" "+d.Function.Qualifier] = fmt.Sprint(u.Code, " ", u.Message, " ", d.DeadLetter == queue, " ", d.Attributes["ERROR_CODE"], " ", d.Attributes["ERROR_MESSAGE"])
				}
			}
		}
		want := map[string]string{
			"rule/r live": "runs", "schedule/default/live live": "runs",
			"rule/r test":                "403 not " + ruleOf + " test true NO_PERMISSIONS not " + ruleOf + " test",
			"schedule/default/test test": "403 not role test true AccessDeniedException not role test",
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func FuzzTransform(f *testing.F) {
	f.Add(`{"a": <b>, "c": "<b>"}`, "$.detail")
	f.Add(`"<aws.events.rule-arn>`, "$['a'][0]")
	f.Add("<b>", "$.resources[-1]")
	f.Fuzz(func(t *testing.T, text, path string) {
		target := lambda.RuleTarget{Template: &lambda.InputTemplate{Text: text, Paths: map[string]string{"b": path}}}
		if got := payloadFor(home, "r", target, ruleEvent(home, "r", "ID", tick), tick); !json.Valid(got) {
			t.Errorf("%q with %q gives %q", text, path, got)
		}
	})
}
