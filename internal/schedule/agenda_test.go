package schedule

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestAgenda: whatever was put, changed and taken, the first is the one that a look at
// all would find.
func TestAgenda(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // not for secrets
	epoch := time.Unix(1_000_000, 0)
	var a agenda
	all := make([]*plan, 50)
	for i := range all {
		all[i] = &plan{}
	}
	in := map[*plan]bool{}
	for range 5000 {
		p := all[random.IntN(len(all))]
		switch random.IntN(4) {
		case 0:
			a.take(p)
			delete(in, p)
		case 1:
			p.next, p.retry = time.Time{}, time.Time{}
			a.put(p)
			delete(in, p)
		default:
			p.next, p.retry = epoch.Add(time.Duration(random.IntN(1000))*time.Second), time.Time{}
			if random.IntN(5) == 0 {
				p.retry = p.next.Add(time.Minute)
			}
			a.put(p)
			in[p] = true
		}
		var want []time.Time
		for p := range in {
			want = append(want, p.at())
		}
		if len(a) != len(in) || len(in) > 0 && !a.first().at().Equal(slices.MinFunc(want, time.Time.Compare)) {
			t.Fatalf("%d plans, the first %+v; want %d of %v", len(a), a.first(), len(in), want)
		}
	}
}
