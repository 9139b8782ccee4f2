package catalog_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/catalog"
	"lambent/internal/lambda"
	"lambent/internal/store"
	"lambent/internal/store/memory"
	"lambent/internal/store/storetest"
)

// fullDisk is a store whose writes fail while it is full.
type fullDisk struct {
	*memory.Store
	full atomic.Bool
}

var errFull = errors.New("no space left on device")

func (s *fullDisk) PutFunction(ctx context.Context, change store.FunctionChange) error {
	if s.full.Load() {
		return errFull
	}
	return s.Store.PutFunction(ctx, change)
}

func (s *fullDisk) DeleteFunction(ctx context.Context, name string) error {
	if s.full.Load() {
		return errFull
	}
	return s.Store.DeleteFunction(ctx, name)
}

func (s *fullDisk) PutLayerVersion(ctx context.Context, v lambda.LayerVersion) error {
	if s.full.Load() {
		return errFull
	}
	return s.Store.PutLayerVersion(ctx, v)
}

func newCatalog(s storetest.Store, packages catalog.Content, o catalog.Observer, change ...func(*catalog.Config)) *catalog.Catalog {
	config := catalog.Config{
		Home:      lambda.Home{Partition: "aws", Region: region, Account: account},
		Functions: s, Layers: s, Signing: s, Mappings: s, Content: packages, Source: source{}, Runtimes: runtimes{}, Observer: o,
	}
	for _, c := range change {
		c(&config)
	}
	return catalog.New(config)
}

// What the store did not take nobody sees, and what must get done gets done
// when the store recovers.
func TestStoreThatIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &fullDisk{Store: memory.Open(&memory.Data{})}
		packages := newContent()
		c := newCatalog(disk, packages, &observer{})
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer c.Stop()
		release := packages.hold()
		if _, err := c.CreateFunction(t.Context(), newFunction("f")); err != nil {
			t.Fatal(err)
		}
		disk.full.Store(true)
		_, create := c.CreateFunction(t.Context(), newFunction("g"))
		_, layer := c.PublishLayer(t.Context(), lambda.NewLayerVersion{Layer: "l", Package: zip("l")})
		for call, err := range map[string]error{
			"create": create, "layer": layer,
			"delete": c.DeleteFunction(t.Context(), "f", ""), "tag": c.Tag(t.Context(), "f", map[string]string{"a": "b"}),
		} {
			if !errors.Is(err, errFull) || lambda.KindOf(err) != lambda.Internal {
				t.Errorf("%s: %v, want %v as an error of ours", call, err, errFull)
			}
		}
		if u, _ := c.Usage(t.Context()); u != (lambda.AccountUsage{Concurrency: lambda.DefaultConcurrency, CodeSize: 4, Functions: 1}) {
			t.Errorf("usage %+v, want f alone", u)
		}
		if tags, _ := c.Tags(t.Context(), "f"); len(tags) != 0 {
			t.Errorf("tags %v, want none", tags)
		}
		release()
		time.Sleep(time.Minute)
		if v, _ := c.Function(t.Context(), "f", ""); v.State != lambda.Pending {
			t.Errorf("f is %s while its state cannot be stored, want Pending", v.State)
		}
		disk.full.Store(false)
		time.Sleep(time.Minute)
		if v, _ := c.Function(t.Context(), "f", ""); v.State != lambda.Active {
			t.Errorf("f is %s after the store recovered, want Active", v.State)
		}
	})
}

func TestFunctionWithoutLatestIsNotLoaded(t *testing.T) {
	t.Parallel()
	s := memory.Open(&memory.Data{})
	if err := s.PutFunction(t.Context(), store.FunctionChange{Function: store.Function{Function: lambda.Function{Name: "odd"}}}); err != nil {
		t.Fatal(err)
	}
	c := newCatalog(s, newContent(), &observer{})
	defer c.Stop()
	if err := c.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "odd") {
		t.Errorf("Start: %v, want an error that names the function", err)
	}
}

func TestStartAndStopAreTwiceSafe(t *testing.T) {
	t.Parallel()
	s := memory.Open(&memory.Data{})
	c := newCatalog(s, newContent(), &observer{})
	for range 2 {
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.CreateFunction(t.Context(), newFunction("f")); err != nil {
		t.Fatal(err)
	}
	c.Stop()
	c.Stop()
	newCatalog(s, newContent(), &observer{}).Stop() // never started
}
