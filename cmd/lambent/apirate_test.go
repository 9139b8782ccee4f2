package main

import (
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/lambda"
)

// TestAPIRates: what has a rate of its own is counted alone, the rest together,
// and what was taken comes back.
func TestAPIRates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rates, err := parseAPIRates("aws")
		if err != nil {
			t.Fatal(err)
		}
		let := func(operations ...string) (n int) {
			for i := range 1000 {
				if err := rates.admit(operations[i%len(operations)]); err == nil {
					n++
				} else if e := err.(*lambda.Error); e.Kind != lambda.Throttled || e.Message != "Rate exceeded" || e.Reason != "CallerRateLimitExceeded" { //nolint:errorlint // it is made here
					t.Fatalf("refused with %+v", e)
				}
			}
			return n
		}
		for range 2 {
			if a, b, c := let("GetFunction"), let("GetPolicy"), let("CreateFunction", "ListFunctions"); a != 100 || b != 15 || c != 15 {
				t.Errorf("let in %d, %d and %d, want 100, 15 and 15", a, b, c)
			}
			time.Sleep(time.Second)
		}
	})
	if rates, err := parseAPIRates(""); err != nil || rates.admit("CreateFunction") != nil {
		t.Errorf("without rates something is refused (%v)", err)
	}
	if rates, err := parseAPIRates("GetPolicy=1"); err != nil || rates.admit("CreateFunction") != nil || rates.admit("GetPolicy") != nil || rates.admit("GetPolicy") == nil {
		t.Errorf("a rate for one operation alone is not kept (%v)", err)
	}
	for _, bad := range []string{"15", "*=", "*=0", "=3", "*=x"} {
		if _, err := parseAPIRates(bad); err == nil {
			t.Errorf("%q is a rate", bad)
		}
	}
}
