package lambda

import "time"

// MetricID says which of AWS's metrics of functions is meant, and for what: nothing
// but the metric for the account, the function, or the resource (NAME:QUALIFIER, as a
// caller named it) with, for an alias, the version that was run.
type MetricID struct {
	Metric, Function, Resource, Version string
}

// Sample is what a metric was within a minute, or a longer time.
type Sample struct {
	At            time.Time // the beginning
	Count         float64
	Sum, Min, Max float64
	Parts         []SamplePart // how the values are spread, in ascending order; not of every metric
}

// SamplePart counts the values between two bounds.
type SamplePart struct {
	Low, High float64
	Count     float64
}
