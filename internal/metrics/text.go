package metrics

import (
	"bufio"
	"cmp"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// ServeHTTP answers with all counts in Prometheus' text format, version 0.0.4.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	out := bufio.NewWriter(w)
	m.history.mu.Lock()
	m.look()
	m.write(out)
	m.history.mu.Unlock()
	writeProcess(out)
	_ = out.Flush() // the caller may be gone
}

// labelled is a series with the labels that it is shown with.
type labelled struct {
	labels string // name="value" pairs, without braces
	*series
}

// all lists the account, then functions and their resources by name.
func (m *Metrics) all() []labelled {
	known := slices.SortedFunc(maps.Values(*m.known.Load()), func(a, b *series) int {
		return cmp.Or(cmp.Compare(a.function, b.function), cmp.Compare(a.resource, b.resource))
	})
	all := []labelled{{"", &m.account}}
	for _, s := range known {
		labels := `function_name="` + escape(s.function) + `"`
		if s.resource != "" {
			labels += `,resource="` + escape(s.resource) + `"`
		}
		all = append(all, labelled{labels, s})
	}
	return all
}

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}

// write writes all counts and levels. history.mu is held.
func (m *Metrics) write(out *bufio.Writer) {
	all := m.all()
	for _, c := range []struct {
		name, help string
		of         func(*series) *atomic.Uint64
	}{
		{"invocations", "Invocations that were run, failed ones too.", func(s *series) *atomic.Uint64 { return &s.invocations }},
		{"errors", "Invocations that failed.", func(s *series) *atomic.Uint64 { return &s.errors }},
		{"throttles", "Invocations that were refused for lack of concurrency.", func(s *series) *atomic.Uint64 { return &s.throttles }},
		{"recursive_invocations_dropped", "Invocations that were stopped in a circle.", func(s *series) *atomic.Uint64 { return &s.recursive }},
		{"provisioned_concurrency_invocations", "Invocations that ran on provisioned concurrency.", func(s *series) *atomic.Uint64 { return &s.provisioned }},
		{"provisioned_concurrency_spillover_invocations", "Invocations that found all provisioned concurrency in use.", func(s *series) *atomic.Uint64 { return &s.spilled }},
		{"async_events_received", "Asynchronous events that were accepted.", func(s *series) *atomic.Uint64 { return &s.received }},
		{"async_events_dropped", "Asynchronous events that ended without success.", func(s *series) *atomic.Uint64 { return &s.dropped }},
		{"dead_letter_errors", "Attempts to tell a dead letter queue that failed.", func(s *series) *atomic.Uint64 { return &s.deadLetterErrors }},
		{"destination_delivery_failures", "Attempts to tell a destination that failed.", func(s *series) *atomic.Uint64 { return &s.destinationDeliveryFailures }},
		{"url_requests", "Requests to function URLs.", func(s *series) *atomic.Uint64 { return &s.urls }},
		{"url_4xx", "Requests to function URLs that were answered with a status from 400 to 499.", func(s *series) *atomic.Uint64 { return &s.urls4xx }},
		{"url_5xx", "Requests to function URLs that were answered with a status from 500 to 599.", func(s *series) *atomic.Uint64 { return &s.urls5xx }},
	} {
		head(out, c.name+"_total", c.help, "counter")
		for _, s := range all {
			line(out, c.name+"_total", s.labels, "", strconv.FormatUint(c.of(s.series).Load(), 10))
		}
	}
	head(out, "concurrent_executions", "Invocations in progress.", "gauge")
	for _, s := range all {
		line(out, "concurrent_executions", s.labels, "", strconv.FormatInt(s.running.Load(), 10))
	}
	writeLevels(out, all)
	writeTimes(out, all)
}

// writeLevels writes what was looked at.
func writeLevels(out *bufio.Writer, all []labelled) {
	for _, g := range []struct {
		name, help string
		of         func(*levels) *level
	}{
		{"unreserved_concurrent_executions", "Executions that count for what all functions share.", func(l *levels) *level { return &l.unreserved }},
		{"claimed_account_concurrency", "The part of the account's concurrency that is in use or set aside.", func(l *levels) *level { return &l.claimed }},
		{"provisioned_concurrent_executions", "Executions on provisioned concurrency.", func(l *levels) *level { return &l.provisioned }},
		{"provisioned_concurrency_utilization", "The part of provisioned concurrency that is in use, 0 to 1.", func(l *levels) *level { return &l.utilization }},
	} {
		head(out, g.name, g.help, "gauge")
		for _, s := range all {
			if l := g.of(&s.levels); l.known {
				line(out, g.name, s.labels, "", strconv.FormatFloat(l.now, 'g', -1, 64))
			}
		}
	}
}

const ofURLs = "url_request_latency_seconds"

func writeTimes(out *bufio.Writer, all []labelled) {
	for _, h := range []struct {
		name, help string
		of         func(*series) *histogram
	}{
		{"duration_seconds", "Run time of invocations.", func(s *series) *histogram { return &s.duration }},
		{"post_runtime_extensions_duration_seconds", "Time of extensions after the runtime's end.", func(s *series) *histogram { return s.extensions.Load() }},
		{"async_event_age_seconds", "Age of asynchronous events at their attempts.", func(s *series) *histogram { return s.age.Load() }},
		{ofURLs, "Time from a request to a function URL to its answer.", func(s *series) *histogram { return s.latency.Load() }},
	} {
		head(out, h.name, h.help, "histogram")
		for _, s := range all {
			if h.name != ofURLs || s.labels == "" || s.urls.Load() > 0 { // most functions have none
				h.of(s.series).write(out, h.name, s.labels)
			}
		}
	}
}

// writeProcess tells of the server itself, as clients of Prometheus do.
func writeProcess(out *bufio.Writer) {
	_, _ = out.WriteString("# HELP go_goroutines Goroutines of the server.\n# TYPE go_goroutines gauge\ngo_goroutines " + strconv.Itoa(runtime.NumGoroutine()) + "\n")
}

const prefix = "aws_lambda_"

func head(out *bufio.Writer, name, help, kind string) {
	_, _ = out.WriteString("# HELP " + prefix + name + " " + help + "\n# TYPE " + prefix + name + " " + kind + "\n")
}

func line(out *bufio.Writer, name, labels, more, value string) {
	if labels != "" && more != "" {
		labels += ","
	}
	if labels += more; labels != "" {
		labels = "{" + labels + "}"
	}
	_, _ = out.WriteString(prefix + name + labels + " " + value + "\n")
}

// write counts up, as the format wants it. What is added meanwhile is in or not.
func (h *histogram) write(out *bufio.Writer, name, labels string) {
	if h == nil {
		h = &histogram{}
	}
	total := uint64(0)
	for i := range h.counts {
		total += h.counts[i].Load()
		bound := "+Inf"
		if i < len(bounds) {
			bound = seconds(bounds[i])
		}
		line(out, name+"_bucket", labels, `le="`+bound+`"`, strconv.FormatUint(total, 10))
	}
	line(out, name+"_sum", labels, "", seconds(time.Duration(h.sum.Load())))
	line(out, name+"_count", labels, "", strconv.FormatUint(total, 10))
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) }
