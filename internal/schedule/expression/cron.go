package expression

import (
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// cron is a cron expression of six fields.
type cron struct {
	minutes, hours, months set
	years                  [4]uint64 // by year - firstYear
	days                   days
}

// set is small numbers, a bit each.
type set uint64

func (s set) has(n int) bool { return s&(1<<n) != 0 }

// from is the smallest member that is at least n, or -1.
func (s set) from(n int) int {
	if rest := s >> n << n; rest != 0 && n < 64 {
		return bits.TrailingZeros64(uint64(rest))
	}
	return -1
}

// days chooses days of a month: by their number or by their weekday.
type days struct {
	numbers  set
	last     bool // the last day of the month, less back
	back     int
	workday  int  // nearest Monday to Friday to this day; 0: not asked for
	lastWork bool // the last Monday to Friday

	byWeekday bool
	weekdays  set // 1 is Sunday
	nth       int // which one of its weekday in the month; 0: each
	lastOf    bool
}

const firstYear, lastYear = 1970, 2199

var monthNames = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
var weekdayNames = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

func parseCron(text string) (*cron, error) {
	f := strings.Fields(text)
	if len(f) != 6 || (f[2] == "?") == (f[4] == "?") {
		return nil, ErrInvalid // a day is named by its date or by its weekday, never both
	}
	c := &cron{}
	ok := true
	read := func(text string, low, high int, names []string) (s set) {
		ok = ok && items(text, low, high, names, func(n int) { s |= 1 << n })
		return s
	}
	c.minutes, c.hours = read(f[0], 0, 59, nil), read(f[1], 0, 23, nil)
	c.months = read(f[3], 1, 12, monthNames)
	ok = ok && items(f[5], firstYear, lastYear, nil, func(n int) { c.years[(n-firstYear)/64] |= 1 << ((n - firstYear) % 64) })
	if f[4] == "?" {
		ok = c.days.parseDate(f[2], read) && ok
	} else {
		ok = c.days.parseWeekday(f[4], read) && ok
	}
	if !ok {
		return nil, ErrInvalid
	}
	return c, nil
}

type reader func(text string, low, high int, names []string) set

// parseDate reads day-of-month: numbers, L, L-3, 15W or LW.
func (d *days) parseDate(text string, read reader) bool {
	upper := strings.ToUpper(text)
	if upper == "L" || upper == "LW" {
		d.last, d.lastWork = upper == "L", upper == "LW"
		return true
	}
	if back, ok := strings.CutPrefix(upper, "L-"); ok {
		d.last = true
		return number(back, 0, 30, nil, &d.back)
	}
	if day, ok := strings.CutSuffix(upper, "W"); ok {
		return number(day, 1, 31, nil, &d.workday)
	}
	d.numbers = read(text, 1, 31, nil)
	return true
}

// parseWeekday reads day-of-week: numbers, names, L (Saturday), 6L or 3#2.
func (d *days) parseWeekday(text string, read reader) bool {
	d.byWeekday = true
	upper := strings.ToUpper(text)
	if upper == "L" {
		d.weekdays.add(7)
		return true
	}
	var day int
	if name, which, ok := strings.Cut(upper, "#"); ok {
		if !number(name, 1, 7, weekdayNames, &day) || !number(which, 1, 5, nil, &d.nth) {
			return false
		}
		d.weekdays.add(day)
		return true
	}
	if name, ok := strings.CutSuffix(upper, "L"); ok {
		d.lastOf = true
		if !number(name, 1, 7, weekdayNames, &day) {
			return false
		}
		d.weekdays.add(day)
		return true
	}
	d.weekdays = read(text, 1, 7, weekdayNames)
	return true
}

func (s *set) add(n int) { *s |= 1 << n }

// items reads a list of numbers, ranges and steps, and takes each value.
func items(text string, low, high int, names []string, take func(int)) bool {
	for item := range strings.SplitSeq(text, ",") {
		span, step, stepped := strings.Cut(item, "/")
		from, to, by := low, high, 1
		if stepped && !number(step, 1, high, nil, &by) {
			return false
		}
		first, second, ranged := strings.Cut(span, "-")
		switch {
		case span == "*", span == "" && stepped:
		case ranged:
			if !number(first, low, high, names, &from) || !number(second, low, high, names, &to) {
				return false
			}
		default:
			if !number(first, low, high, names, &from) {
				return false
			}
			if !stepped {
				to = from
			}
		}
		if to < from { // FRI-MON goes over the end of the week; no year comes after the last
			if high == lastYear {
				return false
			}
			to += high - low + 1
		}
		for n := from; n <= to; n += by {
			take(low + (n-low)%(high-low+1))
		}
	}
	return true
}

// number reads a number or a name, which counts from low.
func number(text string, low, high int, names []string, into *int) bool {
	for i, name := range names {
		if strings.EqualFold(text, name) {
			*into = low + i
			return true
		}
	}
	if text == "" || len(text) > 4 || strings.Trim(text, "0123456789") != "" {
		return false
	}
	n, err := strconv.Atoi(text)
	*into = n
	return err == nil && n >= low && n <= high
}

// next looks through the calendar of a zone, from the clock's time at `after` on:
// what it shows later is later, since a time that comes twice counts the first time.
func (c *cron) next(after time.Time, zone *time.Location) time.Time {
	local := after.In(zone)
	year, month, day := local.Date()
	hour := local.Hour()
	for date := (civil{year, int(month), day}); date.year <= lastYear; date, hour = date.after(), 0 {
		if !c.hasYear(date.year) {
			date.month, date.day = 12, 31
			continue
		}
		if !c.months.has(date.month) {
			date.day = date.monthLength()
			continue
		}
		if !c.days.has(date) {
			continue
		}
		if at := c.within(date, hour, after, zone); !at.IsZero() {
			return at
		}
	}
	return time.Time{}
}

func (c *cron) hasYear(y int) bool {
	return y >= firstYear && c.years[(y-firstYear)/64]&(1<<((y-firstYear)%64)) != 0
}

// within is the first moment of a day, from an hour on, that is after `after`.
func (c *cron) within(d civil, hour int, after time.Time, zone *time.Location) time.Time {
	for hour = c.hours.from(hour); hour >= 0; hour = c.hours.from(hour + 1) {
		for minute := c.minutes.from(0); minute >= 0; minute = c.minutes.from(minute + 1) {
			if at, exists := d.at(hour, minute, zone); exists && at.After(after) {
				return at
			}
		}
	}
	return time.Time{}
}

// civil is a date of the calendar.
type civil struct{ year, month, day int }

func (d civil) after() civil {
	if d.day < d.monthLength() {
		d.day++
	} else if d.month < 12 {
		d.month, d.day = d.month+1, 1
	} else {
		d = civil{d.year + 1, 1, 1}
	}
	return d
}

func (d civil) monthLength() int {
	return time.Date(d.year, time.Month(d.month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// weekday is 1 for Sunday, as AWS counts.
func (d civil) weekday() int {
	return int(time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, time.UTC).Weekday()) + 1
}

// at is the first moment that a clock of the zone shows this. False: it never does.
func (d civil) at(hour, minute int, zone *time.Location) (time.Time, bool) {
	t := time.Date(d.year, time.Month(d.month), d.day, hour, minute, 0, 0, zone)
	if t.Hour() != hour || t.Minute() != minute || t.Day() != d.day {
		return t, false
	}
	// Go does not say which of two it gives.
	if changed, _ := t.ZoneBounds(); !changed.IsZero() {
		_, now := t.Zone()
		_, was := changed.Add(-time.Second).Zone()
		if earlier := t.Add(time.Duration(now-was) * time.Second); earlier.Before(changed) && earlier.Hour() == hour && earlier.Minute() == minute && earlier.Day() == d.day {
			return earlier, true
		}
	}
	return t, true
}

// has tells whether a day is chosen.
func (d days) has(c civil) bool {
	if d.byWeekday {
		return d.weekdays.has(c.weekday()) &&
			(d.nth == 0 || (c.day-1)/7+1 == d.nth) &&
			(!d.lastOf || c.day+7 > c.monthLength())
	}
	length := c.monthLength()
	switch {
	case d.last:
		return c.day == length-d.back
	case d.lastWork:
		return c.day == nearestWorkday(civil{c.year, c.month, length})
	case d.workday > 0:
		return d.workday <= length && c.day == nearestWorkday(civil{c.year, c.month, d.workday})
	}
	return d.numbers.has(c.day)
}

// nearestWorkday is the Monday to Friday of the same month that is nearest.
func nearestWorkday(c civil) int {
	switch c.weekday() {
	case 7:
		if c.day == 1 {
			return 3
		}
		return c.day - 1
	case 1:
		if c.day == c.monthLength() {
			return c.day - 2
		}
		return c.day + 1
	}
	return c.day
}
