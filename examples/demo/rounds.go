package main

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// wholeCore is the memory, in MB, with which a function gets one whole core, so
// that its share of the processor is not what is measured.
const wholeCore = 1769

// warmForCold is how many warm invocations are measured for each cold one.
const warmForCold = 10

// measure invokes functions many times, cold and warm, as their callers see it.
func (s *server) measure(ctx context.Context, functions []*function, rounds int, say *story) error {
	w := tabwriter.NewWriter(say.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "   function\truntime\tcold p50\tp90\twarm p50\tp90\tp99")
	for _, f := range functions {
		var cold, warm []time.Duration
		for i := range max(rounds/warmForCold, 1) {
			if err := s.renew(ctx, f.name, i); err != nil {
				return fmt.Errorf("renew %s: %w", f.name, err)
			}
			took, err := s.time(ctx, f, 0)
			if err != nil {
				return err
			}
			cold = append(cold, took)
		}
		for range rounds {
			took, err := s.time(ctx, f, 1)
			if err != nil {
				return err
			}
			warm = append(warm, took)
		}
		fmt.Fprintf(w, "   %s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.name, f.runtime, part(cold, 50), part(cold, 90), part(warm, 50), part(warm, 90), part(warm, 99))
	}
	return w.Flush()
}

// renew changes a setting, so that the next invocation needs a new environment.
func (s *server) renew(ctx context.Context, name string, i int) error {
	_, err := s.api.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &name, Description: aws.String(fmt.Sprint("round ", i)), MemorySize: aws.Int32(wholeCore),
	})
	if err != nil {
		return err
	}
	wait := lambda.NewFunctionUpdatedV2Waiter(s.api, func(o *lambda.FunctionUpdatedV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, 200*time.Millisecond
	})
	return wait.Wait(ctx, &lambda.GetFunctionInput{FunctionName: &name}, activeWithin)
}

// time is one invocation, with the event of a call of the story.
func (s *server) time(ctx context.Context, f *function, call int) (time.Duration, error) {
	event, err := f.calls[call].payload()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	out, err := s.api.Invoke(ctx, &lambda.InvokeInput{FunctionName: &f.name, Payload: event})
	if err != nil {
		return 0, err
	}
	if out.FunctionError != nil {
		return 0, fmt.Errorf("%s failed: %s", f.name, out.Payload)
	}
	return time.Since(began), nil
}

// part is the time within which so many of a hundred were.
func part(all []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return round(sorted[min(len(sorted)*percent/100, len(sorted)-1)])
}
