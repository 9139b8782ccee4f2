package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// clientCode answers with what it was made of.
func clientCode(what string) string {
	return "def handler(event, context):\n    return [event, '" + what + "']"
}

// TestCommandLine is a function's life by the aws command, unmodified.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	program := filepath.Join(prepared(t, "venv"), "bin", "aws")
	s := start(t)
	dir, name := t.TempDir(), functionName(t)
	for _, what := range []string{"first", "second"} {
		if err := os.WriteFile(filepath.Join(dir, what+".zip"), zipOf(t, map[string]string{"index.py": clientCode(what)}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := s.command(t.Context(), program, append([]string{"lambda"}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("aws lambda %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	invoke := func(want string) {
		t.Helper()
		said := run("invoke", "--function-name", name, "--payload", `{"a": 1}`, "--log-type", "Tail", "--query", "StatusCode", "answer.json")
		if strings.TrimSpace(said) != "200" {
			t.Errorf("invoke says %s", said)
		}
		got, err := os.ReadFile(filepath.Join(dir, "answer.json"))
		if err != nil || string(got) != want {
			t.Errorf("invoke gave %s, %v, want %s", got, err, want)
		}
	}
	run("create-function", "--function-name", name, "--runtime", "python3.11", "--handler", "index.handler",
		"--role", "arn:aws:iam::000000000000:role/test", "--zip-file", "fileb://first.zip", "--tags", "a=b")
	run("wait", "function-active-v2", "--function-name", name)
	invoke(`[{"a": 1}, "first"]`)
	run("update-function-code", "--function-name", name, "--zip-file", "fileb://second.zip")
	run("wait", "function-updated-v2", "--function-name", name)
	invoke(`[{"a": 1}, "second"]`)
	listed := run("list-functions", "--query", "Functions[].FunctionName", "--output", "json")
	var names []string
	if err := json.Unmarshal([]byte(listed), &names); err != nil || !strings.Contains(listed, `"`+name+`"`) {
		t.Errorf("list-functions: %v %s", err, listed)
	}
	run("delete-function", "--function-name", name)
	out, err := s.command(t.Context(), program, "lambda", "get-function", "--function-name", name).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "ResourceNotFoundException") {
		t.Errorf("get-function of a deleted one: %v\n%s", err, out)
	}
}

// boto3Code is the same life by boto3.
const boto3Code = `
import base64, io, json, sys, zipfile
import boto3
name = sys.argv[1]
client = boto3.client("lambda")
def package(what):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        info = zipfile.ZipInfo("index.py")
        info.external_attr = 0o644 << 16
        z.writestr(info, "def handler(event, context):\n    return [event, '%s']" % what)
    return out.getvalue()
def invoke(want):
    answer = client.invoke(FunctionName=name, Payload=json.dumps({"a": 1}), LogType="Tail")
    got = json.load(answer["Payload"])
    assert got == [{"a": 1}, want] and answer["StatusCode"] == 200 and "FunctionError" not in answer, (got, answer)
    assert b"REPORT RequestId: " + answer["ResponseMetadata"]["RequestId"].encode() in base64.b64decode(answer["LogResult"]), answer
made = client.create_function(FunctionName=name, Runtime="python3.11", Handler="index.handler", Role="arn:aws:iam::000000000000:role/test",
                              Code={"ZipFile": package("first")}, Environment={"Variables": {"AB": "c"}})
assert made["State"] == "Pending" and made["Environment"] == {"Variables": {"AB": "c"}}, made
client.get_waiter("function_active_v2").wait(FunctionName=name)
invoke("first")
client.update_function_code(FunctionName=name, ZipFile=package("second"))
client.get_waiter("function_updated_v2").wait(FunctionName=name)
invoke("second")
assert name in [f["FunctionName"] for page in client.get_paginator("list_functions").paginate() for f in page["Functions"]]
client.delete_function(FunctionName=name)
try:
    client.get_function(FunctionName=name)
    raise SystemExit("a deleted function was found")
except client.exceptions.ResourceNotFoundException as e:
    print("done:", e)
`

// TestBoto3 is a function's life by boto3, unmodified.
func TestBoto3(t *testing.T) {
	t.Parallel()
	python := filepath.Join(prepared(t, "venv"), "bin", "python")
	s := start(t)
	out, err := s.command(t.Context(), python, "-c", boto3Code, functionName(t)).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "done:") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestGoSDK is a function's life by aws-sdk-go-v2, unmodified.
func TestGoSDK(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		name := s.deploy(t, function{code: clientCode("first")})
		if r := s.call(t, name, `{"a": 1}`); r.payload != `[{"a": 1}, "first"]` {
			t.Errorf("%+v", r)
		}
		if _, err := s.client().UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{
			FunctionName: &name, ZipFile: zipOf(t, map[string]string{"index.py": clientCode("second")}),
		}); err != nil {
			t.Fatal(err)
		}
		s.waitUpdated(t, name)
		if r := s.call(t, name, `{"a": 1}`); r.payload != `[{"a": 1}, "second"]` {
			t.Errorf("%+v", r)
		}
		found := false
		for p := lambda.NewListFunctionsPaginator(s.client(), &lambda.ListFunctionsInput{MaxItems: aws.Int32(3)}); p.HasMorePages(); {
			page, err := p.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range page.Functions {
				found = found || aws.ToString(f.FunctionName) == name
			}
		}
		if !found {
			t.Error("ListFunctions does not show the function")
		}
		if _, err := s.client().DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &name}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.client().GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name}); err == nil {
			t.Error("a deleted function is found")
		}
	})
}

// TestSDKInsideAFunction is S10: a function uses boto3, from a layer since Lambent
// brings none of its own, and finds the server by it.
func TestSDKInsideAFunction(t *testing.T) {
	t.Parallel()
	venv := prepared(t, "venv")
	out, err := exec.Command(filepath.Join(venv, "bin", "python"), "-c", "import boto3, sys; print(boto3.__file__); print('python%d.%d' % sys.version_info[:2])").Output()
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(out))
	site := filepath.Dir(filepath.Dir(words[0]))
	files := map[string]string{}
	for _, module := range []string{"boto3", "botocore", "jmespath", "s3transfer", "dateutil", "urllib3", "six.py"} {
		addTree(t, files, site, module)
	}
	s := start(t)
	name := s.deploy(t, function{runtime: words[1], memory: 1769, timeout: 60, layers: []string{s.layer(t, "boto3", files)}, code: `
import boto3
client = boto3.client("lambda")
def handler(event, context):
    return client.get_function(FunctionName=context.function_name)["Configuration"]["FunctionName"]
`})
	if r := s.call(t, name, `{}`); r.payload != `"`+name+`"` {
		t.Errorf("%+v", r)
	}
}

// addTree reads a module's files, but of botocore's services only Lambda.
func addTree(t *testing.T, files map[string]string, site, module string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(site, module), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(site, path) // both are absolute
		if d.IsDir() {
			if dir, service := filepath.Split(name); dir == "botocore/data/" && service != "lambda" {
				return filepath.SkipDir
			}
			return nil
		}
		text, err := os.ReadFile(path)
		if !strings.HasSuffix(path, ".pyc") {
			files["python/"+name] = string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestStatesOfAFunction: what an active function shows, with the defaults.
func TestStatesOfAFunction(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: clientCode("x"), timeout: usual})
	out, err := s.client().GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: &name})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Configuration
	if c.State != types.StateActive || c.LastUpdateStatus != types.LastUpdateStatusSuccessful || aws.ToInt32(c.MemorySize) != 128 ||
		aws.ToInt32(c.Timeout) != 3 || aws.ToInt32(c.EphemeralStorage.Size) != 512 || aws.ToString(c.CodeSha256) == "" {
		t.Errorf("%+v", c)
	}
}
