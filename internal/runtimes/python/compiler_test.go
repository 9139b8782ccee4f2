package python

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// changed writes other sources when the modules are compiled, so that a function
// tells which it runs. In a sandbox nobody can do so.
func changed(t testing.TB, files map[string]string) func(task, outcome string) {
	return func(task, _ string) {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(task, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func as(t testing.TB, o runtimetest.Outcome, into any) {
	t.Helper()
	if len(o.Answers) != 1 {
		t.Fatalf("answers %v, stderr %q", o.Answers, o.Stderr)
	}
	if err := json.Unmarshal([]byte(o.Answers[0].Body), into); err != nil {
		t.Fatalf("answer %s: %v", o.Answers[0].Body, err)
	}
}

// TestCompiledCodeIsUsed: it runs what was compiled, of the package and of layers,
// started ahead or not, and again when a module is reloaded.
func TestCompiledCodeIsUsed(t *testing.T) {
	t.Parallel()
	const source = `import importlib, library.part, layered
def handler(event, context):
    first = library.part.value
    return [first, importlib.reload(library.part).value, layered.value]
`
	each(t, func(t *testing.T, f runtimes.Found) {
		for _, ahead := range []bool{false, true} {
			var got []string
			as(t, runtimetest.Run(t, runtimetest.Job{
				Set: set, Runtime: f.Runtime, Ahead: ahead,
				Task:     map[string]string{"app.py": source, "library/__init__.py": "", "library/part.py": "value = 'ahead'"},
				Layer:    map[string]string{"python/layered.py": "value = 'layer'"},
				Compiled: changed(t, map[string]string{"library/part.py": "value = 'now'"}),
			}), &got)
			if strings.Join(got, " ") != "ahead ahead layer" {
				t.Errorf("started ahead %v: it ran %q", ahead, got)
			}
		}
	})
}

// TestCompiledLooksTheSame compares what a function sees of its modules, and of
// errors in them.
func TestCompiledLooksTheSame(t *testing.T) {
	t.Parallel()
	const source = `import sys, os, inspect, traceback, library.part as part, importlib.util
def spec(m):
    s = m.__spec__
    return [m.__file__, getattr(m, "__cached__", None), s.origin, s.cached, s.has_location, type(s.loader).__name__, type(m.__loader__).__mro__.__repr__(), s.loader.path]
def lazily(name):
    try:
        __import__(name)
    except Exception as e:
        return ["%s %s" % (f.filename, f.name) for f in traceback.extract_tb(e.__traceback__)] + [type(e).__name__]
def handler(event, context):
    get_code = type(part.__loader__).get_code
    return {
        "app": spec(sys.modules[__name__]), "part": spec(part), "code": part.function.__code__.co_filename, "line": part.function.__code__.co_firstlineno,
        "source": inspect.getsource(part.function), "fds": sorted(os.listdir("/proc/self/fd")), "cache": importlib.util.cache_from_source(part.__file__),
        "hooks": len(sys.path_hooks), "prefix": sys.pycache_prefix, "ls": sorted(n for n in os.listdir(os.path.dirname(__file__)) if n != "__pycache__"), "path": len(sys.path),
        "syntax": lazily("wrong"), "raises": lazily("library.raises"), "missing": lazily("library.missing"), "nobody": lazily("nobody"),
        "get_code": [get_code.__name__, get_code.__qualname__, get_code.__module__, get_code.__code__.co_filename],
        "bytes": part.__loader__.get_data(part.__file__).decode(), "text": part.__loader__.get_source("library.part"),
    }
`
	task := map[string]string{
		"app.py": source, "wrong.py": "def f(:\n", "library/__init__.py": "", "library/raises.py": "def f():\n    1 / 0\nf()\n",
		"library/missing.py": "import nobody\n", "library/part.py": "value = 1\n\n\ndef function():\n    return value\n",
	}
	each(t, func(t *testing.T, f runtimes.Found) {
		job := runtimetest.Job{Set: set, Runtime: f.Runtime, Task: task}
		usual := runtimetest.Run(t, job)
		job.Compiled = func(string, string) {}
		compiled := runtimetest.Run(t, job)
		if usual.Stderr != compiled.Stderr || usual.Stdout != compiled.Stdout {
			t.Errorf("it says %q and %q, as usual %q and %q", compiled.Stdout, compiled.Stderr, usual.Stdout, usual.Stderr)
		}
		rename := func(o runtimetest.Outcome) string { return strings.ReplaceAll(o.Answers[0].Body, o.Task, "TASK") }
		runtimetest.Views(t, rename(usual), rename(compiled))
	})
}

// TestCompilerLeavesOut: what cannot be compiled and what warns goes the usual way,
// and costs nobody else's code. Nothing is run.
func TestCompilerLeavesOut(t *testing.T) {
	t.Parallel()
	const source = `def names(module):
    try:
        return __import__(module).value
    except BaseException as e:
        return type(e).__name__
def handler(event, context):
    return {m: names(m) for m in ("good", "warns", "hushed", "wrong", "zero", "deep", "bytes")}
`
	const now = "value = 'now'"
	task := map[string]string{
		"app.py": source, "good.py": "value = 'ahead'", "warns.py": "value = 'ahead' if 'a' is 'a' else ''",
		"hushed.py": `value = 'ahead\d'[:5]`, // by default not told before 3.12, but a function may ask for it
		"wrong.py":  "value = (", "zero.py": "value = 1\x00", "deep.py": "value = " + strings.Repeat("(", 2000) + strings.Repeat(")", 2000),
		"bytes.py": "# coding: latin-17\nvalue = 'x'", "folder.py/x.txt": "", "build.py": "import app; raise SystemExit(3)",
	}
	each(t, func(t *testing.T, f runtimes.Found) {
		got := map[string]string{}
		o := runtimetest.Run(t, runtimetest.Job{
			Set: set, Runtime: f.Runtime, Task: task,
			Compiled: changed(t, map[string]string{"good.py": now, "warns.py": now, "hushed.py": now, "wrong.py": now, "deep.py": now}),
		})
		as(t, o, &got)
		want := map[string]string{"good": "ahead", "warns": "now", "hushed": "now", "wrong": "now", "deep": "now"}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s is %q, want %q", name, got[name], value)
			}
		}
		for _, name := range []string{"zero", "bytes"} {
			if got[name] != "SyntaxError" && got[name] != "ValueError" {
				t.Errorf("importing %s ends with %q", name, got[name])
			}
		}
	})
}

// TestCompilerPrefersThePackagesCode: a module whose package has valid code of
// its own, even of another source, is that code.
func TestCompilerPrefersThePackagesCode(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		var got string
		as(t, runtimetest.Run(t, runtimetest.Job{
			Set: set, Runtime: f.Runtime,
			Task:     map[string]string{"app.py": "import own\ndef handler(event, context):\n    return own.value", "own.py": "value = 'source'", "__pycache__/own." + tag(f) + ".pyc": unchecked(t, f)},
			Compiled: func(string, string) {},
		}), &got)
		if got != "the package's code" {
			t.Errorf("it ran %q", got)
		}
	})
}

func tag(f runtimes.Found) string {
	return "cpython-" + strings.ReplaceAll(strings.TrimPrefix(string(f.Runtime), "python"), ".", "")
}

// unchecked is a .pyc file that is valid beside any source.
func unchecked(t *testing.T, f runtimes.Found) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "own.py"), []byte(`value = "the package's code"`), 0o644); err != nil {
		t.Fatal(err)
	}
	const compile = `import py_compile, sys; py_compile.compile(sys.argv[1] + "/own.py", sys.argv[1] + "/own.pyc", invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)`
	if _, err := runtimes.NewHost(nil).Run(t.Context(), f.Path, "-I", "-c", compile, dir); err != nil {
		t.Fatal(err)
	}
	pyc, err := os.ReadFile(filepath.Join(dir, "own.pyc"))
	if err != nil {
		t.Fatal(err)
	}
	return string(pyc)
}

// TestWhoChangesImportingIsAsked: a function that has its modules compiled in
// another way, or elsewhere, gets no code of ours.
func TestWhoChangesImportingIsAsked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		for name, change := range map[string]string{
			"source_to_code": `import importlib.machinery as m
def source_to_code(self, data, path, _usual=m.SourceFileLoader.source_to_code, **o):
    return _usual(self, data.replace(b"now", b"then"), path, **o)
m.SourceFileLoader.source_to_code = source_to_code`,
			"get_data": `import importlib.machinery as m
usual = m.SourceFileLoader.get_data
m.SourceFileLoader.get_data = lambda self, path: usual(self, path).replace(b"now", b"then")`,
			"a loader": `import importlib.machinery as m, importlib.abc, importlib.util, sys
class Loader(m.SourceFileLoader):
    def source_to_code(self, data, path, **o):
        return super().source_to_code(data.replace(b"now", b"then"), path, **o)
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        spec = m.PathFinder.find_spec(name, path, target)
        if spec and isinstance(spec.loader, m.SourceFileLoader):
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec
sys.meta_path.insert(0, Finder())`,
			"pycache_prefix": `import sys
sys.pycache_prefix = "/tmp/nothing-is-here"
sys.dont_write_bytecode = True
def value(): pass`,
		} {
			var got string
			as(t, runtimetest.Run(t, runtimetest.Job{
				Set: set, Runtime: f.Runtime,
				Task:     map[string]string{"app.py": change + "\nimport part\ndef handler(event, context):\n    return part.value", "part.py": "value = 'ahead'"},
				Compiled: changed(t, map[string]string{"part.py": "value = 'now'"}),
			}), &got)
			want := "then"
			if name == "pycache_prefix" {
				want = "now"
			}
			if got != want {
				t.Errorf("with %s of its own it ran %q, want %q", name, got, want)
			}
		}
	})
}

// BenchmarkCompiled measures from the start of the process to its first /next, of
// a function with a hundred modules, without and with code that was compiled ahead. Its
// folders can be written to here, which it does not make use of.
func BenchmarkCompiled(b *testing.B) {
	task := map[string]string{"app.py": "import sys; sys.dont_write_bytecode = True\nimport modules\ndef handler(event, context): pass\n"}
	var all strings.Builder
	for i := range 100 {
		fmt.Fprintf(&all, "from . import m%d\n", i)
		task[fmt.Sprintf("modules/m%d.py", i)] = strings.Repeat("def function(a, *rest, b=None):\n    if a is None:\n        raise ValueError('nothing')\n    return {'b': b, 'all': [x * 2 for x in rest if x]}\n\n\n", 100)
	}
	task["modules/__init__.py"] = all.String()
	for _, f := range here(b) {
		for name, compiled := range map[string]func(string, string){"as ever": nil, "ahead": func(string, string) {}} {
			b.Run(string(f.Runtime)+" "+name, func(b *testing.B) {
				var total float64
				for b.Loop() {
					o := runtimetest.Run(b, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: task, Compiled: compiled, Events: []runtimetest.Event{}})
					total += float64(o.First.Microseconds())
				}
				b.ReportMetric(total/float64(b.N)/1000, "ms/start")
			})
		}
	}
}

// TestBrokenOutcomeIsNone: nothing is lost with an outcome that cannot be read, or
// that is another interpreter's.
func TestBrokenOutcomeIsNone(t *testing.T) {
	t.Parallel()
	f := here(t)[0]
	for name, spoil := range map[string]func(file string) []byte{
		"index": func(string) []byte { return []byte("(\x02\x00\x00") },
		"code":  func(string) []byte { return []byte("\xe3\x00\x00") },
		"magic": func(file string) []byte {
			text, err := os.ReadFile(filepath.Join(filepath.Dir(file), "index"))
			if err != nil {
				t.Error(err)
			}
			return []byte(strings.Replace(string(text), "\r\n", "\r\r", 1))
		},
	} {
		var got string
		as(t, runtimetest.Run(t, runtimetest.Job{
			Set: set, Runtime: f.Runtime, Task: map[string]string{"app.py": "import part\ndef handler(event, context):\n    return part.value", "part.py": "value = 'ahead'"},
			Compiled: func(task, outcome string) {
				changed(t, map[string]string{"part.py": "value = 'now'"})(task, "")
				file := filepath.Join(outcome, strings.Replace(name, "magic", "index", 1))
				if err := os.WriteFile(file, spoil(file), 0o644); err != nil {
					t.Error(err)
				}
			},
		}), &got)
		if got != "now" {
			t.Errorf("with a broken %s it ran %q", name, got)
		}
	}
}

// TestConfiguredIsNotCompiled: who sets up the interpreter gets it as set up.
func TestConfiguredIsNotCompiled(t *testing.T) {
	t.Parallel()
	f := here(t)[0]
	compiles := func(names ...string) bool {
		v := &lambda.Version{Runtime: f.Runtime}
		for _, name := range names {
			v.Environment = append(v.Environment, lambda.Variable{Name: name, Value: "1"})
		}
		p, err := set.Program(v, t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return p.Compiler != nil
	}
	if !compiles("MINE", "PYTHONPATH", "PYTHONUNBUFFERED", "AWS_LAMBDA_EXEC_WRAPPER") {
		t.Error("harmless variables keep a version from being compiled")
	}
	for _, name := range []string{"PYTHONOPTIMIZE", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE", "PYTHONWARNINGS", "PYTHONNODEBUGRANGES", "PYTHONDEVMODE"} {
		if compiles(name) {
			t.Errorf("a version that sets %s is compiled", name)
		}
	}
	for _, option := range []string{"-O", "-Wdefault", "-Xdev", "-Xno_debug_ranges"} {
		var got string
		as(t, runtimetest.Run(t, runtimetest.Job{
			Set: set, Runtime: f.Runtime, Task: map[string]string{"app.py": "import part\ndef handler(event, context):\n    return part.value", "part.py": "value = 'ahead'"},
			Layer: map[string]string{"wrap": "#!/bin/sh\npython=$1; shift; exec \"$python\" " + option + " \"$@\"\n"}, Wrapper: "wrap",
			Compiled: changed(t, map[string]string{"part.py": "value = 'now'"}),
		}), &got)
		if got != "now" {
			t.Errorf("with %s it ran %q", option, got)
		}
	}
}
