package main

import (
	"log/slog"

	"lambent/internal/sandbox"
	"lambent/internal/sandbox/process"
)

// chooseDriver makes the driver that the operator asked for.
func chooseDriver(o options, dir string, log *slog.Logger) (sandbox.Driver, error) {
	return process.New(dir)
}
