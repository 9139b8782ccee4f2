package lambent_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Rules of docs/STYLE.md that a machine can hold.

// banned words have a better one; the replacement is in docs/GLOSSARY.md.
var banned = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)

// bannedPackages say nothing about what they hold.
var bannedPackages = []string{"util", "utils", "common", "types", "models", "helpers", "manager", "pkg", "misc"}

const (
	maxFileLines     = 600
	maxFunctionLines = 70
)

func TestTidy(t *testing.T) {
	t.Parallel()
	for _, file := range tracked(t, "*.go") {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // deleted and not yet committed
		}
		checkText(t, file, string(text))
		checkSyntax(t, file, text)
	}
}

func tracked(t *testing.T, pattern string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard", pattern).Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	return strings.Fields(string(out))
}

func checkText(t *testing.T, file, text string) {
	t.Helper()
	test := strings.HasSuffix(file, "_test.go")
	if lines := strings.Count(text, "\n"); lines > maxFileLines && !test {
		t.Errorf("%s has %d lines; a file has one subject and at most %d", file, lines, maxFileLines)
	}
	for i, line := range strings.Split(text, "\n") {
		if m := banned.FindString(line); m != "" && file != "tidy_test.go" {
			t.Errorf("%s:%d: %s", file, i+1, m)
		}
	}
	for _, p := range bannedPackages {
		if strings.Contains("/"+filepath.ToSlash(filepath.Dir(file))+"/", "/"+p+"/") {
			t.Errorf("%s: a package called %s says nothing about what it holds", file, p)
		}
	}
}

func checkSyntax(t *testing.T, file string, text []byte) {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, text, parser.ParseComments)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	if strings.HasSuffix(file, "_test.go") || ast.IsGenerated(f) {
		return
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1; n > maxFunctionLines {
			t.Errorf("%s: %s has %d lines; a function fits a screen (%d)", file, fn.Name.Name, n, maxFunctionLines)
		}
		if fn.Name.Name == "init" && fn.Recv == nil {
			t.Errorf("%s: init runs before anybody asked for it", file)
		}
		if fn.Name.IsExported() && fn.Doc == nil && !selfEvident[fn.Name.Name] && exportedReceiver(fn) && f.Name.Name != "main" {
			t.Errorf("%s: %s has no comment", file, fn.Name.Name)
		}
	}
}

// selfEvident are methods whose meaning the standard library has fixed.
var selfEvident = map[string]bool{"Error": true, "Unwrap": true, "String": true}

func exportedReceiver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	typ := fn.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

// TestPackagesHaveDocs: the doc of a package is the first thing written.
func TestPackagesHaveDocs(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.ImportPath}}\t{{.Doc}}\t{{len .GoFiles}}", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) == 3 && f[1] == "" && f[2] != "0" {
			t.Errorf("package %s has no doc", f[0])
		}
	}
}
