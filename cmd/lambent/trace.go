package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"lambent/internal/ownapi"
)

func newTrace() *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use:   "trace REQUEST-ID",
		Short: "Show what one of the last invocations took, as a timeline",
		Long: `Show what one of the last invocations took, as a timeline. The first invocation
of an environment shows the environment's beginning too. Times are milliseconds
from the moment when the function got its event; where nothing happened for
long, the picture leaves the time out.`,
		Example: `  lambent invoke hello -o json | jq -r .requestId | xargs lambent trace`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var t ownapi.Trace
			if err := c.get(cmd.Context(), ownapi.Prefix+"trace", url.Values{"request": {args[0]}}, &t); err != nil {
				return err
			}
			if c.output == "json" {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(t)
			}
			return drawTrace(cmd.OutOrStdout(), t)
		},
	}
	c.flags(cmd)
	return cmd
}

// traceWidth is how many columns the bars have.
const traceWidth = 56

// drawTrace draws a bar for each span, under a line that says what it was.
func drawTrace(out io.Writer, t ownapi.Trace) error {
	start, status := "warm", t.Status
	if t.Cold {
		start = "cold"
	}
	switch {
	case status == "":
		status = "in progress"
	case t.ErrorType != "":
		status += " (" + t.ErrorType + ")"
	}
	if _, err := fmt.Fprintf(out, "%s  %s:%s  %s start, %s\nenvironment %s, log stream %s\n\n",
		t.RequestID, t.Function, t.Version, start, status, t.Environment, t.LogStream); err != nil {
		return err
	}
	axis := newTimeline(t.Spans)
	zero := handedOver(t.Spans)
	names := 0
	for _, s := range t.Spans {
		names = max(names, utf8.RuneCountInString(s.Name))
	}
	for _, s := range t.Spans {
		from, to := axis.column(s.Start), axis.column(endOf(s))
		bar := strings.Repeat(" ", from) + strings.Repeat("━", max(to-from, 1))
		pad := strings.Repeat(" ", max(traceWidth+1-utf8.RuneCountInString(bar), 0))
		_, err := fmt.Fprintf(out, "%-*s  %10.2f  %s%s%10.2f ms\n", names, s.Name, float64(s.Start.Sub(zero).Microseconds())/1000, bar, pad, s.Duration)
		if err != nil {
			return err
		}
	}
	return nil
}

func endOf(s ownapi.Span) time.Time {
	return s.Start.Add(time.Duration(s.Duration * float64(time.Millisecond)))
}

// handedOver is when the function got its event, or the beginning of all.
func handedOver(spans []ownapi.Span) time.Time {
	for _, s := range spans {
		if s.Name == "invoke" {
			return s.Start
		}
	}
	if len(spans) > 0 {
		return spans[0].Start
	}
	return time.Time{}
}

// longPause is how long nothing may happen before the picture leaves it out.
const longPause = 20 * time.Millisecond

// timeline places times on the picture's columns, without long pauses.
type timeline struct {
	parts []part
	total time.Duration
}

// part is a stretch in which something happens; before is what lies in front
// of it on the picture.
type part struct {
	from, to time.Time
	before   time.Duration
}

func newTimeline(spans []ownapi.Span) timeline {
	sorted := append([]ownapi.Span(nil), spans...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Start.Before(sorted[j].Start) })
	var t timeline
	for _, s := range sorted {
		last := len(t.parts) - 1
		if last < 0 || s.Start.Sub(t.parts[last].to) > longPause {
			t.parts = append(t.parts, part{from: s.Start, to: endOf(s)})
			continue
		}
		if end := endOf(s); end.After(t.parts[last].to) {
			t.parts[last].to = end
		}
	}
	for i := range t.parts {
		t.parts[i].before = t.total
		t.total += t.parts[i].to.Sub(t.parts[i].from)
	}
	return t
}

// column is where a time is drawn.
func (t timeline) column(at time.Time) int {
	var place time.Duration
	for _, p := range t.parts {
		if at.Before(p.from) {
			break
		}
		place = p.before + min(at.Sub(p.from), p.to.Sub(p.from))
	}
	if t.total <= 0 {
		return 0
	}
	return int(float64(place) / float64(t.total) * traceWidth)
}
