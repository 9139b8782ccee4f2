package schedule

import (
	"context"
	"fmt"
	"testing"
	"time"

	"lambent/internal/lambda"
)

func TestRateCountsFromTheRule(t *testing.T) {
	play(t, func(_ *testing.T, w *world) {
		time.Sleep(20 * time.Second)
		w.rule("r", "rate(1 minute)")
		w.expect(59 * time.Second)
		w.expect(time.Second, "rule/r 1m20s")
		w.expect(2*time.Minute, "rule/r 2m20s", "rule/r 3m20s")
		// A month later there is no drift.
		w.after(30 * 24 * time.Hour)
		w.expect(time.Minute, fmt.Sprintf("rule/r %s", 30*24*time.Hour+4*time.Minute+20*time.Second))
	})
}

func TestCron(t *testing.T) {
	play(t, func(_ *testing.T, w *world) {
		w.rule("r", "cron(0/10 6,7 ? * SAT,SUN *)") // the first day is a Saturday
		w.expect(6*time.Hour, "rule/r 6h0m0s")
		w.expect(90*time.Minute, "rule/r 6h10m0s", "rule/r 6h20m0s", "rule/r 6h30m0s", "rule/r 6h40m0s", "rule/r 6h50m0s",
			"rule/r 7h0m0s", "rule/r 7h10m0s", "rule/r 7h20m0s", "rule/r 7h30m0s")
	})
}

func TestStatesOfRules(t *testing.T) {
	play(t, func(_ *testing.T, w *world) {
		ctx := context.Background()
		w.must(w.PutRule(ctx, lambda.Rule{Name: "r", Expression: "rate(1 minute)", State: "ENABLED"}))
		w.expect(3*time.Minute + 30*time.Second) // without a target, nothing
		w.must(w.PutTargets(ctx, "r", []lambda.RuleTarget{{ID: "1", ARN: f}}))
		w.expect(30*time.Second, "rule/r 4m0s")
		w.must(w.SetRuleState(ctx, "r", "DISABLED"))
		w.expect(10*time.Minute + 30*time.Second)
		w.must(w.SetRuleState(ctx, "r", "ENABLED"))
		w.expect(time.Minute, "rule/r 15m0s") // not the tick of 14m0s, half a minute before
		w.must(w.PutRule(ctx, lambda.Rule{Name: "r", Expression: "rate(2 minutes)", State: "ENABLED"}))
		w.expect(3*time.Minute, "rule/r 17m30s") // counts from the change
		w.refused(lambda.Validation, "Rule can't be deleted since it has targets.", w.DeleteRule(ctx, "r"))
		missing, err := w.RemoveTargets(ctx, "r", []string{"1", "2"})
		w.must(err)
		if len(missing) != 1 || missing[0] != "2" {
			w.t.Errorf("missing targets %q, want 2", missing)
		}
		w.expect(5 * time.Minute)
		w.must(w.DeleteRule(ctx, "r"))
		w.must(w.DeleteRule(ctx, "r"))
		_, err = w.Rule("r")
		w.refused(lambda.NotFound, "Rule r does not exist on EventBus default.", err)
	})
}

// TestRestart: the last missed tick is made up if it is no older than Grace; none
// comes twice.
func TestRestart(t *testing.T) {
	play(t, func(_ *testing.T, w *world) {
		w.rule("r", "rate(5 minutes)")
		w.expect(5*time.Minute, "rule/r 5m0s")
		w.shut()
		w.open()
		w.expect(4 * time.Minute) // the tick of 5m0s is known
		w.shut()
		time.Sleep(90 * time.Second)
		w.open() // at 10m30s
		w.expect(0, "rule/r 10m0s late 30s")
		w.shut()
		time.Sleep(22 * time.Minute)
		w.open() // at 32m30s
		w.expect(0)
		w.expect(3*time.Minute, "rule/r 35m0s")
	})
}

func TestAtIsMadeUp(t *testing.T) {
	play(t, func(_ *testing.T, w *world) {
		ctx := context.Background()
		hour := 3600
		for n, age := range map[string]*int{"day": nil, "hour": &hour} {
			w.must(w.CreateSchedule(ctx, lambda.Schedule{
				Group: "default", Name: n, Expression: "at(2000-01-01T01:00:00)", Zone: "UTC", State: "ENABLED",
				Target: lambda.ScheduleTarget{ARN: f, Retry: lambda.RetryPolicy{MaxAgeSeconds: age}},
			}))
		}
		w.shut()
		time.Sleep(5 * time.Hour)
		w.open()
		w.expect(0, "schedule/default/day 1h0m0s late 4h0m0s")
		w.shut()
		w.open()
		w.expect(24 * time.Hour) // once
	})
}

func TestStoreFails(t *testing.T) {
	play(t, func(_ *testing.T, w *world) {
		w.rule("r", "rate(1 hour)")
		w.mu.Lock()
		w.fail = errDisk
		w.mu.Unlock()
		w.expect(time.Hour + 10*time.Minute)
		w.mu.Lock()
		w.fail = nil
		w.mu.Unlock()
		w.expect(time.Second, "rule/r 1h0m0s late 10m1s")
	})
}

func schedule(expression string) lambda.Schedule {
	return lambda.Schedule{
		Group: "default", Name: "s", Expression: expression, Zone: "UTC", State: "ENABLED", Completion: "NONE",
		Target: lambda.ScheduleTarget{ARN: f},
	}
}

func TestScheduleRate(t *testing.T) {
	play(t, func(_ *testing.T, w *world) {
		ctx := context.Background()
		time.Sleep(1500 * time.Millisecond)
		w.must(w.CreateSchedule(ctx, schedule("rate(1 hour)")))
		w.expect(time.Minute, "schedule/default/s 2s") // at once
		w.expect(time.Hour, "schedule/default/s 1h0m2s")
		s := schedule("rate(1 hour)")
		s.Description = "changed"
		w.must(w.UpdateSchedule(ctx, s)) // does not begin anew
		w.expect(time.Hour, "schedule/default/s 2h0m2s")
		start, end := w.start.Add(4*time.Hour), w.start.Add(6*time.Hour)
		s.Start, s.End = &start, &end
		w.must(w.UpdateSchedule(ctx, s))
		w.expect(10*time.Hour, "schedule/default/s 4h0m0s", "schedule/default/s 5h0m0s", "schedule/default/s 6h0m0s")
		w.must(w.DeleteSchedule(ctx, "default", "s"))
		w.refused(lambda.NotFound, "Schedule s does not exist.", w.DeleteSchedule(ctx, "default", "s"))
	})
}

func TestCompletionDeletes(t *testing.T) {
	play(t, func(_ *testing.T, w *world) {
		ctx := context.Background()
		s := schedule("at(2000-01-01T01:00:00)")
		s.Completion = "DELETE"
		w.must(w.CreateSchedule(ctx, s))
		s.Name, s.Expression = "past", "at(1999-01-01T01:00:00)"
		w.must(w.CreateSchedule(ctx, s))
		w.expect(time.Hour, "schedule/default/s 1h0m0s")
		_, err := w.Schedule("default", "s")
		w.refused(lambda.NotFound, "Schedule s does not exist.", err)
		if n := len(w.Schedules("", "", "")); n != 1 {
			w.t.Errorf("%d schedules are left, want the one that was never due", n)
		}
	})
}

func TestFlexibleWindow(t *testing.T) {
	play(t, func(_ *testing.T, w *world) {
		s := schedule("cron(0 1 * * ? *)")
		s.Window = 15
		w.must(w.CreateSchedule(context.Background(), s))
		time.Sleep(48 * time.Hour)
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, fired := range w.fired {
			if at := fired.due[0].At.Sub(w.start.Add(fired.at)); at < 0 || at > 15*time.Minute {
				w.t.Errorf("tick %v is due %v later, want within 15m", fired.at, at)
			}
		}
		if len(w.fired) != 2 || w.fired[0].due[0].At.Sub(w.start) == w.fired[1].due[0].At.Sub(w.start)-24*time.Hour {
			w.t.Errorf("fired %+v, want two different moments", w.fired)
		}
	})
}

func TestGroups(t *testing.T) {
	play(t, func(_ *testing.T, w *world) {
		ctx := context.Background()
		s := schedule("rate(1 minute)")
		s.Group = "g"
		w.refused(lambda.NotFound, "Schedule group g does not exist.", w.CreateSchedule(ctx, s))
		w.must(w.CreateGroup(ctx, lambda.ScheduleGroup{Name: "g"}))
		w.refused(lambda.Conflict, "Schedule group g already exists.", w.CreateGroup(ctx, lambda.ScheduleGroup{Name: "g"}))
		w.refused(lambda.Conflict, "Schedule group default already exists.", w.CreateGroup(ctx, lambda.ScheduleGroup{Name: "default"}))
		w.must(w.CreateSchedule(ctx, s))
		w.expect(time.Second, "schedule/g/s 0s")
		w.refused(lambda.Conflict, "Schedule s already exists.", w.CreateSchedule(ctx, s))
		w.must(w.TagGroup(ctx, "g", []lambda.ScheduleTag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}))
		w.must(w.UntagGroup(ctx, "g", []string{"a"}))
		w.shut()
		w.open()
		if g, err := w.Group("g"); err != nil || fmt.Sprint(g.Tags) != "[{b 2}]" {
			w.t.Errorf("group %+v, %v", g, err)
		}
		w.must(w.DeleteGroup(ctx, "g"))
		w.expect(time.Hour)
		if len(w.Schedules("", "", "")) != 0 || len(w.Groups("")) != 1 {
			w.t.Errorf("left: %v, %v", w.Schedules("", "", ""), w.Groups(""))
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	play(t, func(_ *testing.T, w *world) {
		ctx := context.Background()
		for n := range 1000 {
			s := schedule("cron(0 0 * * ? *)")
			s.Name = fmt.Sprint(n)
			w.must(w.CreateSchedule(ctx, s))
		}
		w.after(time.Minute)
		if n := len(w.after(24 * time.Hour)); n != 1000 {
			w.t.Errorf("%d ticks at midnight, want 1000", n)
		}
	})
}

func TestRefusals(t *testing.T) {
	play(t, func(_ *testing.T, w *world) {
		ctx := context.Background()
		w.rule("r", "rate(1 minute)")
		w.refused(lambda.Validation, "Parameter ScheduleExpression is not valid.", w.PutRule(ctx, lambda.Rule{Name: "x", Expression: "rate(1 minutes)"}))
		w.refused(lambda.NotFound, "Rule x does not exist on EventBus default.", w.PutTargets(ctx, "x", nil))
		for text, target := range map[string]lambda.RuleTarget{
			"Parameter f is not valid. Reason: Provided Arn is not in correct format.":                         {ID: "t", ARN: "f"},
			"Only one of Input, InputPath, or InputTransformer must be provided for target t.":                 {ID: "t", ARN: f, Input: "{}", InputPath: "$"},
			"JSON syntax error in input for target t.":                                                         {ID: "t", ARN: f, Input: "{"},
			"Invalid InputPath for target t.":                                                                  {ID: "t", ARN: f, InputPath: "detail"},
			"Parameter arn:aws:sns:us-east-1:1:q is not valid. Reason: Provided Arn is not in correct format.": {ID: "t", ARN: f, DeadLetter: "arn:aws:sns:us-east-1:1:q"},
		} {
			w.refused(lambda.Validation, text, w.PutTargets(ctx, "r", []lambda.RuleTarget{target}))
		}
		w.refused(lambda.NotYet, "The target arn:aws:sqs:us-east-1:111111111111:q is not available: Lambent's rules and schedules invoke functions only.",
			w.PutTargets(ctx, "r", []lambda.RuleTarget{{ID: "t", ARN: "arn:aws:sqs:us-east-1:111111111111:q"}}))
		var six []lambda.RuleTarget
		for n := range 6 {
			six = append(six, lambda.RuleTarget{ID: fmt.Sprint(n), ARN: f})
		}
		w.refused(lambda.LimitExceeded, "The requested resource exceeds the maximum number allowed.", w.PutTargets(ctx, "r", six))
		for text, change := range map[string]func(*lambda.Schedule){
			"Invalid Schedule Expression at(2021-12-31).":                     func(s *lambda.Schedule) { s.Expression = "at(2021-12-31)" },
			"Invalid Schedule Expression Timezone Mars/Olympus.":              func(s *lambda.Schedule) { s.Zone = "Mars/Olympus" },
			"The StartDate you specify cannot be earlier than 5 minutes ago.": func(s *lambda.Schedule) { at := time.Now().Add(-time.Hour); s.Start = &at },
			"The EndDate you specify cannot be in the past.":                  func(s *lambda.Schedule) { at := time.Now().Add(-time.Hour); s.End = &at },
			"The EndDate you specify must come after the StartDate.":          func(s *lambda.Schedule) { at := time.Now().Add(time.Hour); s.Start, s.End = &at, &at },
			"The Input of a function must be JSON.":                           func(s *lambda.Schedule) { s.Target.Input = "hello" },
		} {
			s := schedule("rate(1 minute)")
			change(&s)
			w.refused(lambda.Validation, text, w.CreateSchedule(ctx, s))
		}
		w.refused(lambda.Validation, "The default schedule group cannot be deleted.", w.DeleteGroup(ctx, "default"))
	})
}

// TestPanic: a rule that makes us panic is tried again, and holds up no other.
func TestPanic(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.must(w.PutRule(ctx, lambda.Rule{Name: "bad", Expression: "rate(1 minute)", State: "ENABLED"}))
		w.must(w.PutTargets(ctx, "bad", []lambda.RuleTarget{{ID: "1", ARN: "arn:aws:lambda:us-east-1:111111111111:function:panics"}}))
		w.rule("good", "rate(1 minute)")
		w.expect(2*time.Minute, "rule/good 1m0s", "rule/good 2m0s")
	})
}
