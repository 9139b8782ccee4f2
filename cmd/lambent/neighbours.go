package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"lambent/internal/awsapi"
	"lambent/internal/awsapi/cwlogs"
	"lambent/internal/awsapi/forward"
	"lambent/internal/logs"
)

// addNeighbours adds the services that tools need around Lambda, by signing name,
// and sends what is for others elsewhere.
func (d *daemon) addNeighbours(front *awsapi.Front) error {
	keeper := logKeeper{d.logs}
	stored, err := cwlogs.New(cwlogs.Config{
		Home: d.home, Groups: keeper, Streams: keeper, Records: keeper, Now: time.Now, Log: d.log,
	})
	if err != nil {
		return err
	}
	front.Services["logs"] = stored
	elsewhere, err := forward.New(d.options.upstream, d.log)
	if err != nil {
		return &failure{exitUsage, fmt.Errorf("--upstream: %w", err)}
	}
	front.Elsewhere = func(service string) http.Handler { return elsewhere.To(service) }
	return nil
}

// logKeeper gives the API of CloudWatch Logs the groups and streams that functions
// write to.
type logKeeper struct{ logs *logs.Logs }

const day = 24 * time.Hour

func (k logKeeper) CreateGroup(ctx context.Context, g cwlogs.Group) error {
	return k.logs.CreateGroup(ctx, logs.Group{Name: g.Name, Retention: time.Duration(g.Retention) * day, Class: g.Class, Tags: g.Tags})
}

func (k logKeeper) ChangeGroup(ctx context.Context, name string, change func(*cwlogs.Group) error) error {
	return k.logs.ChangeGroup(ctx, name, func(g *logs.Group) error {
		asked := shownGroup(*g)
		if err := change(&asked); err != nil {
			return err
		}
		g.Retention, g.Tags = time.Duration(asked.Retention)*day, asked.Tags
		return nil
	})
}

func shownGroup(g logs.Group) cwlogs.Group {
	return cwlogs.Group{Name: g.Name, Created: g.Created, Retention: int(g.Retention / day), Class: g.Class, Tags: g.Tags}
}

func (k logKeeper) DeleteGroup(ctx context.Context, name string) error {
	return k.logs.DeleteGroup(ctx, name)
}

func (k logKeeper) Groups(ctx context.Context) ([]cwlogs.Group, error) {
	groups, err := k.logs.Groups(ctx)
	if err != nil {
		return nil, err
	}
	bytes, err := k.logs.Bytes(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]cwlogs.Group, len(groups))
	for i, g := range groups {
		all[i] = shownGroup(g)
		all[i].Bytes = bytes[g.Name]
	}
	return all, nil
}

func (k logKeeper) CreateStream(ctx context.Context, group, stream string) error {
	return k.logs.CreateStream(ctx, group, stream)
}

func (k logKeeper) DeleteStream(ctx context.Context, group, stream string) error {
	return k.logs.DeleteStream(ctx, group, stream)
}

func (k logKeeper) Streams(ctx context.Context, group string) ([]cwlogs.Stream, error) {
	streams, err := k.logs.Streams(ctx, group)
	all := make([]cwlogs.Stream, len(streams))
	for i, s := range streams {
		all[i] = cwlogs.Stream{Name: s.Name, Ingested: s.Ingested, Bytes: s.Bytes}
	}
	return all, err
}

func (k logKeeper) Describe(ctx context.Context, group string, s cwlogs.Stream) (cwlogs.Stream, error) {
	span, err := k.logs.Span(ctx, group, s.Name)
	s.Created, s.First, s.Last, s.Ingested = span.Created, span.First, span.Last, span.Ingested
	return s, err
}

func (k logKeeper) Put(ctx context.Context, group, stream string, records []cwlogs.Record) error {
	messages := make([]logs.Message, len(records))
	for i, r := range records {
		messages[i] = logs.Message{Time: r.Time, Text: r.Message}
	}
	return k.logs.Put(ctx, group, stream, messages)
}

func (k logKeeper) Read(ctx context.Context, group, stream string, q cwlogs.Query) (cwlogs.Page, error) {
	page, err := k.logs.Read(ctx, group, stream, logs.Query{
		From: logs.Position(q.From), Backward: q.Backward, Limit: q.Limit, Since: q.Since, Until: q.Until,
	})
	return cwlogs.Page{Records: shownRecords(page.Records), Next: int64(page.Next), Previous: int64(page.Previous)}, err
}

func (k logKeeper) Filter(ctx context.Context, group string, f cwlogs.Filter) ([]cwlogs.Record, error) {
	asked := logs.Filter{Streams: f.Streams, Prefix: f.Prefix, Since: f.Since, Until: f.Until, Limit: f.Limit, Bytes: f.Bytes, Match: f.Match}
	if f.After != nil {
		asked.After = &logs.Record{Stream: f.After.Stream, Time: f.After.Time, Ingested: f.After.Ingested, Position: logs.Position(f.After.Position)}
	}
	records, err := k.logs.Filter(ctx, group, asked)
	if err == nil && len(f.Streams) > 0 {
		err = k.known(ctx, group, f.Streams)
	}
	return shownRecords(records), err
}

// known refuses streams that are not there.
func (k logKeeper) known(ctx context.Context, group string, streams []string) error {
	for _, name := range streams {
		if _, err := k.logs.Span(ctx, group, name); errors.Is(err, logs.ErrNoStream) {
			return err
		}
	}
	return nil
}

func shownRecords(records []logs.Record) []cwlogs.Record {
	all := make([]cwlogs.Record, len(records))
	for i, r := range records {
		all[i] = cwlogs.Record{Stream: r.Stream, Time: r.Time, Ingested: r.Ingested, Message: r.Message, Position: int64(r.Position)}
	}
	return all
}
