package e2e

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

var (
	statement = regexp.MustCompile(`(?m)^- \*\*S(\d+)\*\* .*$`)
	namedTest = regexp.MustCompile("`([a-z0-9/]+): (Test[A-Za-z0-9]+)`")
)

// lastStatement is how many there are; those from 74 to 87 are partly of other
// times, and may be without a test.
const lastStatement = 96

func mayBeUntested(number int) bool { return number >= 74 && number <= 87 }

// TestRequirementsNameTests: each statement of docs/REQUIREMENTS.md names tests,
// and these exist.
func TestRequirementsNameTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/REQUIREMENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	next := 1
	for _, m := range statement.FindAllStringSubmatch(string(text), -1) {
		number, err := strconv.Atoi(m[1])
		if err != nil || number != next {
			t.Fatalf("S%s stands where S%d should", m[1], next)
		}
		next++
		tests := namedTest.FindAllStringSubmatch(m[0], -1)
		if len(tests) == 0 && !mayBeUntested(number) {
			t.Errorf("S%d names no test: %s", number, m[0])
		}
	}
	if next != lastStatement+1 {
		t.Errorf("the statements end with S%d, want S%d", next-1, lastStatement)
	}
	known := map[string]map[string]bool{}
	for _, m := range namedTest.FindAllStringSubmatch(string(text), -1) {
		if known[m[1]] == nil {
			known[m[1]] = testsIn(t, filepath.Join("..", m[1]))
		}
		if !known[m[1]][m[2]] {
			t.Errorf("internal/%s has no %s", m[1], m[2])
		}
	}
}

// testsIn reads the names of a folder's test functions, for any platform.
func testsIn(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Type.Params.NumFields() == 1 {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}
