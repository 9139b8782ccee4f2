package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go/middleware"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"

	"lambent/conformance/script"
	"lambent/conformance/server"
)

// BenchmarkWarmInvoke measures a warm invocation from the caller's side with and
// without three extensions that follow every invocation and do nothing. What
// they take is the span behind the runtime, "post-runtime extensions"; p50 must
// not grow by more than a little, since the caller does not wait for them.
//
//	go test -run '^$' -bench WarmInvoke -benchtime 2000x ./conformance
func BenchmarkWarmInvoke(b *testing.B) {
	s := server.Start(b)
	t, err := newTarget(b.Context(), options{
		endpoint: s.URL, region: "us-east-1", role: "arn:aws:iam::000000000000:role/conformance", arch: runtime.GOARCH,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(t.close)
	idle := script.Script{Idle: true}
	for _, n := range []int{0, 3} {
		f := function{bootstrap: &idle, memory: 1769, extensions: map[string]script.Script{}}
		for i := range n {
			f.extensions[fmt.Sprintf("idle%d", i)] = idle
		}
		name := fmt.Sprintf("%s-bench-%d", t.prefix, n)
		if err := t.create(b.Context(), name, f); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("extensions=%d", n), func(b *testing.B) { measure(b, t, name) })
	}
}

func measure(b *testing.B, t *target, name string) {
	invoke := func() string {
		out, err := t.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: &name})
		if err != nil || out.FunctionError != nil {
			b.Fatalf("%v %v", err, out)
		}
		return requestID(out.ResultMetadata)
	}
	invoke() // the cold start
	took := make([]time.Duration, b.N)
	ids := make([]string, 0, b.N)
	b.ResetTimer()
	for i := range took {
		began := time.Now()
		ids = append(ids, invoke())
		took[i] = time.Since(began)
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	longest, behind := extensionTimes(b, t, ids)
	b.ReportMetric(longest, "extension-p50-µs")
	b.ReportMetric(behind, "post-runtime-p50-µs")
}

func requestID(m middleware.Metadata) string {
	id, _ := awsmiddleware.GetRequestIDMetadata(m)
	return id
}

// extensionTimes are medians of what extensions took: the longest of each
// invocation, and the time behind the runtime.
func extensionTimes(b *testing.B, t *target, ids []string) (longest, behind float64) {
	b.Helper()
	var all, after []float64
	for _, id := range ids[max(0, len(ids)-200):] {
		resp, err := http.Get(t.endpoint + "/_lambent/trace?request=" + id)
		if err != nil {
			b.Fatal(err)
		}
		var trace struct {
			Spans []struct {
				Name       string
				DurationMs float64
			}
		}
		err = json.NewDecoder(resp.Body).Decode(&trace)
		resp.Body.Close()
		if err != nil {
			b.Fatal(err)
		}
		one := 0.0
		for _, s := range trace.Spans {
			switch {
			case strings.HasPrefix(s.Name, "extension "):
				one = max(one, s.DurationMs*1000)
			case s.Name == "post-runtime extensions":
				after = append(after, s.DurationMs*1000)
			}
		}
		all = append(all, one)
	}
	return median(all), median(after)
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}
