package async

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/ownapi"
)

// binary is the lambent that the tests run: LAMBENT_BIN, or one that is built
// here; bootstrap is the function's program.
var binary, bootstrap string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "lambent-async-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary, bootstrap = os.Getenv("LAMBENT_BIN"), filepath.Join(dir, "bootstrap")
	builds := map[string]string{bootstrap: "./internal/e2e/async/testprog"}
	if binary == "" {
		binary = filepath.Join(dir, "lambent")
		builds[binary] = "./cmd/lambent"
	}
	for to, from := range builds {
		if err := build(to, from); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

func build(to, from string) error {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	cmd := exec.Command("sh", "-c", `make -s embedded && CGO_ENABLED=0 go build -o "$1" "$2"`, "build", to, from)
	cmd.Dir = strings.TrimSpace(string(root))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", from, err, out)
	}
	return nil
}

// server is a running lambent. Its functions reach this test, so that they can
// tell what they do where no kill of the server can undo it.
type server struct {
	*lambda.Client
	http   *http.Client
	url    string
	driver string
	here   string // this machine's loopback, as functions call it
	cmd    *exec.Cmd
	said   *os.File
	exited chan struct{}
}

var banner = regexp.MustCompile(`at (http://[0-9.:]+) \((\w+) sandboxes`)

func launch(t testing.TB, dir string, flags ...string) *server {
	t.Helper()
	said, err := os.OpenFile(filepath.Join(dir, "stderr"), os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{said: said, exited: make(chan struct{})}
	args := []string{"serve", "--listen", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "data"), "--network", "host"}
	s.cmd = exec.Command(binary, append(args, flags...)...)
	s.cmd.Stderr = said
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
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	words := banner.FindStringSubmatch(line)
	if err != nil || words == nil {
		s.kill()
		text, _ := os.ReadFile(said.Name())
		t.Fatalf("lambent serve %v says %q, %v\n%s", flags, line, err, text)
	}
	s.url, s.driver, s.here = words[1], words[2], "host.lambent.internal"
	if s.driver == "process" {
		s.here = "127.0.0.1"
	}
	s.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128}}
	s.Client = lambda.New(lambda.Options{
		BaseEndpoint: &s.url, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1, HTTPClient: s.http,
	})
	return s
}

// own gives a server that ends with the test.
func own(t testing.TB, flags ...string) *server {
	t.Helper()
	s := launch(t, t.TempDir(), flags...)
	t.Cleanup(s.stop)
	return s
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
	_ = s.said.Close()
}

func (s *server) stop() {
	s.http.CloseIdleConnections()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
		_ = s.said.Close()
	case <-time.After(time.Minute):
		s.kill()
	}
}

// deploy creates the function that tells what it gets.
func (s *server) deploy(t testing.TB, name string, change func(*lambda.CreateFunctionInput)) *recorder {
	t.Helper()
	r := newRecorder(t)
	in := &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("x"), Role: aws.String("arn:aws:iam::000000000000:role/r"),
		Code: &types.FunctionCode{ZipFile: zipped(t)}, Timeout: aws.Int32(30),
		Environment: &types.Environment{Variables: map[string]string{"TEST_RECORD": r.url(s)}},
	}
	if change != nil {
		change(in)
	}
	if _, err := s.CreateFunction(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if err := lambda.NewFunctionActiveV2Waiter(s).Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: &name}, time.Minute); err != nil {
		t.Fatal(err)
	}
	return r
}

func zipped(t testing.TB) []byte {
	t.Helper()
	program, err := os.ReadFile(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	h.SetMode(0o755)
	w, err := z.CreateHeader(h)
	if err == nil {
		_, err = w.Write(program)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// send invokes asynchronously and gives the request's id.
func (s *server) send(ctx context.Context, name, payload string) (string, error) {
	out, err := s.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name, InvocationType: types.InvocationTypeEvent, Payload: []byte(payload)})
	if err != nil {
		return "", err
	}
	if out.StatusCode != http.StatusAccepted || len(out.Payload) != 0 || out.ExecutedVersion != nil {
		return "", fmt.Errorf("answered %d %q, version %v", out.StatusCode, out.Payload, out.ExecutedVersion)
	}
	id, _ := middleware.GetRequestIDMetadata(out.ResultMetadata)
	return id, nil
}

// queued is what the server says of its queue.
func (s *server) queued(t testing.TB, dead bool) ownapi.QueuePage {
	t.Helper()
	resp, err := http.Get(fmt.Sprintf("%s/_lambent/queue?dead=%v", s.url, dead))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var page ownapi.QueuePage
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		t.Fatal(err)
	}
	return page
}

// eventually waits for what is sure to come; how long it takes is no judgement.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come within two minutes", what)
		}
	}
}

// recorder is who functions tell what they do.
type recorder struct {
	server *httptest.Server
	mu     sync.Mutex
	all    []ran         // mu
	came   chan struct{} // pokes whoever waits for the next one
}

// ran is what a function got.
type ran struct {
	n       int
	id      string
	payload string
}

func newRecorder(t testing.TB) *recorder {
	t.Helper()
	r := &recorder{came: make(chan struct{}, 1)}
	r.server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		text, err := io.ReadAll(req.Body)
		var one ran
		if err == nil {
			_, err = fmt.Sscanf(string(text), "%d %s", &one.n, &one.id)
		}
		if err != nil {
			t.Errorf("a function says %q: %v", text, err)
			return
		}
		one.payload = strings.SplitN(string(text), " ", 3)[2]
		r.mu.Lock()
		r.all = append(r.all, one)
		r.mu.Unlock()
		select {
		case r.came <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(r.server.Close)
	return r
}

// url is where a server's functions reach the recorder.
func (r *recorder) url(s *server) string {
	_, port, _ := strings.Cut(strings.TrimPrefix(r.server.URL, "http://"), ":")
	return "http://" + s.here + ":" + port
}

func (r *recorder) runs() []ran {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}
