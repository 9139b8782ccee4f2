package python

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

// set is this host's interpreters, found once for all tests.
var set *runtimes.Set

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambent-python-")
	if err == nil {
		set, err = runtimes.Discover(context.Background(), runtimes.Options{
			Dir: dir, Families: []runtimes.Family{Family{}}, AnyArchitecture: true,
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

// here are the runtimes that this host has; without any there is nothing to test.
func here(t testing.TB) []runtimes.Found {
	t.Helper()
	list := slices.DeleteFunc(set.List(), func(f runtimes.Found) bool { return !f.Here() })
	if len(list) == 0 {
		t.Skip("no CPython 3.8 to 3.14 on this host")
	}
	return list
}

// each runs a test for every interpreter.
func each(t *testing.T, test func(t *testing.T, f runtimes.Found)) {
	t.Helper()
	for _, f := range here(t) {
		t.Run(string(f.Runtime), func(t *testing.T) {
			t.Parallel()
			test(t, f)
		})
	}
}

// app is a package of one module.
func app(source string) map[string]string { return map[string]string{"app.py": source} }

func TestFindReadsShimsAndRefusesOthers(t *testing.T) {
	t.Parallel()
	real := here(t)[0]
	dir := t.TempDir()
	script := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	base := filepath.Base(real.Path)
	script(base, "#!/bin/sh\nexec "+real.Path+" \"$@\"\n")
	script("python3", "#!/bin/sh\nexit 127\n")
	script("python", "#!/bin/sh\nprintf '3.99.1\\ncpython\\n/\\n'\n")
	script(base+"-config", "#!/bin/sh\nexec "+real.Path+" \"$@\"\n")
	host := runtimes.NewHost(nil)
	host.Home, host.Path = "", []string{dir}
	found := Family{}.Find(t.Context(), host)
	if len(found) == 0 || found[0].Path != real.Path || found[0].Source != "PATH" || found[0].Version != real.Version {
		t.Fatalf("found %+v, want first %s by PATH", found, real.Path)
	}
	for _, f := range found {
		if _, err := os.Stat(filepath.Join(f.Prefix, "bin", filepath.Base(f.Path))); err != nil {
			t.Errorf("%+v: its prefix does not hold it: %v", f, err)
		}
	}
}

func TestProgram(t *testing.T) {
	t.Parallel()
	found := runtimes.Found{Runtime: "python3.13", Version: "3.13.1", Path: "/x/bin/python3.13", Prefix: "/x"}
	for _, c := range []struct {
		variable string
		argv     []string
	}{
		{"MINE", []string{"/var/lang/bin/python3.13", "-S", "/var/runtime/bootstrap.py", "/opt"}},
		{"PYTHONPATH", []string{"/var/lang/bin/python3.13", "/var/runtime/bootstrap.py", "/opt"}},
		{"AWS_LAMBDA_EXEC_WRAPPER", []string{"/var/lang/bin/python3.13", "/var/runtime/bootstrap.py", "/opt"}},
	} {
		v := &lambda.Version{Runtime: "python3.13", Environment: []lambda.Variable{{Name: c.variable, Value: "v"}}}
		p, err := Family{}.Program(v, found, runtimes.Dirs{Bootstrap: "/b"})
		if err != nil || !slices.Equal(p.Argv, c.argv) {
			t.Errorf("with %s: %q, %v; want %q", c.variable, p.Argv, err, c.argv)
		}
		if !p.Shell || p.LogFD != 62 || p.Dir != "/var/task" || !slices.Equal(p.Env, []string{"LC_CTYPE=C.UTF-8"}) || len(p.Mounts) != 2 {
			t.Errorf("with %s: %+v", c.variable, p)
		}
	}
}

// BenchmarkStart measures from the start of the process to its first /next.
func BenchmarkStart(b *testing.B) {
	for _, f := range here(b) {
		b.Run(string(f.Runtime), func(b *testing.B) {
			var total float64
			for b.Loop() {
				o := runtimetest.Run(b, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app("def handler(e, c): return 1"), Events: []runtimetest.Event{}})
				total += float64(o.First.Microseconds())
			}
			b.ReportMetric(total/float64(b.N)/1000, "ms/start")
		})
	}
}
