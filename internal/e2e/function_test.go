package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// function is what a test deploys. Empty members have sensible defaults.
type function struct {
	runtime  string // python3.11
	handler  string // index.handler
	code     string // one file: index.py for Python, index.js for Node, bootstrap for custom runtimes
	files    map[string]string
	memory   int32
	timeout  int32
	tmp      int32
	env      map[string]string
	layers   []string
	logging  *types.LoggingConfig
	archives []byte // a ready zip
}

// usual is the timeout of a function that asks for none.
const usual = -1

// deploy creates the function under the test's name, with a number behind it from
// the second time on, and waits until it is active.
func (s *server) deploy(t *testing.T, f function) string {
	t.Helper()
	name := s.unused(functionName(t))
	in := &lambda.CreateFunctionInput{
		FunctionName: &name, Role: aws.String("arn:aws:iam::000000000000:role/test"),
		Runtime: types.Runtime(or(f.runtime, "python3.11")), Handler: aws.String(or(f.handler, "index.handler")),
		Code: &types.FunctionCode{ZipFile: f.zip(t)}, Layers: f.layers, LoggingConfig: f.logging,
	}
	if f.memory > 0 {
		in.MemorySize = &f.memory
	}
	switch f.timeout {
	case 0:
		in.Timeout = aws.Int32(60) // AWS's 3 are too few where the host is busy
	case usual:
	default:
		in.Timeout = &f.timeout
	}
	if f.tmp > 0 {
		in.EphemeralStorage = &types.EphemeralStorage{Size: &f.tmp}
	}
	if f.env != nil {
		in.Environment = &types.Environment{Variables: f.env}
	}
	if _, err := s.client().CreateFunction(t.Context(), in); err != nil {
		t.Fatalf("create %s: %v\n%s", name, err, s.said)
	}
	s.waitActive(t, name)
	return name
}

// unused makes a name of a function one that no test has taken on this server.
func (s *server) unused(name string) string {
	taken, _ := s.names.LoadOrStore(name, new(atomic.Int32))
	if n := taken.(*atomic.Int32).Add(1); n > 1 {
		return fmt.Sprintf("%s-%d", name, n)
	}
	return name
}

func (s *server) waitActive(t *testing.T, name string) {
	t.Helper()
	w := lambda.NewFunctionActiveV2Waiter(s.client(), func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, 100*time.Millisecond
	})
	if err := w.Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: &name}, time.Minute); err != nil {
		t.Fatalf("%s does not become active: %v", name, err)
	}
}

func (s *server) waitUpdated(t *testing.T, name string) {
	t.Helper()
	w := lambda.NewFunctionUpdatedV2Waiter(s.client(), func(o *lambda.FunctionUpdatedV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, 100*time.Millisecond
	})
	if err := w.Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: &name}, time.Minute); err != nil {
		t.Fatalf("%s is not updated: %v", name, err)
	}
}

// functionName makes a name out of the test's, which is unique in its package.
func functionName(t *testing.T) string {
	name := strings.NewReplacer("/", "-", "#", "-", ".", "-", " ", "-").Replace(t.Name())
	return name[max(0, len(name)-60):]
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

func (f function) zip(t *testing.T) []byte {
	t.Helper()
	if f.archives != nil {
		return f.archives
	}
	files := map[string]string{}
	for name, text := range f.files {
		files[name] = text
	}
	if f.code != "" {
		files[f.mainFile()] = f.code
	}
	return zipOf(t, files)
}

func (f function) mainFile() string {
	switch r := or(f.runtime, "python3.11"); {
	case strings.HasPrefix(r, "python"):
		return "index.py"
	case strings.HasPrefix(r, "nodejs"):
		return "index.js"
	case strings.HasPrefix(r, "ruby"):
		return "index.rb"
	}
	return "bootstrap"
}

// zipOf packs files, executable when they look like programs.
func zipOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, text := range files {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o644)
		if strings.HasPrefix(text, "#!") || strings.HasPrefix(text, "\x7fELF") {
			h.SetMode(0o755)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// layer publishes a layer with the files and gives its version's ARN.
func (s *server) layer(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	out, err := s.client().PublishLayerVersion(t.Context(), &lambda.PublishLayerVersionInput{
		LayerName: aws.String(functionName(t) + "-" + name), Content: &types.LayerVersionContentInput{ZipFile: zipOf(t, files)},
	})
	if err != nil {
		t.Fatalf("publish layer: %v", err)
	}
	return *out.LayerVersionArn
}

// reply is what a synchronous invocation gave.
type reply struct {
	payload string
	fault   string // X-Amz-Function-Error
	log     string // the tail
	version string
}

// call invokes with the log tail and fails the test on anything but HTTP 200.
func (s *server) call(t *testing.T, name, payload string) reply {
	t.Helper()
	out, err := s.client().Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: &name, Payload: []byte(payload), LogType: types.LogTypeTail,
	})
	if err != nil {
		t.Fatalf("invoke %s: %v\n%s", name, err, s.said)
	}
	log, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if err != nil {
		t.Fatalf("log result: %v", err)
	}
	return reply{string(out.Payload), aws.ToString(out.FunctionError), string(log), aws.ToString(out.ExecutedVersion)}
}

// into decodes the payload of a call that must have gone well.
func (r reply) into(t *testing.T, to any) {
	t.Helper()
	if r.fault != "" {
		t.Fatalf("the function failed: %s\n%s", r.payload, r.log)
	}
	if err := json.Unmarshal([]byte(r.payload), to); err != nil {
		t.Fatalf("payload %s: %v", r.payload, err)
	}
}

// cold tells whether the report shows an Init.
func (r reply) cold() bool { return strings.Contains(r.log, "Init Duration:") }

// raw invokes without a log tail, so that the answer comes as soon as the
// function has given it. It may be used beside the test's goroutine.
func (s *server) raw(t *testing.T, name, payload string) (answer []byte, fault string) {
	t.Helper()
	out, err := s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: []byte(payload)})
	if err != nil {
		t.Errorf("invoke %s: %v", name, err)
		return nil, ""
	}
	return out.Payload, aws.ToString(out.FunctionError)
}

// updateEnvironment gives the function other variables, and so a new environment.
func (s *server) updateEnvironment(t *testing.T, name string, variables map[string]string) {
	t.Helper()
	if _, err := s.client().UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &name, Environment: &types.Environment{Variables: variables},
	}); err != nil {
		t.Fatalf("update %s: %v", name, err)
	}
	s.waitUpdated(t, name)
}
