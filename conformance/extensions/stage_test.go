package extensions

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/conformance/server"
)

// stage is a server and what is deployed to it.
type stage struct{ *server.Server }

// function is what a test deploys.
type function struct {
	layer            string // folder
	runtime, handler string
	files, env       map[string]string
}

func (s *stage) client() *lambda.Client {
	return lambda.New(lambda.Options{
		BaseEndpoint: &s.URL, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// deploy publishes the layer, creates the function and waits until it is active.
func (s *stage) deploy(t *testing.T, f function) string {
	t.Helper()
	name := strings.NewReplacer("/", "-", " ", "-", "_", "-").Replace(t.Name())
	in := &lambda.CreateFunctionInput{
		FunctionName: &name, Role: aws.String("arn:aws:iam::000000000000:role/test"), Handler: &f.handler,
		Runtime: types.Runtime(f.runtime), Timeout: aws.Int32(20), MemorySize: aws.Int32(512),
		Environment: &types.Environment{Variables: f.env}, Code: &types.FunctionCode{ZipFile: archive(t, f.files)},
	}
	if f.layer != "" {
		out, err := s.client().PublishLayerVersion(t.Context(), &lambda.PublishLayerVersionInput{
			LayerName: &name, Content: &types.LayerVersionContentInput{ZipFile: archiveFolder(t, f.layer)},
		})
		if err != nil {
			t.Fatal(err)
		}
		in.Layers = []string{*out.LayerVersionArn}
	}
	if _, err := s.client().CreateFunction(t.Context(), in); err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	w := lambda.NewFunctionActiveV2Waiter(s.client(), func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, time.Second
	})
	if err := w.Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: &name}, time.Minute); err != nil {
		t.Fatal(err)
	}
	return name
}

// invoke gives the payload of an invocation that must go well.
func (s *stage) invoke(t *testing.T, name, event string) string {
	t.Helper()
	out, err := s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: []byte(event)})
	if err != nil {
		t.Fatal(err)
	}
	if out.FunctionError != nil {
		t.Fatalf("%s: %s\n%s\n%s", *out.FunctionError, out.Payload, s.log(t, name), s.Said())
	}
	return string(out.Payload)
}

// archive packs files, all of them executable.
func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, text := range files {
		add(t, w, name, 0o755, []byte(text))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func add(t *testing.T, w *zip.Writer, name string, mode fs.FileMode, text []byte) {
	t.Helper()
	h := &zip.FileHeader{Name: name, Method: zip.Deflate}
	h.SetMode(mode)
	f, err := w.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(text); err != nil {
		t.Fatal(err)
	}
}

// archiveFolder packs a folder with its files' rights.
func archiveFolder(t *testing.T, dir string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == ".version" {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, err := fs.ReadFile(root, path)
		if err == nil {
			add(t, w, path, info.Mode().Perm(), text)
		}
		return err
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
