package lambdaapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"lambent/internal/awsapi"
	"lambent/internal/awsapi/sts"
	"lambent/internal/lambda"
)

var home = lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"}

const role = "arn:aws:iam::111111111111:role/r"

// elsewhere is what the tests of the API on a real catalog try (joined_test.go).
type elsewhere interface {
	Aliases
	Policies
	LayerPolicies
	Concurrency
	Provisioned
	Management
	CodeSigning
	CodeSigningUse
	CodeSigningTags
	EventInvokes
	URLs
	Mappings
	MappingTags
}

// world is a catalog, invoker and content store in memory: as much of the rules
// as the edge can notice.
type world struct {
	elsewhere
	mu        sync.Mutex
	functions map[string]*lambda.Version
	tags      map[string]map[string]string
	layers    map[string][]lambda.LayerVersion
	zips      map[string][]byte
	reserved  map[string]*int

	created  lambda.NewFunction     // the last one
	settings lambda.Settings        // of the last update
	update   lambda.CodeUpdate      // the last one
	filter   lambda.FunctionFilter  // of the last list
	shelf    lambda.LayerFilter     // of the last list of layers
	layer    lambda.NewLayerVersion // the last one
	calls    []lambda.Invocation
	refs     []lambda.Reference
	accepted []call // events
	full     error  // returned by Accept when set
	invoke   func(context.Context, lambda.Reference, lambda.Invocation) (lambda.Result, error)
	fail     error // returned by Function when set
	log      bytes.Buffer
	now      time.Time
}

func newWorld() *world {
	return &world{
		functions: map[string]*lambda.Version{}, tags: map[string]map[string]string{},
		layers: map[string][]lambda.LayerVersion{}, zips: map[string][]byte{}, reserved: map[string]*int{},
		now: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC),
		invoke: func(_ context.Context, _ lambda.Reference, inv lambda.Invocation) (lambda.Result, error) {
			return lambda.Result{Payload: inv.Payload, Version: lambda.Latest}, nil
		},
	}
}

// Accept is the queue.
func (w *world) Accept(_ context.Context, function lambda.Reference, inv lambda.Invocation) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full == nil {
		w.accepted = append(w.accepted, call{function: function, inv: inv})
	}
	return w.full
}

func notFound(name, qualifier string) error {
	return lambda.Errorf(lambda.NotFound, "Function not found: %s", home.FunctionARN(name, qualifier))
}

func (w *world) keep(p lambda.Package) lambda.Code {
	if p.Bucket == "hot-reload" {
		return lambda.Code{Folder: p.Key, SHA256: "folder"}
	}
	sum := sha256.Sum256(p.Zip)
	code := lambda.Code{SHA256: base64.StdEncoding.EncodeToString(sum[:]), Size: int64(len(p.Zip))}
	w.zips[code.SHA256] = p.Zip
	return code
}

func (w *world) CreateFunction(_ context.Context, f lambda.NewFunction) (lambda.Version, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.created = f
	if w.functions[f.Name] != nil {
		return lambda.Version{}, lambda.Errorf(lambda.Conflict, "Function already exist: %s", f.Name)
	}
	v := &lambda.Version{
		Account: home.Account, Region: home.Region, Function: f.Name, Number: lambda.Latest, Role: *f.Settings.Role,
		MemoryMB: 128, Timeout: 3 * time.Second, EphemeralMB: 512, Architecture: "x86_64", PackageType: "Zip",
		TracingMode: "PassThrough", Logging: lambda.Logging{Format: "Text", Group: "/aws/lambda/" + f.Name},
		State: lambda.Pending, StateReason: "The function is being created.", StateReasonCode: "Creating",
		RevisionID: "r1", LastModified: w.now, Code: w.keep(f.Package), RuntimeVersion: "arn:aws:lambda:us-east-1::runtime:ab",
	}
	if f.Settings.Runtime != nil {
		v.Runtime = *f.Settings.Runtime
	}
	if f.Settings.Handler != nil {
		v.Handler = *f.Settings.Handler
	}
	if f.Settings.Environment != nil {
		v.Environment, v.HasEnvironment = *f.Settings.Environment, true
	}
	w.functions[f.Name], w.tags[f.Name] = v, f.Tags
	answer := *v
	if f.Publish {
		answer.Number = "1"
	}
	return answer, nil
}

func (w *world) Function(_ context.Context, name, qualifier string) (lambda.Version, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return lambda.Version{}, w.fail
	}
	v := w.functions[name]
	if v == nil || qualifier != "" && qualifier != lambda.Latest && qualifier != "live" {
		return lambda.Version{}, notFound(name, qualifier)
	}
	if qualifier == "live" {
		one := *v
		one.Number = "1"
		return one, nil
	}
	return *v, nil
}

func (w *world) UpdateCode(ctx context.Context, name string, u lambda.CodeUpdate) (lambda.Version, error) {
	v, err := w.Function(ctx, name, "")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.update = u
	if u.Publish {
		v.Number = "2"
	}
	return v, err
}

func (w *world) UpdateSettings(ctx context.Context, name string, s lambda.Settings, _ string) (lambda.Version, error) {
	v, err := w.Function(ctx, name, "")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settings = s
	return v, err
}

func (w *world) DeleteFunction(_ context.Context, name, _ string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.functions[name] == nil {
		return notFound(name, "")
	}
	delete(w.functions, name)
	return nil
}

func (w *world) Functions(_ context.Context, f lambda.FunctionFilter) ([]lambda.Version, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.filter = f
	var all []lambda.Version
	for _, v := range w.functions {
		if v.Function > f.Marker {
			all = append(all, *v)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Function < all[j].Function })
	if len(all) > f.Max {
		return all[:f.Max], all[f.Max-1].Function, nil
	}
	return all, "", nil
}

func (w *world) Versions(ctx context.Context, name, _ string, _ int) ([]lambda.Version, string, error) {
	v, err := w.Function(ctx, name, "")
	if err != nil {
		return nil, "", err
	}
	one := v
	one.Number = "1"
	return []lambda.Version{v, one}, "", nil
}

func (w *world) PublishVersion(ctx context.Context, name, description, _, _ string) (lambda.Version, error) {
	v, err := w.Function(ctx, name, "")
	v.Number, v.Description, v.State, v.Update = "1", description, lambda.Active, lambda.UpdateSuccessful
	v.StateReason, v.StateReasonCode = "", ""
	return v, err
}

func (w *world) Usage(context.Context) (lambda.AccountUsage, error) {
	return lambda.AccountUsage{CodeSize: 276, Functions: len(w.functions), Concurrency: 1000}, nil
}

func (w *world) Concurrency(_ context.Context, name string) (*int, error) {
	return w.reserved[name], nil
}

func (w *world) PublishLayer(_ context.Context, l lambda.NewLayerVersion) (lambda.LayerVersion, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.layer = l
	v := lambda.LayerVersion{
		Account: home.Account, Region: home.Region, Layer: l.Layer, Number: int64(len(w.layers[l.Layer]) + 1),
		Description: l.Description, License: l.License, Runtimes: l.Runtimes, Architectures: l.Architectures,
		Code: w.keep(l.Package), CreatedAt: w.now,
	}
	w.layers[l.Layer] = append([]lambda.LayerVersion{v}, w.layers[l.Layer]...)
	return v, nil
}

func (w *world) LayerVersion(_ context.Context, name string, number int64) (lambda.LayerVersion, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range w.layers[name] {
		if v.Number == number {
			return v, nil
		}
	}
	return lambda.LayerVersion{}, errNoResource()
}

func (w *world) Layers(_ context.Context, f lambda.LayerFilter) ([]lambda.LayerVersion, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shelf = f
	var latest []lambda.LayerVersion
	for _, versions := range w.layers {
		latest = append(latest, versions[0])
	}
	return latest, "", nil
}

func (w *world) LayerVersions(_ context.Context, name string, f lambda.LayerFilter) ([]lambda.LayerVersion, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shelf = f
	return w.layers[name], "", nil
}

func (w *world) DeleteLayerVersion(context.Context, string, int64) error { return nil }

func (w *world) Tag(ctx context.Context, name string, tags map[string]string) error {
	if _, err := w.Function(ctx, name, ""); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tags[name] == nil {
		w.tags[name] = map[string]string{}
	}
	for k, v := range tags {
		w.tags[name][k] = v
	}
	return nil
}

func (w *world) Untag(ctx context.Context, name string, keys []string) error {
	if _, err := w.Function(ctx, name, ""); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range keys {
		delete(w.tags[name], k)
	}
	return nil
}

func (w *world) Tags(ctx context.Context, name string) (map[string]string, error) {
	if _, err := w.Function(ctx, name, ""); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tags[name], nil
}

func (w *world) Resolve(name, qualifier string) (*lambda.Version, error) {
	v, err := w.Function(context.Background(), name, qualifier)
	if err != nil {
		if qualifier == "" {
			err = notFound(name, lambda.Latest)
		}
		return nil, err
	}
	return &v, nil
}

func (w *world) Invoke(ctx context.Context, ref lambda.Reference, inv lambda.Invocation) (lambda.Result, error) {
	if _, err := w.Resolve(ref.Name, ref.Qualifier); err != nil {
		return lambda.Result{}, err
	}
	w.mu.Lock()
	w.calls, w.refs = append(w.calls, inv), append(w.refs, ref)
	run := w.invoke
	w.mu.Unlock()
	return run(ctx, ref, inv)
}

type closable struct{ *bytes.Reader }

func (closable) Close() error { return nil }

func (w *world) Open(_ context.Context, code lambda.Code) (io.ReadSeekCloser, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	zip, ok := w.zips[code.SHA256]
	if !ok {
		return nil, errors.New("no such package")
	}
	return closable{bytes.NewReader(zip)}, nil
}

func (w *world) last(t *testing.T) lambda.Invocation {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.calls) == 0 {
		t.Fatal("nothing was invoked")
	}
	return w.calls[len(w.calls)-1]
}

// serve puts the API over the world on a real socket.
func serve(t testing.TB, w *world) *httptest.Server {
	t.Helper()
	var server *httptest.Server
	api, err := New(Config{
		Home: home, Catalog: w, Invoker: w, Queue: w, Resolver: w, Content: w,
		Endpoint:   func() string { return server.URL },
		SigningKey: []byte("a key of sixteen"),
		Log:        slog.New(slog.NewTextHandler(&w.log, nil)),
		Now:        func() time.Time { return w.now },
	})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	server = httptest.NewServer(&awsapi.Front{Services: map[string]http.Handler{"lambda": api, "sts": sts.New(home, nil, api.Log)}, Default: api})
	t.Cleanup(server.Close)
	return server
}

// client is the SDK's own, pointed at the server.
func client(server *httptest.Server) *sdk.Client {
	return sdk.New(sdk.Options{
		BaseEndpoint: aws.String(server.URL), Region: home.Region,
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:       server.Client(),
		RetryMaxAttempts: 1,
	})
}
