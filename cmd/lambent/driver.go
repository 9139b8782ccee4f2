package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"lambent/internal/sandbox"
	"lambent/internal/sandbox/namespace"
	"lambent/internal/sandbox/process"
)

// chooseDriver makes the driver that the operator asked for. Auto is the
// strongest that works on this host.
func chooseDriver(name, dir string, log *slog.Logger) (sandbox.Driver, error) {
	if name == "process" {
		return newProcess(dir)
	}
	report := namespace.Probe(namespaceConfig(dir, log))
	if report.Usable {
		return newNamespace(dir, log)
	}
	if name == "namespace" {
		return nil, fmt.Errorf("the namespace driver does not work on this host: %w", missing(report))
	}
	log.Warn("environments are not isolated from this host: the namespace driver does not work here", "err", missing(report))
	return newProcess(dir)
}

func newProcess(dir string) (sandbox.Driver, error) {
	d, err := process.New(filepath.Join(dir, "process"))
	if err != nil {
		return nil, err
	}
	return d, nil
}

func newNamespace(dir string, log *slog.Logger) (sandbox.Driver, error) {
	d, err := namespace.New(namespaceConfig(dir, log))
	if err != nil {
		return nil, err
	}
	return d, nil
}

func namespaceConfig(dir string, log *slog.Logger) namespace.Config {
	return namespace.Config{StateDir: filepath.Join(dir, "namespace"), Log: log}
}

// missing words what a report says that is not here.
func missing(r sandbox.Report) error {
	var all []error
	for _, a := range r.Abilities {
		if !a.Have && a.Why != "" {
			all = append(all, fmt.Errorf("%s: %s (%s)", a.Name, a.Why, a.Hint))
		}
	}
	return errors.Join(all...)
}
