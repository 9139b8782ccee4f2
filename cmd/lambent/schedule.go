package main

import (
	"context"
	"net/http"
	_ "time/tzdata" // schedules have time zones, hosts need not

	"lambent/internal/awsapi/events"
	"lambent/internal/awsapi/scheduler"
	"lambent/internal/catalog"
	"lambent/internal/environment"
	"lambent/internal/lambda"
	"lambent/internal/schedule"
)

// openSchedules begins to fire rules and schedules.
func (d *daemon) openSchedules(ctx context.Context) error {
	d.schedules = schedule.New(schedule.Config{
		Home: d.home, Store: d.db, Queue: d.queue, Functions: scheduled{d.catalog}, NewID: environment.NewID, Log: d.log,
	})
	d.later(d.schedules.Close)
	return d.schedules.Start(ctx)
}

// scheduled tells schedules which functions there are.
type scheduled struct{ catalog *catalog.Catalog }

// Exists implements schedule.Functions.
func (s scheduled) Exists(f lambda.Reference) error {
	_, err := s.catalog.Function(context.Background(), f.Name, f.Qualifier) // from memory
	return err
}

// addSchedules adds the APIs of rules and schedules, by signing name.
func (d *daemon) addSchedules(services map[string]http.Handler) (err error) {
	services["events"], err = events.New(events.Config{Home: d.home, Rules: d.schedules, Targets: d.schedules, Log: d.log})
	if err != nil {
		return err
	}
	services["scheduler"], err = scheduler.New(scheduler.Config{
		Home: d.home, Schedules: d.schedules, Groups: d.schedules, Tags: d.schedules, Log: d.log,
	})
	return err
}
