package python

import (
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// discover finds this host's interpreters once for a test.
func discover(t testing.TB) *runtimes.Set {
	t.Helper()
	set, err := runtimes.Discover(t.Context(), runtimes.Options{
		Dir: t.TempDir(), Families: []runtimes.Family{Family{}}, AnyArchitecture: true,
	})
	if err != nil {
		t.Fatalf("discover: %v", err)
	}
	return set
}

// here are the runtimes that this host has; without any there is nothing to test.
func here(t testing.TB, set *runtimes.Set) []lambda.Runtime {
	t.Helper()
	var list []lambda.Runtime
	for _, f := range set.List() {
		if f.Here() {
			list = append(list, f.Runtime)
		}
	}
	if len(list) == 0 {
		t.Skip("no CPython 3.8 to 3.14 on this host")
	}
	return list
}

func TestTryout(t *testing.T) {
	set := discover(t)
	for _, r := range here(t, set) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: r, Task: map[string]string{"app.py": "import sys, os\ndef handler(e, c):\n  print('hi')\n  return [e, sys.path, sys.argv, sys.executable, len(sys.modules), repr(c)]"},
			Events: []runtimetest.Event{{Payload: `{"a": [1, 2.5, "x\u00e9"]}`}, {}}})
		t.Log(r, o.First, o.Exit, o.Stdout, o.Stderr, o.Answers)
	}
	for _, f := range set.List() {
		t.Log(f)
	}
}
