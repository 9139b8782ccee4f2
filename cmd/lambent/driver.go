package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"lambent/internal/lambda"
	"lambent/internal/sandbox"
	"lambent/internal/sandbox/namespace"
	"lambent/internal/sandbox/process"
)

// openDriver chooses how environments are isolated: what the operator asked
// for, or the strongest that works on this host.
func (d *daemon) openDriver() error {
	switch d.options.driver {
	case "namespace":
		return d.openNamespace()
	case "process":
		return d.openProcess()
	}
	err := d.openNamespace()
	if err == nil {
		return nil
	}
	d.log.Warn("environments are not isolated from this host: the namespace driver does not work here (see lambent doctor)", "err", err)
	return d.openProcess()
}

// openNamespace fails when the driver does not work on this host.
func (d *daemon) openNamespace() error {
	c := namespaceConfig(d.path("sandboxes"), d.log)
	way, err := newNetwork(d.options.network)
	if err != nil {
		return err
	}
	if way != nil {
		c.Network = way
	}
	driver, err := namespace.New(c)
	if err != nil {
		if way != nil {
			err = errors.Join(err, way.Close())
		}
		return err
	}
	d.use(driver)
	if way != nil {
		d.closeDriver = func() error { return errors.Join(driver.Close(), way.Close()) }
	}
	return nil
}

func (d *daemon) openProcess() error {
	if d.options.network != defaultNetwork {
		return &failure{2, fmt.Errorf("--network %s: the process driver has no network of its own; its processes use the host's", d.options.network)}
	}
	driver, err := process.New(filepath.Join(d.path("sandboxes"), "process"))
	if err != nil {
		return err
	}
	d.use(driver)
	return nil
}

func (d *daemon) use(driver sandbox.Driver) {
	d.driver, d.closeDriver = driver, driver.Close
}

// readyVolumes is how many volumes for /tmp wait for a sandbox: as many as may
// be wanted before there is time to make more.
const readyVolumes = 8

func namespaceConfig(dir string, log *slog.Logger) namespace.Config {
	return namespace.Config{StateDir: filepath.Join(dir, "namespace"), ReadyVolumes: readyVolumes, UsualTmpMiB: lambda.DefaultEphemeralMB, Log: log}
}
