package metrics

import "time"

// reading is all counts of a series at a moment.
type reading struct {
	invocations, errors, throttles uint64
	urls, urls4xx, urls5xx         uint64

	counts [len(countNames)]uint64
	timed  [len(timedNames)]timed
}

type timed struct {
	n   uint64
	sum int64
}

// countNames are AWS's names of metrics that count, in the order of reading.counts.
var countNames = [...]string{ //nolint:gochecknoglobals // a constant, which Go has no arrays of
	"RecursiveInvocationsDropped", "ProvisionedConcurrencyInvocations", "ProvisionedConcurrencySpilloverInvocations",
	"AsyncEventsReceived", "AsyncEventsDropped", "DeadLetterErrors", "DestinationDeliveryFailures",
}

// timedNames are those of times, in the order of reading.timed.
var timedNames = [...]string{"Duration", "PostRuntimeExtensionsDuration", "AsyncEventAge", "UrlRequestLatency"} //nolint:gochecknoglobals // as above

// timed are in the order of timedNames; nil: there is nothing to count.
func (s *series) timed() [len(timedNames)]*histogram {
	return [...]*histogram{&s.duration, s.extensions.Load(), s.age.Load(), s.latency.Load()}
}

func (s *series) read() reading {
	now := reading{
		invocations: s.invocations.Load(), errors: s.errors.Load(), throttles: s.throttles.Load(),
		urls: s.urls.Load(), urls4xx: s.urls4xx.Load(), urls5xx: s.urls5xx.Load(),
		counts: [...]uint64{
			s.recursive.Load(), s.provisioned.Load(), s.spilled.Load(), s.received.Load(), s.dropped.Load(),
			s.deadLetterErrors.Load(), s.destinationDeliveryFailures.Load(),
		},
	}
	for i, h := range s.timed() {
		if h == nil {
			continue
		}
		for j := range h.counts {
			now.timed[i].n += h.counts[j].Load()
		}
		now.timed[i].sum = h.sum.Load()
	}
	return now
}

// sample is what a metric came to in a minute.
type sample struct {
	metric string // one of AWS's names
	tally
	parts []part
}

// tally is what values came to.
type tally struct{ n, sum, min, max float64 }

// part is a bucket of durations that is not empty.
type part struct {
	bucket uint8
	n      uint32
}

func (t *tally) add(v float64) {
	if t.n == 0 || v < t.min {
		t.min = v
	}
	if t.n == 0 || v > t.max {
		t.max = v
	}
	t.n++
	t.sum += v
}

// some is n values of which so many were one and the others zero.
func some(metric string, ones, n uint64) sample {
	s := sample{metric: metric, tally: tally{n: float64(n), sum: float64(ones)}}
	if ones > 0 {
		s.max = 1
	}
	if ones >= n {
		s.min = 1
	}
	return s
}

// samples are what the minute has so far, of what happened in it. At its end the next
// one is begun. history.mu is held.
func (s *series) samples(end bool) (all []sample) {
	now := s.read()
	was := &s.before
	ran, throttled, urls := now.invocations-was.invocations, now.throttles-was.throttles, now.urls-was.urls
	if ran > 0 {
		all = append(all, some("Invocations", ran, ran), some("Errors", now.errors-was.errors, ran))
	}
	if ran+throttled > 0 {
		all = append(all, some("Throttles", throttled, ran+throttled))
	}
	if urls > 0 {
		all = append(all, some("UrlRequestCount", urls, urls), some("Url4xxCount", now.urls4xx-was.urls4xx, urls), some("Url5xxCount", now.urls5xx-was.urls5xx, urls))
	}
	for i, name := range countNames {
		if n := now.counts[i] - was.counts[i]; n > 0 {
			all = append(all, some(name, n, n))
		}
	}
	parts := s.durations.parts(end)
	for i, h := range s.timed() {
		if h == nil {
			continue
		}
		least, greatest := h.ends.read(end)
		t := timed{now.timed[i].n - was.timed[i].n, now.timed[i].sum - was.timed[i].sum}
		if t.n == 0 {
			continue
		}
		one := t.sample(timedNames[i], least, greatest)
		if h == &s.duration {
			one.parts = parts
		}
		all = append(all, one)
	}
	if all = append(all, s.levelSamples(end)...); end {
		s.before = now
	}
	return all
}

// sample is in milliseconds. A value that came while the minute was closed may be
// counted in one and known as an extreme in the other; then the mean is what is known.
func (t timed) sample(name string, least, greatest int64) sample {
	s := sample{metric: name, tally: tally{float64(t.n), milliseconds(t.sum), milliseconds(least), milliseconds(greatest)}}
	mean := s.sum / s.n
	if least < 0 || s.min > mean {
		s.min = mean
	}
	s.max = max(s.max, mean)
	return s
}

func milliseconds(nanoseconds int64) float64 { return float64(nanoseconds) / float64(time.Millisecond) }

// levelSamples are of what was looked at. Of executions the most is known from their
// beginnings, too.
func (s *series) levelSamples(end bool) (all []sample) {
	l := &s.levels
	_, peak := s.peak.read(end)
	if l.concurrent.seen.n > 0 || peak > 0 {
		if l.concurrent.seen.n == 0 || l.concurrent.seen.max < float64(peak) {
			l.concurrent.seen.add(float64(peak))
		}
	}
	for _, one := range []struct {
		name string
		*level
	}{
		{"ConcurrentExecutions", &l.concurrent},
		{"UnreservedConcurrentExecutions", &l.unreserved},
		{"ClaimedAccountConcurrency", &l.claimed},
		{"ProvisionedConcurrentExecutions", &l.provisioned},
		{"ProvisionedConcurrencyUtilization", &l.utilization},
	} {
		if one.seen.n > 0 {
			all = append(all, sample{metric: one.name, tally: one.seen})
		}
		if end {
			one.seen = tally{}
		}
	}
	return all
}
