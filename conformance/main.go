package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
)

func main() {
	var (
		o    options
		only string
	)
	flag.StringVar(&o.endpoint, "endpoint", "http://127.0.0.1:3001", "the server's AWS API")
	flag.StringVar(&o.region, "region", "us-east-1", "region of the server")
	flag.StringVar(&o.role, "role", "arn:aws:iam::000000000000:role/conformance", "role of the functions")
	flag.StringVar(&o.arch, "arch", runtime.GOARCH, "architecture of its environments: amd64 or arm64")
	flag.StringVar(&o.probe, "probe", "", "the built probe; empty: build it")
	flag.IntVar(&o.parallel, "parallel", 8, "how many scenarios run at once")
	flag.StringVar(&only, "run", "", "run only the scenarios whose names match")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command(ctx, o, only); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		stop()
		os.Exit(1)
	}
}

// command runs the scenarios, prints each case, and fails when one does.
func command(ctx context.Context, o options, only string) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	t, err := newTarget(ctx, o)
	if err != nil {
		return err
	}
	defer t.close()
	var tally tally
	for _, r := range t.runAll(ctx, scenarios(), pattern) {
		for _, c := range r.cases {
			fmt.Println(c)
			tally.add(c)
		}
	}
	fmt.Println(tally)
	if tally.failed > 0 || tally.proved == 0 {
		return fmt.Errorf("%d cases failed", tally.failed)
	}
	return nil
}

// tally counts cases.
type tally struct{ proved, failed, skipped int }

func (t *tally) add(c proof) {
	switch {
	case c.skipped != "":
		t.skipped++
	case c.problem != "":
		t.failed++
	default:
		t.proved++
	}
}

func (t tally) String() string {
	return fmt.Sprintf("%d cases: %d ok, %d failed, %d skipped", t.proved+t.failed+t.skipped, t.proved, t.failed, t.skipped)
}
