package bootpool

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestDecide(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	base := world{now: noon, budget: 256 * mib, making: 1, lastUse: ago(time.Minute)}
	python := stockView{key: "python", size: 10 * mib, wanted: ago(time.Second)}
	java := stockView{key: "java", size: 100 * mib, wanted: ago(time.Minute)}
	with := func(s stockView, change func(*stockView)) stockView { change(&s); return s }
	for _, c := range []struct {
		name   string
		change func(*world)
		stocks []stockView
		steps  string
		short  bool
		next   time.Duration // from noon; 0: never
	}{
		{"nothing is wanted", nil, nil, "", false, 0},
		{"one at a time", nil, []stockView{python}, "+python", true, 0},
		{"several at a time", func(w *world) { w.making = 3 }, []stockView{python}, "+python +python", true, 0},
		{"the rest comes after what is being made", nil, []stockView{with(python, func(s *stockView) { s.coming = 1 })}, "", true, look},
		{"enough", nil, []stockView{with(python, func(s *stockView) { s.ready = basis })}, "", false, look},
		{"demand", func(w *world) { w.making = 9 }, []stockView{with(python, func(s *stockView) { s.demand, s.ready = 2.5, 2 })},
			"+python +python +python", true, look},
		{"demand is bounded", func(w *world) { w.making, w.budget = 99, math.MaxInt64/4 }, []stockView{with(python, func(s *stockView) { s.demand, s.ready = 1000, mostOfAKind-1 })},
			"+python", true, look},
		{"demand has gone", nil, []stockView{with(python, func(s *stockView) { s.ready = 4 })}, "-python -python", false, look},
		{"quiet", nil, []stockView{with(python, func(s *stockView) { s.ready, s.wanted = 2, ago(quiet) })}, "-python -python", false, look},
		{"what is being made cannot be dropped", nil, []stockView{with(python, func(s *stockView) { s.ready, s.coming, s.wanted = 1, 2, ago(quiet) })},
			"-python", false, look},
		{"the latest first", func(w *world) { w.making = 9; w.budget = 115 * mib }, []stockView{java, python}, "+python +java", true, look},
		{"each kind gets one before any gets two", func(w *world) { w.making = 9; w.budget = 120 * mib },
			[]stockView{java, with(python, func(s *stockView) { s.demand = 9 })}, "+python +python +java", true, look},
		{"no memory", func(w *world) { w.budget = 0 }, []stockView{with(python, func(s *stockView) { s.ready = 2 }), java}, "-python -python", false, look},
		{"memory for one", func(w *world) { w.budget = 19 * mib }, []stockView{python}, "+python", true, look},
		{"memory comes back unsaid", func(w *world) { w.budget = 0 }, []stockView{python}, "", false, look},
		{"and is nobody's after a quiet time", func(w *world) { w.budget = 0 }, []stockView{with(python, func(s *stockView) { s.wanted = ago(quiet) })}, "", false, 0},
		{"the caller is served first", func(w *world) { w.lastUse = noon.Add(-time.Millisecond) }, []stockView{with(python, func(s *stockView) { s.ready = 1 })},
			"", true, calm - time.Millisecond},
		{"a stock with nothing waits less", func(w *world) { w.lastUse = noon.Add(-time.Millisecond) }, []stockView{python}, "", true, urgent - time.Millisecond},
		{"but not for ever", func(w *world) { w.lastUse, w.short = noon, ago(patience) }, []stockView{python}, "+python", true, 0},
		{"after failures it waits", nil, []stockView{with(python, func(s *stockView) { s.hold = noon.Add(time.Second) })}, "", false, time.Second},
		{"the emptiest first", nil, []stockView{with(python, func(s *stockView) { s.ready = 1 }), java}, "+java", true, look},
	} {
		w := base
		if c.change != nil {
			c.change(&w)
		}
		w.stocks = c.stocks
		steps, short, next := decide(w)
		var got string
		for i, s := range steps {
			if i > 0 {
				got += " "
			}
			sign := "+"
			if s.drop {
				sign = "-"
			}
			got += sign + s.key
		}
		wantNext := time.Time{}
		if c.next != 0 {
			wantNext = noon.Add(c.next)
		}
		if got != c.steps || short != c.short || !next.Equal(wantNext) {
			t.Errorf("%s: %q, short %v, next %v; want %q, %v, %v", c.name, got, short, next, c.steps, c.short, wantNext)
		}
	}
}

// Whatever the world, carrying out the steps never goes over the budget or the
// number that may be made at once, and comes to an end.
func TestDecideSettles(t *testing.T) {
	t.Parallel()
	for budget := range 12 {
		for demand := range 5 {
			w := world{now: noon, budget: int64(budget), making: 2}
			for i := range 3 {
				w.stocks = append(w.stocks, stockView{key: fmt.Sprint(i), size: int64(1 + i), demand: float64(demand * i), wanted: noon, ready: i})
			}
			for round := 0; ; round++ {
				steps, _, _ := decide(w)
				if len(steps) == 0 {
					break
				}
				if round > 100 {
					t.Fatalf("budget %d, demand %d: it goes on and on: %v", budget, demand, steps)
				}
				made := 0
				for _, s := range steps {
					i := slices.IndexFunc(w.stocks, func(v stockView) bool { return v.key == s.key })
					if s.drop {
						w.stocks[i].ready--
						continue
					}
					w.stocks[i].ready++
					made++
				}
				if made > w.making {
					t.Fatalf("budget %d, demand %d: %d made at once", budget, demand, made)
				}
			}
			var sum int64
			for _, s := range w.stocks {
				sum += s.size * int64(s.ready)
			}
			if sum > w.budget {
				t.Errorf("budget %d, demand %d: members of %d", budget, demand, sum)
			}
		}
	}
}

func TestWeight(t *testing.T) {
	t.Parallel()
	for demand, want := range map[float64]int{0: 0, 0.4: 0, 0.5: eagerWeight, 7: eagerWeight} {
		if got := weight(demand); got != want {
			t.Errorf("weight(%v) is %d, want %d", demand, got, want)
		}
	}
}

func TestRateDecays(t *testing.T) {
	t.Parallel()
	var r rate
	for range 8 {
		r.add(noon)
	}
	for after, want := range map[time.Duration]float64{0: 8, halfLife: 4, 3 * halfLife: 1, time.Hour: 0} {
		if got := r.now(noon.Add(after)); math.Abs(got-want) > 1e-9 {
			t.Errorf("after %v: %v, want %v", after, got, want)
		}
	}
}
