package lambda_test

import (
	"regexp"
	"testing"
	"time"

	"lambent/internal/lambda"
)

func TestBeginTrace(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^Root=1-5a0bc0de-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`)
	now := time.Unix(0x5a0bc0de, 999)
	first, second := lambda.BeginTrace(now), lambda.BeginTrace(now)
	if !form.MatchString(first) || !form.MatchString(second) || first == second {
		t.Errorf("%s, %s; want two of the form %s", first, second, form)
	}
}
