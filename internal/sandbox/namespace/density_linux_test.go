package namespace

import (
	"fmt"
	"io"
	"runtime"
	"testing"

	"lambent/internal/sandbox"
)

// BenchmarkDensity tells what the daemon keeps for each frozen sandbox with one
// process in it: heap, stacks, goroutines and descriptors.
func BenchmarkDensity(b *testing.B) {
	d := newDriver(b)
	const boxes = 50
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		goroutines := runtime.NumGoroutine()
		for i := range boxes {
			s := create(b, d, usualSpec(fmt.Sprintf("dense-%d-%d", b.N, i)))
			if _, err := s.Start(b.Context(), sandbox.Command{Path: "/bin/sleep", Args: []string{"1000"}, Dir: "/", Stdout: io.Discard, Stderr: b.Output()}); err != nil {
				b.Fatal(err)
			}
			if err := s.Freeze(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/boxes, "heap-B/box")
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/boxes, "stack-B/box")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/boxes, "goroutines/box")
	}
}
