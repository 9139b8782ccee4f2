package python

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// TestAheadLooksLikeAFreshStart compares what a function sees of its process.
func TestAheadLooksLikeAFreshStart(t *testing.T) {
	t.Parallel()
	const source = `import os, sys, signal, time, random, uuid, json, threading, posix
def handler(event, context):
    fds = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            fds[fd] = os.readlink("/proc/self/fd/" + fd).split(":")[0]
        except OSError:
            pass
    status = {}
    with open("/proc/self/status") as f:
        for line in f:
            name, _, value = line.partition(":")
            if name in ("Umask", "Threads", "SigBlk", "SigIgn", "SigCgt", "SigPnd", "NoNewPrivs", "Uid", "Gid", "Cpus_allowed"):
                status[name] = value.strip()
    env = dict(os.environ)
    task = env.pop("LAMBDA_TASK_ROOT")
    env.pop("AWS_LAMBDA_RUNTIME_API")
    seen = {
        "env": env, "order": list(env), "bytes": {k.decode(): v.decode() for k, v in posix.environ.items() if k.decode() in env},
        "cwd": os.getcwd() == os.path.realpath(task), "argv": sys.argv, "orig": getattr(sys, "orig_argv", None),
        "path": [p.replace(task, "TASK") for p in sys.path], "fds": fds, "status": status, "flags": repr(sys.flags),
        "executable": sys.executable, "encoding": [sys.getfilesystemencoding(), sys.stdout.encoding, sys.stdout.errors],
        "stdin": sys.stdin.read(), "stdin2": os.read(0, 1).decode(), "zone": time.tzname, "hour": time.strftime("%H %Z", time.localtime(0)),
        "child": os.popen("echo $TZ $MINE; env | grep -c AHEAD").read(), "signals": [str(signal.getsignal(s)) for s in (1, 2, 13, 15, 17)],
        "builtins": sorted(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__),
        "threads": threading.active_count(), "meta": len(sys.meta_path) - (1 if any("LoggingHook" in str(m) for m in sys.meta_path) else 0),
        "hash": hash("lambent"), "random": random.random(), "uuid": str(uuid.uuid4()), "urandom": os.urandom(8).hex(),
    }
    return seen
`
	each(t, func(t *testing.T, f runtimes.Found) {
		fresh, ahead := runtimetest.SameAhead(t, runtimetest.Job{
			Set: set, Runtime: f.Runtime, Task: app(source), Framed: true,
			Env: []lambda.Variable{{Name: "TZ", Value: "Asia/Tokyo"}, {Name: "MINE", Value: "a=b \n ü"}, {Name: "EMPTY", Value: ""}},
		})
		runtimetest.Views(t, fresh.Answers[0].Body, ahead.Answers[0].Body, "hash", "random", "uuid", "urandom")
	})
}

// TestAheadLogs compares log records and errors.
func TestAheadLogs(t *testing.T) {
	t.Parallel()
	const source = `import logging
logging.getLogger().setLevel("INFO")
def handler(event, context):
    logging.info("told at %s", logging.getLogRecordFactory()("n", 20, "p", 1, "m", (), None).relativeCreated < 1000)
    print("printed")
    raise ValueError("broken")
`
	each(t, func(t *testing.T, f runtimes.Found) {
		for _, format := range []string{"Text", "JSON"} {
			fresh, ahead := runtimetest.SameAhead(t, runtimetest.Job{
				Set: set, Runtime: f.Runtime, Task: app(source), Framed: true,
				Env: []lambda.Variable{{Name: "AWS_LAMBDA_LOG_FORMAT", Value: format}},
			})
			for i, frame := range fresh.Frames {
				a, b := ahead.Frames[i], frame
				if cut(a.Text) != cut(b.Text) || a.Type != b.Type {
					t.Errorf("%s: ahead it logs %x %q, want %x %q", format, a.Type, a.Text, b.Type, b.Text)
				}
			}
			if a, f := ahead.Answers[0].Body, fresh.Answers[0].Body; a != f {
				t.Errorf("ahead it posts %s, want %s", a, f)
			}
		}
	})
}

// cut takes times and folders out of a log record.
func cut(text string) string {
	var out []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\t\n ,", r) }) {
		if !strings.Contains(word, "20") && !strings.Contains(word, "/") {
			out = append(out, word)
		}
	}
	return strings.Join(out, " ")
}

// TestNotAhead lists what must be seen when Python is executed.
func TestNotAhead(t *testing.T) {
	t.Parallel()
	f := here(t)[0]
	program := func(env []lambda.Variable, task string, opt ...string) bool {
		p, err := set.Program(&lambda.Version{Runtime: f.Runtime, Environment: env}, task, opt)
		if err != nil {
			t.Fatal(err)
		}
		return p.Ahead != nil
	}
	empty := t.TempDir()
	if !program([]lambda.Variable{{Name: "MINE"}, {Name: "TZ"}, {Name: "PATH"}}, empty) {
		t.Error("a function with harmless variables is not started ahead")
	}
	for _, name := range []string{"PYTHONPATH", "PYTHONHASHSEED", "LD_PRELOAD", "LD_LIBRARY_PATH", "AWS_LAMBDA_EXEC_WRAPPER", "LANG", "LC_ALL", "MALLOC_ARENA_MAX"} {
		if program([]lambda.Variable{{Name: name, Value: "1"}}, empty) {
			t.Errorf("a function that sets %s is started ahead", name)
		}
	}
	for _, file := range []string{"json.py", "logging/__init__.py", "re.cpython-311-x86_64-linux-gnu.so", "mine.pth"} {
		dir := t.TempDir()
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if program(nil, dir) {
			t.Errorf("a function with %s is started ahead", file)
		}
		layer := t.TempDir()
		if err := os.Rename(dir, filepath.Join(layer, "python")); err != nil {
			t.Fatal(err)
		}
		if program(nil, empty, layer) {
			t.Errorf("a function whose layer has %s is started ahead", file)
		}
	}
	libraries := t.TempDir()
	if err := os.Mkdir(filepath.Join(libraries, "lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	if !program(nil, libraries) {
		t.Error("an empty lib folder keeps a function from being started ahead")
	}
	if err := os.WriteFile(filepath.Join(libraries, "lib", "libfoo.so.1"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if program(nil, libraries) || program(nil, empty, libraries) {
		t.Error("a function with shared libraries is started ahead")
	}
}

// TestShadowListIsWhole: what is loaded ahead cannot be a function's own.
func TestShadowListIsWhole(t *testing.T) {
	t.Parallel()
	const source = `import sys
def handler(event, context):
    return sorted(set(m.split(".")[0] for m in sys.modules if getattr(sys.modules[m], "__file__", None)))
`
	each(t, func(t *testing.T, f runtimes.Found) {
		fresh, ahead := runtimetest.SameAhead(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: app(source)})
		words := func(o runtimetest.Outcome) []string {
			return strings.FieldsFunc(o.Answers[0].Body, func(r rune) bool { return strings.ContainsRune(`[]", `, r) })
		}
		known := words(fresh)
		for _, name := range words(ahead) {
			if !slices.Contains(known, name) && !slices.Contains(loadedAhead, name) {
				t.Errorf("%s is loaded ahead and not listed", name)
			}
		}
	})
}
