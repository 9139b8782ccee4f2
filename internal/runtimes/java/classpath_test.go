package java

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// compiled compiles one source file and returns its class.
func compiled(t *testing.T, name, source, classPath string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, name+".java")
	if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("javac", "-nowarn", "-Xlint:-options", "--release", "8", "-cp", "bootstrap/"+jarName+":"+classPath, "-d", dir, path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("compile %s: %v: %s", name, err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, name+".class"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// jar is a jar of one class.
func jar(t *testing.T, name, class string) string {
	t.Helper()
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	w, err := archive.Create(name + ".class")
	if err == nil {
		_, err = w.Write([]byte(class))
	}
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The package comes before its jars, those before the layers', and jars of one
// folder are in lexical order.
func TestClassPathOrder(t *testing.T) {
	t.Parallel()
	list := here(t)
	said := func(what string) string {
		return compiled(t, "Which", fmt.Sprintf("public class Which { public static String say() { return %q; } }", what), "")
	}
	places := []struct{ in, path, class string }{ // the best last
		{"layer", "java/lib/a.jar", jar(t, "Which", said("layer"))},
		{"task", "lib/b.jar", jar(t, "Which", said("b.jar"))},
		{"task", "lib/a.jar", jar(t, "Which", said("a.jar"))},
		{"task", "lib/B.jar", jar(t, "Which", said("B.jar"))},
		{"task", "Which.class", said("package")},
	}
	want := []string{"layer", "b.jar", "a.jar", "B.jar", "package"}
	task, layer := map[string]string{}, map[string]string{}
	for i, p := range places {
		if p.in == "layer" {
			layer[p.path] = p.class
		} else {
			task[p.path] = p.class
		}
		j := runtimetest.Job{Set: set, Runtime: list[0].Runtime, Handler: "Which::say", Task: task, Layer: layer}
		o := runtimetest.Run(t, j)
		if len(o.Answers) != 1 || o.Answers[0].Body != `"`+want[i]+`"` {
			t.Errorf("after adding %s: %+v, want %q; %s", p.path, o.Answers, want[i], o.Stderr)
		}
	}
}

// A package that brings aws-lambda-java-core has the same interfaces twice; a
// handler must be recognised all the same.
func TestBundledInterfacesUnify(t *testing.T) {
	t.Parallel()
	official(t)
	core, err := os.ReadFile("../../../build/runtimes/java/aws-lambda-java-core-1.4.0.jar")
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, f runtimes.Found) {
		j := job(f, "Typed", `{"x":4}`)
		j.Task = map[string]string{"lib/aws-lambda-java-core-1.4.0.jar": string(core)}
		for name, class := range classes {
			j.Task[name] = class
		}
		o := runtimetest.Run(t, j)
		if len(o.Answers) != 1 || o.Answers[0].Body != `"point 4"` {
			t.Errorf("%+v, want \"point 4\"; %s", o.Answers, o.Stderr)
		}
	})
}

// AWS's event classes are bound with rules of their own.
func TestEventClasses(t *testing.T) {
	t.Parallel()
	official(t)
	f := here(t)
	source, err := os.ReadFile("testdata/events/Events.java")
	if err != nil {
		t.Fatal(err)
	}
	task := map[string]string{}
	libraries := ""
	for _, name := range []string{"aws-lambda-java-events-3.16.1.jar", "joda-time-2.10.8.jar"} {
		path := "../../../build/runtimes/java/" + name
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		task["lib/"+name], libraries = string(data), libraries+":"+path
	}
	task["Events.class"] = compiled(t, "Events", string(source), libraries)
	for _, c := range []struct{ handler, event, want string }{
		{"sqs", `{"Records":[{"body":"b","eventSourceARN":"arn:q","messageAttributes":{"a":{"stringValue":"v","dataType":"String"}}}]}`, `"b arn:q v"`},
		{"s3", `{"Records":[{"eventTime":"1970-01-01T00:00:01.000Z","s3":{"bucket":{"name":"n"},"object":{"key":"k","size":1}}}]}`, `"n 1000"`},
		{"sns", `{"Records":[{"Sns":{"Message":"m","Timestamp":"1970-01-01T00:00:02.000Z"}}]}`, `"m 2000"`},
		{"s3back", `{"Records":[{"awsRegion":"r","eventTime":"1970-01-01T00:00:01.000Z","s3":{"bucket":{"name":"n"},"object":{"key":"a b","size":1}}}]}`, ""},
		{"http", `{"version":"2.0","rawPath":"/p","requestContext":{"http":{"method":"GET"}}}`, ""},
		{"batch", `{"Records":[{"messageId":"m1"}]}`, `{"batchItemFailures":[{"itemIdentifier":"m1"}]}`},
		{"dynamodb", `{"Records":[{"dynamodb":{"ApproximateCreationDateTime":3,"NewImage":{"k":{"N":"7"}}}}]}`, `"7 3000"`},
		{"kinesis", `{"Records":[{"kinesis":{"data":"aGk=","approximateArrivalTimestamp":1.5}}]}`, `"hi"`},
	} {
		ours, theirs := both(t, f[len(f)-1], runtimetest.Job{
			Set: set, Runtime: f[len(f)-1].Runtime, Handler: "Events::" + c.handler, Task: task, Framed: true,
			Events: []runtimetest.Event{{Payload: c.event}},
		})
		same(t, c.handler, ours, theirs)
		if c.want != "" && (len(ours.Answers) != 1 || ours.Answers[0].Body != c.want) {
			t.Errorf("%s: %+v, want %s; %s", c.handler, ours.Answers, c.want, ours.Stderr)
		}
	}
}
