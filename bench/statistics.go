package main

import (
	"math"
	"slices"
	"time"
)

// sample is one round of one side.
type sample struct {
	latencies []time.Duration // sorted
	elapsed   time.Duration
	cpu       time.Duration // of the server's side: all its processes
	errors    int
	first     error // of those
}

// at is the quantile q of the latencies: the least that so many of them do not exceed.
func (s sample) at(q float64) time.Duration {
	if len(s.latencies) == 0 {
		return 0
	}
	return s.latencies[max(0, int(math.Ceil(q*float64(len(s.latencies))))-1)]
}

// rate is requests per second.
func (s sample) rate() float64 { return float64(len(s.latencies)) / s.elapsed.Seconds() }

// cpuEach is the CPU time of one request.
func (s sample) cpuEach() time.Duration {
	if len(s.latencies) == 0 {
		return 0
	}
	return s.cpu / time.Duration(len(s.latencies))
}

// median is the value in the middle, or between the two there: the upper one of them
// alone would make every ratio of an even number of rounds too large.
func median[T float64 | time.Duration](values []T) T {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func medianOf(rounds []sample, get func(sample) float64) float64 {
	values := make([]float64, len(rounds))
	for i, s := range rounds {
		values[i] = get(s)
	}
	return median(values)
}

// ratio compares two sides round by round, which takes out what changes slowly
// on a shared machine; it gives the median and the extremes. There is none where
// nothing was measured, as of CPU time on systems whose accounts are not read.
func ratio(a, b []sample, get func(sample) float64) (mid, low, high float64, ok bool) {
	var each []float64
	for i := range min(len(a), len(b)) {
		if base := get(b[i]); base > 0 {
			each = append(each, get(a[i])/base)
		}
	}
	if len(each) == 0 {
		return 0, 0, 0, false
	}
	return median(each), slices.Min(each), slices.Max(each), true
}

// account is the CPU time that each process of a server has taken so far.
type account map[int]time.Duration

// since is what was taken after an earlier account. A process that is new was begun
// meanwhile, so all of its time counts. One that has ended took its account along:
// what it took in between is lost, but what it had taken before is not subtracted.
func (now account) since(earlier account) (sum time.Duration) {
	for pid, taken := range now {
		sum += taken
		if before := earlier[pid]; before <= taken { // else another process has its number now
			sum -= before
		}
	}
	return sum
}
