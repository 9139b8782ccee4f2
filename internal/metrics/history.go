package metrics

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"lambent/internal/lambda"
)

// What the history keeps, in memory: at the most so many minutes, and so many series in
// all of them together, at about 400 bytes each. The oldest minutes go first.
const (
	keptMinutes = 180
	keptPoints  = 100_000
)

// history is the minutes that are over, and the owner of the one that is not.
type history struct {
	mu      sync.Mutex
	look    func() Levels    // mu; may be nil
	busy    map[*series]bool // mu; those with levels that end
	minute  time.Time        // mu; the one that is not over
	minutes []minute         // mu; without empty ones, the oldest first
	points  int              // mu; series in all of minutes
}

type minute struct {
	at time.Time
	of map[*series][]sample
}

// close ends the minute. mu is held.
func (h *history) close(all []*series) {
	m := minute{h.minute, map[*series][]sample{}}
	for _, s := range all {
		if samples := s.samples(true); len(samples) > 0 {
			m.of[s] = samples
		}
	}
	if len(m.of) > 0 {
		h.minutes = append(h.minutes, m)
		h.points += len(m.of)
	}
	for len(h.minutes) > 0 && (h.points > keptPoints || !h.minutes[0].at.After(h.minute.Add(-keptMinutes*time.Minute))) {
		h.points -= len(h.minutes[0].of)
		h.minutes = slices.Delete(h.minutes, 0, 1)
	}
}

// Samples are the minutes of a metric that began in a time, the earliest first; that in
// which it is now is among them as far as it has come. Minutes in which nothing
// happened have none.
func (m *Metrics) Samples(id lambda.MetricID, from, to time.Time) []lambda.Sample {
	s := m.seriesOf(id.Function, id.Resource, id.Version)
	if s == nil {
		return nil
	}
	h := &m.history
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []lambda.Sample
	take := func(at time.Time, samples []sample) {
		i := slices.IndexFunc(samples, func(one sample) bool { return one.metric == id.Metric })
		if i >= 0 && !at.Before(from) && at.Before(to) {
			all = append(all, samples[i].shown(at))
		}
	}
	for _, minute := range h.minutes {
		take(minute.at, minute.of[s])
	}
	take(h.minute, s.samples(false))
	return all
}

func (s sample) shown(at time.Time) lambda.Sample {
	shown := lambda.Sample{At: at, Count: s.n, Sum: s.sum, Min: s.min, Max: s.max}
	for _, p := range s.parts {
		low, high := bucketFrom(int(p.bucket)), bucketFrom(int(p.bucket)+1)
		shown.Parts = append(shown.Parts, lambda.SamplePart{Low: milliseconds(int64(low)), High: milliseconds(int64(high)), Count: float64(p.n)})
	}
	return shown
}

// Names lists the metrics that the history knows.
func (m *Metrics) Names() []lambda.MetricID {
	all := map[lambda.MetricID]bool{}
	take := func(s *series, samples []sample) {
		for _, one := range samples {
			all[lambda.MetricID{Metric: one.metric, Function: s.function, Resource: s.resource, Version: s.version}] = true
		}
	}
	everything := m.everything()
	h := &m.history
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, minute := range h.minutes {
		for s, samples := range minute.of {
			take(s, samples)
		}
	}
	for _, s := range everything {
		take(s, s.samples(false))
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b lambda.MetricID) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Metric, b.Metric))
	})
}
