package cloudwatch

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lambent/internal/lambda"
)

// statistic is one number of many samples.
type statistic struct {
	name    string
	percent float64 // of a percentile
}

// parseStatistic reads the name of a statistic: one of the five, or p and a
// percentage.
func parseStatistic(name string) (statistic, bool) {
	switch name {
	case "SampleCount", "Average", "Sum", "Minimum", "Maximum":
		return statistic{name: name}, true
	}
	digits, is := strings.CutPrefix(name, "p")
	if !is || digits == "" || strings.Trim(digits, "0123456789.") != "" {
		return statistic{}, false
	}
	percent, err := strconv.ParseFloat(digits, 64)
	return statistic{"percentile", percent}, err == nil && percent >= 0 && percent <= 100
}

// of is the statistic's value; false where it is not known.
func (s statistic) of(v lambda.Sample) (float64, bool) {
	switch s.name {
	case "SampleCount":
		return v.Count, true
	case "Average":
		return v.Sum / v.Count, true
	case "Sum":
		return v.Sum, true
	case "Minimum":
		return v.Min, true
	case "Maximum":
		return v.Max, true
	}
	return percentile(v, s.percent)
}

// percentile is the value below which so many percent are, taking those between two
// bounds as spread evenly. Where the spread is not kept, only equal values have one.
func percentile(v lambda.Sample, percent float64) (float64, bool) {
	if len(v.Parts) == 0 {
		return v.Max, v.Min == v.Max
	}
	total := 0.0
	for _, p := range v.Parts {
		total += p.Count
	}
	rank := percent / 100 * total
	for _, p := range v.Parts {
		if rank <= p.Count {
			return min(max(p.Low+(p.High-p.Low)*rank/p.Count, v.Min), v.Max), true
		}
		rank -= p.Count
	}
	return v.Max, true
}

// merge puts minutes together into periods that begin with from.
func merge(minutes []lambda.Sample, from time.Time, period time.Duration) []lambda.Sample {
	var all []lambda.Sample
	for _, m := range minutes {
		at := from.Add(m.At.Sub(from).Truncate(period))
		if last := len(all) - 1; last >= 0 && all[last].At.Equal(at) {
			all[last] = together(all[last], m)
			continue
		}
		m.At = at
		all = append(all, m)
	}
	return all
}

func together(a, b lambda.Sample) lambda.Sample {
	a.Count, a.Sum, a.Min, a.Max = a.Count+b.Count, a.Sum+b.Sum, min(a.Min, b.Min), max(a.Max, b.Max)
	parts := slices.Concat(a.Parts, b.Parts)
	slices.SortFunc(parts, func(x, y lambda.SamplePart) int { return cmp.Compare(x.Low, y.Low) })
	a.Parts = parts[:0]
	for _, p := range parts {
		if last := len(a.Parts) - 1; last >= 0 && a.Parts[last].Low == p.Low {
			a.Parts[last].Count += p.Count
			continue
		}
		a.Parts = append(a.Parts, p)
	}
	return a
}

// span is a time that somebody asks for. It begins with a whole minute, as AWS has it.
type span struct {
	from, to time.Time
	period   time.Duration
}

// parseSpan judges a time; the error is of the kind that the operation calls it.
func parseSpan(from, to time.Time, kind lambda.Kind) (span, error) {
	s := span{from: from.Truncate(time.Minute), to: to}
	switch {
	case from.Equal(to):
		return s, lambda.Errorf(kind, "The parameter StartTime must not equal parameter EndTime.")
	case from.After(to):
		return s, lambda.Errorf(kind, "The parameter StartTime must be less than the parameter EndTime.")
	}
	return s, nil
}

// every gives the span a period. Nothing is kept of less than a minute, so that is the
// least; AWS has 1, 5, 10 and 30 seconds for metrics of high resolution.
func (s span) every(seconds int32, kind lambda.Kind) (span, error) {
	switch seconds {
	case 1, 5, 10, 30:
		s.period = time.Minute
		return s, nil
	}
	if seconds <= 0 || seconds%60 != 0 {
		return s, lambda.Errorf(kind, "The parameter Period must be a multiple of 60.")
	}
	s.period = time.Duration(seconds) * time.Second
	return s, nil
}

// periods are the values of a metric.
func (a api) periods(m metric, wantedUnit string, s span) []lambda.Sample {
	id, ok := m.id()
	if !ok || wantedUnit != "" && wantedUnit != unit(m.MetricName) {
		return nil
	}
	return merge(a.Metrics.Samples(id, s.from, s.to), s.from, s.period)
}
