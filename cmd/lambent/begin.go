package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// shareOfProcessors is how many processors the daemon uses of n: half, as the
// functions need the other half. More would cost more than they give: handing an
// invocation from one thread to another takes longer than all else that is done
// with it, and a daemon with a processor to spare does it four times for each.
func shareOfProcessors(n int) int { return max(1, n/2) }

// startGC is how much garbage a start may make, as for GOGC: all that it usually
// makes, so that it is not collected before the banner, and no more than four
// times what a large catalog takes.
const startGC = 400

// hurry gives a start every processor, and memory to waste. What it returns puts an
// end to that; an operator's own GOMAXPROCS and GOGC stay as they are.
func hurry() (settle func()) {
	var undo []func()
	if os.Getenv("GOGC") == "" {
		usual := debug.SetGCPercent(startGC)
		undo = append(undo, func() { debug.SetGCPercent(usual) })
	}
	if os.Getenv("GOMAXPROCS") == "" {
		undo = append(undo, func() { runtime.GOMAXPROCS(shareOfProcessors(runtime.NumCPU())) })
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
	go func() { // ends with Stop at the latest
		d.check("find runtimes", d.runtimes.Wait())
		debug.FreeOSMemory() // the start's, which the rest does not need
	}()
}
