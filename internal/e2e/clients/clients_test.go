package clients

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The packages must do what their contract says before tests of a server can
// rely on them, so here they run against a Runtime API that is as plain as can be.
func TestPackagesDoWhatEventsSay(t *testing.T) {
	t.Parallel()
	for _, c := range All() {
		t.Run(c.Name+" "+c.Version, func(t *testing.T) {
			t.Parallel()
			task := unpack(t, c.Package(t))
			for _, s := range []struct {
				event string
				want  func(path, body string) bool
				what  string
			}{
				{`{"op":"echo","value":{"a":[1,"é"]}}`, answered(`{"a":[1,"é"]}`), "the value"},
				{`{"op":"env","name":"MINE"}`, answered(`"yes"`), "the variable"},
				{`{"op":"env","name":"NOT_THERE"}`, answered(`null`), "null"},
				{`{"op":"print","text":"printed"}`, answered(`null`), "null"},
				{`{"op":"context"}`, answered(`{"arn":"arn:aws:lambda:us-east-1:123456789012:function:f","id":"id"}`), "the context"},
				{`{"op":"raise","message":"on purpose"}`, failed("on purpose"), "an error with the message"},
				{`{"op":"exit","code":3}`, func(path, body string) bool { return path == "exited" && body == "exit status 3" }, "an exit"},
			} {
				path, body, output := invoke(t, task, c.Handler, s.event)
				if !s.want(path, body) {
					t.Errorf("given %s: %s %q, want %s; it printed %q", s.event, path, body, s.what, output)
				}
				if strings.Contains(s.event, "printed") && !strings.Contains(output, "printed\n") {
					t.Errorf("given %s: printed %q", s.event, output)
				}
			}
		})
	}
}

// answered compares JSON by value.
func answered(want string) func(path, body string) bool {
	return func(path, body string) bool {
		var got any
		if json.Unmarshal([]byte(body), &got) != nil {
			return false
		}
		canonical, err := json.Marshal(got)
		return err == nil && path == "/2018-06-01/runtime/invocation/id/response" && string(canonical) == want
	}
}

func failed(message string) func(path, body string) bool {
	return func(path, body string) bool {
		return path == "/2018-06-01/runtime/invocation/id/error" && strings.Contains(body, message)
	}
}

func unpack(t *testing.T, data []byte) string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range archive.File {
		path := filepath.Join(dir, f.Name)
		from, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(from)
		from.Close()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, f.Mode()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// invoke starts the package, gives it one event, and returns what it posted,
// or how it ended.
func invoke(t *testing.T, task, handler, event string) (path, body, output string) {
	t.Helper()
	type post struct{ path, body string }
	posted := make(chan post, 4)
	events := make(chan string, 1)
	events <- event
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case e := <-events:
			h := w.Header()
			h.Set("Content-Type", "application/json")
			h.Set("Lambda-Runtime-Aws-Request-Id", "id")
			h.Set("Lambda-Runtime-Deadline-Ms", "4102444800000")
			h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:f")
			h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
			io.WriteString(w, e)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, `{"status":"OK"}`)
		posted <- post{r.URL.Path, string(text)}
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	var printed bytes.Buffer
	cmd := exec.Command(filepath.Join(task, "bootstrap"))
	cmd.Dir = task
	cmd.Stdout, cmd.Stderr = &printed, &printed
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = []string{
		"PATH=/usr/bin:/bin", "MINE=yes", "_HANDLER=" + handler, "LAMBDA_TASK_ROOT=" + task,
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_LOG_GROUP_NAME=g", "AWS_LAMBDA_LOG_STREAM_NAME=s", "AWS_REGION=us-east-1",
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case p := <-posted:
		path, body = p.path, p.body
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	case err := <-ended:
		path, body = "exited", "exit status 0"
		if err != nil {
			body = err.Error()
		}
	}
	return path, body, printed.String()
}
