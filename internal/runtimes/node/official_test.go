package node

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// official is the entry of AWS's client of a generation, as testdata/get.sh
// fetches it.
func official(t *testing.T, r lambda.Runtime) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts each handler twice")
	}
	entry := "aws-lambda-ric-3.3.0/package/dist/index.mjs"
	if r == "nodejs24.x" {
		entry = "aws-lambda-ric-4.0.2/package/index.mjs"
	}
	entry = filepath.Join(fetched(), entry)
	if _, err := os.Stat(entry); err != nil {
		t.Skip("aws-lambda-ric is not here: sh internal/runtimes/testdata/get.sh")
	}
	return entry
}

// both runs a job with AWS's client and with ours.
func both(t *testing.T, f runtimes.Found, job runtimetest.Job) (ours, theirs runtimetest.Outcome) {
	t.Helper()
	script, err := filepath.Abs("testdata/official.mjs")
	if err != nil {
		t.Fatal(err)
	}
	job.Set, job.Runtime = set, f.Runtime
	job.Env = append(job.Env, lambda.Variable{Name: "AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING", Value: "1"})
	ours = runtimetest.Run(t, job)
	job.Argv = []string{f.Path, script, official(t, f.Runtime)}
	return ours, runtimetest.Run(t, job)
}

// same compares what both posted, exited with and logged; frames outside the
// function's own code aside.
func same(t *testing.T, name string, ours, theirs runtimetest.Outcome) {
	t.Helper()
	if ours.Exit != theirs.Exit || len(ours.Answers) != len(theirs.Answers) {
		t.Errorf("%s: ours %s after %+v, AWS's %s after %+v; %s", name, ours.Exit, ours.Answers, theirs.Exit, theirs.Answers, theirs.Stderr)
		return
	}
	for i, o := range ours.Answers {
		a := theirs.Answers[i]
		for _, header := range []string{"Content-Type", "Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Response-Mode"} {
			if o.Header.Get(header) != a.Header.Get(header) {
				t.Errorf("%s: %s: ours %q, AWS's %q", name, header, o.Header.Get(header), a.Header.Get(header))
			}
		}
		if x, y := neutral(ours, o.Body), neutral(theirs, a.Body); x != y || o.Path != a.Path {
			t.Errorf("%s: answer %d: ours %s %.500q, AWS's %s %.500q", name, i, o.Path, x, a.Path, y)
		}
		if x, y := o.Trailer.Get("Lambda-Runtime-Function-Error-Type"), a.Trailer.Get("Lambda-Runtime-Function-Error-Type"); x != y {
			t.Errorf("%s: trailer: ours %q, AWS's %q", name, x, y)
		}
	}
	if x, y := logged(ours), logged(theirs); x != y {
		t.Errorf("%s: log:\nours  %q\nAWS's %q", name, x, y)
	}
}

func logged(o runtimetest.Outcome) string {
	text := o.Stdout
	for _, f := range o.Frames {
		text += f.Text + "|"
	}
	return neutral(o, text)
}

// frame is a line of a stack in JSON.
var frame = regexp.MustCompile(`,"    at [^"]*"`)

// neutral takes out what differs from run to run: folders, times, and the
// stack's lines outside the function.
func neutral(o runtimetest.Outcome, s string) string {
	quoted, _ := json.Marshal(o.Task)
	s = strings.ReplaceAll(s, strings.Trim(string(quoted), `"`), "{task}")
	s = frame.ReplaceAllStringFunc(s, func(line string) string {
		if strings.Contains(line, "{task}") {
			return line
		}
		return ""
	})
	s = strings.ReplaceAll(s, o.Program.Mounts[1].Source, "{runtime}")
	s = client.ReplaceAllString(s, "{runtime}/index.mjs")
	return stamp.ReplaceAllString(s, "T")
}

var client = regexp.MustCompile(`/[^" ]*/aws-lambda-ric-[^" ]*/index\.mjs`)

func TestAnswersAsOfficial(t *testing.T) {
	t.Parallel()
	each(t, 22, 24, func(t *testing.T, f runtimes.Found) {
		parameters, names, sources, _ := possible(f.Runtime)
		// What AWS's native part makes of a result without text is not known here.
		sources = slices.Delete(sources, slices.Index(names, "function result"), slices.Index(names, "function result")+1)
		source, events := together(parameters, sources)
		ours, theirs := both(t, f, runtimetest.Job{Task: app(source + "exports.handler = handler"), Events: events})
		same(t, "answers", ours, theirs)
	})
}

func TestStreamsAsOfficial(t *testing.T) {
	t.Parallel()
	// 4.0.2 asks for the next event before a stream that failed has ended.
	each(t, 22, 22, func(t *testing.T, f runtimes.Found) {
		source, events := streaming()
		ours, theirs := both(t, f, runtimetest.Job{Task: app(source), Events: events})
		same(t, "streams", ours, theirs)
	})
}

func TestInitFaultsAsOfficial(t *testing.T) {
	t.Parallel()
	each(t, 22, 24, func(t *testing.T, f runtimes.Found) {
		for _, c := range initFaults {
			if c.name == "odd streaming" {
				continue // 3.3.0 forgets to import the error and reports that instead
			}
			ours, theirs := both(t, f, runtimetest.Job{Handler: c.handler, Task: c.task})
			same(t, c.name, ours, theirs)
		}
	})
}

func TestLogsAsOfficial(t *testing.T) {
	t.Parallel()
	const more = logs + `
console.log("at load");
const circular = {}; circular.c = circular;
const old = exports.handler;
exports.handler = async () => { await old(); console.log(); console.log(circular); console.log(10n); console.log(undefined); console.log(new TypeError("alone").message); console.log({ e: Object.assign(new Error("in"), { stack: "S" }) }); console.log("%d%%", 5); throw Object.assign(new Error("end"), { stack: "S\n    at x" }) };`
	each(t, 22, 24, func(t *testing.T, f runtimes.Found) {
		for _, env := range [][]lambda.Variable{
			nil,
			{{Name: "AWS_LAMBDA_LOG_LEVEL", Value: "ERROR"}},
			{{Name: "AWS_LAMBDA_LOG_FORMAT", Value: "JSON"}},
			{{Name: "AWS_LAMBDA_LOG_FORMAT", Value: "json"}, {Name: "AWS_LAMBDA_LOG_LEVEL", Value: "warn"}},
		} {
			for _, framed := range []bool{false, true} {
				ours, theirs := both(t, f, runtimetest.Job{Task: app(more), Env: env, Framed: framed})
				same(t, "logs", ours, theirs)
			}
		}
	})
}
