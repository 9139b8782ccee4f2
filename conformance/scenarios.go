package main

import "slices"

// scenarios are all that there are, those that take longest first.
func scenarios() []scenario {
	return slices.Concat(
		initFailures(), shutdowns(), deliveries(), extensionFailures(),
		runtimeAPI(), runtimeStates(), runtimeEnds(), streaming(), bootstraps(),
		registration(), extensionEvents(), extensionProcesses(),
		subscriptions(), telemetryEvents(), logsAPI(),
	)
}
