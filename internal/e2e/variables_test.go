package e2e

import (
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// everyVariable is what every runtime's environment has on AWS (F257), as patterns.
func everyVariable(name, runtime string) map[string]string {
	v := map[string]string{
		"AWS_ACCESS_KEY_ID": `ASIA[A-Z2-7]{16}`, "AWS_SECRET_ACCESS_KEY": `.{40}`, "AWS_SESSION_TOKEN": `.{50,}`,
		"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
		"AWS_LAMBDA_FUNCTION_NAME": name, "AWS_LAMBDA_FUNCTION_VERSION": `\$LATEST`, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/" + name, "AWS_LAMBDA_LOG_STREAM_NAME": `\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}`,
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_RUNTIME_API": `169\.254\.100\.1:9001`,
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR", "AWS_XRAY_DAEMON_ADDRESS": `169\.254\.100\.1:2000`,
		"_AWS_XRAY_DAEMON_ADDRESS": `169\.254\.100\.1`, "_AWS_XRAY_DAEMON_PORT": "2000",
		"LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime", "LANG": `en_US\.UTF-8`, "TZ": ":UTC", "_HANDLER": `index\.handler`,
		"PATH":            "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"TEST_KEY":        "a value", "AWS_ENDPOINT_URL": `http://169\.254\.100\.1:\d+`, // the last one is Lambent's own
	}
	if !strings.HasPrefix(runtime, "provided") {
		v["AWS_EXECUTION_ENV"] = "AWS_Lambda_" + regexp.QuoteMeta(runtime)
	}
	return v
}

// TestVariables is S61, S62 and S53: the environment variables of each language,
// all of them and no others (F257 to F268).
func TestVariables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		runtime, code, event string
		more                 map[string]string
	}{
		{"python3.11", "import os\ndef handler(event, context):\n    return dict(os.environ)", "{}",
			map[string]string{"PYTHONPATH": "/var/runtime", "PWD": "/var/task", "SHLVL": "0", "_X_AMZN_TRACE_ID": "Root=.*"}},
		{"nodejs20.x", "exports.handler = async () => process.env", "{}", map[string]string{
			"NODE_PATH": "/opt/nodejs/node20/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task",
			"PWD":       "/var/task", "SHLVL": "0", "_X_AMZN_TRACE_ID": "Root=.*",
		}},
		{"provided.al2023", "", `{"Do": "environment"}`, nil},
	} {
		t.Run(c.runtime, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			code := c.code
			if code == "" {
				code = program(t, "bootstrap")
			}
			name := s.deploy(t, function{runtime: c.runtime, memory: 1024, code: code, env: map[string]string{"TEST_KEY": "a value"}})
			got := variablesOf(t, s.call(t, name, c.event))
			want := everyVariable(name, c.runtime)
			maps.Copy(want, c.more)
			for _, k := range slices.Sorted(maps.Keys(want)) {
				if v, has := got[k]; !has || !regexp.MustCompile("^"+want[k]+"$").MatchString(v) {
					t.Errorf("%s is %q (%v), want %s", k, v, has, want[k])
				}
			}
			for k, v := range got {
				if _, known := want[k]; !known {
					t.Errorf("%s=%s is not there on AWS", k, v)
				}
			}
		})
	}
}

// variablesOf reads an answer that is an object, or a list of name=value.
func variablesOf(t *testing.T, r reply) map[string]string {
	t.Helper()
	all := map[string]string{}
	if strings.HasPrefix(r.payload, "{") {
		r.into(t, &all)
		return all
	}
	var list []string
	r.into(t, &list)
	for _, pair := range list {
		k, v, _ := strings.Cut(pair, "=")
		all[k] = v
	}
	return all
}

// TestCustomerVariablesWin: defaults may be overridden, and values are literal.
func TestCustomerVariablesWin(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		mine := map[string]string{
			"TZ": "Asia/Tokyo", "LANG": "C", "AWS_XRAY_CONTEXT_MISSING": "IGNORE_ERROR", "PRICE": "$HOME ${PATH} \"quoted\" 'ä\n2'", "EMPTY": "",
			"AWS_ENDPOINT_URL": "http://elsewhere.example",
		}
		name := s.deploy(t, function{env: mine, code: "import os\ndef handler(event, context):\n    return dict(os.environ)"})
		got := variablesOf(t, s.call(t, name, `{}`))
		for k, v := range mine {
			if got[k] != v {
				t.Errorf("%s is %q, want %q", k, got[k], v)
			}
		}
	})
}

// TestVariablesAreFrozenIntoVersions is S62 and F093: a published version keeps its variables.
func TestVariablesAreFrozenIntoVersions(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{env: map[string]string{"WHICH": "one"}, code: "import os\ndef handler(event, context):\n    return [os.environ['WHICH'], context.function_version, context.invoked_function_arn.split(':')[-1]]"})
	if _, err := s.client().PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: &name}); err != nil {
		t.Skipf("versions cannot be published: %v", err)
	}
	s.waitUpdated(t, name)
	s.updateEnvironment(t, name, map[string]string{"WHICH": "two"})
	eventually(t, "version 1 to be invocable", func() bool {
		out, err := s.client().GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &name, Qualifier: aws.String("1")})
		return err == nil && out.State == types.StateActive
	})
	out, err := s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, Qualifier: aws.String("1")})
	if err != nil || string(out.Payload) != `["one", "1", "1"]` {
		t.Errorf("version 1: %s, %v", out.Payload, err)
	}
	if r := s.call(t, name, `{}`); r.payload != `["two", "$LATEST", "`+name+`"]` {
		t.Errorf("$LATEST: %s", r.payload)
	}
}

// TestVariablesAreChecked is S61 and S63: reserved names and more than 4 KB are
// refused in AWS's words.
func TestVariablesAreChecked(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: "def handler(event, context):\n    return 1"})
	for _, c := range []struct {
		variables map[string]string
		want      string
	}{
		{map[string]string{"BIG": strings.Repeat("x", 5000)}, "exceeded the 4KB limit"},
		{map[string]string{"AWS_REGION": "here"}, "reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION"},
		{map[string]string{"_HANDLER": "x"}, ""},
	} {
		_, err := s.client().UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
			FunctionName: &name, Environment: &types.Environment{Variables: c.variables},
		})
		var refused smithy.APIError
		if !errors.As(err, &refused) || !strings.Contains(refused.ErrorMessage(), c.want) {
			t.Errorf("%v: %v, want %q", slices.Collect(maps.Keys(c.variables)), err, c.want)
		}
	}
	most := map[string]string{"FULL": strings.Repeat("x", 4000)}
	s.updateEnvironment(t, name, most)
	if r := s.call(t, name, `{}`); r.fault != "" {
		t.Errorf("4,000 bytes of variables: %+v", r)
	}
}

// TestWrapperScript is S49 and F267: the wrapper gets the command line, and what
// it exports reaches the handler.
func TestWrapperScript(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		wrapper := "#!/bin/sh\nexport WRAPPED=\"yes $#\"\nexec \"$@\"\n"
		for runtime, code := range map[string]string{
			"python3.11": "import os\ndef handler(event, context):\n    return os.environ['WRAPPED']",
			"nodejs20.x": "exports.handler = async () => process.env.WRAPPED",
		} {
			t.Run(runtime, func(t *testing.T) {
				f := function{runtime: runtime, env: map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}}
				f.files = map[string]string{"wrapper": wrapper}
				f.code = code
				name := s.deploy(t, f)
				if r := s.call(t, name, `{}`); !strings.HasPrefix(r.payload, `"yes `) || r.payload == `"yes 0"` {
					t.Errorf("%+v", r)
				}
			})
		}
	})
}

// TestContext is S65, S66 and S67, and F241 and F242: what the context object tells.
func TestContext(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		t.Run("python", func(t *testing.T) {
			name := s.deploy(t, function{memory: 256, timeout: 30, code: `
import time
def handler(event, context):
    first = context.get_remaining_time_in_millis()
    time.sleep(0.2)
    return {
        "name": context.function_name, "version": context.function_version, "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb, "request": context.aws_request_id, "group": context.log_group_name,
        "stream": context.log_stream_name, "first": first, "second": context.get_remaining_time_in_millis(),
        "client": context.client_context, "identity": context.identity.cognito_identity_id,
    }
`})
			r := s.call(t, name, `{"requestId": "from the event"}`)
			checkContext(t, s, name, r)
		})
		t.Run("node", func(t *testing.T) {
			name := s.deploy(t, function{runtime: "nodejs20.x", memory: 256, timeout: 30, code: `
exports.handler = async (event, context) => {
    const first = context.getRemainingTimeInMillis()
    await new Promise(done => setTimeout(done, 200))
    return {
        name: context.functionName, version: context.functionVersion, arn: context.invokedFunctionArn,
        memory: context.memoryLimitInMB, request: context.awsRequestId, group: context.logGroupName,
        stream: context.logStreamName, first, second: context.getRemainingTimeInMillis(),
        client: context.clientContext ?? null, identity: context.identity?.cognitoIdentityId ?? null,
    }
}`})
			checkContext(t, s, name, s.call(t, name, `{"requestId": "from the event"}`))
		})
	})
}

func checkContext(t *testing.T, s *server, name string, r reply) {
	t.Helper()
	var got struct {
		Name, Version, ARN, Request, Group, Stream string
		Memory, Client, Identity                   any
		First, Second                              float64
	}
	r.into(t, &got)
	if got.Name != name || got.Version != "$LATEST" || got.ARN != "arn:aws:lambda:us-east-1:000000000000:function:"+name ||
		got.Memory != "256" || got.Group != "/aws/lambda/"+name || got.Client != nil || got.Identity != nil {
		t.Errorf("context %+v", got)
	}
	if got.Request != r.report(t).requestID {
		t.Errorf("the request is %s to the function, and its log says\n%s", got.Request, r.log)
	}
	if got.First > 30000 || got.First < 20000 || got.First-got.Second < 190 {
		t.Errorf("of 30 s there were %v ms left, and %v ms after 200 ms", got.First, got.Second)
	}
	eventually(t, "the stream that the context names", func() bool {
		return slices.ContainsFunc(s.streams(t, got.Group), func(one stream) bool { return one.name == got.Stream })
	})
}

// TestFunctionReachesTheServer is S84 and S87: a function finds the API that it
// was made with at AWS_ENDPOINT_URL, without any client library.
func TestFunctionReachesTheServer(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		callee := s.deploy(t, function{code: "def handler(event, context):\n    return {'you said': event}"})
		name := s.deploy(t, function{timeout: 20, env: map[string]string{"CALLEE": callee}, code: `
import json, os, urllib.request
def handler(event, context):
    url = os.environ["AWS_ENDPOINT_URL"] + "/2015-03-31/functions/" + os.environ["CALLEE"] + "/invocations"
    return json.load(urllib.request.urlopen(urllib.request.Request(url, json.dumps(event).encode(), method="POST")))
`})
		if r := s.call(t, name, `"hello"`); r.payload != `{"you said": "hello"}` {
			t.Errorf("%+v", r)
		}
	})
}

// TestCredentials is S84: each environment has temporary credentials, and the
// same for all its processes.
func TestCredentials(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: "import os, time\ndef handler(event, context):\n    time.sleep(event)\n    return os.environ['AWS_ACCESS_KEY_ID']"})
	got := make(chan string, 2)
	for range 2 {
		go func() {
			payload, _ := s.raw(t, name, "1")
			got <- string(payload)
		}()
	}
	var one, two string
	_, _ = json.Unmarshal([]byte(<-got), &one), json.Unmarshal([]byte(<-got), &two)
	if one == two || !strings.HasPrefix(one, "ASIA") || !strings.HasPrefix(two, "ASIA") {
		t.Errorf("keys %q and %q", one, two)
	}
}
