package main

import (
	"testing"
	"time"
)

// rounds makes one sample of each list of latencies.
func rounds(latencies ...[]time.Duration) (all []sample) {
	for _, l := range latencies {
		all = append(all, sample{latencies: l})
	}
	return all
}

// counted are the latencies 1, 2, … n.
func counted(n int) (l []time.Duration) {
	for i := range n {
		l = append(l, time.Duration(i+1))
	}
	return l
}

func TestQuantilesAreMeasuredOnes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		count int
		at    float64
		want  time.Duration
	}{{0, 0.5, 0}, {1, 0, 1}, {1, 0.5, 1}, {2, 0.5, 1}, {3, 0.5, 2}, {100, 0.99, 99}, {100, 1, 100}, {10, 0.9, 9}, {11, 0.9, 10}} {
		if got := (sample{latencies: counted(c.count)}).at(c.at); got != c.want {
			t.Errorf("quantile %v of 1…%d is %d, want %d", c.at, c.count, got, c.want)
		}
	}
}

func TestMedianFavoursNeitherHalf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{7}, 7}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 100, 2, 1}, 3}} {
		if got := median(c.values); got != c.want {
			t.Errorf("the median of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

func TestRatioIsOfTheSameRound(t *testing.T) {
	t.Parallel()
	first := func(s sample) float64 { return float64(s.at(0)) }
	quick := rounds(counted(1), []time.Duration{10}, []time.Duration{100})
	slow := rounds([]time.Duration{2}, []time.Duration{40}, []time.Duration{100})
	mid, low, high, ok := ratio(slow, quick, first)
	if mid != 2 || low != 1 || high != 4 || !ok {
		t.Errorf("the ratio is %v (%v to %v), %v; want 2 (1 to 4)", mid, low, high, ok)
	}
	if _, _, _, ok := ratio(slow, rounds(nil, nil, nil), first); ok {
		t.Error("there is a ratio to what was not measured")
	}
}

func TestAccountOutlivesProcesses(t *testing.T) {
	t.Parallel()
	earlier := account{1: 100, 2: 5000, 3: 70}
	later := account{1: 130, 3: 4, 9: 6} // 2 has ended, 3 is another process, 9 is new
	if got := later.since(earlier); got != 30+4+6 {
		t.Errorf("%d were taken, want 40", got)
	}
}
