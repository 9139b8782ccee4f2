package main

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"lambent/conformance/server"
)

// TestConformance starts a server and proves every rule on it. With -v each
// case is printed.
func TestConformance(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the probe needs Linux")
	}
	s := server.Start(t)
	target, err := newTarget(t.Context(), options{
		endpoint: s.URL, region: "us-east-1", role: "arn:aws:iam::000000000000:role/conformance", arch: runtime.GOARCH, parallel: 6,
	})
	if err != nil {
		t.Fatal(err)
	}
	// Not parallel subtests: of those as many run at once as there are processors,
	// and scenarios mostly wait.
	for _, r := range target.runAll(t.Context(), scenarios(), regexp.MustCompile("")) {
		t.Run(r.scenario, func(t *testing.T) {
			for _, c := range r.cases {
				if c.problem != "" || c.skipped != "" {
					t.Error(c) // here nothing is skipped: the logs can be read
					continue
				}
				t.Log(c)
			}
		})
	}
	target.close()
}

// TestScenarioNames: names become parts of function names, once each.
func TestScenarioNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range scenarios() {
		if seen[s.name] || len(s.name) > 40 || strings.Trim(s.name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("scenario %q", s.name)
		}
		seen[s.name] = true
	}
}

// TestProofsAreWorded: what a person reads of each outcome.
func TestProofsAreWorded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		proof proof
		want  string
	}{
		{proof{section: "3.2", rule: "a rule"}, "§3.2 a rule: ok"},
		{proof{section: "3.2", rule: "a rule", problem: "status 1"}, "§3.2 a rule: FAILED: status 1"},
		{proof{section: "3.2", rule: "a rule", skipped: "no logs"}, "§3.2 a rule: skipped: no logs"},
	} {
		if got := fmt.Sprint(c.proof); got != c.want {
			t.Errorf("%+v: %q, want %q", c.proof, got, c.want)
		}
	}
}
