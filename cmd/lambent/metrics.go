package main

import (
	"net/http"

	"lambent/internal/awsapi/cloudwatch"
	"lambent/internal/metrics"
)

// levels tells the metrics what is in use now.
func (d *daemon) levels() metrics.Levels {
	c := d.fleet.Counters()
	levels := metrics.Levels{
		Concurrent: c.ConcurrentExecutions, Unreserved: c.UnreservedConcurrentExecutions,
		Claimed: c.UnreservedConcurrentExecutions + d.catalog.ReservedTotal(),
	}
	for _, f := range c.Functions {
		one := metrics.FunctionLevels{Name: f.Function, Concurrent: f.ConcurrentExecutions}
		for _, v := range f.Versions {
			one.Versions = append(one.Versions, metrics.VersionLevels{
				Number: v.Number, Alias: d.catalog.ProvisionedBy(f.Function, v.Number), Ready: v.Allocated, Running: v.ProvisionedConcurrentExecutions, Spilled: v.ProvisionedConcurrencySpilloverCount,
			})
		}
		levels.Functions = append(levels.Functions, one)
	}
	return levels
}

// addMetrics adds the API with which metrics are read, by signing name.
func (d *daemon) addMetrics(services map[string]http.Handler) (err error) {
	services["monitoring"], err = cloudwatch.New(cloudwatch.Config{Metrics: d.metrics, Log: d.log})
	return err
}
