package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// worked is what the program work says.
type worked struct {
	Steps     int
	Wall, CPU time.Duration
}

// sample is one round of it.
func (w worked) sample() sample {
	return sample{latencies: []time.Duration{w.Wall}, elapsed: w.Wall, cpu: w.CPU}
}

// atOnce is how much work is measured: many of the periods of 100 ms in which the
// kernel counts what a group may use, so that the last one, which ends early,
// matters little.
const atOnce = time.Second

// memory compares the time of a CPU-bound function of several sizes with that of
// the same program outside, on one processor.
func (b *bench) memory(ctx context.Context) error {
	program, err := b.buildWork(ctx)
	if err != nil {
		return err
	}
	code, err := packed(filepath.Dir(program), filepath.Base(program))
	if err != nil {
		return err
	}
	length := atOnce
	if b.quick {
		length /= 4
	}
	const try = 20_000_000
	tried, err := workOutside(ctx, program, try)
	if err != nil {
		return err
	}
	steps := int(try * float64(length) / float64(tried.CPU))

	const outside = "outside"
	sides, functions := []side{{name: outside}}, map[string]string{}
	for _, mb := range []int{1769, 885, 442} {
		b.made++
		name := fmt.Sprintf("work-%d", b.made)
		if err := b.server.create(ctx, name, definition{Runtime: "provided.al2023", Handler: "bootstrap", Memory: mb, Code: code}); err != nil {
			return err
		}
		defer func() { _ = b.server.remove(context.WithoutCancel(ctx), name) }()
		if _, err := b.server.work(ctx, name, 1); err != nil { // the start is not measured
			return err
		}
		one := side{name: fmt.Sprintf("%d MB", mb)}
		sides, functions[one.name] = append(sides, one), name
	}
	out := map[string][]sample{}
	turn := slices.Clone(sides)
	for range b.rounds {
		for _, one := range turn {
			var w worked
			if one.name == outside {
				w, err = workOutside(ctx, program, steps)
			} else {
				w, err = b.server.work(ctx, functions[one.name], steps)
			}
			if err != nil {
				return err
			}
			out[one.name] = append(out[one.name], w.sample())
		}
		slices.Reverse(turn)
	}
	what := fmt.Sprintf("work of %v on a core", length)
	b.compare("memory", what, "ms", out, sides, outside, func(s sample) float64 { return milliseconds(s.at(0.5)) })
	b.compare("memory", "its CPU", "ms", out, sides, outside, func(s sample) float64 { return milliseconds(s.cpuEach()) })
	return nil
}

// buildWork builds the program under the name that a function's has.
func (b *bench) buildWork(ctx context.Context) (string, error) {
	program := filepath.Join(b.dir, "work", "bootstrap")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-tags", "lambda.norpc", "-o", program, "lambent/bench/work")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the work: %w: %s", err, out)
	}
	return program, nil
}

func workOutside(ctx context.Context, program string, steps int) (worked, error) {
	cmd := exec.CommandContext(ctx, program, strconv.Itoa(steps))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return worked{}, fmt.Errorf("work outside: %w", err)
	}
	return readWork(out, steps)
}

func (s *server) work(ctx context.Context, function string, steps int) (worked, error) {
	out, err := s.call(ctx, http.MethodPost, invokePath(function), steps)
	if err != nil {
		return worked{}, fmt.Errorf("work in %s: %w", function, err)
	}
	return readWork(out, steps)
}

func readWork(text []byte, steps int) (w worked, err error) {
	if err = json.Unmarshal(text, &w); err == nil && w.Steps != steps {
		err = fmt.Errorf("%d steps were worked, want %d", w.Steps, steps)
	}
	if err != nil {
		return w, fmt.Errorf("read what the work took, %q: %w", text, err)
	}
	return w, nil
}
