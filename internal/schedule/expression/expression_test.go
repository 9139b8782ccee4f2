package expression

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]bool{ // valid for rules, for Scheduler
		"rate(1 minute)": {true, true}, "rate(5 minutes)": {true, true}, "rate(1 hour)": {true, true}, "rate(7 days)": {true, true},
		"rate(1 minutes)": {false, true}, "rate(5 minute)": {false, true}, "rate(10  minutes)": {true, true},
		"at(2030-01-31T12:00:00)": {false, true}, "at(2021-12-31T23:59:59Z)": {}, "at(2021-12-31)": {}, "at(2030-02-30T00:00:00)": {},
		"cron(0 10 * * ? *)": {true, true}, "cron(15 12 * * ? *)": {true, true}, "cron(0 18 ? * MON-FRI *)": {true, true},
		"cron(0 8 1 * ? *)": {true, true}, "cron(0/15 * * * ? *)": {true, true}, "cron(0/5 8-17 ? * MON-FRI *)": {true, true},
		"cron(0/30 20-2 ? * FRI-MON *)": {true, true}, "cron(0 9 ? * 2#1 *)": {true, true}, "cron(15 10 ? * 6L 2022-2023)": {true, true},
		"cron(0 0 L * ? *)": {true, true}, "cron(0 0 L-3 * ? *)": {true, true}, "cron(0 0 LW * ? *)": {true, true}, "cron(0 0 15W JAN,dec ? *)": {true, true},
		"cron(0-15/1 8-8 ? * 2,3,4,5,6,7 *)": {true, true}, "cron(*/1 * * * ? *)": {true, true}, "cron(/10 * * * ? *)": {true, true},
		"cron(0 0 1 1 ? 2199)": {true, true}, "cron(0 0 1 1 ? 1970/10)": {true, true}, "cron(0 0 1 1 ? 2200)": {}, "cron(0 0 1 1 ? 2030-2020)": {},
		// what AWS was seen to refuse
		"cron(0 1 * * * *)": {}, "cron(7 20 * * NOT *)": {}, "cron(INVALID)": {}, "cron(0 dummy ? * MON-FRI *)": {}, "cron(71 8 1 * ? *)": {}, "cron()": {},
		"rate(10 seconds)": {}, "rate(10 years)": {}, "rate()": {}, "rate(10)": {}, "rate(10 minutess)": {}, "rate(foo minutes)": {}, "rate(-10 minutes)": {},
		"rate( 10 minutes )": {}, " rate(10 minutes)": {}, "rate(0 minutes)": {}, "cron(7 20 * * 1-7 *)": {}, "cron(*/60 * * * ? *)": {}, "cron(15 12 ? * -1 *)": {},
		"cron(0/10 * ? * *)": {}, "cron(*/1 * * * *)": {}, "cron(0/5, 9-18 ? * MON-FRI *)": {},
		// and what cannot mean anything
		"": {}, "rate(1 minute": {}, "cron(0 0 ? * ? *)": {}, "cron(0 0 0 * ? *)": {}, "cron(0 0 32W * ? *)": {}, "cron(0 0 ? * 0 *)": {}, "cron(0 0 ? * 8L *)": {},
		"cron(0 0 ? * 3#6 *)": {}, "cron(0 0 ? * 3#1,6#3 *)": {}, "cron(0 24 * * ? *)": {}, "cron(0 0 * 13 ? *)": {}, "cron(? 0 * * ? *)": {}, "cron(0 0 * * ? ?)": {},
		"cron(0/0 * * * ? *)": {}, "cron(1-2-3 * * * ? *)": {}, "cron(+1 * * * ? *)": {}, "cron(0 0 L,5 * ? *)": {}, "cron(0 0 L-31 * ? *)": {}, "rate(99999999999 minutes)": {},
		"rate(307445735 minutes)": {}, "rate(200000000 minutes)": {}, "rate(121219200 minutes)": {true, true},
	} {
		for i, d := range []Dialect{Rules, Scheduler} {
			if _, err := Parse(text, d); (err == nil) != want[i] || err != nil && !errors.Is(err, ErrInvalid) {
				t.Errorf("Parse(%q, %d): %v, want valid %v", text, d, err, want[i])
			}
		}
	}
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Skipf("no time zones here: %v", err)
	}
	return z
}

func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, zone, after string
		want              []string
	}{
		{"cron(0 10 * * ? *)", "UTC", "2026-01-31T10:00:00Z", []string{"2026-02-01T10:00:00Z", "2026-02-02T10:00:00Z"}},
		{"cron(0/20 * * * ? *)", "UTC", "2026-12-31T23:30:01Z", []string{"2026-12-31T23:40:00Z", "2027-01-01T00:00:00Z"}},
		{"cron(5/20 9,17 * * ? *)", "UTC", "2026-03-01T09:25:00Z", []string{"2026-03-01T09:45:00Z", "2026-03-01T17:05:00Z"}},
		{"cron(0 18 ? * MON-FRI *)", "UTC", "2026-11-20T18:00:00Z", []string{"2026-11-23T18:00:00Z", "2026-11-24T18:00:00Z"}},
		{"cron(0 0 ? * FRI-MON *)", "UTC", "2026-11-23T00:00:00Z", []string{"2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z"}},
		{"cron(0 22-1 * * ? *)", "UTC", "2026-11-23T22:00:00Z", []string{"2026-11-23T23:00:00Z", "2026-11-24T00:00:00Z", "2026-11-24T01:00:00Z", "2026-11-24T22:00:00Z"}},
		{"cron(0 0 31 * ? *)", "UTC", "2026-01-31T00:00:00Z", []string{"2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"}},
		{"cron(0 0 L * ? *)", "UTC", "2027-12-31T00:00:00Z", []string{"2028-01-31T00:00:00Z", "2028-02-29T00:00:00Z"}},
		{"cron(0 0 L-2 2 ? *)", "UTC", "2027-01-01T00:00:00Z", []string{"2027-02-26T00:00:00Z", "2028-02-27T00:00:00Z"}},
		{"cron(0 0 LW * ? *)", "UTC", "2026-01-01T00:00:00Z", []string{"2026-01-30T00:00:00Z", "2026-02-27T00:00:00Z"}},
		{"cron(0 0 1W * ? *)", "UTC", "2026-07-31T00:00:00Z", []string{"2026-08-03T00:00:00Z", "2026-09-01T00:00:00Z"}},
		{"cron(0 0 15W * ? *)", "UTC", "2026-08-01T00:00:00Z", []string{"2026-08-14T00:00:00Z", "2026-09-15T00:00:00Z"}},
		{"cron(0 0 31W * ? *)", "UTC", "2026-05-01T00:00:00Z", []string{"2026-05-29T00:00:00Z", "2026-07-31T00:00:00Z"}},
		{"cron(0 0 ? * L *)", "UTC", "2026-11-21T00:00:00Z", []string{"2026-11-28T00:00:00Z"}},
		{"cron(15 10 ? * 6L 2026-2027)", "UTC", "2026-11-27T10:15:00Z", []string{"2026-12-25T10:15:00Z", "2027-01-29T10:15:00Z"}},
		{"cron(0 9 ? * 2#1 *)", "UTC", "2026-11-03T00:00:00Z", []string{"2026-12-07T09:00:00Z"}},
		{"cron(0 9 ? * THU#5 *)", "UTC", "2026-11-03T00:00:00Z", []string{"2026-12-31T09:00:00Z", "2027-04-29T09:00:00Z"}},
		{"cron(0 0 29 2 ? *)", "UTC", "2097-01-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		{"cron(0 0 1 1 ? 2199)", "UTC", "2026-01-01T00:00:00Z", []string{"2199-01-01T00:00:00Z", ""}},
		{"cron(0 0 30 2 ? *)", "UTC", "2026-01-01T00:00:00Z", []string{""}},
		{"cron(0 0 1 1 ? 2020)", "UTC", "2026-01-01T00:00:00Z", []string{""}},
		// New York: 2:30 does not exist on 8 March 2026, and 1:30 comes twice on 1 November.
		{"cron(30 2 * * ? *)", "America/New_York", "2026-03-07T07:30:00Z", []string{"2026-03-09T06:30:00Z"}},
		{"cron(30 1 * * ? *)", "America/New_York", "2026-10-31T05:30:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		{"cron(0/30 1-2 * * ? *)", "America/New_York", "2026-11-01T05:00:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-01T07:00:00Z", "2026-11-01T07:30:00Z"}},
		{"cron(0 0/1 * * ? *)", "Europe/Berlin", "2026-03-29T00:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"}},
		{"cron(0 9 * * ? *)", "Asia/Kathmandu", "2026-03-29T00:00:00Z", []string{"2026-03-29T03:15:00Z"}},
		{"at(2026-11-20T13:00:00)", "America/Los_Angeles", "2026-11-20T00:00:00Z", []string{"2026-11-20T21:00:00Z", ""}},
	} {
		e, err := Parse(c.text, Scheduler)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		at := moment(t, c.after)
		for _, want := range c.want {
			next := e.Next(at, time.Time{}, zone(t, c.zone))
			if got := next.UTC().Format(time.RFC3339); want == "" && !next.IsZero() || want != "" && got != want {
				t.Errorf("%s in %s after %s: %s, want %s", c.text, c.zone, at.Format(time.RFC3339), got, want)
			}
			at = next
		}
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	begin := moment(t, "2026-03-07T12:00:00Z")
	for _, c := range []struct{ text, zone, after, want string }{
		{"rate(5 minutes)", "UTC", "2026-03-01T00:00:00Z", "2026-03-07T12:00:00Z"},
		{"rate(5 minutes)", "UTC", "2026-03-07T12:00:00Z", "2026-03-07T12:05:00Z"},
		{"rate(5 minutes)", "UTC", "2026-03-07T12:04:59Z", "2026-03-07T12:05:00Z"},
		{"rate(7 hours)", "UTC", "2027-03-07T12:00:00Z", "2027-03-07T16:00:00Z"},
		{"rate(1 day)", "UTC", "2026-03-07T12:00:00Z", "2026-03-08T12:00:00Z"},
		// A day of 23 hours, then one of 25.
		{"rate(1 day)", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-08T11:00:00Z"},
		{"rate(1 day)", "America/New_York", "2026-10-31T11:00:00Z", "2026-11-01T12:00:00Z"},
		{"rate(24 hours)", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-08T12:00:00Z"},
		{"rate(3 days)", "America/New_York", "2031-03-07T12:00:00Z", "2031-03-08T12:00:00Z"},
	} {
		e, err := Parse(c.text, Scheduler)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Next(moment(t, c.after), begin, zone(t, c.zone)).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s after %s: %s, want %s", c.text, c.zone, c.after, got, c.want)
		}
	}
}

// TestLaws: what is due is after, fits the fields, and nothing that fits lies
// between, whatever the clocks of a zone do. Each minute is looked at by itself.
func TestLaws(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		text := fmt.Sprintf("cron(%d/%d %d-%d * * ? *)", r.IntN(60), 1+r.IntN(59), r.IntN(24), r.IntN(24))
		e, err := Parse(text, Rules)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		z := zone(t, zones[seed%uint64(len(zones))])
		after := moment(t, "2026-01-01T00:00:00Z").Add(time.Duration(r.IntN(365*24*60)) * time.Minute)
		next := e.Next(after, time.Time{}, z)
		seen := map[string]bool{}
		for at := after.Add(-3 * time.Hour); !at.After(next); at = at.Add(time.Minute) {
			shown := at.In(z).Format("2006-01-02 15:04")
			again := seen[shown]
			seen[shown] = true
			local := at.In(z)
			fits := !again && e.cron.minutes.has(local.Minute()) && e.cron.hours.has(local.Hour())
			if due := at.After(after) && fits; due != at.Equal(next) {
				t.Fatalf("seed %d: %s in %s after %s gives %s, but %s: due %v", seed, text, z, after, next, at, due)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"rate(1 minute)", "cron(0/15 8-17 ? * MON-FRI 2026)", "cron(0 0 L-3 2 ? *)", "at(2030-01-31T12:00:00)", "cron(0 0 ? * 3#2 *)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range []Dialect{Rules, Scheduler} {
			e, err := Parse(text, d)
			if err != nil {
				continue
			}
			after := time.Date(2026, 2, 28, 23, 59, 30, 0, time.UTC)
			next := e.Next(after, after, time.UTC)
			if !next.IsZero() && !next.After(after) && !e.Rate() {
				t.Errorf("%q: due at %s, which is not after %s", text, next, after)
			}
		}
	})
}

func BenchmarkNext(b *testing.B) {
	e, err := Parse("cron(0/5 8-17 ? * MON-FRI *)", Rules)
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2026, 2, 28, 23, 59, 30, 0, time.UTC)
	for b.Loop() {
		e.Next(at, time.Time{}, time.UTC)
	}
}
