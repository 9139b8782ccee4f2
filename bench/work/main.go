// Program work computes for so long as it is told, in steps: as a function whose
// event is the number of them, or outside of Lambda with it as its argument. It
// tells how long that took, and how much of a processor.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// result is what the work took.
type result struct {
	Steps    int
	Wall     time.Duration
	CPU      time.Duration
	Checksum uint64 // of no use, but that the work cannot be left out
}

func work(steps int) (r result, err error) {
	before, err := cpu()
	if err != nil {
		return r, err
	}
	began := time.Now()
	x := uint64(88172645463325252)
	for range steps {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	r = result{Steps: steps, Wall: time.Since(began), Checksum: x}
	after, err := cpu()
	r.CPU = after - before
	return r, err
}

func cpu() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("ask for the CPU time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

func main() {
	if len(os.Args) < 2 {
		lambda.Start(func(_ context.Context, steps int) (result, error) { return work(steps) })
		return
	}
	steps, err := strconv.Atoi(os.Args[1])
	if err == nil {
		var r result
		if r, err = work(steps); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(r)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "work:", err)
		os.Exit(1)
	}
}
