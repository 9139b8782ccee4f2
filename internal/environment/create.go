package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
	"lambent/internal/lifecycle"
	"lambent/internal/sandbox"
)

// Where the Runtime API is, as recorded on AWS (F257).
const (
	apiHost = "169.254.100.1"
	apiPort = 9001
)

// createLimit bounds the making of a sandbox, which is our time, not the function's.
const createLimit = 30 * time.Second

// provisionedWeight is how much more than others environments with provisioned
// concurrency get where processors are short: they are what was paid for to be
// there at once. Their share of cores is as everybody's.
const provisionedWeight = 1000

// program is what create learned about the runtime.
type program struct {
	sandbox.Program
	err      error  // why there is none; its FaultType fails the Init
	api      string // AWS_LAMBDA_RUNTIME_API
	endpoint string // AWS_ENDPOINT_URL, or empty
}

// create makes the sandbox and everything around it, and brings SandboxReady
// or SandboxFailed. What it made is on the cleanup stack either way.
func (e *Environment) create() {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), createLimit)
	defer cancel()
	extensions, err := e.build(ctx)
	if err != nil {
		e.parts.Log.Error("create environment", "environment", e.id, "function", e.version.Function, "err", err)
		e.createErr = err
		e.undo()
		_ = e.post(lifecycle.SandboxFailed{At: now()}, nil)
		e.finish()
		return
	}
	e.publish(event.Created{Duration: time.Since(began), Code: e.codeTook})
	_ = e.post(lifecycle.SandboxReady{At: now(), Extensions: extensions}, nil)
}

// build makes, in this order: the folders, the program, the sandbox, the
// Runtime API inside it.
func (e *Environment) build(ctx context.Context) (extensions []string, err error) {
	began := time.Now()
	task, opt, release, err := e.parts.Packages.Open(ctx, e.version)
	e.codeTook = time.Since(began)
	if err != nil {
		return nil, fmt.Errorf("open package: %w", err)
	}
	e.cleanup = append(e.cleanup, release)

	e.program.Program, e.program.err = e.parts.Programs.Program(e.version, task, opt)
	var fault interface{ FaultType() string }
	if e.program.err != nil && !errors.As(e.program.err, &fault) {
		return nil, fmt.Errorf("find runtime: %w", e.program.err)
	}
	e.program.Ahead = StartedAhead(e.program.Program)

	e.box, err = e.parts.Sandboxes.Create(ctx, e.spec(task, opt))
	if err != nil {
		return nil, fmt.Errorf("create sandbox: %w", err)
	}
	e.cleanup = append(e.cleanup, e.destroySandbox)
	e.rest.set(e.box)
	if err := e.serve(); err != nil {
		return nil, err
	}
	e.cleanup = append(e.cleanup, e.endProcesses)
	return externalExtensions(opt)
}

// serve opens the Runtime API, and Lambent's own API, inside the sandbox.
func (e *Environment) serve() error {
	ln, err := e.box.Listen(apiHost, apiPort)
	if err != nil {
		return fmt.Errorf("open runtime API: %w", err)
	}
	e.program.api = ln.Addr().String()
	e.cleanup = append(e.cleanup, e.parts.API.Serve(ln, e))
	if e.parts.Endpoint == nil {
		return nil
	}
	host, port := e.parts.Endpoint.Address()
	ln, err = e.box.Listen(host, port)
	if err != nil {
		return fmt.Errorf("open endpoint: %w", err)
	}
	e.program.endpoint = "http://" + ln.Addr().String()
	e.cleanup = append(e.cleanup, e.parts.Endpoint.Serve(ln))
	return nil
}

// APIAddress is where the Runtime API is in every environment.
func APIAddress() (host string, port int) { return apiHost, apiPort }

// Blank is what the sandboxes of all environments have in common.
func Blank() sandbox.Blank {
	return sandbox.Blank{
		Hostname: apiHost,
		Hosts: []sandbox.Host{
			{Name: "sandbox", Address: "127.0.0.1"},
			{Name: "sandbox.localdomain", Address: "127.0.0.1"},
		},
	}
}

// spec is the sandbox that the version's settings ask for.
func (e *Environment) spec(task string, opt []string) sandbox.Spec {
	v := e.version
	s := sandbox.Spec{
		ID:           e.id,
		MemoryMiB:    v.MemoryMB,
		CPUs:         lambda.CPUShare(v.MemoryMB),
		VisibleCPUs:  lambda.VisibleCPUs(v.MemoryMB),
		TmpMiB:       v.EphemeralMB,
		MaxProcesses: lambda.Processes,
		MaxOpenFiles: lambda.OpenFiles,
		Hostname:     Blank().Hostname,
		Hosts:        Blank().Hosts,
		Ahead:        e.program.Ahead,
	}
	if e.origin.InitType == string(lambda.InitProvisioned) {
		s.Weight = provisionedWeight
	}
	s.Mounts = append(s.Mounts, sandbox.Mount{Source: task, Target: "/var/task"})
	for _, dir := range opt {
		s.Mounts = append(s.Mounts, sandbox.Mount{Source: dir, Target: "/opt"})
	}
	s.Mounts = append(s.Mounts, e.program.Mounts...)
	s.Mounts = append(s.Mounts, e.fileSystems()...)
	return s
}

// fileSystems are the folders that the operator mapped to the function's access
// points. Who invokes a function with one that is not mapped is refused before.
func (e *Environment) fileSystems() (mounts []sandbox.Mount) {
	if len(e.version.FileSystems) == 0 || e.parts.FileSystems == nil {
		return nil
	}
	for _, f := range e.version.FileSystems {
		if folder, ok := e.parts.FileSystems(f.ARN); ok {
			mounts = append(mounts, sandbox.Mount{Source: folder, Target: f.LocalPath, Writable: true})
		}
	}
	return mounts
}

// externalExtensions lists the files of the layers' extensions folders, by
// name. Sub-folders are ignored, as on AWS.
func externalExtensions(opt []string) ([]string, error) {
	seen := map[string]bool{}
	for _, dir := range opt {
		entries, err := os.ReadDir(filepath.Join(dir, "extensions"))
		if errors.Is(err, os.ErrNotExist) || isNotDir(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list extensions: %w", err)
		}
		for _, entry := range entries {
			seen[entry.Name()] = !entry.IsDir()
		}
	}
	var names []string
	for name, file := range seen {
		if file {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names, nil
}

// endProcesses kills what runs before its Runtime API goes away, so that nobody
// sees a connection break who should see nothing any more.
func (e *Environment) endProcesses() {
	<-e.turn
	defer func() { e.turn <- struct{}{} }()
	ctx, cancel := context.WithTimeout(context.Background(), createLimit)
	defer cancel()
	if err := e.box.Kill(ctx); err != nil {
		e.parts.Log.Error("kill", "environment", e.id, "err", err) // Destroy kills too
	}
}

// destroyTries is how often a sandbox is asked to go, with growing pauses,
// before it is left for the sweep of the next start.
const destroyTries = 6

// destroySandbox is on the cleanup stack from the moment there is a sandbox.
func (e *Environment) destroySandbox() {
	<-e.turn
	defer func() { e.turn <- struct{}{} }()
	e.rest.set(nil)
	pause := 50 * time.Millisecond
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(context.Background(), createLimit)
		err := e.box.Destroy(ctx)
		cancel()
		if err == nil {
			return
		}
		e.parts.Log.Error("destroy sandbox", "environment", e.id, "try", try, "err", err)
		if try == destroyTries {
			return
		}
		<-time.After(pause)
		pause *= 2
	}
}

// undo runs the cleanup stack, last made first.
func (e *Environment) undo() {
	for i := len(e.cleanup) - 1; i >= 0; i-- {
		e.cleanup[i]()
	}
	e.cleanup = nil
}

// finish tells that nothing is left. It is the last thing an environment does.
func (e *Environment) finish() {
	e.rest.later.Close()
	for _, t := range e.timers {
		if t != nil {
			t.Close()
		}
	}
	close(e.ended)
	e.parts.Keeper.Gone(e.id)
}
