package main

import (
	"context"
	"errors"
	"sync"

	"lambent/internal/code"
	"lambent/internal/compiled"
	"lambent/internal/environment"
	"lambent/internal/lambda"
	"lambent/internal/sandbox"
)

// programs are the runtimes', with the code that was compiled of a version's
// modules where there is some.
type programs struct{ d *daemon }

func (p programs) Program(v *lambda.Version, task string, opt []string) (sandbox.Program, error) {
	program, err := p.d.runtimes.Program(v, task, opt)
	if err != nil {
		return program, err
	}
	if m, ok := p.d.compiled.Mount(v, program); ok {
		program.Mounts = append(program.Mounts[:len(program.Mounts):len(program.Mounts)], m) // the others may be somebody else's, too
	}
	return program, nil
}

// programsOf are what environments start. Code is compiled ahead only where
// nobody can change a version's folders.
func (d *daemon) programsOf() environment.Programs {
	if !d.driver.Report().Can(sandbox.CanIsolateFiles) {
		return d.runtimes
	}
	return programs{d}
}

// compileSoon has a version compiled that was made or changed.
func (d *daemon) compileSoon(v *lambda.Version) {
	if d.driver.Report().Can(sandbox.CanIsolateFiles) {
		d.compiled.Expect(v)
	}
}

// openCompiled begins to compile what is wanted.
func (d *daemon) openCompiled() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		d.compiled.Run(ctx, compiled.Parts{Sandboxes: d.driver, Packages: d.catalog, Programs: d.runtimes, NewID: environment.NewID, Log: d.log})
	})
	d.later(func() {
		cancel()
		running.Wait()
	})
}

// content is the packages, and what was compiled of them.
type content struct {
	*code.Store
	compiled *compiled.Store
}

// Collect removes both.
func (c content) Collect(ctx context.Context, keep func(sha256 string) bool) error {
	return errors.Join(c.Store.Collect(ctx, keep), c.compiled.Collect(ctx, keep))
}
