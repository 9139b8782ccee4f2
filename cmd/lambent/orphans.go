package main

import (
	"context"
	"errors"

	"lambent/internal/sandbox"
)

// sweepOrphans removes, beside everything else, what killed servers left whose data
// folder is not this one's: it may never be used again, as those of tests are.
func (d *daemon) sweepOrphans() {
	driver, ok := d.driver.(sandbox.OrphanSweeper)
	if !ok {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		swept, err := driver.SweepOrphans(ctx)
		if !errors.Is(err, context.Canceled) {
			d.check("sweep what dead servers left", err)
		}
		if swept != (sandbox.Swept{}) {
			d.log.Info("swept what dead servers left", "swept", swept)
		}
	}()
	d.later(func() {
		cancel()
		<-done
	})
}
