package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// isolated runs the test on the grounds that isolate files.
func isolated(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	for _, g := range grounds() {
		if g.name == "process" {
			continue // it has no root of its own, and says so
		}
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			test(t, startOn(t, g))
		})
	}
}

// TestOnlyTmpIsWritable is S56, S2 and F256: code, layers, runtime and root are read-only
// and belong to root, /tmp is for everybody.
func TestOnlyTmpIsWritable(t *testing.T) {
	t.Parallel()
	isolated(t, func(t *testing.T, s *server) {
		name := s.deploy(t, function{
			layers: []string{s.layer(t, "files", map[string]string{"data/file": "x"})},
			code: `
import errno, os, pwd, stat
def attempt(path):
    try:
        open(path, "a").close()
        return "written"
    except OSError as e:
        return errno.errorcode[e.errno]
def handler(event, context):
    return {
        "cwd": os.getcwd(), "user": pwd.getpwuid(os.getuid()).pw_name,
        "owners": {p: pwd.getpwuid(os.stat(p).st_uid).pw_name for p in ["/var/task", "/opt", "/tmp"]},
        "write": {p: attempt(p) for p in ["/var/task/new", "/var/task/index.py", "/opt/new", "/opt/data/file", "/var/runtime/new", "/new", "/usr/new", "/etc/new", "/dev/new", "/var/new", "/tmp/new"]},
        "modes": {p: stat.filemode(os.stat(p).st_mode) for p in ["/var/task", "/opt", "/tmp", "/var/task/index.py"]},
        "list": sorted(os.listdir("/var/task")),
        "code": os.path.abspath(__file__),
    }
`})
		var got struct {
			Cwd, Code, User      string
			Write, Modes, Owners map[string]string
			List                 []string
		}
		s.call(t, name, `{}`).into(t, &got)
		// Without root's help there is one user only, and everything is its own.
		mine := s.user == 0 && (got.Owners["/var/task"] != "root" || got.Owners["/opt"] != "root")
		if got.User != "sbx_user1051" || mine {
			t.Errorf("the function is %s, and files belong to %v", got.User, got.Owners)
		}
		if got.Cwd != "/var/task" || got.Code != "/var/task/index.py" || !slices.Equal(got.List, []string{"index.py"}) {
			t.Errorf("the function sees %+v", got)
		}
		for path, result := range got.Write {
			if want := path == "/tmp/new"; (result == "written") != want || !want && result != "EROFS" && result != "EACCES" {
				t.Errorf("writing %s: %s", path, result)
			}
		}
		for path, want := range map[string]string{"/var/task": "drwxr-xr-x", "/opt": "drwxr-xr-x", "/tmp": "drwxrwxrwt", "/var/task/index.py": "-rw-r--r--"} {
			if got.Modes[path] != want {
				t.Errorf("%s is %s, want %s", path, got.Modes[path], want)
			}
		}
	})
}

// TestTmpHasItsSize is S57, S58 and S59: /tmp is exactly as large as configured,
// gives ENOSPC when it is full, shows its usage, keeps its files, and is not
// charged to the function's memory.
func TestTmpHasItsSize(t *testing.T) {
	t.Parallel()
	isolated(t, func(t *testing.T, s *server) {
		name := s.deploy(t, function{memory: 128, tmp: 600, timeout: 120, code: `
import errno, os, shutil
def handler(event, context):
    if event == "fill":
        block, written = b"x" * (1 << 20), 0
        try:
            with open("/tmp/large", "wb") as f:
                while True: written += f.write(block)
        except OSError as e:
            return [errno.errorcode[e.errno], written >> 20]
    total, used, free = shutil.disk_usage("/tmp")
    size = os.path.getsize("/tmp/large") >> 20 if os.path.exists("/tmp/large") else 0
    return [total >> 20, used >> 20, free >> 20, size]
`})
		var before, after [4]int
		var full []any
		s.call(t, name, `"look"`).into(t, &before)
		filled := s.call(t, name, `"fill"`)
		filled.into(t, &full)
		s.call(t, name, `"look"`).into(t, &after)
		// As on AWS the size is what can be had; the file system's own comes on top.
		if before[0] < 600 || before[0] > 640 || before[2] < 590 || before[2] > 600 || before[1] > 20 || before[3] != 0 {
			t.Errorf("an empty /tmp of 600 MB: total, used, free, file = %v", before)
		}
		if len(full) != 2 || full[0] != "ENOSPC" || full[1].(float64) < 550 || full[1].(float64) > 600 {
			t.Errorf("filling /tmp of 600 MB: %v", full)
		}
		if after[1] < 550 || after[2] > 20 || after[3] < 550 {
			t.Errorf("a full /tmp: total, used, free, file = %v", after)
		}
	})
}

// TestDefaultTmp is S57: 512 MB unless said otherwise.
func TestDefaultTmp(t *testing.T) {
	t.Parallel()
	isolated(t, func(t *testing.T, s *server) {
		name := s.deploy(t, function{code: "import shutil\ndef handler(event, context):\n    return shutil.disk_usage('/tmp').free >> 20"})
		var mb int
		s.call(t, name, `{}`).into(t, &mb)
		if mb < 505 || mb > 512 {
			t.Errorf("/tmp has %d MB free", mb)
		}
	})
}

// TestCacheFileInTmp is S89: a file that caches is there in warm invocations and
// absent after a cold start.
func TestCacheFileInTmp(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		code := `
import json, os, tempfile
cache = os.path.join(tempfile.gettempdir(), "cache.json")
def handler(event, context):
    if os.path.exists(cache):
        return ["hit", json.load(open(cache))]
    json.dump(event, open(cache, "w"))
    return ["miss", event]
`
		name := s.deploy(t, function{code: code})
		want := []string{`["miss", 1]`, `["hit", 1]`, `["hit", 1]`}
		for i, w := range want {
			if r := s.call(t, name, fmt.Sprint(i+1)); r.payload != w {
				t.Errorf("call %d: %s, want %s", i+1, r.payload, w)
			}
		}
		s.updateEnvironment(t, name, map[string]string{"NEW": "environment"})
		if r := s.call(t, name, "9"); r.payload != `["miss", 9]` || !r.cold() {
			t.Errorf("after a cold start: %+v", r)
		}
	})
}

// TestLayersInOrder is S52, S53 and S2: layers are one tree at /opt, the later
// one's files hide the earlier one's, and languages find their modules there.
func TestLayersInOrder(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		first := s.layer(t, "first", map[string]string{
			"shared.txt": "first", "only-first.txt": "first", "python/mine.py": "name = 'first'", "bin/tool": "#!/bin/sh\necho tool\n",
			"nodejs/node_modules/mine/index.js": "module.exports = 'from node layer'",
		})
		second := s.layer(t, "second", map[string]string{"shared.txt": "second", "python/mine.py": "name = 'second'", "lib/x": "y"})
		name := s.deploy(t, function{layers: []string{first, second}, code: `
import mine, os, shutil, subprocess
opt = os.path.dirname(os.path.dirname(mine.__file__))
def handler(event, context):
    read = lambda name: open(os.path.join(opt, name)).read()
    return [read("shared.txt"), read("only-first.txt"), mine.name, subprocess.check_output(["tool"]).decode(), os.path.exists(os.path.join(opt, "lib/x"))]
`})
		if r := s.call(t, name, `{}`); r.payload != `["second", "first", "second", "tool\n", true]` {
			t.Errorf("%+v", r)
		}
		t.Run("node", func(t *testing.T) {
			node := s.deploy(t, function{runtime: "nodejs20.x", layers: []string{first}, code: "const mine = require('mine'); exports.handler = async () => mine"})
			if r := s.call(t, node, `{}`); r.payload != `"from node layer"` {
				t.Errorf("%+v", r)
			}
		})
	})
}

// TestBootstrapInLayer is S49: a custom runtime may come in a layer.
func TestBootstrapInLayer(t *testing.T) {
	t.Parallel()
	s := start(t)
	layer := s.layer(t, "runtime", map[string]string{"bootstrap": program(t, "bootstrap")})
	name := s.deploy(t, function{runtime: "provided.al2023", layers: []string{layer}, files: map[string]string{"data": "x"}})
	if r := s.call(t, name, `{"a": 1}`); r.fault != "" || !strings.Contains(r.payload, `"event":{"a":1}`) {
		t.Errorf("%+v", r)
	}
}
