package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"lambent/internal/lambda"
	"lambent/internal/store"
	"lambent/internal/turn"
)

// Content keeps packages by their digest.
type Content interface {
	// Put keeps a zip durably. A *lambda.Error says what is wrong with it.
	Put(ctx context.Context, zip []byte) (lambda.Code, error)
	// Link makes code of a host folder that is used as it is.
	Link(folder string) (lambda.Code, error)
	// Folder tells where the code is unpacked, after unpacking it if need be.
	// The folder stays until release is called.
	Folder(ctx context.Context, c lambda.Code) (dir string, release func(), err error)
	// Collect removes the packages that keep refuses and that were not put
	// lately.
	Collect(ctx context.Context, keep func(sha256 string) bool) error
}

// Source fetches packages that a caller left in a bucket.
type Source interface {
	// Fetch gives the object's bytes. A *lambda.Error says why it cannot.
	Fetch(ctx context.Context, bucket, key, version string) (zip []byte, err error)
}

// Runtimes knows what this host can run.
type Runtimes interface {
	// Check answers nil, or an error whose text tells the caller what is
	// missing here and how to get it.
	Check(runtime lambda.Runtime, architecture string) error
}

// Keys seals the variables of functions that have a KMSKeyArn. All refusals are
// *lambda.Error.
type Keys interface {
	// Usable answers nil when variables can be sealed with the key now.
	Usable(arn string) error
	// Open gives a version with its variables in clear, the same one if they are.
	Open(v *lambda.Version) (*lambda.Version, error)
}

// Observer is told what environments need to know.
type Observer interface {
	// Retired says that no new invocation will be given this generation: its
	// function was updated or deleted. It must neither block nor call back.
	Retired(generation string)
}

// Herald is an Observer that hears which versions are likely to be invoked soon.
type Herald interface {
	// Activated says that a function was made or changed, and is ready. It must
	// neither block nor call back.
	Activated(latest *lambda.Version)
}

// Config is what a Catalog is made of. All members but Concurrency, Keys, Rights, Log and NewID are needed.
type Config struct {
	Home      lambda.Home
	Functions store.Functions
	Layers    store.Layers
	Signing   store.Signing
	Mappings  store.Mappings
	Content   Content
	Source    Source
	Runtimes  Runtimes
	Observer  Observer

	Concurrency int // of the account; 0: lambda.DefaultConcurrency

	Keys   Keys          // nil: every KMSKeyArn is kept, and none is asked about
	Rights Rights        // nil: functions may do everything
	Log    *slog.Logger  // nil: silent
	NewID  func() string // makes revision ids and generations; nil: random UUIDs
}

// How many activators work at the same time, and when what failed for a reason
// of ours is tried again.
const (
	activators   = 3
	retryAfter   = time.Second
	collectEvery = time.Hour
)

// Catalog is the owner of functions and layers. Make it with New and Start it
// before use.
type Catalog struct {
	config Config

	// turns are held across store writes: "function/name", "layer/name", and
	// "account/…", which is taken before a function's.
	turns     turn.Line
	functions atomic.Pointer[map[string]*entry]
	committed atomic.Int64 // concurrency that is set aside for functions, all together
	layers    atomic.Pointer[map[string]*layer]
	urls      atomic.Pointer[map[string]urlPlace]                  // by the URL's id
	signings  atomic.Pointer[map[string]lambda.CodeSigningConfig]  // by ARN
	mappings  atomic.Pointer[map[string]lambda.EventSourceMapping] // by UUID

	mu      sync.Mutex
	pending []string           // names of functions that wait for an activator
	cancel  context.CancelFunc // nil until started
	stopped bool

	wake      chan struct{} // capacity 1: pending is not empty
	collect   chan struct{} // capacity 1: something may have become garbage
	unsettled chan struct{} // capacity 1: a mapping's state is to change
	running   sync.WaitGroup
}

// entry is a function's place in the catalog; it lasts from creation to deletion.
type entry struct{ current atomic.Pointer[function] }

// New makes a catalog that knows nothing until it is started.
func New(config Config) *Catalog {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.NewID == nil {
		config.NewID = uuid.NewString
	}
	c := &Catalog{config: config, wake: make(chan struct{}, 1), collect: make(chan struct{}, 1), unsettled: make(chan struct{}, 1)}
	c.functions.Store(&map[string]*entry{})
	c.layers.Store(&map[string]*layer{})
	c.signings.Store(&map[string]lambda.CodeSigningConfig{})
	c.mappings.Store(&map[string]lambda.EventSourceMapping{})
	c.urls.Store(&map[string]urlPlace{})
	return c
}

// Start reads the store and takes up what an earlier process left Pending or
// InProgress. When it returns, every method may be called. The context is of
// Start alone. A second call does nothing.
func (c *Catalog) Start(ctx context.Context) error {
	c.mu.Lock()
	started := c.cancel != nil || c.stopped
	c.mu.Unlock()
	if started {
		return nil
	}
	if err := c.load(ctx); err != nil {
		return fmt.Errorf("load catalog: %w", err)
	}
	work, cancel := context.WithCancel(context.Background())
	c.mu.Lock()
	c.cancel = cancel
	c.mu.Unlock()
	for range activators {
		c.running.Go(func() { c.activate(work) })
	}
	c.running.Go(func() { c.collectGarbage(work) })
	c.running.Go(func() { c.settleMappings(work) })
	poke(c.unsettled)
	poke(c.wake)
	poke(c.collect)
	return nil
}

// Stop ends the work in the background and waits for it. What is Pending stays
// so until the next start. A second call does nothing.
func (c *Catalog) Stop() {
	c.mu.Lock()
	c.stopped = true
	if c.cancel != nil {
		c.cancel()
	}
	c.mu.Unlock()
	c.running.Wait()
}

func (c *Catalog) load(ctx context.Context) error {
	functions, urls := map[string]*entry{}, map[string]urlPlace{}
	err := c.config.Functions.EachFunction(ctx, func(f store.Function, versions []lambda.Version) error {
		loaded := (*function)(nil).apply(store.FunctionChange{Function: f, Versions: versions})
		if loaded.latest == nil {
			return fmt.Errorf("function %s has no %s", f.Name, lambda.Latest)
		}
		e := &entry{}
		e.current.Store(loaded)
		functions[f.Name] = e
		c.committed.Add(int64(loaded.committed()))
		maps.Copy(urls, loaded.urlIDs())
		if loaded.unfinished() {
			c.pending = append(c.pending, f.Name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	layers := map[string]*layer{}
	err = c.config.Layers.EachLayerVersion(ctx, func(v lambda.LayerVersion) error {
		layers[v.Layer] = layers[v.Layer].with(v)
		return nil
	})
	if err != nil {
		return err
	}
	signings := map[string]lambda.CodeSigningConfig{}
	err = c.config.Signing.EachCodeSigningConfig(ctx, func(config lambda.CodeSigningConfig) error {
		signings[config.ARN] = config
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.loadMappings(ctx); err != nil {
		return err
	}
	c.functions.Store(&functions)
	c.urls.Store(&urls)
	c.layers.Store(&layers)
	c.signings.Store(&signings)
	for name, e := range functions {
		c.provision(name, nil, e.current.Load())
	}
	return nil
}

// change is the road of every change of one function: its turn, a decision on
// what is there now (nil: no such function), the store, the view. A decision
// that answers nil changes nothing.
func (c *Catalog) change(ctx context.Context, name string, decide func(old *function) (*store.FunctionChange, error)) error {
	done, err := c.turns.Take(ctx, "function/"+name)
	if err != nil {
		return err
	}
	defer done()
	old := c.function(name)
	change, err := decide(old)
	if err != nil || change == nil {
		return err
	}
	// From here a caller who hangs up must not leave the store ahead of the view.
	if err := c.config.Functions.PutFunction(context.WithoutCancel(ctx), *change); err != nil {
		return err
	}
	next := old.apply(*change)
	if _, ok := c.config.Observer.(Provisioner); ok {
		next.beginMoves(old)
	}
	c.show(name, next)
	c.retire(old, next)
	c.provision(name, old, next)
	if next.unfinished() {
		c.enqueue(name)
	}
	return nil
}

// function is the current value of a function, or nil.
func (c *Catalog) function(name string) *function {
	if e := (*c.functions.Load())[name]; e != nil {
		return e.current.Load()
	}
	return nil
}

// show makes the value what readers see. The caller has the function's turn.
func (c *Catalog) show(name string, next *function) {
	c.mu.Lock()
	defer c.mu.Unlock()
	have := *c.functions.Load()
	var old *function
	if e := have[name]; e != nil {
		old = e.current.Load()
	}
	c.committed.Add(int64(next.committed() - old.committed()))
	defer c.indexURLs(old, next) // after the function, which answers at them
	if e := have[name]; e != nil && next != nil {
		e.current.Store(next)
		return
	}
	// Only making and deleting a function copies the table.
	table := make(map[string]*entry, len(have)+1)
	for n, e := range have {
		if n != name {
			table[n] = e
		}
	}
	if next != nil {
		table[name] = &entry{}
		table[name].current.Store(next)
	}
	c.functions.Store(&table)
}

// retire tells of the generations that old served and next does not; their
// packages may have become garbage.
func (c *Catalog) retire(old, next *function) {
	if old == nil {
		return
	}
	still := next.generations()
	for generation := range old.generations() {
		if !still[generation] {
			c.config.Observer.Retired(generation)
			poke(c.collect)
		}
	}
}

func (c *Catalog) now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func poke(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

func (c *Catalog) notFound(name, qualifier string) error {
	return lambda.Errorf(lambda.NotFound, "Function not found: %s", c.config.Home.FunctionARN(name, qualifier))
}

// ours tells an error that callers may not read from one that they may.
func ours(err error) bool {
	var callers *lambda.Error
	return !errors.As(err, &callers)
}
