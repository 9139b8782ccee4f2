package environment

import (
	"testing"
	"time"

	"lambent/internal/lambda"
)

// TestWeight: what was paid for to be there at once weighs more than what was not.
func TestWeight(t *testing.T) {
	t.Parallel()
	for why, want := range map[lambda.Initialization]int{lambda.InitOnDemand: 0, lambda.InitProvisioned: provisionedWeight} {
		e := &Environment{version: version(), origin: NewOrigin("e", version(), string(why), time.Now())}
		if got := e.spec("/task", nil).Weight; got != want {
			t.Errorf("%s: weight %d, want %d", why, got, want)
		}
	}
}
