package schedule

import (
	"context"
	"net/http"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/schedule/expression"
	"lambent/internal/store"
)

// plan is when something is due and what is done then. next, retry and place belong
// to the engine's mu, the rest never changes.
type plan struct {
	key        string
	name       name // of a schedule
	idle       bool // disabled
	expression expression.Expression
	zone       *time.Location
	since      time.Time
	begin      time.Time
	end        time.Time     // zero: none
	grace      time.Duration // how old a tick may be that was missed
	delete     bool          // after the last tick
	due        func(e *Engine, tick, now time.Time) []lambda.Due

	next  time.Time // zero: never again
	retry time.Time
	place int // in the agenda, from 1; 0: it is not there
}

// advance finds the next tick after the last one, skipping what is too old.
func (p *plan) advance(last, now time.Time) {
	// Recurring ticks are a minute apart at least, so the grace holds one of them,
	// or two when the last is due this moment: both then.
	p.next = p.expression.Next(latest(last, p.since.Add(-1), now.Add(-p.grace)), p.begin, p.zone)
	if !p.end.IsZero() && p.next.After(p.end) {
		p.next = time.Time{}
	}
}

func latest(times ...time.Time) (last time.Time) {
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// planRule reads a rule that was checked when it was made.
func planRule(r lambda.Rule) *plan {
	x, err := expression.Parse(r.Expression, expression.Rules)
	return &plan{
		key: store.RuleKey(r.Name), idle: err != nil || r.State == disabled || len(r.Targets) == 0,
		expression: x, zone: time.UTC, since: r.Since, begin: r.Begin, grace: Grace,
		due: func(e *Engine, tick, _ time.Time) []lambda.Due { return e.ruleDue(r, tick) },
	}
}

// planSchedule reads a schedule that was checked when it was made.
func planSchedule(s lambda.Schedule) *plan {
	x, err := expression.Parse(s.Expression, expression.Scheduler)
	zone, zoneErr := time.LoadLocation(s.Zone)
	p := &plan{
		key: store.ScheduleKey(s.Group, s.Name), name: name{s.Group, s.Name}, idle: err != nil || zoneErr != nil || s.State == disabled,
		expression: x, zone: zone, since: s.Since, begin: s.Begin, grace: Grace, delete: s.Completion == "DELETE",
		due: func(e *Engine, tick, now time.Time) []lambda.Due { return e.scheduleDue(s, tick, now) },
	}
	if x.Once() { // StartDate and EndDate mean nothing to it
		p.grace = maxAge(s.Target.Retry)
		return p
	}
	if s.Start != nil {
		p.since = latest(p.since, *s.Start)
	}
	if s.End != nil {
		p.end = *s.End
	}
	return p
}

const disabled = "DISABLED"

// maxAge is how old an event may be that is handed over; a day if nobody chose.
func maxAge(r lambda.RetryPolicy) time.Duration {
	if r.MaxAgeSeconds == nil {
		return 24 * time.Hour
	}
	return time.Duration(*r.MaxAgeSeconds) * time.Second
}

// whole is the moment itself, or the next whole second.
func whole(t time.Time) time.Time { return t.Add(time.Second - 1).Truncate(time.Second) }

// ruleDue is what a rule's targets get.
func (e *Engine) ruleDue(r lambda.Rule, tick time.Time) []lambda.Due {
	arn := ruleARN(e.config.Home, r.Name)
	event := ruleEvent(e.config.Home, r.Name, e.config.NewID(), tick)
	due := make([]lambda.Due, 0, len(r.Targets))
	for _, t := range r.Targets {
		due = append(due, e.deliver(delivery{
			target: t.ARN, payload: payloadFor(e.config.Home, r.Name, t, event, tick), deadLetter: t.DeadLetter,
			attributes: map[string]string{"RULE_ARN": arn, "RETRY_ATTEMPTS": "0"},
			may:        func(f lambda.Reference) error { return e.config.Rights.RuleMay(context.Background(), arn, f) },
			gone:       "NO_RESOURCE", denied: "NO_PERMISSIONS",
		}))
	}
	return due
}

// scheduleDue is what a schedule's target gets.
func (e *Engine) scheduleDue(s lambda.Schedule, tick, now time.Time) []lambda.Due {
	id := e.config.NewID()
	d := e.deliver(delivery{
		target: s.Target.ARN, payload: schedulePayload(e.config.Home, s, id, tick), deadLetter: s.Target.DeadLetter,
		attributes: map[string]string{
			"SCHEDULE_ARN": ScheduleARN(e.config.Home, s.Group, s.Name), "EXECUTION_ID": executionID(id), "IS_PAYLOAD_TRUNCATED": "false", "EXECUTION_TIME": stamp(tick),
		},
		may: func(f lambda.Reference) error {
			return e.config.Rights.ScheduleMay(context.Background(), s.Target.Role, executionID(id), f)
		},
		gone: "ResourceNotFoundException", denied: "AccessDeniedException",
	})
	if at := tick.Add(within(time.Duration(s.Window) * time.Minute)); at.After(now) {
		d.At = at
	}
	return []lambda.Due{d}
}

// delivery is a payload and its target.
type delivery struct {
	target     string // ARN
	payload    []byte
	deadLetter string            // ARN
	attributes map[string]string // of a dead letter
	may        func(lambda.Reference) error

	gone, denied string // error codes of a dead letter
}

// deliver addresses a payload. Where there is no function, or one that may not be
// invoked, it becomes a dead letter.
func (e *Engine) deliver(t delivery) lambda.Due {
	d := lambda.Due{Invocation: lambda.Invocation{
		RequestID: e.config.NewID(), Payload: t.payload, ContentType: "application/json", Trace: lambda.BeginTrace(time.Now()),
	}}
	var err error
	if d.Function, err = functionOf(t.target); err == nil {
		err = e.config.Functions.Exists(d.Function)
	}
	status, code := http.StatusNotFound, t.gone
	if lambda.KindOf(err) != lambda.NotFound {
		if e.config.Rights == nil {
			return d
		}
		if err = t.may(d.Function); err == nil {
			return d
		}
		status, code = http.StatusForbidden, t.denied
	}
	d.Undeliverable = &lambda.DeadLetter{Code: status, Message: err.Error()}
	d.DeadLetter, d.Attributes = t.deadLetter, t.attributes
	t.attributes["TARGET_ARN"], t.attributes["ERROR_CODE"], t.attributes["ERROR_MESSAGE"] = t.target, code, err.Error()
	return d
}

// functionOf reads the ARN of a function.
func functionOf(arn string) (lambda.Reference, error) {
	ref, err := lambda.ParseReference(arn)
	if err != nil {
		return ref, lambda.Errorf(lambda.NotFound, "%s is not a function.", arn)
	}
	return ref, nil
}
