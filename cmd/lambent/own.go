package main

import (
	"context"
	"errors"
	"time"

	"lambent/internal/environment"
	"lambent/internal/fleet"
	"lambent/internal/logs"
	"lambent/internal/ownapi"
	"lambent/internal/trace"
)

// Environments lists what the fleet has.
func (d *daemon) Environments() []ownapi.Environment {
	list := []ownapi.Environment{}
	d.fleet.Each(func(_ string, e fleet.Environment) {
		list = append(list, ownapi.Environment(e.(*environment.Environment).Snapshot()))
	})
	return list
}

// logReader reads logs for people.
type logReader struct{ logs *logs.Logs }

func (r logReader) Since(ctx context.Context, group string, since time.Time, limit int, f func(ownapi.Record) error) error {
	records, err := r.logs.Filter(ctx, group, logs.Filter{Since: since, Limit: limit, Newest: true})
	if errors.Is(err, logs.ErrNoGroup) {
		return ownapi.ErrNoGroup
	}
	for _, rec := range records {
		if err := f(shown(rec)); err != nil {
			return err
		}
	}
	return err
}

func (r logReader) Follow(ctx context.Context, group string, since time.Time, f func(ownapi.Record) error) error {
	return r.logs.Follow(ctx, group, since, func(rec logs.Record) error { return f(shown(rec)) })
}

// traceReader reads timelines for people.
type traceReader struct{ traces *trace.Traces }

func (r traceReader) Trace(requestID string) (ownapi.Trace, bool) {
	inv, kept := r.traces.Invocation(requestID)
	out := ownapi.Trace{
		RequestID: inv.RequestID, Function: inv.Function, Version: inv.Version, Environment: inv.Environment,
		LogStream: inv.LogStream, Cold: inv.Cold, Status: string(inv.Status), ErrorType: inv.ErrorType, Spans: []ownapi.Span{},
	}
	for _, s := range inv.Spans {
		out.Spans = append(out.Spans, ownapi.Span{Name: s.Name, Start: s.Start.UTC(), Duration: float64(s.Duration.Microseconds()) / 1000})
	}
	return out, kept
}

func shown(r logs.Record) ownapi.Record {
	return ownapi.Record{Time: r.Time.UTC(), Stream: r.Stream, Message: r.Message}
}
