package lambda

import (
	"fmt"
	"strings"
	"testing"
)

// A version that is printed in any of the usual ways shows no value of its
// environment.
func TestPrintingHidesValues(t *testing.T) {
	t.Parallel()
	v := Version{Environment: []Variable{{Name: "PASSWORD", Value: "hunter2"}}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, value := range []any{v, &v, v.Environment, v.Environment[0]} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, "hunter2") {
				t.Errorf("%s shows a value: %.200s", verb, text)
			}
		}
	}
}
