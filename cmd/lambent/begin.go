package main

import (
	"os"
	"runtime/debug"
)

// startGC is how much garbage a start may make, as for GOGC: all that it usually
// makes, so that it is not collected before the banner, and no more than four
// times what a large catalog takes.
const startGC = 400

// hurry gives a start every processor, and memory to waste. What it returns puts an
// end to that; an operator's own GOGC stays as it is.
func hurry(p *processors) (settle func()) {
	undo := []func(){p.all()}
	if os.Getenv("GOGC") == "" {
		usual := debug.SetGCPercent(startGC)
		undo = append(undo, func() { debug.SetGCPercent(usual) })
	}
	return func() {
		for _, f := range undo {
			f()
		}
	}
}

// begin starts what can wait until the server is there: it would only compete with
// what has to be done before. Who needs it before it is done waits for it.
func (d *daemon) begin() {
	d.runtimes.Begin()
	close(d.begun)
	d.sweepOrphans()
	go func() { // ends with Stop at the latest
		d.check("find runtimes", d.runtimes.Wait())
		debug.FreeOSMemory() // the start's, which the rest does not need
	}()
	d.later(collectGarbage())
}
