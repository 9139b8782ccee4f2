// Package python serves the managed runtimes python3.8 to python3.14 with the
// CPython interpreters of the host.
//
// The bootstrap starts the interpreter without its site module (-S), which
// costs as much as the rest of the start, and does by itself what functions
// can notice of it: site-packages and .pth files of the package and layers,
// exit() and quit(). A function that configures the interpreter through
// PYTHON… variables or a wrapper script gets the ordinary start, because both
// may count on sitecustomize.
package python

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

//go:embed bootstrap/bootstrap.py bootstrap/snapshot_restore_py.py bootstrap/_lambent/*.py bootstrap/_lambent/code
var files embed.FS

// The minor versions of CPython 3 that AWS has runtimes for.
const oldest, newest = 8, 14

// Family is the Python runtimes.
type Family struct{}

var (
	_ runtimes.Family   = Family{}
	_ runtimes.Preparer = Family{}
)

// Name is "python".
func (Family) Name() string { return "python" }

// Runtimes are python3.14 to python3.8.
func (Family) Runtimes() []lambda.Runtime {
	var list []lambda.Runtime
	for minor := newest; minor >= oldest; minor-- {
		list = append(list, identifier(minor))
	}
	return list
}

func identifier(minor int) lambda.Runtime { return lambda.Runtime(fmt.Sprintf("python3.%d", minor)) }

// Advice names the ways to a CPython of the right version.
func (Family) Advice(r lambda.Runtime) string {
	version := strings.TrimPrefix(string(r), "python")
	return fmt.Sprintf("install CPython %s, for example with `uv python install %s` or `pyenv install %s`, or name its folder with --runtime-dir",
		version, version, version)
}

// Bootstrap is bootstrap.py and the package that it starts.
func (Family) Bootstrap() fs.FS {
	sub, err := fs.Sub(files, "bootstrap")
	if err != nil {
		panic(err) // the path is a constant that the embedding checked
	}
	return sub
}

// places are where version managers, distributions and people put CPython.
func places() []runtimes.Place {
	return []runtimes.Place{
		{Pattern: "~/.pyenv/versions/*/bin/python3.*", Source: "pyenv"},
		{Pattern: "~/.local/share/uv/python/*/bin/python3.*", Source: "uv"},
		{Pattern: "~/Library/Application Support/uv/python/*/bin/python3.*", Source: "uv"},
		{Pattern: "~/.asdf/installs/python/*/bin/python3.*", Source: "asdf"},
		{Pattern: "~/.local/share/mise/installs/python/*/bin/python3.*", Source: "mise"},
		{Pattern: "~/.rye/py/*/bin/python3.*", Source: "rye"},
		{Pattern: "~/*conda*/bin/python3.*", Source: "conda"},
		{Pattern: "~/*conda*/envs/*/bin/python3.*", Source: "conda"},
		{Pattern: "~/miniforge3/bin/python3.*", Source: "conda"},
		{Pattern: "~/miniforge3/envs/*/bin/python3.*", Source: "conda"},
		{Pattern: "/opt/*conda*/bin/python3.*", Source: "conda"},
		{Pattern: "/opt/*conda*/envs/*/bin/python3.*", Source: "conda"},
		{Pattern: "/opt/homebrew/opt/python@3.*/bin/python3.*", Source: "homebrew"},
		{Pattern: "/usr/local/opt/python@3.*/bin/python3.*", Source: "homebrew"},
		{Pattern: "/Library/Frameworks/Python.framework/Versions/3.*/bin/python3.*", Source: "python.org"},
		{Pattern: "/opt/python*/bin/python3.*", Source: "/opt"},
		{Pattern: "/opt/python/*/bin/python3.*", Source: "/opt"},
		{Pattern: "/usr/local/bin/python3.*", Source: "system"},
		{Pattern: "/usr/bin/python3.*", Source: "system"},
	}
}

// probe prints what an interpreter is: its version, its implementation, and
// the prefix that it was installed to, whatever virtual environment or shim
// led to it.
const probe = `import sys; print("%d.%d.%d" % sys.version_info[:3]); print(sys.implementation.name); print(sys.base_prefix)`

// Find tries every file that is called like a CPython of a version that we serve.
func (f Family) Find(ctx context.Context, host *runtimes.Host) []runtimes.Found {
	names := []string{"python3", "python"}
	for minor := newest; minor >= oldest; minor-- {
		names = append(names, fmt.Sprintf("python3.%d", minor))
	}
	candidates := slices.DeleteFunc(host.Candidates(names, places()), func(c runtimes.Candidate) bool {
		return !slices.Contains(names, filepath.Base(c.Path)) // python3.12-config, python3.13t
	})
	tried := make([]runtimes.Found, len(candidates))
	var all sync.WaitGroup
	for i, c := range candidates {
		all.Go(func() { tried[i] = try(ctx, host, c) })
	}
	all.Wait()
	return unique(tried)
}

// unique drops what was no interpreter and what was found before.
func unique(tried []runtimes.Found) []runtimes.Found {
	var list []runtimes.Found
	seen := map[string]bool{}
	for _, found := range tried {
		if found.Here() && !seen[found.Path] {
			seen[found.Path] = true
			list = append(list, found)
		}
	}
	return list
}

func try(ctx context.Context, host *runtimes.Host, c runtimes.Candidate) runtimes.Found {
	out, err := host.Try(ctx, c.Path, "-I", "-S", "-c", probe)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err != nil || len(lines) != 3 || lines[1] != "cpython" {
		return runtimes.Found{}
	}
	var major, minor, patch int
	if _, err := fmt.Sscanf(lines[0], "%d.%d.%d", &major, &minor, &patch); err != nil || major != 3 || minor < oldest || minor > newest {
		return runtimes.Found{}
	}
	prefix := lines[2]
	path := filepath.Join(prefix, "bin", fmt.Sprintf("python3.%d", minor))
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return runtimes.Found{}
	}
	return runtimes.Found{
		Runtime: identifier(minor), Version: lines[0], Path: path, Prefix: prefix, Source: c.Source,
	}
}

// Prepare compiles the bootstrap's package for the interpreter: compiling at
// every start would take longer than everything else in it.
func (Family) Prepare(ctx context.Context, found runtimes.Found, host *runtimes.Host, folder string) error {
	const compile = `import glob, py_compile, sys
for path in glob.glob(sys.argv[1] + "/*/*.py") + [sys.argv[1] + "/snapshot_restore_py.py"]:
    py_compile.compile(path, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)`
	_, err := host.Run(ctx, found.Path, "-I", "-S", "-c", compile, folder)
	return err
}

// Program starts the bootstrap. Its argument is the layers' folder, which
// a driver without a file system of its own puts elsewhere.
func (Family) Program(v *lambda.Version, found runtimes.Found, dirs runtimes.Dirs) (sandbox.Program, error) {
	argv := []string{runtimes.LangDir + "/bin/" + filepath.Base(found.Path)}
	if !configured(v) {
		argv = append(argv, "-S")
	}
	p := sandbox.Program{
		Mounts:  dirs.Mounts(found),
		Argv:    append(argv, runtimes.RuntimeDir+"/bootstrap.py", runtimes.LayerRoot),
		Dir:     runtimes.TaskRoot,
		Wrapper: true,
		Shell:   true,
		LogFD:   runtimes.LogFD,

		Compiler: compiler(v, found, dirs),
	}
	if runtimes.CompareVersions(found.Version, "3.13") >= 0 {
		p.Env = []string{"LC_CTYPE=C.UTF-8"} // F260
	}
	if !shadows(dirs, string(v.Runtime)) {
		p.Ahead = runtimes.Ahead(v, p, "PYTHON")
	}
	return p, nil
}

// configured tells whether something may count on the interpreter's ordinary
// start: sitecustomize is how wrapper scripts get into a process.
func configured(v *lambda.Version) bool {
	return slices.ContainsFunc(v.Environment, func(x lambda.Variable) bool {
		return x.Name == "AWS_LAMBDA_EXEC_WRAPPER" || strings.HasPrefix(x.Name, "PYTHON")
	})
}
