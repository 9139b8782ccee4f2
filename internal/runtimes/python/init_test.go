package python

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// fault is an error body; RequestID is nil when the member is missing.
type fault struct {
	Message   string   `json:"errorMessage"`
	Type      string   `json:"errorType"`
	RequestID *string  `json:"requestId"`
	Trace     []string `json:"stackTrace"`
}

func parse(t *testing.T, body string) fault {
	t.Helper()
	var f fault
	if err := json.Unmarshal([]byte(body), &f); err != nil {
		t.Fatalf("error body %q: %v", body, err)
	}
	return f
}

// initFaults are handlers that cannot be loaded, and what /init/error must carry.
var initFaults = []struct {
	name, handler, source string
	kind, message, trace  string // trace: its last entry, {task} standing for the package's folder
}{
	{"no dot", "app", "", "Runtime.MalformedHandlerName", "Bad handler 'app': not enough values to unpack (expected 2, got 1)", ""},
	{"builtin module", "sys.exit", "", "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module", ""},
	{"no module", "nothing.handler", "", "Runtime.ImportModuleError", "Unable to import module 'nothing': No module named 'nothing'", ""},
	{"no inner module", "app.handler", "import nothing", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nothing'", ""},
	{"path", "dir/app.handler", "", "Runtime.ImportModuleError", "Unable to import module 'dir/app': No module named 'dir'", ""},
	{"syntax", "app.handler", "x = = 1\n", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app': invalid syntax (app.py, line 1)", "  File \"{task}/app.py\" Line 1\n    x = = 1\n"},
	{"no handler", "app.handler", "def other(e, c): pass", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'", ""},
	{"exception", "app.handler", "\nraise ValueError('boom')", "ValueError", "boom", "  File \"{task}/app.py\", line 2, in <module>\n    raise ValueError('boom')\n"},
}

func TestInitFaults(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		for _, c := range initFaults {
			o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Handler: c.handler, Task: app(c.source)})
			if len(o.Answers) != 1 || o.Answers[0].Path != "init/error" || o.Exit != "exit status 1" {
				t.Errorf("%s: %s, posted %+v, want one init/error and exit status 1; stderr %s", c.name, o.Exit, o.Answers, o.Stderr)
				continue
			}
			got := parse(t, o.Answers[0].Body)
			if got.Type != c.kind || got.Message != c.message || o.Answers[0].Header.Get("Lambda-Runtime-Function-Error-Type") != c.kind {
				t.Errorf("%s: %s, want %s: %s", c.name, o.Answers[0].Body, c.kind, c.message)
			}
			if told := got.RequestID != nil; told == (f.Runtime == "python3.8") || told && *got.RequestID != "" {
				t.Errorf("%s: requestId in %s", c.name, o.Answers[0].Body)
			}
			want := strings.ReplaceAll(c.trace, "{task}", o.Task)
			if last := append([]string{""}, got.Trace...); last[len(last)-1] != want {
				t.Errorf("%s: trace %q, want at its end %q", c.name, got.Trace, want)
			}
			checkInitLog(t, c.kind+": "+c.message, o.Stdout)
		}
	})
}

var warning = regexp.MustCompile(`^\[WARNING\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t\tLAMBDA_WARNING: Unhandled exception\. The most likely cause is [^\n]*runtimes-update\.html\r\n`)

func checkInitLog(t *testing.T, fault, stdout string) {
	t.Helper()
	first := warning.FindString(stdout)
	if first == "" {
		t.Errorf("no warning at the start of %q", stdout)
	}
	rest := stdout[len(first):]
	if !strings.HasPrefix(rest, "[ERROR] "+fault+"\rTraceback (most recent call last):") || strings.Count(rest, "\n") != 1 {
		t.Errorf("log after the warning is %q, want one event of %q", rest, fault)
	}
}

func TestImportTraceBeginsInImportlib(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app("1/0")})
		trace := parse(t, o.Answers[0].Body).Trace
		first := regexp.MustCompile(`^  File "[^"]*/importlib/__init__\.py", line \d+, in import_module\n    return _bootstrap\._gcd_import\(name\[level:\], package, level\)\n$`)
		if len(trace) < 3 || !first.MatchString(trace[0]) || !strings.Contains(trace[1], `"<frozen importlib._bootstrap>"`) {
			t.Errorf("trace %q", trace)
		}
	})
}

func TestHandlerPlaces(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		task := map[string]string{"dir/sub.py": "def handler(e, c): return __name__", "pkg/__init__.py": "", "pkg/mod.py": "class K:\n  @staticmethod\n  def m(e, c): return 1\ndef handler(e, c): return __name__"}
		for handler, want := range map[string]string{"dir/sub.handler": `"dir.sub"`, "dir.sub.handler": `"dir.sub"`, "pkg.mod.handler": `"pkg.mod"`} {
			o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Handler: handler, Task: task})
			if len(o.Answers) != 1 || o.Answers[0].Body != want {
				t.Errorf("%s: answered %+v, want %s", handler, o.Answers, want)
			}
		}
	})
}

func TestExitDuringImport(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app("import sys; sys.exit(3)")})
		if o.Exit != "exit status 3" || len(o.Answers) != 0 {
			t.Errorf("%s, posted %+v; want exit status 3 and nothing", o.Exit, o.Answers)
		}
	})
}

// world is what a function can see of its process.
const world = `
import sys, os, builtins, __main__
def handler(e, c):
    return {"path": sys.path, "argv": sys.argv, "main": os.path.basename(__main__.__file__), "name": __main__.__name__,
            "pythonpath": os.environ.get("PYTHONPATH"), "fd": "_LAMBDA_TELEMETRY_LOG_FD" in os.environ,
            "trace": os.environ.get("_X_AMZN_TRACE_ID"), "exit": str(builtins.exit), "logging": "logging" in sys.modules,
            "encoding": sys.stdout.encoding, "cwd": os.getcwd(), "json": "json" in sys.modules, "fs": sys.getfilesystemencoding()}
`

type seen struct {
	Path, Argv                                             []string
	Main, Name, Pythonpath, Trace, Exit, Encoding, Cwd, Fs string
	Fd, Logging, JSON                                      bool
}

func look(t *testing.T, o runtimetest.Outcome, n int) seen {
	t.Helper()
	var s seen
	if len(o.Answers) <= n {
		t.Fatalf("%s after %d answers: %s %s", o.Exit, len(o.Answers), o.Stdout, o.Stderr)
	}
	if err := json.Unmarshal([]byte(o.Answers[n].Body), &s); err != nil {
		t.Fatalf("answer %q: %v", o.Answers[n].Body, err)
	}
	return s
}

func TestWorld(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{
			Set: set, Runtime: f.Runtime, Task: app(world), Framed: true,
			Events: []runtimetest.Event{{}, {Header: map[string]string{"Lambda-Runtime-Trace-Id": ""}}},
		})
		s := look(t, o, 0)
		python := string(f.Runtime)
		runtime := s.Pythonpath
		want := []string{o.Task, o.Layer + "/python/lib/" + python + "/site-packages", o.Layer + "/python",
			f.Prefix + "/lib/" + python + "/site-packages", runtime, f.Prefix + "/lib/python" + strings.ReplaceAll(python[len("python"):], ".", "") + ".zip",
			f.Prefix + "/lib/" + python, f.Prefix + "/lib/" + python + "/lib-dynload"}
		if strings.Join(s.Path, "\n") != strings.Join(want, "\n") {
			t.Errorf("sys.path %q, want %q", s.Path, want)
		}
		if len(s.Argv) != 1 || s.Argv[0] != runtime+"/bootstrap.py" || s.Main != "bootstrap.py" || s.Name != "__main__" || s.Cwd != o.Task {
			t.Errorf("process %+v", s)
		}
		if s.Fd || !strings.Contains(s.Exit, "exit()") || s.Logging || s.JSON || s.Encoding != "utf-8" || s.Fs != "utf-8" {
			t.Errorf("process %+v", s)
		}
		if !strings.HasPrefix(s.Trace, "Root=1-") || look(t, o, 1).Trace != "" {
			t.Errorf("trace %q, then %q; want it per invocation", s.Trace, look(t, o, 1).Trace)
		}
	})
}

func TestLayersAndPathFiles(t *testing.T) {
	t.Parallel()
	const source = "import shared, extra, low\ndef handler(e, c): return [shared.where, extra.where, low.where]"
	each(t, func(t *testing.T, f runtimes.Found) {
		site := "python/lib/" + string(f.Runtime) + "/site-packages/"
		job := runtimetest.Job{
			Set: set, Runtime: f.Runtime,
			Task:  map[string]string{"app.py": source, "more.pth": "vendored\n", "vendored/extra.py": "where = 'pth'"},
			Layer: map[string]string{"python/shared.py": "where = 'python'", site + "shared.py": "where = 'site'", "python/low.py": "where = 'python'"},
		}
		o := runtimetest.Run(t, job)
		if len(o.Answers) != 1 || o.Answers[0].Body != `["site", "pth", "python"]` {
			t.Errorf("answers %+v, stdout %s", o.Answers, o.Stdout)
		}
		// A PYTHONPATH of the function's own takes the layers' place, and its
		// sitecustomize runs.
		own := t.TempDir()
		job.Env = []lambda.Variable{{Name: "PYTHONPATH", Value: own}}
		job.Task = app("import sys, os\ndef handler(e, c): return [any('/python' == p[-7:] for p in sys.path), os.environ['PYTHONPATH'], sys.flags.no_site]")
		o = runtimetest.Run(t, job)
		if len(o.Answers) != 1 || o.Answers[0].Body != `[false, "`+own+`", 0]` {
			t.Errorf("with PYTHONPATH: answers %+v, stdout %s", o.Answers, o.Stdout)
		}
	})
}

func TestWrapper(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{
			Set: set, Runtime: f.Runtime, Wrapper: "wrapper",
			Layer: map[string]string{"wrapper": "#!/bin/sh\nexport FROM_WRAPPER=yes PYTHONPATH=\"$(dirname \"$0\")/hook\"\nexec \"$@\"\n", "hook/sitecustomize.py": "import builtins; builtins.hooked = 1"},
			Task:  app("import os\ndef handler(e, c): return [os.environ['FROM_WRAPPER'], hooked]"),
		})
		if len(o.Answers) != 1 || o.Answers[0].Body != `["yes", 1]` {
			t.Errorf("%s, answers %+v, %s %s", o.Exit, o.Answers, o.Stdout, o.Stderr)
		}
	})
}

func TestSnapshotHooks(t *testing.T) {
	t.Parallel()
	const source = `
from snapshot_restore_py import register_before_snapshot, register_after_restore
log = []
register_before_snapshot(log.append, "b1")
register_before_snapshot(log.append, "b2")
register_after_restore(log.append, "a1")
register_after_restore(log.append, "a2")
def handler(e, c): return log
`
	each(t, func(t *testing.T, f runtimes.Found) {
		job := runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(source), Env: []lambda.Variable{{Name: "AWS_LAMBDA_INITIALIZATION_TYPE", Value: "snap-start"}}}
		o := runtimetest.Run(t, job)
		if len(o.Answers) != 1 || o.Answers[0].Body != `["b2", "b1", "a1", "a2"]` {
			t.Errorf("answers %+v", o.Answers)
		}
		for hook, want := range map[string][3]string{
			"register_before_snapshot": {"init/error", "Runtime.BeforeSnapshotError", "exit status 64"},
			"register_after_restore":   {"restore/error", "Runtime.AfterRestoreError", "exit status 65"},
		} {
			job.Task = app(source + hook + "(lambda: 1/0)\n")
			o := runtimetest.Run(t, job)
			if len(o.Answers) != 1 || o.Answers[0].Path != want[0] || o.Answers[0].Header.Get("Lambda-Runtime-Function-Error-Type") != want[1] || o.Exit != want[2] {
				t.Errorf("%s fails: %s, %+v, want %v", hook, o.Exit, o.Answers, want)
			}
		}
	})
}
