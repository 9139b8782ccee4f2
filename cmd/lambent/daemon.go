package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"lambent/internal/access"
	"lambent/internal/asyncq"
	"lambent/internal/awsapi"
	"lambent/internal/awsapi/lambdaapi"
	"lambent/internal/catalog"
	"lambent/internal/code"
	"lambent/internal/code/s3source"
	"lambent/internal/compiled"
	"lambent/internal/environment"
	"lambent/internal/event"
	"lambent/internal/fleet"
	"lambent/internal/functionurl"
	"lambent/internal/lambda"
	"lambent/internal/logline"
	"lambent/internal/logs"
	"lambent/internal/metrics"
	"lambent/internal/ownapi"
	"lambent/internal/placement"
	"lambent/internal/readable"
	"lambent/internal/roles"
	"lambent/internal/runtimeapi"
	"lambent/internal/runtimes"
	"lambent/internal/sandbox"
	"lambent/internal/schedule"
	"lambent/internal/secrets"
	"lambent/internal/spare"
	"lambent/internal/store"
	"lambent/internal/store/sqlite"
	"lambent/internal/trace"
)

// daemon is all parts, joined. This file and sim are the only places that know
// who plays which part.
type daemon struct {
	options     options
	home        lambda.Home
	address     *net.TCPAddr
	log         *slog.Logger
	processors  *processors
	readable    *readable.Watcher // listeners and connections of environments
	spare       spare.Buffers     // large answers of functions, from their environments to their callers and back
	driver      sandbox.Driver
	closeDriver func() error
	runtimes    *runtimes.Set
	logs        *logs.Logs
	catalog     *catalog.Catalog
	packages    *code.Store
	compiled    *compiled.Store
	keys        *secrets.Ring
	files       fileSystems
	traces      *trace.Traces
	metrics     *metrics.Metrics
	fleet       *fleet.Fleet
	pool        *bootPool
	db          *sqlite.Store
	queue       *asyncq.Queue
	schedules   *schedule.Engine
	access      *access.Access
	roles       *roles.Roles
	model       *awsapi.Model
	handler     http.Handler
	begun       chan struct{} // closed by begin

	mu   sync.Mutex
	undo []func() // mu, while opening; what close does, last first
}

// keptTraces is how many timelines are kept, at about a kilobyte each.
const keptTraces = 10_000

// open starts every part; on an error those that were started are ended.
func open(ctx context.Context, o options, address *net.TCPAddr, p *processors, log *slog.Logger) (_ *daemon, err error) {
	d := &daemon{
		options: o, address: address, processors: p, log: log, traces: trace.New(keptTraces), metrics: metrics.New(), begun: make(chan struct{}),
		home: lambda.Home{Partition: "aws", Region: o.region, Account: o.account},
	}
	defer func() {
		if err != nil {
			d.unwind()
		}
	}()
	if err := d.openFolder(ctx); err != nil {
		return nil, err
	}
	// Half of a start is a trial sandbox; meanwhile what is kept is opened.
	sandboxes := make(chan error, 1)
	go func() { sandboxes <- d.openSandboxes(ctx) }()
	err = inOrder(ctx, d.openRuntimes, d.openLogs, d.openCatalog, d.readModel)
	if err = errors.Join(<-sandboxes, err); err != nil {
		return nil, err
	}
	return d, inOrder(ctx, d.openFleet, d.openQueue, d.openSchedules, d.openServer)
}

func inOrder(ctx context.Context, starts ...func(context.Context) error) error {
	for _, start := range starts {
		if err := start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *daemon) later(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.undo = append(d.undo, f)
}

func (d *daemon) unwind() {
	for i := len(d.undo) - 1; i >= 0; i-- {
		d.undo[i]()
	}
	d.undo = nil
}

func (d *daemon) path(name string) string { return filepath.Join(d.options.dataDir, name) }

// openFolder takes the data folder; there is one daemon for each.
func (d *daemon) openFolder(context.Context) error {
	dir, err := filepath.Abs(d.options.dataDir)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	d.options.dataDir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	release, err := store.Lock(dir)
	if err != nil {
		return err
	}
	d.later(func() { d.check("release data folder", release()) })
	return nil
}

// check logs what cannot be mended any more.
func (d *daemon) check(act string, err error) {
	if err != nil {
		d.log.Error(act, "err", err)
	}
}

// openSandboxes takes a driver and sweeps what a killed daemon left.
func (d *daemon) openSandboxes(ctx context.Context) error {
	if err := d.openDriver(); err != nil {
		return err
	}
	d.later(func() { d.check("close driver", d.closeDriver()) })
	swept, err := d.driver.Sweep(ctx)
	if err != nil {
		return fmt.Errorf("sweep what an earlier server left: %w", err)
	}
	if swept != (sandbox.Swept{}) {
		d.log.Warn("swept what an earlier server left", "swept", swept)
	}
	return nil
}

// openRuntimes makes what looks for interpreters when begin says so, or when
// somebody needs one.
func (d *daemon) openRuntimes(ctx context.Context) error {
	d.runtimes = runtimes.New(ctx, runtimeOptions(d.path("runtimes"), d.options))
	d.later(d.runtimes.Stop)
	return nil
}

func (d *daemon) openLogs(context.Context) (err error) {
	d.logs, err = logs.Open(logs.Config{
		Folder:    d.path("logs"),
		Style:     logline.Style{OldFaults: d.options.oldLogs},
		MaxBytes:  int64(d.options.logMaxMB) << 20,
		Retention: d.options.logRetention,
		Problem:   func(err error) { d.check("write logs", err) },
	})
	if err != nil {
		return fmt.Errorf("open logs: %w", err)
	}
	d.later(func() { d.check("close logs", d.logs.Close()) })
	return nil
}

// openCatalog opens what is kept of functions and layers.
func (d *daemon) openCatalog(ctx context.Context) error {
	db, err := sqlite.Open(ctx, d.path("lambent.db"))
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	d.db = db
	d.later(func() { d.check("close store", db.Close()) })
	box, err := secrets.Open(d.path("secret.key"))
	if err != nil {
		return err
	}
	packages, err := code.Open(d.path("code"), code.Options{Grace: time.Hour})
	if err != nil {
		return err
	}
	if d.compiled, err = compiled.Open(d.path("compiled")); err != nil {
		return err
	}
	d.keys = d.options.ring()
	d.catalog = catalog.New(catalog.Config{
		Home: d.home, Functions: secrets.Functions{Store: db, Box: box, Ring: d.keys}, Layers: db, Signing: db, Mappings: db, Content: unpacking{content{packages, d.compiled}, d.processors}, Runtimes: d.runtimes, Observer: retirer{d}, Rights: d.functionRights(),
		Source: s3source.New(s3source.Options{
			Endpoint: d.options.s3Endpoint, Region: d.s3Region(), AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"),
			SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
		}),
		Log: d.log, Keys: d.keys, Concurrency: d.options.concurrency,
	})
	d.packages = packages
	d.later(d.catalog.Stop)
	return d.openAccess(ctx)
}

// retirer passes on to the fleet what the catalog retires; the one is made
// before the other.
type retirer struct{ d *daemon }

func (r retirer) Retired(generation string) { r.d.fleet.Retired(generation) }

func (d *daemon) s3Region() string {
	if d.options.s3Region != "" {
		return d.options.s3Region
	}
	return d.options.region
}

// openFleet starts what runs environments.
func (d *daemon) openFleet(ctx context.Context) error {
	var err error
	if d.files, err = parseFileSystems(d.options.fileSystems); err != nil {
		return err
	}
	if d.readable, err = readable.New(); err != nil {
		return err
	}
	d.later(d.readable.Close)
	parts := &environment.Parts{
		Credentials: credentials{d}, FileSystems: d.files.folder,
		Sandboxes: d.driver, Packages: d.catalog, Programs: d.programsOf(), API: runtimeAPI{d.log, &d.spare, &runtimeapi.Shared{Readable: d.readable}},
		Events: event.Fan{d.logs, d.traces, d.metrics}, Log: d.log, FreezeAfter: d.options.freezeAfter,
	}
	if d.options.injectSelf {
		parts.Endpoint = selfEndpoint{d}
	}
	limits, err := d.limits()
	if err != nil {
		return err
	}
	d.fleet = fleet.New(fleet.Config{
		Limits: limits, Account: d.options.concurrency, Reserve: d.catalog, Waiters: d.options.waiters, Wait: d.options.wait, Log: d.log,
		Make: func(id string, v *lambda.Version, why lambda.Initialization) fleet.Environment {
			return newEnvironment(parts, id, v, why)
		},
	})
	parts.Keeper = d.fleet
	d.later(d.metrics.Watch(d.levels))
	d.openPool(parts, limits.MemoryMiB)
	d.openCompiled()
	if err := d.catalog.Start(ctx); err != nil {
		d.fleet.Close(ctx)
		return err
	}
	return nil
}

func (d *daemon) limits() (placement.Limits, error) {
	l := placement.Limits{
		Environments: d.options.maxEnvironments, MemoryMiB: d.options.maxMemoryMB, Starting: d.options.maxStarting,
		Idle: d.options.idle, Lifetime: d.options.lifetime,
	}
	if l.Starting == 0 {
		l.Starting = 16 * runtime.NumCPU()
	}
	if l.MemoryMiB == 0 {
		total, err := hostMemory()
		if err != nil {
			return l, fmt.Errorf("read this host's memory (or say --max-memory): %w", err)
		}
		l.MemoryMiB = int(total >> 20)
	}
	return l, nil
}

// readModel reads what the API is made of.
func (d *daemon) readModel(context.Context) (err error) {
	d.model, err = lambdaapi.Model()
	return err
}

// openServer makes the API; serving begins when the listener is given to it.
func (d *daemon) openServer(context.Context) error {
	key, err := signingKey(d.path("link.key"))
	if err != nil {
		return err
	}
	invoker := d.invoker()
	rates, err := parseAPIRates(d.options.apiRate)
	if err != nil {
		return err
	}
	api, err := lambdaapi.New(lambdaapi.Config{
		Model: d.model, Home: d.home, Catalog: d.catalog, Invoker: invoker, Queue: d.queue, Resolver: d.catalog, Content: d.packages, Keys: d.keys, Admit: rates.admit,
		Endpoint: d.endpoint, SigningKey: key, Log: d.log, Now: time.Now, Access: d.lambdaAccess(),
		StreamRate: d.options.responseRate(), Spare: &d.spare,
	})
	if err != nil {
		return err
	}
	own := &ownapi.Handler{Host: d, Logs: logReader{d.logs}, Traces: traceReader{d.traces}, Metrics: d.metrics, Queue: queueReader{d.queue}, Keys: keyStore{d.access}, Ahead: aheadOf(d.pool), Log: d.log}
	services := map[string]http.Handler{"lambda": api, ownName: api}
	d.addAccess(services)
	if err := errors.Join(d.addSchedules(services), d.addMetrics(services)); err != nil {
		return err
	}
	front, pages := d.front(services), d.guard(own)
	if err := d.addNeighbours(front); err != nil {
		return err
	}
	urls := &functionurl.Handler{
		Home: d.home, URLs: d.catalog, Policies: d.catalog, Callers: d.access, Invoker: invoker, Log: d.log, Now: time.Now, NewID: environment.NewID,
		StreamRate: d.options.responseRate(),
	}
	observed := urls.Observed(d.metrics)
	apis := d.withoutBrowsers(d.processors.handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, ownapi.Prefix) && r.URL.Path != awsapi.HealthPath && !strings.HasPrefix(r.URL.Path, lambdaapi.CodePath) {
			pages.ServeHTTP(w, r)
			return
		}
		front.ServeHTTP(w, r)
	})))
	d.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if urls.Serves(r) { // for everybody, browsers among them
			observed.ServeHTTP(w, r)
			return
		}
		apis.ServeHTTP(w, r)
	})
	return nil
}

func (d *daemon) banner() string {
	return fmt.Sprintf("Lambent %s at %s (%s sandboxes, account %s, %s, data in %s). %s",
		version, d.endpoint(), d.driver.Report().Driver, d.home.Account, d.home.Region, d.options.dataDir, d.whoMay())
}

// endLimit is what environments have to end by themselves: the longest shutdown
// window, and a little for us.
const endLimit = 3 * time.Second

// serve answers requests until ctx ends, lets those in progress finish, and
// ends every part.
func (d *daemon) serve(ctx context.Context, ln net.Listener) error {
	finish := d.drainQueue(ctx)
	err := awsapi.Serve(ctx, ln, d.handler, awsapi.Bounds{}, d.options.drain, d.log)
	finish()
	// Whoever is still being answered has had its time; extensions have theirs.
	last, cancel := context.WithTimeout(context.Background(), endLimit)
	defer cancel()
	d.fleet.Close(last)
	d.unwind()
	return err
}

// signingKey is the key of links to code packages; it outlives restarts.
func signingKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) == 32 {
		return key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read link key: %w", err)
	}
	key = make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	if err := os.WriteFile(path, key, 0o600); err != nil {
		return nil, fmt.Errorf("write link key: %w", err)
	}
	return key, nil
}
