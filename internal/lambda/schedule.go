package lambda

import "time"

// Rule is an EventBridge rule of the default event bus with a schedule.
type Rule struct {
	Name        string
	Description string
	Expression  string // rate() or cron()
	State       string // "ENABLED", "DISABLED" or "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
	Role        string
	Since       time.Time // no earlier tick is its own: made, enabled or changed then
	Begin       time.Time // the first moment that a rate() is due
	Targets     []RuleTarget
	Tags        []ScheduleTag
}

// RuleTarget is a function that a rule invokes. At most one of Input, InputPath
// and Template is set; without, the function gets the event itself.
type RuleTarget struct {
	ID         string
	ARN        string
	Role       string
	Input      string
	InputPath  string
	Template   *InputTemplate
	Retry      RetryPolicy
	DeadLetter string // ARN of a queue
}

// InputTemplate is an event's parts, by name, and a text that they are put into.
type InputTemplate struct {
	Paths map[string]string
	Text  string
}

// RetryPolicy is how long a scheduler tries to hand over an event. A nil member
// was not chosen.
type RetryPolicy struct {
	MaxAgeSeconds *int
	MaxAttempts   *int
}

// ScheduleTag is a tag of a rule or a group; they are kept in the order in which
// the caller gave them.
type ScheduleTag struct{ Key, Value string }

// Schedule is a schedule of EventBridge Scheduler.
type Schedule struct {
	Group, Name string
	Description string
	Expression  string // rate(), cron() or at()
	Zone        string // of cron() and at(), and of the days of rate()
	State       string // "ENABLED" or "DISABLED"
	Start, End  *time.Time
	Window      int    // minutes of a flexible time window; 0: off
	Completion  string // "NONE" or "DELETE"
	KMSKey      string
	Target      ScheduleTarget
	Token       string    // of the request that made it
	Since       time.Time // no earlier tick is its own: made, enabled or changed then
	Begin       time.Time // the first moment that a rate() is due
	Created     time.Time
	Modified    time.Time
}

// ScheduleTarget is the function that a schedule invokes.
type ScheduleTarget struct {
	ARN        string
	Role       string
	Input      string // empty: an event is made
	Retry      RetryPolicy
	DeadLetter string // ARN of a queue
}

// ScheduleGroup holds schedules.
type ScheduleGroup struct {
	Name     string
	Created  time.Time
	Modified time.Time
	Tags     []ScheduleTag
	Token    string // of the request that made it
}

// DefaultGroup is the group that is always there.
const DefaultGroup = "default"

// Due is one invocation that a rule or a schedule asks for.
type Due struct {
	Function   Reference
	Invocation Invocation
	At         time.Time // not run earlier; zero: now

	// Undeliverable is set when there is nothing to invoke: the event goes to
	// DeadLetter, a queue, with these attributes.
	Undeliverable *DeadLetter
	DeadLetter    string
	Attributes    map[string]string
}
