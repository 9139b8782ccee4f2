package python

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes/runtimetest"
)

// official is AWS's client for Python, which testdata/get.sh fetches, and the
// interpreter that it was fetched for.
func official(t *testing.T) (folder, python string, runtime lambda.Runtime) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts each handler twice")
	}
	folder, err := filepath.Abs("../../../build/runtimes/awslambdaric")
	if err != nil {
		t.Fatal(err)
	}
	version, err := os.ReadFile(filepath.Join(folder, "ok"))
	if err != nil {
		t.Skip("awslambdaric is not here: sh internal/runtimes/testdata/get.sh")
	}
	runtime = lambda.Runtime(strings.TrimSpace(string(version)))
	for _, f := range here(t) {
		if f.Runtime == runtime {
			return folder, f.Path, runtime
		}
	}
	t.Skipf("awslambdaric is for %s, which is not here", runtime)
	return "", "", ""
}

// both runs a job with AWS's client and with ours.
func both(t *testing.T, job runtimetest.Job) (ours, theirs runtimetest.Outcome) {
	t.Helper()
	folder, python, runtime := official(t)
	job.Set, job.Runtime = set, runtime
	ours = runtimetest.Run(t, job)
	job.Argv = []string{python, "-c", "import os, sys; sys.path[:0] = [os.environ['LAMBDA_TASK_ROOT'], '" + folder + "']\nfrom awslambdaric.__main__ import main; main(['x', os.environ['_HANDLER']])"}
	return ours, runtimetest.Run(t, job)
}

// same compares what both posted, exited with and printed, folders and times aside.
func same(t *testing.T, name string, ours, theirs runtimetest.Outcome) {
	t.Helper()
	if ours.Exit != theirs.Exit || len(ours.Answers) != len(theirs.Answers) {
		t.Errorf("%s: ours %s after %d posts, AWS's %s after %d", name, ours.Exit, len(ours.Answers), theirs.Exit, len(theirs.Answers))
		return
	}
	for i, o := range ours.Answers {
		a := theirs.Answers[i]
		for _, header := range []string{"Content-Type", "Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Xray-Error-Cause"} {
			if header == "Content-Type" && o.Path == "init/error" {
				continue // AWS's has none there
			}
			if x, y := neutral(ours, o.Header.Get(header)), neutral(theirs, a.Header.Get(header)); x != y {
				t.Errorf("%s: %s %d: ours %q, AWS's %q", name, header, i, x, y)
			}
		}
		if x, y := neutral(ours, o.Body), neutral(theirs, a.Body); x != y || o.Path != a.Path {
			t.Errorf("%s: answer %d: ours %s %.500q, AWS's %s %.500q", name, i, o.Path, x, a.Path, y)
		}
	}
	if x, y := neutral(ours, ours.Stdout), neutral(theirs, theirs.Stdout); x != y {
		t.Errorf("%s: stdout: ours %q, AWS's %q", name, x, y)
	}
	if len(ours.Frames) != len(theirs.Frames) {
		t.Errorf("%s: ours wrote %d frames, AWS's %d", name, len(ours.Frames), len(theirs.Frames))
		return
	}
	for i, f := range ours.Frames {
		if x, y := neutral(ours, f.Text), neutral(theirs, theirs.Frames[i].Text); x != y || f.Type != theirs.Frames[i].Type {
			t.Errorf("%s: frame %d: ours %x %q, AWS's %x %q", name, i, f.Type, x, theirs.Frames[i].Type, y)
		}
	}
}

// loop is a frame of the client's own, which a handler that cannot be called leaves.
var loop = regexp.MustCompile(`/[^" \\]+/(awslambdaric/bootstrap|_lambent/__init__)\.py(\\?", line |", "line": |"\}\], |"\]\})(\d+)?`)

// paths are a set there, so in any order.
var paths = regexp.MustCompile(`"paths": \[[^\]]*\]`)

func neutral(o runtimetest.Outcome, s string) string {
	s = paths.ReplaceAllString(loop.ReplaceAllString(s, "{loop}$2"), "")
	return stamp.ReplaceAllString(strings.ReplaceAll(s, o.Task, "{task}"), "T")
}

// values are results that both must encode alike, in Python.
var values = []string{
	`None`, `True`, `[]`, `{}`, `[[], {}]`, `"x\u00e9\u2028\U0001F600\x7f\x01/<"`, `"\ud800"`, `Text("sub")`,
	`1.0`, `-0.0`, `1e16`, `1e100`, `10**30`, `123456789.123456789`, `[i / 7 for i in range(20)]`,
	`float("nan")`, `[float("inf"), -float("inf")]`, `[True, 1, 1.0]`,
	`Decimal("1.10")`, `{"a": [Decimal("NaN"), Decimal("1E+3"), Decimal("-Infinity")]}`, `{"e": "é", "l": ["ü", Decimal("2")]}`,
	`b"raw \xff"`, `{"a": b"bytes"}`, `{"a": b"\xff"}`, `{b"k": 1}`, `bytearray(b"x")`,
	`{1: 2, 1.5: 3, True: 4, None: 5}`, `{(1, 2): 3}`, `(1, (2,))`, `Point(1, [Point(2, 3)])`, `OrderedDict(b=1, a=2)`, `Dictish(a=1)`,
	`{"a": {1, 2}}`, `object()`, `Color.RED`, `{"c": Color.RED, "s": Name.A, Name.A: 1}`, `datetime.datetime(2020, 1, 1)`, `uuid.UUID(int=1)`,
	`range(3)`, `(i for i in [1])`, `co()`, `loop()`, `{"deep": deep(200)}`, `deep(100000)`,
}

const valuesModule = `
import datetime, enum, uuid
from collections import OrderedDict, namedtuple
from decimal import Decimal
Point = namedtuple("Point", "x y")
class Color(enum.IntEnum):
    RED = 1
class Name(str, enum.Enum):
    A = "a-value"
class Text(str): pass
class Dictish(dict): pass
def loop():
    l = []
    l.append(l)
    return l
def deep(n):
    l = []
    for _ in range(n): l = [l]
    return l
async def co(): pass
def handler(event, context):
    return eval(event)
`

func TestValuesAsOfficial(t *testing.T) {
	t.Parallel()
	var events []runtimetest.Event
	for _, v := range values {
		v = strings.ReplaceAll(strings.ReplaceAll(v, `\`, `\\`), `"`, `\"`)
		events = append(events, runtimetest.Event{Payload: `"` + v + `"`})
	}
	ours, theirs := both(t, runtimetest.Job{Task: app(valuesModule), Events: events})
	same(t, "values", ours, theirs)
}

func TestFaultsAsOfficial(t *testing.T) {
	t.Parallel()
	for _, c := range initFaults {
		for _, framed := range []bool{false, true} {
			ours, theirs := both(t, runtimetest.Job{Handler: c.handler, Task: app(c.source), Framed: framed})
			same(t, c.name, ours, theirs)
		}
	}
	for name, source := range map[string]string{
		"exception": "class E(Exception): pass\ndef handler(e, c):\n  try:\n    1 / 0\n  except Exception as x:\n    raise E('a\\n  b é') from x",
		"empty":     "def handler(e, c): raise KeyError",
		"arguments": "def handler(): pass",
		"recursion": "def handler(e, c): return handler(e, c)",
		"lambda":    "handler = lambda e, c: [][1]",
		"none":      "handler = None",
		"exec":      "def handler(e, c): exec('1/0')",
		"exit":      "import sys\ndef handler(e, c): sys.exit('text')",
	} {
		ours, theirs := both(t, runtimetest.Job{Task: app(source), Framed: true})
		same(t, name, ours, theirs)
	}
}

func TestLogsAsOfficial(t *testing.T) {
	t.Parallel()
	for _, framed := range []bool{false, true} {
		for _, env := range [][]lambda.Variable{
			nil,
			{{Name: "AWS_LAMBDA_LOG_LEVEL", Value: "DEBUG"}},
			{{Name: "AWS_LAMBDA_LOG_FORMAT", Value: "JSON"}},
			{{Name: "AWS_LAMBDA_LOG_FORMAT", Value: "JSON"}, {Name: "AWS_LAMBDA_LOG_LEVEL", Value: "WARN"}},
		} {
			ours, theirs := both(t, runtimetest.Job{Task: app(logs), Env: env, Framed: framed})
			same(t, "logs", ours, theirs)
		}
	}
}
