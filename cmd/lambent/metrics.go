package main

import "lambent/internal/metrics"

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
				Number: v.Number, Ready: v.Allocated, Running: v.ProvisionedConcurrentExecutions, Spilled: v.ProvisionedConcurrencySpilloverCount,
			})
		}
		levels.Functions = append(levels.Functions, one)
	}
	return levels
}
