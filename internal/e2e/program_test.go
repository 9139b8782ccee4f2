package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programs are the static programs under testprog, built once for each run.
var programs struct {
	mu    sync.Mutex
	built map[string]string // name to its bytes
}

// program gives the bytes of a program of testprog.
func program(t *testing.T, name string) string {
	t.Helper()
	programs.mu.Lock()
	defer programs.mu.Unlock()
	if text := programs.built[name]; text != "" {
		return text
	}
	to := filepath.Join(scratch, "testprog-"+name)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, "./testprog/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	text, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	if programs.built == nil {
		programs.built = map[string]string{}
	}
	programs.built[name] = string(text)
	return string(text)
}

// extensionLayer publishes a layer with the test extension under these names.
func (s *server) extensionLayer(t *testing.T, names ...string) string {
	t.Helper()
	files := map[string]string{}
	for _, name := range names {
		files["extensions/"+name] = program(t, "extension")
	}
	return s.layer(t, "extensions", files)
}
