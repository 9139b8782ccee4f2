// Package expression reads AWS's schedule expressions and computes when they are
// due. It is pure: an expression and a moment in, the next moment out.
//
//	rate(5 minutes)              every five minutes from a beginning
//	cron(0 10 ? * MON-FRI *)     minutes hours day-of-month month day-of-week year
//	at(2030-01-31T12:00:00)      once
//
// # Time zones
//
// Rules count in UTC; a schedule of EventBridge Scheduler may have a zone of its
// own. As AWS does ("Schedule types in EventBridge Scheduler", daylight saving
// time): a local time that a change of the clocks leaves out is skipped, one that
// comes twice is due the first time only, and a day of a rate() is a day of the
// calendar, which may have 23 or 25 hours.
package expression

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Dialect is whose expressions are read.
type Dialect int

// The dialects.
const (
	// Rules are EventBridge's: no at(), and rate() wants "1 minute" but "2 minutes".
	Rules Dialect = iota
	// Scheduler is EventBridge Scheduler's.
	Scheduler
)

// ErrInvalid is all that AWS says of an expression that it cannot read.
var ErrInvalid = errors.New("the schedule expression is not valid")

// Expression is a schedule expression. The zero value is never due.
type Expression struct {
	every time.Duration // rate() in minutes or hours
	days  int           // rate() in days
	once  string        // at(): a local time
	cron  *cron
}

var rateSyntax = regexp.MustCompile(`^rate\(([1-9][0-9]{0,8}|0[0-9]{0,8}) +(minute|hour|day)(s?)\)$`)

// Parse reads an expression.
func Parse(text string, d Dialect) (Expression, error) {
	if m := rateSyntax.FindStringSubmatch(text); m != nil {
		return parseRate(m[1], m[2], m[3] == "s", d)
	}
	inner, closed := strings.CutSuffix(text, ")")
	if fields, ok := strings.CutPrefix(inner, "cron("); ok && closed {
		c, err := parseCron(fields)
		return Expression{cron: c}, err
	}
	if at, ok := strings.CutPrefix(inner, "at("); ok && closed && d == Scheduler {
		if _, err := time.Parse(localTime, at); err != nil {
			return Expression{}, ErrInvalid
		}
		return Expression{once: at}, nil
	}
	return Expression{}, ErrInvalid
}

const localTime = "2006-01-02T15:04:05"

func parseRate(number, unit string, plural bool, d Dialect) (Expression, error) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || d == Rules && (n == 1) == plural {
		return Expression{}, ErrInvalid
	}
	switch unit {
	case "minute":
		if n > maxHours*60 {
			return Expression{}, ErrInvalid
		}
		return Expression{every: time.Duration(n) * time.Minute}, nil
	case "hour":
		if n > int(maxHours) {
			return Expression{}, ErrInvalid
		}
		return Expression{every: time.Duration(n) * time.Hour}, nil
	}
	if n > int(maxHours/24) {
		return Expression{}, ErrInvalid
	}
	return Expression{days: n}, nil
}

// maxHours is more than the years that a cron expression knows, and fits a
// time.Duration.
const maxHours = 230 * 366 * 24

// Once tells whether the expression is due a single time.
func (e Expression) Once() bool { return e.once != "" }

// Rate tells whether the expression counts from a beginning.
func (e Expression) Rate() bool { return e.every > 0 || e.days > 0 }

// Period is the length of a rate() as the calendar of UTC has it, 0 for others.
func (e Expression) Period() time.Duration {
	return e.every + time.Duration(e.days)*24*time.Hour
}

// Next is the first moment after `after` at which the expression is due; the zero
// time means never. A rate counts from begin, which is due itself.
func (e Expression) Next(after, begin time.Time, zone *time.Location) time.Time {
	switch {
	case e.every > 0:
		if after.Before(begin) {
			return begin
		}
		return begin.Add((after.Sub(begin)/e.every + 1) * e.every)
	case e.days > 0:
		return e.nextDay(after, begin.In(zone))
	case e.once != "":
		at, err := time.ParseInLocation(localTime, e.once, zone)
		if err != nil || !at.After(after) {
			return time.Time{}
		}
		return at
	case e.cron != nil:
		return e.cron.next(after, zone)
	}
	return time.Time{}
}

// nextDay counts days of the calendar.
func (e Expression) nextDay(after, begin time.Time) time.Time {
	if after.Before(begin) {
		return begin
	}
	// The guess is at most one period early: no day is longer than 25 hours.
	n := int(after.Sub(begin)/(25*time.Hour)) / e.days * e.days
	for {
		if at := begin.AddDate(0, 0, n); at.After(after) {
			return at
		}
		n += e.days
	}
}
