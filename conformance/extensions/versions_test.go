package extensions

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestVersionsAreDocumented: docs/COMPATIBILITY.md names what get.sh installs,
// and what the module has.
func TestVersionsAreDocumented(t *testing.T) {
	t.Parallel()
	doc, script, module := read(t, "../../docs/COMPATIBILITY.md"), read(t, "get.sh"), read(t, "../../go.mod")
	pinned := regexp.MustCompile(`(?m)^([a-z-]+)\) version=([\d.]+) ;;$`).FindAllStringSubmatch(script, -1)
	if len(pinned) != 4 {
		t.Fatalf("get.sh pins %q", pinned)
	}
	pinned = append(pinned, regexp.MustCompile(`github.com/aws/(aws-lambda-go) v([\d.]+)`).FindStringSubmatch(module))
	for _, p := range pinned {
		found := false
		for line := range strings.Lines(doc) {
			found = found || strings.Contains(line, p[1]) && strings.Contains(line, "| "+p[2]+" |")
		}
		if !found {
			t.Errorf("docs/COMPATIBILITY.md does not say %s %s", p[1], p[2])
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
