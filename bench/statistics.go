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

// at is the quantile q of the latencies.
func (s sample) at(q float64) time.Duration {
	if len(s.latencies) == 0 {
		return 0
	}
	return s.latencies[min(len(s.latencies)-1, int(q*float64(len(s.latencies))))]
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

func median[T int64 | float64 | time.Duration](values []T) T {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	return v[len(v)/2]
}

func medianOf(rounds []sample, get func(sample) float64) float64 {
	values := make([]float64, len(rounds))
	for i, s := range rounds {
		values[i] = get(s)
	}
	return median(values)
}

// ratio compares two sides round by round, which takes out what changes slowly
// on a shared machine; it gives the median and the extremes.
func ratio(a, b []sample, get func(sample) float64) (mid, low, high float64) {
	var each []float64
	for i := range min(len(a), len(b)) {
		if base := get(b[i]); base > 0 {
			each = append(each, get(a[i])/base)
		}
	}
	if len(each) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	return median(each), slices.Min(each), slices.Max(each)
}
