package async

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// boto3 runs a script with boto3 against the server, and wants it to say "done".
func boto3(t *testing.T, s *server, script string, args ...string) {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(strings.TrimSpace(string(root)), "build", "venv", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		t.Skip("no boto3 here: run make prepare")
	}
	cmd := exec.CommandContext(t.Context(), python, append([]string{"-c", script}, args...)...)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+s.url, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "done\n") {
		t.Fatalf("boto3: %v\n%s", err, out)
	}
}
