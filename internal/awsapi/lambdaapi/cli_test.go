package lambdaapi

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCLI takes a function through its life with the aws command as users have
// it, whichever version is installed.
func TestCLI(t *testing.T) {
	t.Parallel()
	command, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the aws command is not installed")
	}
	folder := t.TempDir()
	server := serve(t, newWorld())
	run := func(args ...string) map[string]any {
		t.Helper()
		cmd := exec.Command(command, append([]string{"--endpoint-url", server.URL, "--output", "json"}, args...)...)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		answer := map[string]any{}
		if len(bytes.TrimSpace(out)) > 0 {
			if err := json.Unmarshal(out, &answer); err != nil {
				t.Fatalf("aws %s printed %q: %v", strings.Join(args, " "), out, err)
			}
		}
		return answer
	}
	writeZip(t, filepath.Join(folder, "f.zip"))
	const event = `{"a":1}`
	if err := os.WriteFile(filepath.Join(folder, "event.json"), []byte(event), 0o600); err != nil {
		t.Fatal(err)
	}

	created := run("lambda", "create-function", "--function-name", "f", "--runtime", "python3.13", "--handler", "f.handler", "--role", role, "--zip-file", "fileb://f.zip")
	if created["State"] != "Pending" || created["FunctionArn"] != "arn:aws:lambda:us-east-1:111111111111:function:f" {
		t.Errorf("create-function answered %v", created)
	}
	got := run("lambda", "get-function", "--function-name", "f")
	if code, _ := got["Code"].(map[string]any); code == nil || code["RepositoryType"] != "S3" {
		t.Errorf("get-function answered %v", got)
	}
	listed := run("lambda", "list-functions")
	if functions, _ := listed["Functions"].([]any); len(functions) != 1 {
		t.Errorf("list-functions answered %v", listed)
	}
	invoked := run("lambda", "invoke", "--function-name", "f", "--payload", "fileb://event.json", "out.json")
	if invoked["StatusCode"] != 200.0 || invoked["ExecutedVersion"] != "$LATEST" {
		t.Errorf("invoke answered %v", invoked)
	}
	out, err := os.ReadFile(filepath.Join(folder, "out.json"))
	if err != nil || string(out) != event {
		t.Errorf("invoke wrote %q (%v), want %q", out, err, event)
	}
	run("lambda", "delete-function", "--function-name", "f")
	if who := run("sts", "get-caller-identity"); who["Account"] != home.Account {
		t.Errorf("get-caller-identity answered %v", who)
	}
}

func writeZip(t *testing.T, path string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("f.py")
	if err == nil {
		_, err = f.Write([]byte("def handler(event, context): return event\n"))
	}
	if err == nil {
		err = z.Close()
	}
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
