// Package ruby serves the managed runtimes ruby3.2 to ruby4.0 with the CRuby
// interpreters of the host.
package ruby

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/sandbox"
)

//go:embed bootstrap/bootstrap.rb bootstrap/lib/lambent/*.rb
var files embed.FS

// Family is the Ruby runtimes.
type Family struct {
	versions []string // nil: those that AWS has runtimes for
}

var _ runtimes.Family = Family{}

// Name is "ruby".
func (Family) Name() string { return "ruby" }

// Runtimes are ruby4.0 to ruby3.2.
func (f Family) Runtimes() []lambda.Runtime {
	var list []lambda.Runtime
	for _, version := range f.served() {
		list = append(list, lambda.Runtime("ruby"+version))
	}
	return list
}

func (f Family) served() []string {
	if f.versions != nil {
		return f.versions
	}
	return []string{"4.0", "3.4", "3.3", "3.2"}
}

// Advice names the ways to a Ruby of the right version.
func (Family) Advice(r lambda.Runtime) string {
	version := strings.TrimPrefix(string(r), "ruby")
	return fmt.Sprintf("install Ruby %s, for example with `rbenv install %s` or `mise use ruby@%s`, or name its folder with --runtime-dir",
		version, version, version)
}

// Bootstrap is bootstrap.rb and what it requires.
func (Family) Bootstrap() fs.FS {
	sub, err := fs.Sub(files, "bootstrap")
	if err != nil {
		panic(err) // the path is a constant that the embedding checked
	}
	return sub
}

// places are where version managers, distributions and people put Ruby.
func places() []runtimes.Place {
	return []runtimes.Place{
		{Pattern: "~/.rbenv/versions/*/bin/ruby", Source: "rbenv"},
		{Pattern: "~/.rubies/*/bin/ruby", Source: "chruby"},
		{Pattern: "/opt/rubies/*/bin/ruby", Source: "chruby"},
		{Pattern: "~/.rvm/rubies/*/bin/ruby", Source: "rvm"},
		{Pattern: "/usr/local/rvm/rubies/*/bin/ruby", Source: "rvm"},
		{Pattern: "~/.asdf/installs/ruby/*/bin/ruby", Source: "asdf"},
		{Pattern: "~/.local/share/mise/installs/ruby/*/bin/ruby", Source: "mise"},
		{Pattern: "/opt/homebrew/opt/ruby*/bin/ruby", Source: "homebrew"},
		{Pattern: "/usr/local/opt/ruby*/bin/ruby", Source: "homebrew"},
		{Pattern: "/opt/ruby*/bin/ruby", Source: "/opt"},
		{Pattern: "/usr/local/bin/ruby", Source: "system"},
		{Pattern: "/usr/bin/ruby*", Source: "system"},
	}
}

// probe prints what an interpreter is, whatever shim led to it.
const probe = `puts RUBY_VERSION, RUBY_ENGINE, RbConfig.ruby, RbConfig::CONFIG["prefix"]`

// Find tries every file that is called like a Ruby.
func (f Family) Find(ctx context.Context, host *runtimes.Host) []runtimes.Found {
	names := []string{"ruby"}
	for _, version := range f.served() {
		names = append(names, "ruby"+version)
	}
	candidates := host.Candidates(names, places())
	tried := make([]runtimes.Found, len(candidates))
	var all sync.WaitGroup
	for i, c := range candidates {
		all.Go(func() { tried[i] = f.try(ctx, host, c) })
	}
	all.Wait()
	var list []runtimes.Found
	for _, found := range tried {
		same := func(other runtimes.Found) bool { return other.Path == found.Path }
		if found.Here() && !slices.ContainsFunc(list, same) {
			list = append(list, found)
		}
	}
	return list
}

func (f Family) try(ctx context.Context, host *runtimes.Host, c runtimes.Candidate) runtimes.Found {
	out, err := host.Try(ctx, c.Path, "--disable=gems", "-rrbconfig", "-e", probe)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err != nil || len(lines) != 4 || lines[1] != "ruby" {
		return runtimes.Found{}
	}
	version, prefix := lines[0], lines[3]
	if !slices.Contains(f.served(), minor(version)) {
		return runtimes.Found{}
	}
	path, err := filepath.EvalSymlinks(lines[2])
	if err != nil || filepath.Dir(path) != filepath.Join(prefix, "bin") {
		return runtimes.Found{}
	}
	return runtimes.Found{
		Runtime: lambda.Runtime("ruby" + minor(version)), Version: version, Path: path, Prefix: prefix, Source: c.Source,
	}
}

// minor is "3.4" of "3.4.2".
func minor(version string) string {
	if i := strings.LastIndexByte(version, '.'); i > 0 {
		return version[:i]
	}
	return version
}

// Program starts the bootstrap. The paths of gems and libraries are AWS's (F262).
func (Family) Program(_ *lambda.Version, found runtimes.Found, dirs runtimes.Dirs) (sandbox.Program, error) {
	abi := minor(found.Version) + ".0"
	return sandbox.Program{
		Mounts: append(dirs.Mounts(found), own(found)...),
		Argv:   []string{runtimes.LangDir + "/bin/" + filepath.Base(found.Path), runtimes.RuntimeDir + "/bootstrap.rb"},
		Env: []string{
			"GEM_HOME=" + runtimes.RuntimeDir,
			"GEM_PATH=" + strings.Join([]string{
				runtimes.TaskRoot + "/vendor/bundle/ruby/" + abi, runtimes.LayerRoot + "/ruby/gems/" + abi,
				runtimes.RuntimeDir, runtimes.RuntimeDir + "/ruby/" + abi,
			}, ":"),
			"RUBYLIB=" + strings.Join([]string{runtimes.TaskRoot, runtimes.RuntimeDir + "/lib", runtimes.LayerRoot + "/ruby/lib"}, ":"),
		},
		Dir:     runtimes.TaskRoot,
		Wrapper: true,
		Shell:   true,
		LogFD:   runtimes.LogFD,
	}, nil
}

// own shows the interpreter where it was installed, too: a Ruby looks for its
// library there and nowhere else. Distributions add folders for gems.
func own(found runtimes.Found) []sandbox.Mount {
	var mounts []sandbox.Mount
	if found.Prefix != "/usr" { // every sandbox has the host's /usr
		mounts = append(mounts, sandbox.Mount{Source: found.Prefix, Target: found.Prefix})
	}
	gems := "/var/lib/gems/" + minor(found.Version) + ".0"
	if info, err := os.Stat(gems); err == nil && info.IsDir() && found.Prefix == "/usr" {
		mounts = append(mounts, sandbox.Mount{Source: gems, Target: gems})
	}
	return mounts
}
