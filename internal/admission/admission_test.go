package admission

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestDecide names the rules of docs/environment.md §8.1 and §8.2.
func TestDecide(t *testing.T) {
	t.Parallel()
	reserved := func(l Limits, n int) Limits { l.HasReserved, l.Reserved = true, n; return l }
	account := Limits{Account: 1000}
	for _, c := range []struct {
		name  string
		l     Limits
		u     Usage
		class Class
		want  Reason
	}{
		{"the first", account, Usage{}, Unreserved, Admitted},
		{"the last of the account", account, Usage{Function: 3, Unreserved: 999}, Unreserved, Admitted},
		{"one too many", account, Usage{Unreserved: 1000}, Refused, AccountExceeded},
		{"what is set aside for others is not to be had", Limits{Account: 1000, Committed: 900}, Usage{Unreserved: 100}, Refused, AccountExceeded},
		{"within the reservation", reserved(Limits{Account: 1000, Committed: 5}, 5), Usage{Function: 4, Unreserved: 995}, Reserved, Admitted},
		{"a reservation is a ceiling", reserved(Limits{Account: 1000, Committed: 5}, 5), Usage{Function: 5}, Refused, ReservedExceeded},
		{"a reservation of nothing (F159)", reserved(account, 0), Usage{}, Refused, ReservedExceeded},
		{"a reservation of nothing, whatever is provisioned", reserved(Limits{Account: 1000, Version: 1}, 0), Usage{}, Refused, ReservedExceeded},
		{"provisioned concurrency first", Limits{Account: 1000, Committed: 2, Provisioned: 2, Version: 2}, Usage{Version: 1}, Provisioned, Admitted},
		{"provisioned concurrency though the account is full", Limits{Account: 1000, Committed: 2, Provisioned: 2, Version: 2}, Usage{Version: 1, Unreserved: 998}, Provisioned, Admitted},
		{"spill-over to what all share", Limits{Account: 1000, Committed: 2, Provisioned: 2, Version: 2}, Usage{Version: 2}, Unreserved, Admitted},
		{"no spill-over when that is used up", Limits{Account: 1000, Committed: 2, Provisioned: 2, Version: 2}, Usage{Version: 2, Unreserved: 998}, Refused, AccountExceeded},
		{"provisioned concurrency is a part of the reservation", reserved(Limits{Account: 1000, Committed: 3, Provisioned: 2}, 3), Usage{Function: 1}, Refused, ReservedExceeded},
		{"spill-over within the reservation", reserved(Limits{Account: 1000, Committed: 3, Provisioned: 2, Version: 2}, 3), Usage{Version: 2}, Reserved, Admitted},
		{"all of the reservation provisioned: other versions have none (F162)", reserved(Limits{Account: 1000, Committed: 2, Provisioned: 2}, 2), Usage{}, Refused, ReservedExceeded},
		{"all of the reservation provisioned: the version has it (F162)", reserved(Limits{Account: 1000, Committed: 2, Provisioned: 2, Version: 2}, 2), Usage{Version: 1}, Provisioned, Admitted},
	} {
		var m Meters
		if class, got := Decide(c.l, c.u, &m, 0, false); class != c.class || got != c.want {
			t.Errorf("%s: got %d %q, want %d %q", c.name, class, got, c.class, c.want)
		}
	}
}

// TestRequestRates: ten requests a second for each concurrency (§8.1): of the
// reservation, of what is provisioned, of what the account has left. Not of
// asynchronous ones.
func TestRequestRates(t *testing.T) {
	t.Parallel()
	shared, own := Limits{Account: 4, Committed: 1}, Limits{Account: 4, HasReserved: true, Reserved: 2}
	ahead := Limits{Account: 4, HasReserved: true, Reserved: 2, Provisioned: 2, Version: 2}
	over := Limits{Account: 4, Committed: 1, Provisioned: 1, Version: 1}
	for _, c := range []struct {
		name         string
		l            Limits
		asynchronous bool
		admitted     int // of a hundred at once
		want         Reason
	}{
		{"the account", shared, false, 30, RateExceeded},
		{"a reservation", own, false, 20, ReservedRateExceeded},
		{"all of it provisioned", ahead, false, 20, ReservedRateExceeded},
		{"provisioned, and then what all share", over, false, 40, RateExceeded},
		{"asynchronous", shared, true, 100, Admitted},
	} {
		var m Meters
		for second := range 3 {
			admitted, last := 0, Admitted
			for range 100 {
				var class Class
				if class, last = Decide(c.l, Usage{}, &m, time.Duration(second)*time.Second, c.asynchronous); class != Refused {
					admitted++
				}
			}
			if admitted != c.admitted || last != c.want {
				t.Errorf("%s, second %d: %d admitted, then %q; want %d, %q", c.name, second, admitted, last, c.admitted, c.want)
			}
		}
	}
}

// TestRequestRateOfAccount: with AWS's account of 1,000, which is as much as a function
// may grow in ten seconds, that is "10,000 requests per second every 10 seconds" too
// (§8.1): no more at once, however long nobody called, and as many in each second.
func TestRequestRateOfAccount(t *testing.T) {
	t.Parallel()
	var m Meters
	for _, at := range []time.Duration{0, time.Second, time.Hour} {
		n, refused := 0, Admitted
		for refused == Admitted {
			if _, refused = Decide(Limits{Account: 1000}, Usage{}, &m, at, false); refused == Admitted {
				n++
			}
		}
		if n != 10_000 || refused != RateExceeded {
			t.Errorf("at %s: %d requests, want 10,000, and then %q", at, n, refused)
		}
	}
}

// TestGrowth: a thousand new environments at once, then a hundred a second,
// however long nobody wanted any (§8.1).
func TestGrowth(t *testing.T) {
	t.Parallel()
	var m Meter
	take := func(at time.Duration) (n int) {
		for Growth().Take(&m, at) {
			n++
		}
		return n
	}
	for _, c := range []struct {
		at   time.Duration
		want int
	}{{0, 1000}, {9 * time.Millisecond, 0}, {10 * time.Millisecond, 1}, {time.Second, 99}, {6 * time.Second, 500}, {time.Hour, 1000}} {
		if left := Growth().Left(m, c.at); left != c.want {
			t.Errorf("at %s: %d left, want %d", c.at, left, c.want)
		}
		if got := take(c.at); got != c.want {
			t.Errorf("at %s: %d, want %d", c.at, got, c.want)
		}
	}
}

// TestRateLaws: over any time a rate gives no more than what may be there at the
// beginning and what comes back meanwhile, and whoever waits for one to come back
// gets one. A rate that becomes smaller forgets what it owed beyond itself.
func TestRateLaws(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		dice := rand.New(rand.NewPCG(seed, 5))
		r := Rate{1 + dice.IntN(50), time.Duration(1+dice.IntN(5)) * time.Second}
		var m Meter
		var now time.Duration
		taken := 0
		for range 400 {
			now += time.Duration(dice.IntN(100)) * time.Millisecond
			if r.Take(&m, now) {
				taken++
			} else if now += r.Per / time.Duration(r.Count); !r.Take(&m, now) {
				t.Fatalf("seed %d: nothing though one must have come back by %s", seed, now)
			} else {
				taken++
			}
			if most := r.Count + int(now/(r.Per/time.Duration(r.Count))) + 1; taken > most {
				t.Fatalf("seed %d: %d taken in %s, %d may be", seed, taken, now, most)
			}
		}
		smaller := Rate{1, r.Per}
		if !smaller.Take(&m, now+r.Per) {
			t.Fatalf("seed %d: a smaller rate gives nothing after its time", seed)
		}
	}
	if (Rate{}).Left(0, 0) != 0 || (Rate{0, time.Second}).Take(new(Meter), 0) {
		t.Error("a rate of nothing gives something")
	}
}

// TestSharesHold: whoever comes in whatever order, what is reserved and what is
// provisioned is always to be had, nobody gets more, and the rest never exceed
// what is left (§8.1).
func TestSharesHold(t *testing.T) {
	t.Parallel()
	const account, reserved, ahead = 50, 12, 4 // of the reservation; another 5 are provisioned without one
	limits := map[string]Limits{
		"reserved":    {account, reserved + 5, true, reserved, ahead, 0},
		"provisioned": {account, reserved + 5, true, reserved, ahead, ahead},
		"other":       {account, reserved + 5, false, 0, 5, 5},
		"storm":       {account, reserved + 5, false, 0, 0, 0},
	}
	names := []string{"reserved", "provisioned", "other", "storm"}
	for seed := range uint64(200) {
		dice := rand.New(rand.NewPCG(seed, 9))
		used := map[Class]int{}
		paid := map[string]int{}
		var m Meters
		for range 300 {
			name := names[dice.IntN(len(names))]
			u := Usage{Version: paid[name], Function: used[Reserved], Unreserved: used[Unreserved]}
			class, _ := Decide(limits[name], u, &m, 0, true)
			if used[class]++; class == Provisioned {
				paid[name]++
			}
		}
		if used[Reserved] > reserved-ahead || used[Unreserved] > account-reserved-5 || paid["provisioned"] > ahead || paid["other"] > 5 {
			t.Fatalf("seed %d: %v %v", seed, used, paid)
		}
		if used[Reserved]+used[Unreserved]+used[Provisioned] > account {
			t.Fatalf("seed %d: more than the account has: %v", seed, used)
		}
	}
	full := Usage{Unreserved: account - reserved - 5}
	for _, name := range []string{"reserved", "provisioned", "other"} {
		var m Meters
		if class, _ := Decide(limits[name], full, &m, 0, false); !class.Guaranteed() {
			t.Errorf("a storm of others took the share of %s", name)
		}
	}
}
