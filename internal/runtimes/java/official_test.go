package java

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// official is AWS's client, which testdata/get.sh fetches, as a class path.
func official(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs("../../../build/runtimes/java")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "ok")); err != nil {
		t.Skip("AWS's Java client is not here: sh internal/runtimes/java/testdata/get.sh")
	}
	var jars []string
	for _, pattern := range []string{"*-interface-client-*.jar", "*-core-*.jar", "*-serialization-*.jar", "utils-lite-*.jar"} {
		found, _ := filepath.Glob(filepath.Join(folder, pattern))
		jars = append(jars, found...)
	}
	return strings.Join(jars, ":")
}

// alone keeps AWS's clients from running at once: each unpacks its native
// library to the same place in /tmp.
var alone sync.Mutex

// both runs a job with AWS's client and with ours.
func both(t *testing.T, f runtimes.Found, job runtimetest.Job) (ours, theirs runtimetest.Outcome) {
	t.Helper()
	classPath := official(t)
	ours = runtimetest.Run(t, job)
	job.Argv = []string{
		f.Path, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--add-opens=java.base/java.io=ALL-UNNAMED",
		"-cp", classPath, "com.amazonaws.services.lambda.runtime.api.client.AWSLambda", job.Handler,
	}
	alone.Lock()
	defer alone.Unlock()
	return ours, runtimetest.Run(t, job)
}

// TestOfficial puts everything to AWS's client too: answers, errors, causes,
// logs and exits must be equal.
func TestOfficial(t *testing.T) {
	t.Parallel()
	list := here(t)
	f := list[len(list)-1] // the oldest, for which AWS's client gives no warnings
	for i, b := range slices.Concat(binding, choice, failures, logs, contexts) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			j := job(f, b.handler, b.events...)
			j.Framed, j.Events = true, append(j.Events, b.further...)
			ours, theirs := both(t, f, j)
			same(t, j.Handler, ours, theirs)
		})
	}
	for name, env := range map[string][]lambda.Variable{
		"JSON":  {{Name: "AWS_LAMBDA_LOG_FORMAT", Value: "JSON"}},
		"level": {{Name: "AWS_LAMBDA_LOG_FORMAT", Value: "JSON"}, {Name: "AWS_LAMBDA_LOG_LEVEL", Value: "INFO"}},
	} {
		for _, handler := range []string{"Plain::log", "Plain::fail", "Typed$BadConstructor", "Absent"} {
			t.Run(name+" "+handler, func(t *testing.T) {
				j := job(f, handler, `"x"`)
				j.Framed, j.Env = true, env
				ours, theirs := both(t, f, j)
				same(t, j.Handler, ours, theirs)
			})
		}
	}
}

func same(t *testing.T, name string, ours, theirs runtimetest.Outcome) {
	t.Helper()
	if ours.Exit != theirs.Exit || len(ours.Answers) != len(theirs.Answers) {
		t.Errorf("%s: ours %s after %q, AWS's %s after %q", name, ours.Exit, posts(ours), theirs.Exit, posts(theirs))
		return
	}
	for i, o := range ours.Answers {
		a := theirs.Answers[i]
		for _, header := range []string{"Content-Type", "Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Xray-Error-Cause"} {
			if x, y := neutral(o.Header.Get(header)), neutral(a.Header.Get(header)); x != y {
				t.Errorf("%s: %s of post %d: ours %q, AWS's %q", name, header, i, x, y)
			}
		}
		if x, y := neutral(post(o)), neutral(post(a)); x != y {
			t.Errorf("%s: post %d: ours %s, AWS's %s", name, i, x, y)
		}
	}
	if x, y := frames(ours), frames(theirs); !slices.Equal(x, y) {
		t.Errorf("%s: log: ours %q, AWS's %q", name, x, y)
	}
	if x, y := ours.Stdout, theirs.Stdout; x != y {
		t.Errorf("%s: output: ours %q, AWS's %q", name, x, y)
	}
	if x, y := lines(ours.Stderr), lines(theirs.Stderr); !slices.Equal(x, y) {
		t.Errorf("%s: error output: ours %q, AWS's %q", name, x, y)
	}
}

func frames(o runtimetest.Outcome) []string {
	var list []string
	for _, f := range o.Frames {
		list = append(list, string(rune('a'+f.Type&0xff))+" "+neutral(f.Text))
	}
	return list
}

// lines are sorted: the virtual machine lists methods in no particular order.
func lines(s string) []string { return slices.Sorted(strings.SplitSeq(s, "\n")) }

// What differs without meaning: times, the function's folder, and the numbers
// that the virtual machine gives to reflection's generated classes.
var (
	moment    = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`)
	workplace = regexp.MustCompile(`/tmp/[^"]*/\d{3}`)
	generated = regexp.MustCompile(`(Accessor|Proxy|MethodHandle\$?)\d+`)
	elided    = regexp.MustCompile(`\.\.\. \d+ more`)
)

func neutral(s string) string {
	s = moment.ReplaceAllString(s, "TIME")
	s = workplace.ReplaceAllString(s, "TASK")
	s = elided.ReplaceAllString(s, "... more")
	return generated.ReplaceAllString(s, "$1")
}
