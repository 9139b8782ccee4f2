package main

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// TestHurry: a start changes what the operator left to the daemon, and only that,
// and settles for the share of the processors and the usual garbage.
func TestHurry(t *testing.T) {
	processors, garbage := runtime.GOMAXPROCS(0), debug.SetGCPercent(77)
	defer func() {
		runtime.GOMAXPROCS(processors)
		debug.SetGCPercent(garbage)
	}()
	now := func() int {
		percent := debug.SetGCPercent(100)
		debug.SetGCPercent(percent)
		return percent
	}
	t.Setenv("GOMAXPROCS", "")
	t.Setenv("GOGC", "")
	settle := hurry(newProcessors())
	if got := now(); got != startGC {
		t.Errorf("a start collects at %d%%, want %d%%", got, startGC)
	}
	settle()
	if got := now(); got != 77 {
		t.Errorf("after it garbage is collected at %d%%, want 77%%", got)
	}
	if got, want := runtime.GOMAXPROCS(0), shareOfProcessors(processors); got != want {
		t.Errorf("after it there are %d processors, want %d", got, want)
	}

	runtime.GOMAXPROCS(processors)
	t.Setenv("GOMAXPROCS", "64")
	t.Setenv("GOGC", "77")
	settle = hurry(newProcessors())
	if got := now(); got != 77 {
		t.Errorf("an operator's GOGC became %d%%", got)
	}
	settle()
	if got := runtime.GOMAXPROCS(0); got != processors {
		t.Errorf("an operator's GOMAXPROCS became %d, not %d", got, processors)
	}
}
