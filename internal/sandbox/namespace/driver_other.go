//go:build !linux

package namespace

import (
	"context"
	"errors"

	"lambent/internal/sandbox"
)

// Driver makes sandboxes out of Linux namespaces; here it makes none.
type Driver struct{}

var errNotLinux = errors.New("namespaces need Linux")

// New refuses.
func New(Config) (*Driver, error) { return nil, errNotLinux }

// Probe reports that nothing can be done here.
func Probe(Config) sandbox.Report {
	r := sandbox.Report{Driver: Name}
	for _, name := range allAbilities() {
		r.Abilities = append(r.Abilities, sandbox.Ability{Name: name, Why: errNotLinux.Error(), Hint: "use the process driver, or a Linux host"})
	}
	return r
}

// Create refuses.
func (*Driver) Create(context.Context, sandbox.Spec) (sandbox.Sandbox, error) {
	return nil, errNotLinux
}

// Sweep finds nothing.
func (*Driver) Sweep(context.Context) (sandbox.Swept, error) { return sandbox.Swept{}, nil }

// Report says what Probe says.
func (*Driver) Report() sandbox.Report { return Probe(Config{}) }

// Close has nothing to release.
func (*Driver) Close() error { return nil }
