package lambent_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// untested are the facts of docs/recordings.md that no test names, and why. What
// gets a test goes from here: the test below says so.
var untested = map[string]string{
	"F062 to F063": "there is no EC2 to ask whether a subnet or a group exists; its words are never needed",
	"F065 to F068": "functions of container images are refused",
	"F115":         "CloudFormation's own tags; nothing here is made by CloudFormation",
	"F209":         "nothing reads from streams yet, so nobody knows which exist",
	"F215 to F235": "nothing reads from event sources yet",
	"F245":         "the credentials of functions are of no role's session yet",
	"F254":         "a peculiarity of one release of Python on AWS: here a crash is reported as the crash that it is",
}

var factRange = regexp.MustCompile(`\bF(\d{3})(?: to F?(\d{3}))?`)

// numbers are the facts that a text names, ranges written out.
func numbers(text string) []int {
	var all []int
	for _, m := range factRange.FindAllStringSubmatch(text, -1) {
		first, _ := strconv.Atoi(m[1])
		last := first
		if m[2] != "" {
			last, _ = strconv.Atoi(m[2])
		}
		for n := first; n <= last; n++ {
			all = append(all, n)
		}
	}
	return all
}

// TestFactsHaveTests: every fact about AWS is named by a test that holds it, or
// is listed above with a reason, and not both.
func TestFactsHaveTests(t *testing.T) {
	t.Parallel()
	tested := map[int]bool{}
	for _, file := range slices.Concat(tracked(t, "internal/*_test.go"), tracked(t, "cmd/*_test.go"), tracked(t, "conformance/*.go")) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // deleted and not yet committed
		}
		for _, n := range numbers(string(text)) {
			tested[n] = true
		}
	}
	reasons := map[int]string{}
	for facts, reason := range untested {
		for _, n := range numbers(facts) {
			reasons[n] = reason
		}
	}
	for _, id := range matches(t, `(?m)^- \*\*F(\d{3})\*\* `, "docs/recordings.md") {
		n, err := strconv.Atoi(id)
		if err != nil {
			t.Fatal(err)
		}
		fact := fmt.Sprintf("F%03d", n)
		if tested[n] && reasons[n] != "" {
			t.Errorf("%s has a test now: take it from the list of those without (%s)", fact, reasons[n])
		}
		if !tested[n] && reasons[n] == "" {
			t.Errorf("%s has no test, and no reason for that", fact)
		}
	}
}
