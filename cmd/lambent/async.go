package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"lambent/internal/asyncq"
	"lambent/internal/catalog"
	"lambent/internal/destination"
	"lambent/internal/environment"
	"lambent/internal/invoke"
	"lambent/internal/ownapi"
	"lambent/internal/retry"
	"lambent/internal/store"
)

// maxDead is how many dead events are kept.
const maxDead = 100_000

// invoker runs functions, for whoever calls.
func (d *daemon) invoker() *invoke.Invoker {
	return &invoke.Invoker{
		Versions: opener{d.catalog, d.keys, d.files}, Environments: d.fleet, Tails: d.logs.Tails(), Home: d.home, NewID: environment.NewID,
		Loops: d.catalog, Observer: d.metrics,
	}
}

// openQueue takes up the asynchronous invocations that an earlier daemon left.
func (d *daemon) openQueue(ctx context.Context) error {
	endpoints, err := awsEndpoints(d.options.awsEndpoints, d.options.s3Endpoint)
	if err != nil {
		return err
	}
	concurrency := d.options.asyncConcurrency
	if concurrency == 0 {
		concurrency = 16 * runtime.NumCPU()
	}
	self := &queueSelf{}
	destinations := destination.New(destination.Options{
		Home: d.home, Endpoints: endpoints, Functions: self, NewID: environment.NewID,
		AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
	})
	d.queue = asyncq.New(asyncq.Config{
		Home: d.home, Store: d.db, Invoker: d.invoker(), Chooser: chooser{d.catalog}, Destinations: permitted{d.catalog, destinations},
		Delays: asyncDelays(d.options.asyncDelay), Observer: d.metrics, Concurrency: concurrency,
		DeadAge: d.options.deadRetention, DeadCount: maxDead, Log: d.log,
	})
	self.Queue = d.queue
	d.later(destinations.Close)
	d.later(func() {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		d.queue.Close(now)
	})
	return d.queue.Start(ctx)
}

// queueSelf is the queue, for the destinations that it is made with.
type queueSelf struct{ *asyncq.Queue }

// asyncDelays are AWS's delays, all in proportion to the one after a function's
// first failure.
func asyncDelays(fault time.Duration) retry.Delays {
	d := retry.AWS()
	scale := func(t time.Duration) time.Duration {
		return max(time.Millisecond, time.Duration(float64(t)*float64(fault)/float64(d.Fault)))
	}
	return retry.Delays{Fault: fault, First: scale(d.First), Longest: scale(d.Longest)}
}

// awsEndpoints reads --aws-endpoint: URL, or SERVICE=URL; "aws" is AWS itself.
func awsEndpoints(given []string, s3 string) (map[string]string, error) {
	services := []string{destination.SQS, destination.SNS, destination.EventBridge, destination.S3}
	endpoints := map[string]string{}
	if s3 != "" {
		endpoints[destination.S3] = s3
	}
	for _, g := range given {
		service, endpoint, named := strings.Cut(g, "=")
		if !named || strings.Contains(service, "/") {
			service, endpoint = "", g
		} else if !slices.Contains(services, service) {
			return nil, &failure{exitUsage, fmt.Errorf("--aws-endpoint %q: one of %s before the =", g, strings.Join(services, ", "))}
		}
		if u, err := url.Parse(endpoint); endpoint != destination.AWS && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			return nil, &failure{exitUsage, fmt.Errorf("--aws-endpoint %q: a URL such as http://127.0.0.1:5000, or aws", g)}
		}
		endpoints[service] = endpoint
	}
	return endpoints, nil
}

// drainQueue begins no more events when ctx ends. What runs then has as long as
// the callers of the API have; finish waits for it.
func (d *daemon) drainQueue(ctx context.Context) (finish func()) {
	patience, giveUp := context.WithCancel(context.Background())
	undo := context.AfterFunc(ctx, func() {
		d.queue.Stop()
		time.AfterFunc(d.options.drain, giveUp)
	})
	return func() {
		if undo() { // the server ended by itself
			giveUp()
		}
		d.queue.Close(patience)
		giveUp()
	}
}

// chooser finds what functions say of their asynchronous invocations.
type chooser struct{ catalog *catalog.Catalog }

// Settings implements asyncq.Chooser.
func (c chooser) Settings(function, qualifier string) asyncq.Settings {
	ctx := context.Background() // from memory
	s := asyncq.Settings{Retry: retry.Default()}
	reserved, set := c.catalog.Reserved(function)
	s.Off = set && reserved == 0
	v, err := c.catalog.Function(ctx, function, qualifier)
	if err != nil { // the version or alias may be gone, and its function there
		v, err = c.catalog.Function(ctx, function, "")
	}
	if err == nil {
		s.DeadLetter = v.DeadLetterARN
	}
	e, err := c.catalog.EventInvoke(ctx, function, qualifier)
	if err != nil { // none was chosen
		return s
	}
	s.OnSuccess, s.OnFailure = e.OnSuccess, e.OnFailure
	if e.MaxRetries != nil {
		s.Retry.Retries = *e.MaxRetries
	}
	if e.MaxAgeSeconds != nil {
		s.Retry.Age = time.Duration(*e.MaxAgeSeconds) * time.Second
	}
	return s
}

// queueReader shows the queue to people.
type queueReader struct{ *asyncq.Queue }

// Queued implements ownapi.Queue.
func (r queueReader) Queued(ctx context.Context, dead bool, function string, limit int) (page ownapi.QueuePage, err error) {
	filter := store.EventFilter{Dead: dead, Function: function, Limit: limit}
	events, err := r.Events(ctx, filter)
	if err != nil {
		return page, err
	}
	page.Events = make([]ownapi.QueuedEvent, len(events))
	for i, e := range events {
		page.Events[i] = queued(e)
	}
	page.Total, err = r.Count(ctx, filter)
	return page, err
}

func queued(e store.Event) ownapi.QueuedEvent {
	out := ownapi.QueuedEvent{
		RequestID: e.RequestID, Function: e.Function, Qualifier: e.Qualifier,
		Accepted: e.Accepted.UTC(), Due: e.Due.UTC(), Invocations: e.Invoked,
	}
	if e.Refusal != nil {
		out.Problem = e.Refusal.Message
	}
	if e.Outcome != nil {
		out.Condition, out.Problem = e.Outcome.Condition, e.Outcome.Problem
	}
	return out
}
