package environment

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestNaps: clients who come back soon after a freeze get an environment that stays
// awake longer, to a bound; one freeze that lasts makes it what it was.
func TestNaps(t *testing.T) {
	t.Parallel()
	const usual = 10 * time.Millisecond
	for name, c := range map[string]struct {
		slept []time.Duration
		want  time.Duration
	}{
		"new":                                 {nil, usual},
		"slept well":                          {[]time.Duration{time.Second, time.Minute}, usual},
		"as long as it waited":                {[]time.Duration{usual}, usual},
		"a nap":                               {[]time.Duration{usual - 1}, 2 * usual},
		"broken off":                          {[]time.Duration{0}, 2 * usual},
		"two naps":                            {[]time.Duration{1, 2*usual - 1}, 4 * usual},
		"many":                                {[]time.Duration{1, 1, 1, 1, 1}, 4 * usual},
		"then a sleep":                        {[]time.Duration{1, 1, 1, 4 * usual}, usual},
		"and a nap again":                     {[]time.Duration{1, 1, 4 * usual, 1}, 2 * usual},
		"shorter than now, longer than usual": {[]time.Duration{1, usual + 1}, 4 * usual},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var r rest
				for _, slept := range c.slept {
					r.want(true)
					if slept > 0 { // else it is broken off
						r.fell(true)
						time.Sleep(slept)
					}
					r.want(false)
					r.disturbed(usual)
					r.fell(false)
					time.Sleep(time.Hour) // busy: that is no sleep
				}
				if got := r.want(true).stretch(usual); got != c.want {
					t.Errorf("it stays awake for %s, want %s", got, c.want)
				}
			})
		})
	}
	if got := naps(mostNaps).stretch(0); got != 0 {
		t.Errorf("one that is to be frozen at once stays awake for %s", got)
	}
}
