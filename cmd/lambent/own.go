package main

import (
	"context"
	"errors"
	"time"

	"lambent/internal/environment"
	"lambent/internal/fleet"
	"lambent/internal/logs"
	"lambent/internal/ownapi"
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

func shown(r logs.Record) ownapi.Record {
	return ownapi.Record{Time: r.Time.UTC(), Stream: r.Stream, Message: r.Message}
}
