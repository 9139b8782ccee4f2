package lambent_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"sort"
	"strings"
	"testing"
)

// TestDependenciesAreExplained: every module that our code imports has a line in
// docs/DEPENDENCIES.md that says why, and every line there is about one of them.
func TestDependenciesAreExplained(t *testing.T) {
	t.Parallel()
	const page = "docs/DEPENDENCIES.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		explained[m[1]] = true
	}
	used := usedModules(t)
	for path := range used {
		if !explained[path] {
			t.Errorf("%s is imported and %s has no line for it: say why it is needed, who else uses it, how to leave it", path, page)
		}
	}
	if runtime.GOOS != "linux" {
		return // what only Linux needs is not seen from here
	}
	for path := range explained {
		if !used[path] {
			t.Errorf("%s explains %s, which nothing of ours imports", page, path)
		}
	}
}

// usedModules are those of go.mod that a package or test of ours imports.
func usedModules(t *testing.T) map[string]bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatalf("read go.mod: %v", err)
	}
	var mod struct{ Require []struct{ Path string } }
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, r := range mod.Require {
		paths = append(paths, r.Path)
	}
	sort.Slice(paths, func(i, j int) bool { return len(paths[i]) > len(paths[j]) }) // the innermost module first
	out, err = exec.CommandContext(t.Context(), "go", "list", "-f",
		`{{range .Imports}}{{.}} {{end}}{{range .TestImports}}{{.}} {{end}}{{range .XTestImports}}{{.}} {{end}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	used := map[string]bool{}
	for _, imported := range strings.Fields(string(out)) {
		for _, path := range paths {
			if imported == path || strings.HasPrefix(imported, path+"/") {
				used[path] = true
				break
			}
		}
	}
	return used
}
