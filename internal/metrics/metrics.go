// Package metrics counts what AWS's Lambda metrics count (docs/environment.md §10),
// as a reader of the events of environments and of what the roads to functions
// observe, and writes the counts in Prometheus' text format. What they came to minute by
// minute is kept for some hours (History).
//
// Each metric is kept for the account, for each function, and for each resource: a
// version or an alias, when a caller named one; for an alias also by the version that
// was run. To count takes no lock, and allocates nothing once something like it has been
// counted, because it is done on an invocation's way.
package metrics

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
)

// Metrics is an event.Sink and an observer of roads to functions.
type Metrics struct {
	account series
	known   atomic.Pointer[table] // never changed in place
	history history

	mu   sync.Mutex // held to add to known, and to the versions of a series
	kept int        // mu; series in all of these
}

// table is series by resource, or by the name of their function; a resource has a
// colon, which no name has.
type table map[string]*series

// maxSeries bounds what names that come and go can take, at some 1.2 KB each; what is
// beyond is counted for the account alone.
const maxSeries = 10_000

// series is the counts of the account, of a function, or of a resource.
type series struct {
	function, resource, version string // never change

	invocations, errors, throttles                atomic.Uint64
	recursive                                     atomic.Uint64
	provisioned, spilled                          atomic.Uint64
	received, dropped                             atomic.Uint64
	deadLetterErrors, destinationDeliveryFailures atomic.Uint64
	urls, urls4xx, urls5xx                        atomic.Uint64
	running                                       atomic.Int64

	duration                 histogram
	extensions, age, latency someTimes

	durations spread
	peak      extremes // of running

	versions atomic.Pointer[table] // of an alias, by number; never changed in place

	before reading // history.mu; what was counted at the end of the last minute
	levels levels  // history.mu
}

// histogram counts durations by bounds.
type histogram struct {
	counts [len(bounds) + 1]atomic.Uint64
	sum    atomic.Int64 // nanoseconds
	ends   extremes
}

// bounds are in ascending order; the last bucket has no bound.
var bounds = [...]time.Duration{ //nolint:gochecknoglobals // a constant, which Go has no arrays of
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 10 * time.Second,
	time.Minute, 5 * time.Minute, 15 * time.Minute,
}

func (h *histogram) add(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
	h.ends.add(int64(d))
}

// someTimes is a histogram of what most series have nothing of: it is made for the
// first.
type someTimes struct{ atomic.Pointer[histogram] }

func (t *someTimes) add(d time.Duration) {
	if t.Load() == nil {
		t.CompareAndSwap(nil, new(histogram))
	}
	t.Load().add(d)
}

// New counts from zero.
func New() *Metrics {
	m := &Metrics{}
	m.known.Store(&table{})
	m.history.minute = time.Now().Truncate(time.Minute)
	return m
}

// find gives a series, made when it is new. Resource is empty for that of a function.
func (m *Metrics) find(function, resource string) *series {
	key := function
	if resource != "" {
		key = resource
	}
	if s := (*m.known.Load())[key]; s != nil {
		return s
	}
	return m.add(key, function, resource)
}

func (m *Metrics) add(key, function, resource string) *series {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := *m.known.Load()
	if s := old[key]; s != nil {
		return s
	}
	if m.kept >= maxSeries {
		return &series{}
	}
	m.kept++
	next := maps.Clone(old)
	// The names are parts of requests, which must not be kept for their sake.
	s := &series{function: strings.Clone(function), resource: strings.Clone(resource)}
	next[strings.Clone(key)] = s
	m.known.Store(&next)
	return s
}

// of is the series of an alias for the version that it led to; nil when there are
// too many.
func (m *Metrics) of(alias *series, version string) *series {
	if known := alias.versions.Load(); known != nil && (*known)[version] != nil {
		return (*known)[version]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	next := table{}
	if known := alias.versions.Load(); known != nil {
		if s := (*known)[version]; s != nil {
			return s
		}
		next = maps.Clone(*known)
	}
	if m.kept >= maxSeries {
		return nil
	}
	m.kept++
	s := &series{function: alias.function, resource: alias.resource, version: strings.Clone(version)}
	next[s.version] = s
	alias.versions.Store(&next)
	return s
}

// each counts for the account, the function and, if one was named, the resource.
func (m *Metrics) each(function, resource string, count func(*series)) {
	count(&m.account)
	count(m.find(function, ""))
	if resource != "" {
		count(m.find(function, resource))
	}
}

// Publish implements event.Sink.
func (m *Metrics) Publish(e event.Event) {
	switch r := e.Record.(type) {
	case event.Start:
		for _, s := range m.invoked(e.Origin, r.FunctionARN) {
			if s != nil {
				s.peak.atMost(s.running.Add(1) + 1)
			}
		}
	case event.Report:
		for _, s := range m.invoked(e.Origin, r.FunctionARN) {
			if s != nil {
				s.running.Add(-1)
				s.take(e.Origin, &r)
			}
		}
	}
}

// invoked is all series that an invocation counts for; those that it has not are nil.
func (m *Metrics) invoked(o *event.Origin, arn string) (all [4]*series) {
	all[0], all[1] = &m.account, m.find(o.Function, "")
	if resource := resourceOf(arn); resource != "" {
		all[2] = m.find(o.Function, resource)
		if _, qualifier, _ := strings.Cut(resource, ":"); qualifier != o.Version { // an alias
			all[3] = m.of(all[2], o.Version)
		}
	}
	return all
}

func (s *series) take(o *event.Origin, r *event.Report) {
	s.invocations.Add(1)
	if r.Failed {
		s.errors.Add(1)
	}
	if o.InitType == "provisioned-concurrency" {
		s.provisioned.Add(1)
	}
	s.duration.add(r.Duration)
	s.durations.add(r.Duration)
	for _, span := range r.Spans {
		if span.Name == "extensionOverhead" {
			s.extensions.add(span.Duration)
		}
	}
}

// resourceOf is NAME:QUALIFIER of an ARN with a qualifier.
func resourceOf(arn string) string {
	const before = ":function:"
	i := strings.Index(arn, before)
	if i < 0 {
		return ""
	}
	name := arn[i+len(before):]
	if strings.IndexByte(name, ':') < 0 {
		return ""
	}
	return name
}

// qualified is the resource that a caller named, empty when it named only the function.
func qualified(f lambda.Reference) string {
	if f.Qualifier == "" {
		return ""
	}
	return f.Name + ":" + f.Qualifier
}

// Refused counts an invocation that was not run: throttled, or stopped in a circle.
func (m *Metrics) Refused(f lambda.Reference, err error) {
	kind := lambda.KindOf(err)
	if kind != lambda.Throttled && kind != lambda.Recursive {
		return
	}
	m.each(f.Name, qualified(f), func(s *series) {
		if kind == lambda.Throttled {
			s.throttles.Add(1)
		} else {
			s.recursive.Add(1)
		}
	})
}

// Accepted counts an asynchronous event that is durable.
func (m *Metrics) Accepted(f lambda.Reference) {
	m.each(f.Name, qualified(f), func(s *series) { s.received.Add(1) })
}

// Began tells how old an asynchronous event is whose function is about to run.
func (m *Metrics) Began(f lambda.Reference, age time.Duration) {
	m.each(f.Name, qualified(f), func(s *series) { s.age.add(age) })
}

// Dropped counts an asynchronous event that will not be tried again and has not
// succeeded.
func (m *Metrics) Dropped(f lambda.Reference) {
	m.each(f.Name, qualified(f), func(s *series) { s.dropped.Add(1) })
}

// Undelivered counts an outcome that a destination or dead letter queue did not take.
func (m *Metrics) Undelivered(f lambda.Reference, deadLetter bool) {
	m.each(f.Name, qualified(f), func(s *series) {
		if deadLetter {
			s.deadLetterErrors.Add(1)
		} else {
			s.destinationDeliveryFailures.Add(1)
		}
	})
}

// Answered counts a request to a function URL.
func (m *Metrics) Answered(f lambda.Reference, status int, took time.Duration) {
	m.each(f.Name, qualified(f), func(s *series) {
		s.urls.Add(1)
		switch status / 100 {
		case 4:
			s.urls4xx.Add(1)
		case 5:
			s.urls5xx.Add(1)
		}
		s.latency.add(took)
	})
}
