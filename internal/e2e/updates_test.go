package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// TestUpdatesUnderLoad: no invocation is refused or fails because its function is
// updated, and none that begins when an update is Successful runs what was before
// it (F076: a changed handler too).
func TestUpdatesUnderLoad(t *testing.T) {
	t.Parallel()
	s := own(t, dataDir(t))
	const updates, callers = 6, 4
	code := func(n int) string {
		return fmt.Sprintf("def even(event, context):\n    return [%d, 0]\ndef odd(event, context):\n    return [%d, 1]\n", n, n)
	}
	name := s.deploy(t, function{timeout: 20, handler: "index.even", code: code(0)})

	var least atomic.Int64 // what an invocation that begins now must at least see
	var answered atomic.Int64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range callers {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				want := least.Load()
				payload, fault := s.raw(t, name, "{}")
				if n, ok := seen(string(payload)); fault != "" || !ok || n < want {
					t.Errorf("an invocation after update %d gave %s %s", want, payload, fault)
					return
				}
				answered.Add(1)
			}
		})
	}
	for n := 1; n <= updates; n++ {
		if _, err := s.client().UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{
			FunctionName: &name, ZipFile: zipOf(t, map[string]string{"index.py": code(n)}),
		}); err != nil {
			t.Fatal(err)
		}
		s.waitUpdated(t, name)
		handler := []string{"index.even", "index.odd"}[n%2]
		if _, err := s.client().UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: &name, Handler: aws.String(handler)}); err != nil {
			t.Fatal(err)
		}
		s.waitUpdated(t, name)
		least.Store(int64(2*n + n%2))
		before := answered.Load()
		eventually(t, "invocations after the update", func() bool { return t.Failed() || answered.Load() > before+2*callers })
	}
	close(stop)
	load.Wait()
}

// seen orders what an invocation may answer: each update has new code first and
// the other handler then. Twice the code's number plus the handler is at least
// that of the last update that was Successful when the invocation began.
func seen(payload string) (int64, bool) {
	number, handler, ok := strings.Cut(strings.Trim(payload, "[]"), ", ")
	n, err := strconv.ParseInt(number, 10, 64)
	h, err2 := strconv.ParseInt(handler, 10, 64)
	return 2*n + h, ok && err == nil && err2 == nil
}
