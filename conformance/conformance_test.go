package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestConformance starts a server and proves every rule on it. With -v each
// case is printed.
func TestConformance(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the probe needs Linux")
	}
	server := startServer(t)
	target, err := newTarget(t.Context(), options{
		endpoint: server, region: "us-east-1", role: "arn:aws:iam::000000000000:role/conformance", arch: runtime.GOARCH, parallel: 6,
	})
	if err != nil {
		t.Fatal(err)
	}
	all := scenarios()
	t.Run("scenarios", func(t *testing.T) {
		places := make(chan struct{}, target.parallel)
		for _, s := range all {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				places <- struct{}{}
				defer func() { <-places }()
				for _, c := range target.run(t.Context(), s).cases {
					if c.problem != "" || c.skipped != "" {
						t.Error(c) // here nothing is skipped: the logs can be read
						continue
					}
					t.Log(c)
				}
			})
		}
	})
	target.close()
}

// startServer runs the binary of LAMBENT_BIN, or one that is built here, and
// gives its address.
func startServer(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	binary := os.Getenv("LAMBENT_BIN")
	if binary == "" {
		binary = filepath.Join(dir, "lambent")
		cmd := exec.Command("sh", "-c", `cd .. && make -s embedded && CGO_ENABLED=0 go build -o "$1" ./cmd/lambent`, "build", binary)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	}
	said := &output{}
	cmd := exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "data"))
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		done := make(chan error, 1)
		go func() { _, _ = io.Copy(io.Discard, out); done <- cmd.Wait() }()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("the server ended badly: %v\n%s", err, said)
			}
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			t.Errorf("the server did not drain within a minute\n%s", said)
		}
	})
	words := regexp.MustCompile(`at (http://[0-9.:]+) `).FindStringSubmatch(line)
	if err != nil || words == nil {
		t.Fatalf("lambent serve says %q (%v)\n%s", line, err, said)
	}
	return words[1]
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

// TestScenarioNames: names become parts of function names, once each.
func TestScenarioNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range scenarios() {
		if seen[s.name] || len(s.name) > 40 || strings.Trim(s.name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("scenario %q", s.name)
		}
		seen[s.name] = true
	}
}

// TestProofsAreWorded: what a person reads of each outcome.
func TestProofsAreWorded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		proof proof
		want  string
	}{
		{proof{section: "3.2", rule: "a rule"}, "§3.2 a rule: ok"},
		{proof{section: "3.2", rule: "a rule", problem: "status 1"}, "§3.2 a rule: FAILED: status 1"},
		{proof{section: "3.2", rule: "a rule", skipped: "no logs"}, "§3.2 a rule: skipped: no logs"},
	} {
		if got := fmt.Sprint(c.proof); got != c.want {
			t.Errorf("%+v: %q, want %q", c.proof, got, c.want)
		}
	}
}
