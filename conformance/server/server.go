// Package server runs the lambent binary for tests that speak to it from
// outside.
package server

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is a running lambent.
type Server struct {
	URL  string
	said *output
}

// Said is what it has written to its standard error.
func (s *Server) Said() string { return s.said.String() }

var banner = regexp.MustCompile(`at (http://[0-9.:]+) `)

// Start runs the binary of LAMBENT_BIN, or one that is built for the test, with
// a data folder of its own, and ends it with the test.
func Start(t testing.TB, flags ...string) *Server {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	binary := os.Getenv("LAMBENT_BIN")
	if binary == "" {
		binary = filepath.Join(dir, "lambent")
		build(t, binary)
	}
	s := &Server{said: &output{}}
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "data")}, flags...)
	cmd := exec.Command(binary, args...)
	cmd.Stderr = s.said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	t.Cleanup(func() { s.stop(t, cmd, out) })
	words := banner.FindStringSubmatch(line)
	if err != nil || words == nil {
		t.Fatalf("lambent serve says %q (%v)\n%s", line, err, s.said)
	}
	s.URL = words[1]
	return s
}

func build(t testing.TB, to string) {
	t.Helper()
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		t.Fatalf("find the module: %v", err)
	}
	cmd := exec.Command("sh", "-c", `make -s embedded && CGO_ENABLED=0 go build -o "$1" ./cmd/lambent`, "build", to)
	cmd.Dir = strings.TrimSpace(string(root))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

// stop drains the server; one that does not is a failure of the test.
func (s *Server) stop(t testing.TB, cmd *exec.Cmd, out io.Reader) {
	t.Helper()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() {
		_, _ = io.Copy(io.Discard, out)
		done <- cmd.Wait()
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("the server ended badly: %v\n%s", err, s.said)
		}
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		<-done
		t.Errorf("the server did not drain within a minute\n%s", s.said)
	}
}

// output is a buffer that a process writes and a test reads.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
