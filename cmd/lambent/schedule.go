package main

import (
	"context"
	"net/http"
	_ "time/tzdata" // schedules have time zones, hosts need not

	"lambent/internal/awsapi"
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
		Home: d.home, Store: d.db, Queue: d.queue, Functions: scheduled{d.catalog}, Rights: d.scheduleRights(), NewID: environment.NewID, Log: d.log,
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

// scheduleRights are what rules and schedules may invoke; nil, without a cost, where
// everybody may do everything.
func (d *daemon) scheduleRights() schedule.Rights {
	if !d.options.access.enforced(d.address) {
		return nil
	}
	return scheduleRights{d}
}

// scheduleRights asks access, and brings it the policies of functions.
type scheduleRights struct{ d *daemon }

// RuleMay implements schedule.Rights.
func (r scheduleRights) RuleMay(ctx context.Context, ruleARN string, f lambda.Reference) error {
	return r.d.access.RuleMay(ruleARN, r.invoking(ctx, f))
}

// CheckRole implements schedule.Rights.
func (r scheduleRights) CheckRole(ctx context.Context, role string) error {
	who, _ := awsapi.CallerOf(ctx)
	return r.d.access.CheckScheduleRole(ctx, who, role)
}

// ScheduleMay implements schedule.Rights.
func (r scheduleRights) ScheduleMay(ctx context.Context, role, execution string, f lambda.Reference) error {
	return r.d.access.ScheduleMay(ctx, role, execution, r.invoking(ctx, f))
}

// invoking is what a tick does.
func (r scheduleRights) invoking(ctx context.Context, f lambda.Reference) lambda.Act {
	act := lambda.Act{Action: "lambda:InvokeFunction", Resource: r.d.home.FunctionARN(f.Name, f.Qualifier)}
	if p, err := r.d.catalog.Policy(ctx, f.Name, f.Qualifier); err == nil { // or there is none
		act.Policies = []string{p.JSON()}
	}
	return act
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
