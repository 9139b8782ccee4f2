package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// binary is the lambent that the tests run: LAMBENT_BIN, or one that is built
// here; scratch is a folder that everybody may read and that goes with the run.
var binary, scratch string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// waitingTests is how many tests run at once: nearly all of them wait for a
// server most of the time.
const waitingTests = "6"

func run(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", waitingTests); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "lambent-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// An ordinary user must reach the binary and his data in it.
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if binary = os.Getenv("LAMBENT_BIN"); binary == "" {
		binary = filepath.Join(dir, "lambent")
		if err := build(binary); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	scratch = dir
	code := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func build(to string) error {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	cmd := exec.Command("sh", "-c", `make -s embedded && CGO_ENABLED=0 go build -o "$1" ./cmd/lambent`, "build", to)
	cmd.Dir = strings.TrimSpace(string(root))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

// server is a running lambent.
type server struct {
	url    string
	dir    string // its data folder
	driver string // what its banner says
	user   int    // that it runs as
	cmd    *exec.Cmd
	said   *buffer // standard error

	transport http.Transport // connections of the tests to it
	names     sync.Map       // of functions to how many tests took them, *atomic.Int32
	exited    chan struct{}
	err       error // of Wait, after exited
}

// ground is a way in which this host can run environments.
type ground struct {
	name  string
	flags []string
	user  uint32 // that the server runs as; 0: whoever runs the tests
}

// nobody is the ordinary user that servers run as when root runs the tests.
const nobody = 65534

// native is the strongest ground: root's namespaces where root runs the tests,
// and otherwise those of an ordinary user.
var native = ground{name: "native"}

// grounds are all that can be tested here.
func grounds() []ground {
	all := []ground{{name: "namespace", flags: []string{"--driver", "namespace"}}, {name: "process", flags: []string{"--driver", "process"}}}
	if os.Geteuid() == 0 {
		all = append(all, ground{name: "rootless", flags: []string{"--driver", "namespace"}, user: nobody})
	}
	return all
}

// everywhere runs the test on every ground.
func everywhere(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	for _, g := range grounds() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			test(t, startOn(t, g))
		})
	}
}

var shared struct {
	mu      sync.Mutex
	servers map[string]*server
}

// start gives a server with these flags, shared with the other tests that use
// the same ones.
func start(t *testing.T, flags ...string) *server {
	t.Helper()
	return startOn(t, native, flags...)
}

func startOn(t *testing.T, g ground, flags ...string) *server {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	key := fmt.Sprint(g, flags)
	if s := shared.servers[key]; s != nil {
		return s
	}
	dir, err := os.MkdirTemp("", "lambent-data-")
	if err != nil {
		t.Fatal(err)
	}
	s := launch(t, g, dir, flags...)
	if shared.servers == nil {
		shared.servers = map[string]*server{}
	}
	shared.servers[key] = s
	return s
}

func stopShared() error {
	var all []error
	for flags, s := range shared.servers {
		if err := s.stop(); err != nil {
			all = append(all, fmt.Errorf("server %q: %w\n%s", flags, err, s.said))
		}
		all = append(all, os.RemoveAll(s.dir))
	}
	return errors.Join(all...)
}

// own gives a server that belongs to the test alone and ends with it.
func own(t *testing.T, dir string, flags ...string) *server {
	t.Helper()
	return ownOn(t, native, dir, flags...)
}

func ownOn(t *testing.T, g ground, dir string, flags ...string) *server {
	t.Helper()
	s := launch(t, g, dir, flags...)
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stop server: %v\n%s", err, s.said)
		}
	})
	return s
}

var banner = regexp.MustCompile(`at (http://[0-9.:]+) \((\w+) sandboxes`)

// launch runs the binary and waits for its banner.
func launch(t *testing.T, g ground, dir string, flags ...string) *server {
	t.Helper()
	s := &server{dir: dir, said: &buffer{}, exited: make(chan struct{})}
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", dir}, g.flags...)
	s.cmd = exec.Command(binary, append(args, flags...)...)
	s.cmd.Stderr, s.user = s.said, os.Geteuid()
	if g.user != 0 {
		if err := os.Chown(dir, int(g.user), int(g.user)); err != nil {
			t.Fatal(err)
		}
		s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: g.user, Gid: g.user}}
		s.user = int(g.user)
		s.cmd.Dir, s.cmd.Env = "/", append(os.Environ(), "HOME="+dir, "TMPDIR=/tmp")
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() {
		_, _ = io.Copy(io.Discard, out)
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	if err != nil {
		<-s.exited
		t.Fatalf("lambent serve %v said nothing: %v\n%s", flags, s.err, s.said)
	}
	words := banner.FindStringSubmatch(line)
	if words == nil {
		t.Fatalf("lambent serve says %q", line)
	}
	s.url, s.driver = words[1], words[2]
	return s
}

// stop drains the server, and tells whether it ended well.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
		return s.err
	case <-time.After(time.Minute):
		_ = s.cmd.Process.Kill()
		<-s.exited
		return errors.New("did not drain within a minute")
	}
}

// kill ends the server as a crash would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// client is AWS's SDK, pointed at the server.
func (s *server) client() *lambda.Client {
	return lambda.New(lambda.Options{
		BaseEndpoint: aws.String(s.url), Region: "us-east-1",
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1,
		HTTPClient:       &http.Client{Transport: &s.transport},
	})
}

// command is a client program with the variables that point it at the server.
func (s *server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+s.url, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=")
	return cmd
}

// buffer is a bytes.Buffer that several goroutines may use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// everywhereOwn runs the test on every ground, with a server of its own.
func everywhereOwn(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	for _, g := range grounds() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			test(t, ownOn(t, g, dataDir(t)))
		})
	}
}

// dataDir is a folder for the data of a test's own server. Unlike t.TempDir's,
// an ordinary user can reach it.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lambent-data-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
