// Package invariant checks what only a bug of our own can break. The checks
// stay on in production: the owner of the broken thing recovers at its top,
// destroys that one thing, and the daemon lives.
package invariant

import "fmt"

// Broken is the value of the panic that Check raises.
type Broken struct{ Message string }

func (b Broken) Error() string { return "invariant broken: " + b.Message }

// Check panics with Broken when cond is false.
func Check(cond bool, format string, args ...any) {
	if !cond {
		panic(Broken{fmt.Sprintf(format, args...)})
	}
}
