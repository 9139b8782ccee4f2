package compiled

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/sandbox"
)

const (
	// quiet is how long nobody has wanted anything before a run begins: whoever
	// did is starting an environment.
	quiet = 250 * time.Millisecond
	// runLimit bounds a run, which has processors only when others leave some.
	runLimit = 5 * time.Minute
	// usualMost bounds each output of a run.
	usualMost = 96 << 20
	// leastSources is how many bytes of sources are worth a run.
	leastSources = 8 << 10
	// mostFiles bounds how many are looked at to know that.
	mostFiles = 100_000
)

// What a run has. Its weight is the least that there is.
const (
	memoryMiB, processors, weight = 512, 1.0, 1
)

// Parts are what runs need.
type Parts struct {
	Sandboxes interface {
		Create(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error)
	}
	Packages interface {
		Open(ctx context.Context, v *lambda.Version) (task string, opt []string, release func(), err error)
	}
	Programs interface {
		Program(v *lambda.Version, task string, opt []string) (sandbox.Program, error)
	}
	NewID func() string
	Log   *slog.Logger
}

// Run compiles what is wanted until the context ends.
func (s *Store) Run(ctx context.Context, parts Parts) {
	for s.rest(ctx) {
		for o, ok := s.next(); ok && ctx.Err() == nil; o, ok = s.next() {
			err := s.compile(ctx, parts, &o)
			if err != nil && ctx.Err() == nil {
				parts.Log.Warn("modules could not be compiled ahead", "function", o.version.Function, "version", o.version.Number, "err", err)
			}
			s.over(o, err)
		}
	}
}

// rest returns when something is wanted and nothing more was for a moment.
func (s *Store) rest(ctx context.Context) bool {
	var timer <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false
		case <-s.wake:
			timer = time.After(quiet)
		case <-timer:
			return true
		}
	}
}

// compile makes one outcome, unless it is there.
func (s *Store) compile(ctx context.Context, parts Parts, o *order) error {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	task, opt, release, err := parts.Packages.Open(ctx, o.version)
	if err != nil {
		return err
	}
	defer release()
	program, err := parts.Programs.Program(o.version, task, opt)
	if err != nil || program.Compiler == nil {
		return err
	}
	o.name = nameOf(o.version, program.Compiler)
	if _, err := os.Lstat(filepath.Join(s.dir, o.name)); err == nil {
		return nil
	}
	fresh, err := os.MkdirTemp(s.dir, ".new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh) // after it was published there is nothing left of it
	worth := worthRun(append([]string{task}, opt...), program.Compiler.Sources)
	if worth {
		if err := s.produce(ctx, parts, program, task, opt, fresh); err != nil {
			return err
		}
		info, err := os.Stat(filepath.Join(fresh, sandbox.CodeFile))
		if err != nil {
			return err
		}
		worth = info.Size() > 0
	}
	return s.publish(o.name, fresh, worth)
}

// produce runs the compiler and keeps what it writes.
func (s *Store) produce(ctx context.Context, parts Parts, program sandbox.Program, task string, opt []string, into string) (err error) {
	code, err := create(filepath.Join(into, sandbox.CodeFile), s.most)
	if err != nil {
		return err
	}
	index, err := create(filepath.Join(into, sandbox.IndexFile), s.most)
	if err != nil {
		return errors.Join(err, code.Close())
	}
	err = run(ctx, parts, program, task, opt, code, index)
	return errors.Join(err, code.Close(), index.Close())
}

func run(ctx context.Context, parts Parts, program sandbox.Program, task string, opt []string, code, index io.Writer) error {
	spec := sandbox.Spec{
		ID: parts.NewID(), MemoryMiB: memoryMiB, CPUs: processors, Weight: weight, VisibleCPUs: 1, TmpMiB: lambda.DefaultEphemeralMB,
		MaxProcesses: lambda.Processes, MaxOpenFiles: lambda.OpenFiles, Mounts: []sandbox.Mount{{Source: task, Target: "/var/task"}},
	}
	for _, layer := range opt {
		spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: layer, Target: "/opt"})
	}
	spec.Mounts = append(spec.Mounts, program.Mounts...)
	box, err := parts.Sandboxes.Create(ctx, spec)
	if err != nil {
		return fmt.Errorf("create sandbox: %w", err)
	}
	defer func() {
		if err := box.Destroy(context.WithoutCancel(ctx)); err != nil {
			parts.Log.Error("destroy sandbox of a compiler", "sandbox", spec.ID, "err", err)
		}
	}()
	c := program.Compiler
	p, err := box.Start(ctx, sandbox.Command{
		Path: c.Argv[0], Args: c.Argv[1:], Env: c.Env, Dir: c.Dir,
		Stdout: code, Extra: []sandbox.Pipe{{FD: sandbox.IndexFD, W: index}},
	})
	if err != nil {
		return fmt.Errorf("start compiler: %w", err)
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		return fmt.Errorf("wait for compiler: %w", context.Cause(ctx))
	}
	if exit := p.Exit(); exit.Code != 0 || exit.Signal != nil {
		return fmt.Errorf("compiler: %s", exit)
	}
	return nil
}

// worthRun tells whether the folders have enough sources that compiling them
// takes longer than the outcome costs.
func worthRun(folders []string, suffix string) bool {
	var bytes int64
	files := 0
	enough := errors.New("enough")
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(_ string, e os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if files++; files > mostFiles {
				return enough
			}
			if !e.Type().IsRegular() || filepath.Ext(e.Name()) != suffix {
				return nil
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			if bytes += info.Size(); bytes >= leastSources {
				return enough
			}
			return nil
		})
		if err != nil {
			return errors.Is(err, enough)
		}
	}
	return false
}

// bounded is a file that takes no more than its bound, and nothing after Close: a
// process that is being ended may still be heard.
type bounded struct {
	most int64

	mu   sync.Mutex
	file *os.File // mu; nil: closed
	size int64    // mu
	err  error    // mu; of the first Write that failed
}

func create(path string, most int64) (*bounded, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	return &bounded{file: file, most: most}, err
}

// Write never fails, as nobody would hear of it; Close tells.
func (b *bounded) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size += int64(len(p)); b.err == nil && b.size > b.most {
		b.err = fmt.Errorf("compiler wrote more than %d bytes", b.most)
	}
	if b.err == nil && b.file != nil {
		_, b.err = b.file.Write(p)
	}
	return len(p), nil
}

// Close flushes the file to the disk and tells whether all of it is there.
func (b *bounded) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = errors.Join(b.file.Chmod(0o644), b.file.Sync())
	}
	err := errors.Join(b.err, b.file.Close())
	b.file = nil
	return err
}
