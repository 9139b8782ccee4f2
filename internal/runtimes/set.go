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

// Set is the runtimes of a host. It does not change and may be used from many
// goroutines.
type Set struct {
	families []Family
	serving  map[lambda.Runtime]serving
	anyArch  bool
}

// serving is an interpreter with all that is needed to start it.
type serving struct {
	family    Family
	found     Found
	bootstrap string
}

// Discover looks for every family's interpreters and writes their bootstraps.
// An error is about Dir; a runtime that is not here is no error.
func Discover(ctx context.Context, o Options) (*Set, error) {
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

	s := &Set{families: o.Families, serving: map[lambda.Runtime]serving{}, anyArch: o.AnyArchitecture}
	for i, f := range o.Families {
		if err := s.add(ctx, o.Dir, host, f, found[i]); err != nil {
			return nil, err
		}
	}
	if err := host.probes.save(); err != nil {
		return nil, fmt.Errorf("remember runtimes: %w", err)
	}
	return s, ctx.Err()
}

// add takes the first interpreter of each of the family's runtimes.
func (s *Set) add(ctx context.Context, dir string, host *Host, f Family, found []Found) error {
	if len(found) == 0 {
		return nil
	}
	bootstrap, err := writeBootstrap(dir, f)
	if err != nil {
		return fmt.Errorf("write %s bootstrap: %w", f.Name(), err)
	}
	var all sync.WaitGroup
	for _, one := range found {
		if _, taken := s.serving[one.Runtime]; taken {
			continue
		}
		s.serving[one.Runtime] = serving{family: f, found: one, bootstrap: bootstrap}
		if p, ok := f.(Preparer); ok {
			all.Go(func() { prepare(ctx, p, one, host, bootstrap) })
		}
	}
	all.Wait()
	return nil
}

// List tells of every managed runtime, in the families' order, whether and
// where it is here, or how to get it.
func (s *Set) List() []Found {
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
	here, ok := s.serving[v.Runtime]
	if !ok {
		return sandbox.Program{}, s.Check(v.Runtime, "")
	}
	return here.family.Program(v, here.found, Dirs{Bootstrap: here.bootstrap, Task: task, Layers: opt})
}

// Architecture is AWS's word for one of Go's.
func Architecture(goarch string) string {
	if goarch == "amd64" {
		return "x86_64"
	}
	return goarch
}
