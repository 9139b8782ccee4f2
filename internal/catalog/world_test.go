package catalog_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/catalog"
	"lambent/internal/lambda"
	"lambent/internal/store/memory"
)

const (
	region  = "eu-west-1"
	account = "123456789012"
	role    = "arn:aws:iam::123456789012:role/r"
)

// world is a catalog among fakes. Whatever is in data outlives the catalog.
type world struct {
	*catalog.Catalog
	t        *testing.T
	data     *memory.Data
	store    *memory.Store
	content  *content
	observer *observer

	concurrency int // of the account; 0 is AWS's
}

// inWorld runs a test with a started catalog, in a bubble: after
// synctest.Wait everything that the activators can do is done.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, data: &memory.Data{}, content: newContent(), observer: &observer{}}
		w.start()
		defer w.stop()
		test(t, w)
	})
}

func (w *world) start() {
	w.t.Helper()
	w.store = memory.Open(w.data)
	w.Catalog = newCatalog(w.store, w.content, w.observer, func(c *catalog.Config) { c.Concurrency = w.concurrency })
	if err := w.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stop() {
	w.t.Helper()
	w.Stop()
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// restart is what a kill and a new start look like from the store.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start()
}

// create makes a function and does not wait until it is Active.
func (w *world) create(name string, change ...func(*lambda.NewFunction)) lambda.Version {
	w.t.Helper()
	n := newFunction(name)
	for _, c := range change {
		c(&n)
	}
	v, err := w.CreateFunction(w.t.Context(), n)
	if err != nil {
		w.t.Fatalf("create %s: %v", name, err)
	}
	return v
}

// active makes a function and waits until it is Active.
func (w *world) active(name string, change ...func(*lambda.NewFunction)) lambda.Version {
	w.t.Helper()
	w.create(name, change...)
	synctest.Wait()
	return w.get(name, "")
}

func (w *world) get(name, qualifier string) lambda.Version {
	w.t.Helper()
	v, err := w.Function(w.t.Context(), name, qualifier)
	if err != nil {
		w.t.Fatalf("get %s %s: %v", name, qualifier, err)
	}
	return v
}

func (w *world) update(name string, u lambda.CodeUpdate) lambda.Version {
	w.t.Helper()
	v, err := w.UpdateCode(w.t.Context(), name, u)
	if err != nil {
		w.t.Fatalf("update code of %s: %v", name, err)
	}
	return v
}

func (w *world) configure(name string, s lambda.Settings) lambda.Version {
	w.t.Helper()
	v, err := w.UpdateSettings(w.t.Context(), name, s, "")
	if err != nil {
		w.t.Fatalf("update settings of %s: %v", name, err)
	}
	return v
}

func (w *world) publish(name, description string) lambda.Version {
	w.t.Helper()
	v, err := w.PublishVersion(w.t.Context(), name, description, "", "")
	if err != nil {
		w.t.Fatalf("publish %s: %v", name, err)
	}
	return v
}

func (w *world) layer(name string, change ...func(*lambda.NewLayerVersion)) lambda.LayerVersion {
	w.t.Helper()
	n := lambda.NewLayerVersion{Layer: name, Package: zip("layer " + name)}
	for _, c := range change {
		c(&n)
	}
	v, err := w.PublishLayer(w.t.Context(), n)
	if err != nil {
		w.t.Fatalf("publish layer %s: %v", name, err)
	}
	return v
}

func newFunction(name string) lambda.NewFunction {
	return lambda.NewFunction{Name: name, Package: zip("code"), Settings: lambda.Settings{
		Runtime: to(lambda.Runtime("python3.13")), Handler: to("app.handler"), Role: to(role),
	}}
}

func zip(content string) lambda.Package { return lambda.Package{Zip: []byte(content)} }

func to[T any](v T) *T { return &v }

func functionARN(name string) string {
	return "arn:aws:lambda:" + region + ":" + account + ":function:" + name
}

func layerARN(name string, number int) string {
	return fmt.Sprintf("arn:aws:lambda:%s:%s:layer:%s:%d", region, account, name, number)
}

// refused checks kind and text of an error that callers read.
func refused(t *testing.T, err error, kind lambda.Kind, message string) {
	t.Helper()
	var e *lambda.Error
	if !errors.As(err, &e) {
		t.Errorf("got %v, want an error that callers read: %s", err, message)
		return
	}
	if e.Kind != kind || e.Message != message {
		t.Errorf("got  kind %d: %s\nwant kind %d: %s", e.Kind, e.Message, kind, message)
	}
}

// content is a code store in memory. Unpacking waits while it is held and
// fails while it is broken.
type content struct {
	mu       sync.Mutex
	packages map[string]string // by digest
	put      map[string]time.Time
	unzipped map[string]int64 // by content, where it is not the length
	held     chan struct{}
	broken   error
	open     int // folders not released
}

// grace is how long the fake keeps what nobody refers to.
const grace = 10 * time.Minute

func newContent() *content {
	return &content{packages: map[string]string{}, put: map[string]time.Time{}, unzipped: map[string]int64{}}
}

func (c *content) Put(_ context.Context, zip []byte) (lambda.Code, error) {
	if string(zip) == "bad" {
		return lambda.Code{}, lambda.Errorf(lambda.InvalidParameter, "Could not unzip uploaded file.")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := sha256.Sum256(zip)
	code := lambda.Code{SHA256: base64.StdEncoding.EncodeToString(sum[:]), Size: int64(len(zip)), Unzipped: int64(len(zip))}
	if size, ok := c.unzipped[string(zip)]; ok {
		code.Unzipped = size
	}
	c.packages[code.SHA256] = string(zip)
	c.put[code.SHA256] = time.Now()
	return code, nil
}

func (c *content) Link(folder string) (lambda.Code, error) {
	return lambda.Code{SHA256: "path of " + folder, Folder: folder}, nil
}

func (c *content) Folder(ctx context.Context, code lambda.Code) (string, func(), error) {
	c.mu.Lock()
	held := c.held
	c.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			return "", nil, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return "", nil, c.broken
	}
	folder := code.Folder
	if folder == "" {
		content, ok := c.packages[code.SHA256]
		if !ok {
			return "", nil, fmt.Errorf("no package %s", code.SHA256)
		}
		folder = "/unpacked/" + content
	}
	c.open++
	return folder, func() { c.mu.Lock(); defer c.mu.Unlock(); c.open-- }, nil
}

func (c *content) Collect(_ context.Context, keep func(string) bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for digest := range c.packages {
		if !keep(digest) && time.Since(c.put[digest]) >= grace {
			delete(c.packages, digest)
		}
	}
	return nil
}

// hold makes unpacking wait until the returned function is called.
func (c *content) hold() (release func()) {
	held := make(chan struct{})
	c.mu.Lock()
	c.held = held
	c.mu.Unlock()
	return sync.OnceFunc(func() {
		c.mu.Lock()
		c.held = nil
		c.mu.Unlock()
		close(held)
	})
}

func (c *content) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = err
}

func (c *content) has(code string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, have := range c.packages {
		if have == code {
			return true
		}
	}
	return false
}

type source struct{}

func (source) Fetch(_ context.Context, bucket, key, version string) ([]byte, error) {
	if bucket != "b" {
		return nil, lambda.Errorf(lambda.InvalidParameter, "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist")
	}
	return []byte("from " + key + version), nil
}

type observer struct {
	mu      sync.Mutex
	retired []string
	ahead   ahead // provisioned_test.go
}

func (o *observer) Retired(generation string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.retired = append(o.retired, generation)
}

func (o *observer) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.retired
	o.retired = nil
	return all
}

// runtimes has everything but one.
type runtimes struct{}

func (runtimes) Check(r lambda.Runtime, architecture string) error {
	if r == "dotnet8" || architecture == "arm64" {
		return fmt.Errorf("%s for %s is not on this host; install it", r, architecture)
	}
	return nil
}
