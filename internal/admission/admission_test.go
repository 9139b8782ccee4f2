package admission

import "testing"

func TestDecide(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		l    Limits
		u    Usage
		want Reason
	}{
		{"the first", Limits{Account: 1000}, Usage{}, Admitted},
		{"the last of the account", Limits{Account: 1000}, Usage{Function: 3, Unreserved: 999}, Admitted},
		{"one too many", Limits{Account: 1000}, Usage{Unreserved: 1000}, AccountExceeded},
		{"reservations of others are not to be had", Limits{Account: 1000, ReservedTotal: 900}, Usage{Unreserved: 100}, AccountExceeded},
		{"within the reservation", Limits{Account: 1000, ReservedTotal: 5, HasReserved: true, Reserved: 5}, Usage{Function: 4, Unreserved: 995}, Admitted},
		{"a reservation is a ceiling", Limits{Account: 1000, ReservedTotal: 5, HasReserved: true, Reserved: 5}, Usage{Function: 5}, ReservedExceeded},
		{"a reservation of nothing (F159)", Limits{Account: 1000, HasReserved: true}, Usage{}, ReservedExceeded},
	} {
		if got := Decide(c.l, c.u); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestReservationsHold: whoever comes in whatever order, a reserved function
// always gets its share, none gets more, and the rest never exceed what is left.
func TestReservationsHold(t *testing.T) {
	t.Parallel()
	const account, reserved = 50, 12
	for order := range 64 {
		with, without := 0, 0
		for i := range 400 {
			if (i*2654435761>>uint(order%24))&1 == 0 {
				if Decide(Limits{account, reserved, true, reserved}, Usage{with, without}) == Admitted {
					with++
				}
				continue
			}
			if Decide(Limits{account, reserved, false, 0}, Usage{without, without}) == Admitted {
				without++
			}
		}
		if with > reserved || without > account-reserved {
			t.Fatalf("order %d: %d with a reservation, %d without", order, with, without)
		}
	}
	if Decide(Limits{account, reserved, true, reserved}, Usage{0, account - reserved}) != Admitted {
		t.Error("a storm of others took the reserved share")
	}
}
