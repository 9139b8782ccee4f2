package lambent_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated parts of documents")

// TestOperations holds the lists of operations in docs/COMPATIBILITY.md to the
// code: what is registered is available, the rest of the model is not yet.
func TestOperations(t *testing.T) {
	t.Parallel()
	const page = "docs/COMPATIBILITY.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), "<!-- operations -->\n")
	have, after, ended := strings.Cut(rest, "<!-- end -->")
	if !found || !ended {
		t.Fatalf("%s: the marks of the generated part are gone", page)
	}
	want := operations(t)
	if have == want {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the code does; write it with: go test . -run TestOperations -update\nthe code:\n%s", page, want)
	}
	if err := os.WriteFile(page, []byte(before+"<!-- operations -->\n"+want+"<!-- end -->"+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// operations words what the Lambda API has, and what it has not yet.
func operations(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("internal/awsapi/lambdaapi/model.json")
	if err != nil {
		t.Fatal(err)
	}
	var model struct{ Operations map[string]json.RawMessage }
	if err := json.Unmarshal(text, &model); err != nil {
		t.Fatalf("read the model: %v", err)
	}
	there := map[string]bool{"Invoke": true, "InvokeAsync": true, "InvokeWithResponseStream": true} // which have roads of their own
	for _, m := range matches(t, `awsapi\.Handle\(\w+(?:\.\w+)*, "(\w+)"`, "internal/awsapi/lambdaapi/*.go") {
		there[m] = true
	}
	var yes, no []string
	for name := range model.Operations {
		if there[name] {
			yes = append(yes, name)
		} else {
			no = append(no, name)
		}
	}
	slices.Sort(yes)
	slices.Sort(no)
	return fmt.Sprintf("Available, %d of %d: `%s`.\n\nNot yet: `%s`.\n",
		len(yes), len(yes)+len(no), strings.Join(yes, "`, `"), strings.Join(no, "`, `"))
}

// TestFactsAreRecorded: every fact and section that the code cites can be looked up.
func TestFactsAreRecorded(t *testing.T) {
	t.Parallel()
	check := func(page, entry, cited string) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range matches(t, cited, sources(t)...) {
			if !strings.Contains(string(text), fmt.Sprintf(entry, id)) {
				t.Errorf("%s is cited and %s does not have it", id, page)
			}
		}
	}
	check("docs/recordings.md", "**%s** ", `\b(F[0-2][0-9][1-9]|F[0-2][1-9]0)\b`)
	check("docs/environment.md", "## %s ", `docs/environment\.md §(\d+\.\d+)`)
}

// sources are the files in which facts are cited.
func sources(t *testing.T) []string {
	t.Helper()
	return slices.Concat(tracked(t, "internal/*.go"), tracked(t, "cmd/*.go"), tracked(t, "conformance/*.go"),
		tracked(t, "internal/*.py"), tracked(t, "internal/*.cjs"), tracked(t, "internal/*.rb"), tracked(t, "internal/*.java"),
		tracked(t, "internal/*.txt"))
}

// matches gives what the first group of a pattern matches, each once, in order.
func matches(t *testing.T, pattern string, globs ...string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var all []string
	for _, glob := range globs {
		files, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				continue // deleted and not yet committed
			}
			for _, m := range re.FindAllStringSubmatch(string(text), -1) {
				all = append(all, m[1])
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
