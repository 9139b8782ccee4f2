package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/conformance/script"
)

// options are what the caller chose.
type options struct {
	endpoint, region, role, arch, probe string
	parallel                            int
}

// target is the server under test.
type target struct {
	options
	client *lambda.Client
	layer  string // ARN of the layer that holds the probe at /opt/probe
	prefix string // of the names of everything that this run makes

	mu   sync.Mutex
	made []func(context.Context) error // how to undo it, last first
}

// probePath is where the probe is inside environments.
const probePath = "/opt/probe"

func newTarget(ctx context.Context, o options) (*target, error) {
	id, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" {
		id, secret = "test", "test"
	}
	t := &target{options: o, prefix: fmt.Sprintf("conformance-%x", time.Now().UnixMilli()&0xffffff)}
	t.client = lambda.New(lambda.Options{
		BaseEndpoint: &o.endpoint, Region: o.region, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, os.Getenv("AWS_SESSION_TOKEN")),
		HTTPClient:  &http.Client{Timeout: 3 * time.Minute},
	})
	program, err := t.program(ctx)
	if err != nil {
		return nil, err
	}
	t.layer, err = t.publish(ctx, "probe", map[string]string{"probe": program})
	return t, err
}

// program gives the probe's bytes, built for the server's architecture.
func (t *target) program(ctx context.Context) (string, error) {
	if t.probe == "" {
		dir, err := os.MkdirTemp("", "conformance-")
		if err != nil {
			return "", err
		}
		defer os.RemoveAll(dir)
		t.probe = filepath.Join(dir, "probe")
		if err := buildProbe(ctx, t.probe, t.arch); err != nil {
			return "", err
		}
	}
	text, err := os.ReadFile(t.probe)
	return string(text), err
}

func buildProbe(ctx context.Context, to, arch string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, "lambent/conformance/probe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the probe: %w\n%s", err, out)
	}
	return nil
}

func (t *target) later(undo func(context.Context) error) {
	t.mu.Lock()
	t.made = append(t.made, undo)
	t.mu.Unlock()
}

// close removes what this run has made.
func (t *target) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for i := len(t.made) - 1; i >= 0; i-- {
		if err := t.made[i](ctx); err != nil {
			fmt.Fprintln(os.Stderr, "conformance: clean up:", err)
		}
	}
}

// publish makes a layer of these files.
func (t *target) publish(ctx context.Context, name string, files map[string]string) (string, error) {
	content, err := archive(files)
	if err != nil {
		return "", err
	}
	out, err := t.client.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{
		LayerName: aws.String(t.prefix + "-" + name), Content: &types.LayerVersionContentInput{ZipFile: content},
	})
	if err != nil {
		return "", fmt.Errorf("publish layer %s: %w", name, err)
	}
	t.later(func(ctx context.Context) error {
		_, err := t.client.DeleteLayerVersion(ctx, &lambda.DeleteLayerVersionInput{LayerName: out.LayerArn, VersionNumber: &out.Version})
		return err
	})
	return *out.LayerVersionArn, nil
}

// notExecutable in front of a file's text leaves out its right to be executed.
const notExecutable = "\x00"

// archive packs files; those that are programs are executable.
func archive(files map[string]string) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, text := range files {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o755)
		if plain, ok := bytes.CutPrefix([]byte(text), []byte(notExecutable)); ok {
			text = string(plain)
			h.SetMode(0o644)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := f.Write([]byte(text)); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// function is what a scenario deploys.
type function struct {
	bootstrap  *script.Script           // nil: the package has none
	extensions map[string]script.Script // by name, in a layer
	files      map[string]string        // further files of the package
	layerFiles map[string]string        // further files of the layer
	timeout    int32                    // 10 s
	memory     int32                    // 128 MB
	env        map[string]string
	json       bool // the log format is JSON
}

// interpreted is an executable file with a script for the probe.
func interpreted(s script.Script) (string, error) {
	text, err := json.Marshal(s)
	return "#!" + probePath + "\n" + string(text), err
}

// create makes the function and waits until it is active.
func (t *target) create(ctx context.Context, name string, f function) error {
	in := &lambda.CreateFunctionInput{
		FunctionName: &name, Role: &t.role, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("the.handler"),
		Layers: []string{t.layer}, Timeout: aws.Int32(cmpOr(f.timeout, 10)), MemorySize: aws.Int32(cmpOr(f.memory, 128)),
		Environment: &types.Environment{Variables: f.env},
	}
	if t.arch == "arm64" {
		in.Architectures = []types.Architecture{types.ArchitectureArm64}
	}
	if f.json {
		in.LoggingConfig = &types.LoggingConfig{LogFormat: types.LogFormatJson}
	}
	code, err := f.code()
	if err != nil {
		return err
	}
	in.Code = &types.FunctionCode{ZipFile: code}
	if len(f.extensions)+len(f.layerFiles) > 0 {
		files, err := f.layer()
		if err != nil {
			return err
		}
		arn, err := t.publish(ctx, name[len(t.prefix)+1:], files)
		if err != nil {
			return err
		}
		in.Layers = append(in.Layers, arn)
	}
	if _, err := t.client.CreateFunction(ctx, in); err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	t.later(func(ctx context.Context) error {
		_, err := t.client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &name})
		var gone *types.ResourceNotFoundException
		if errors.As(err, &gone) {
			return nil // the scenario has deleted it
		}
		return err
	})
	return t.active(ctx, name)
}

func (t *target) active(ctx context.Context, name string) error {
	w := lambda.NewFunctionActiveV2Waiter(t.client, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, time.Second
	})
	return w.Wait(ctx, &lambda.GetFunctionInput{FunctionName: &name}, time.Minute)
}

func (f function) code() ([]byte, error) {
	files := map[string]string{"handler": "here"}
	for name, text := range f.files {
		files[name] = text
	}
	if f.bootstrap != nil {
		text, err := interpreted(*f.bootstrap)
		if err != nil {
			return nil, err
		}
		files["bootstrap"] = text
	}
	return archive(files)
}

func (f function) layer() (map[string]string, error) {
	files := map[string]string{}
	for name, text := range f.layerFiles {
		files[name] = text
	}
	for name, s := range f.extensions {
		text, err := interpreted(s)
		if err != nil {
			return nil, err
		}
		files["extensions/"+name] = text
	}
	return files, nil
}

func cmpOr(n, instead int32) int32 {
	if n == 0 {
		return instead
	}
	return n
}
