package runtimes

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"lambent/internal/lambda"
	"lambent/internal/sandbox"
)

// probesFile is the name of the remembered answers in Options.Dir.
const probesFile = "found.json"

// Options say where Discover looks and writes.
type Options struct {
	// Dir is where bootstraps and remembered answers are written.
	Dir string
	// Families are the languages to serve.
	Families []Family
	// Host is where to look; nil: this machine, with Folders.
	Host *Host
	// Folders are runtime folders that the operator named.
	Folders []string
	// AnyArchitecture serves versions for another architecture than the
	// host's with the host's interpreters.
	AnyArchitecture bool
}

// Set is the runtimes of a host. It may be used from many goroutines. Its
// methods wait until the host has been looked through, and from then on it does
// not change.
type Set struct {
	families []Family
	anyArch  bool
	cancel   context.CancelFunc
	begin    sync.Once
	look     func() // what begin does

	found   chan struct{} // closed when what follows is written
	serving map[lambda.Runtime]serving
	err     error // about Options.Dir

	done chan struct{} // closed when nothing goes on any more
}

// serving is an interpreter with all that is needed to start it.
type serving struct {
	family    Family
	found     Found
	bootstrap string
}

// Discover looks for every family's interpreters, writes their bootstraps and
// prepares what makes them start sooner. An error is about Dir; a runtime that
// is not here is no error.
func Discover(ctx context.Context, o Options) (*Set, error) {
	s := Start(ctx, o)
	<-s.done
	if s.err != nil {
		return nil, s.err
	}
	return s, ctx.Err()
}

// Start is Discover in the background: trying interpreters takes a second where
// none is remembered, and what Preparers do takes longer. Preparation goes on
// after the runtimes can be used.
func Start(ctx context.Context, o Options) *Set {
	s := New(ctx, o)
	s.Begin()
	return s
}

// New is Start that leaves the host in peace until Begin, or until somebody asks.
func New(ctx context.Context, o Options) *Set {
	ctx, cancel := context.WithCancel(ctx)
	s := &Set{
		families: o.Families, serving: map[lambda.Runtime]serving{}, anyArch: o.AnyArchitecture, cancel: cancel,
		found: make(chan struct{}), done: make(chan struct{}),
	}
	s.look = func() { go s.discover(ctx, o) }
	return s
}

// Begin looks for what there is, in the background. Once is enough.
func (s *Set) Begin() { s.begin.Do(s.look) }

// Wait returns when the runtimes can be used.
func (s *Set) Wait() error {
	s.Begin()
	<-s.found
	return s.err
}

// Stop breaks off what still goes on, and returns when it has ended. Where
// nothing has begun, nothing will.
func (s *Set) Stop() {
	s.cancel()
	s.begin.Do(func() {
		s.err = fmt.Errorf("look for runtimes: %w", context.Canceled)
		close(s.found)
		close(s.done)
	})
	<-s.done
}

func (s *Set) discover(ctx context.Context, o Options) {
	defer close(s.done)
	defer s.cancel()
	host := o.Host
	if host == nil {
		host = NewHost(o.Folders)
	}
	host.probes = newProbes(filepath.Join(o.Dir, probesFile))

	found := make([][]Found, len(o.Families))
	var all sync.WaitGroup
	for i, f := range o.Families {
		all.Go(func() { found[i] = f.Find(ctx, host) })
	}
	all.Wait()

	var preparations []func()
	for i, f := range o.Families {
		if s.err = s.add(ctx, o.Dir, host, f, found[i], &preparations); s.err != nil {
			close(s.found)
			return
		}
	}
	if err := host.probes.save(); err != nil {
		s.err = fmt.Errorf("remember runtimes: %w", err)
	}
	close(s.found)
	for _, prepare := range preparations {
		all.Go(prepare)
	}
	all.Wait()
}

// add takes the first interpreter of each of the family's runtimes.
func (s *Set) add(ctx context.Context, dir string, host *Host, f Family, found []Found, preparations *[]func()) error {
	if len(found) == 0 {
		return nil
	}
	bootstrap, err := writeBootstrap(dir, f)
	if err != nil {
		return fmt.Errorf("write %s bootstrap: %w", f.Name(), err)
	}
	for _, one := range found {
		if _, taken := s.serving[one.Runtime]; taken {
			continue
		}
		s.serving[one.Runtime] = serving{family: f, found: one, bootstrap: bootstrap}
		if p, ok := f.(Preparer); ok {
			*preparations = append(*preparations, func() { prepare(ctx, p, one, host, bootstrap) })
		}
	}
	return nil
}

// List tells of every managed runtime, in the families' order, whether and
// where it is here, or how to get it.
func (s *Set) List() []Found {
	_ = s.Wait() // an error is about the folder; what was found is told all the same
	var list []Found
	for _, f := range s.families {
		for _, r := range f.Runtimes() {
			if here, ok := s.serving[r]; ok {
				list = append(list, here.found)
				continue
			}
			list = append(list, Found{Runtime: r, Missing: f.Advice(r)})
		}
	}
	return list
}

// Check tells whether a version with this runtime and architecture ("x86_64" or
// "arm64", empty: any) can run here; if not, with an *lambda.Error that says
// what is missing and how to get it.
func (s *Set) Check(r lambda.Runtime, arch string) error {
	if own := Architecture(runtime.GOARCH); arch != "" && arch != own && !s.anyArch {
		return lambda.Errorf(lambda.InvalidParameter,
			"This host runs the %s architecture only: %s functions need another host.", own, arch)
	}
	if r.Custom() {
		return nil
	}
	if err := s.Wait(); err != nil {
		return err
	}
	if _, ok := s.serving[r]; ok {
		return nil
	}
	for _, f := range s.families {
		for _, known := range f.Runtimes() {
			if known == r {
				return lambda.Errorf(lambda.InvalidParameter,
					"The runtime %s is not installed on this host: %s.", r, f.Advice(r))
			}
		}
	}
	return lambda.Errorf(lambda.InvalidParameter,
		"The runtime %s cannot be served by Lambent: use one of %s, or a custom runtime.", r, s.names())
}

func (s *Set) names() string {
	var names []string
	for _, f := range s.List() {
		if f.Here() {
			names = append(names, string(f.Runtime))
		}
	}
	return strings.Join(append(names, "provided.al2023"), ", ")
}

// Program says how the version is started. task and opt are the host folders
// of its package and layers, the layers in the configuration's order.
func (s *Set) Program(v *lambda.Version, task string, opt []string) (sandbox.Program, error) {
	if v.Runtime.Custom() {
		return custom(task, opt)
	}
	if err := s.Wait(); err != nil {
		return sandbox.Program{}, err
	}
	here, ok := s.serving[v.Runtime]
	if !ok {
		return sandbox.Program{}, s.Check(v.Runtime, "")
	}
	p, err := here.family.Program(v, here.found, Dirs{Bootstrap: here.bootstrap, Task: task, Layers: opt})
	if p.Ahead != nil && bringsLibraries(append([]string{task}, opt...)) {
		p.Ahead = nil
	}
	return p, err
}

// Architecture is AWS's word for one of Go's.
func Architecture(goarch string) string {
	if goarch == "amd64" {
		return "x86_64"
	}
	return goarch
}
