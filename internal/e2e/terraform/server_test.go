package terraform

import (
	"archive/zip"
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// binary is the lambent that the tests run: LAMBENT_BIN, or one that is built here.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if binary = os.Getenv("LAMBENT_BIN"); binary != "" || testing.Short() {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "lambent-terraform-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "lambent")
	cmd := exec.Command("sh", "-c", `cd "$(go list -m -f '{{.Dir}}')" && make -s embedded && CGO_ENABLED=0 go build -o "$1" ./cmd/lambent`, "build", binary)
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build lambent: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// server is a running lambent.
type server struct {
	*lambda.Client
	url string
}

var banner = regexp.MustCompile(`at (http://[0-9.:]+) \(`)

// start gives a server that ends with the test.
func start(t *testing.T, flags ...string) *server {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a server")
	}
	var said bytes.Buffer
	cmd := exec.Command(binary, append([]string{
		"serve", "--listen", "127.0.0.1:0", "--data-dir", filepath.Join(t.TempDir(), "data"), "--account-id", account,
	}, flags...)...)
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() {
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			<-exited
		}
		if t.Failed() {
			t.Logf("the server said:\n%s", said.String())
		}
	})
	words := banner.FindStringSubmatch(line)
	if err != nil || words == nil {
		t.Fatalf("lambent serve says %q, %v", line, err)
	}
	return &server{url: words[1], Client: lambda.New(lambda.Options{
		BaseEndpoint: &words[1], Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})}
}

const account = "111111111111"

// environ makes a tool that reads AWS's usual variables talk to the server.
func (s *server) environ() []string {
	return append(os.Environ(), "AWS_ENDPOINT_URL="+s.url, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_SESSION_TOKEN=",
		"AWS_DEFAULT_REGION=us-east-1", "AWS_REGION=us-east-1", "AWS_PAGER=", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
}

// python is the runtime of this host's Python.
func python(t *testing.T) (runtime string) {
	t.Helper()
	out, err := exec.Command("python3", "-c", `import sys; print("python%d.%d" % sys.version_info[:2])`).Output()
	if err != nil {
		t.Skip("no python3 here")
	}
	return strings.TrimSpace(string(out))
}

// zipped writes an archive of one file.
func zipped(t *testing.T, to, name, text string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: name, Method: zip.Deflate}
	header.SetMode(0o644)
	f, err := z.CreateHeader(header)
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	if err == nil {
		err = z.Close()
	}
	if err == nil {
		err = os.WriteFile(to, b.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// handler is a function that says who it is.
func handler(colour string) string {
	return "import os, shared\ndef handler(event, context):\n    print('" + colour + " ran')\n    return '" + colour + " ' + os.environ['COLOUR']\n"
}
