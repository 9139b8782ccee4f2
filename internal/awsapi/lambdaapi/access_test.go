package lambdaapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// asked is an Access that remembers what it was asked, and refuses it.
type asked struct {
	mu         sync.Mutex
	who        lambda.Caller
	acts       []lambda.Act
	refuseFrom int // the first question that is refused: the n-th
}

func (a *asked) Authorize(_ context.Context, who lambda.Caller, act lambda.Act) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	act.Conditions = maps.Clone(act.Conditions)
	if a.who, a.acts = who, append(a.acts, act); len(a.acts) < a.refuseFrom {
		return nil
	}
	return lambda.Errorf(lambda.AccessDenied, "no")
}

func (a *asked) CheckFunctionRole(context.Context, lambda.Caller, string) error { return nil }

// noPolicies is a catalog in which nothing has a policy.
type noPolicies struct{ elsewhere }

func (noPolicies) Policy(context.Context, string, string) (lambda.Policy, error) {
	return lambda.Policy{}, errNoResource()
}

func (noPolicies) LayerPolicy(context.Context, string, int64) (lambda.Policy, error) {
	return lambda.Policy{Statements: []lambda.Statement{{ID: "s", Principal: "*", Action: "a:b", Resource: "r"}}}, nil
}

func (noPolicies) Mapping(_ context.Context, uuid string) (lambda.EventSourceMapping, error) {
	if uuid != "there" {
		return lambda.EventSourceMapping{}, errNoResource()
	}
	return lambda.EventSourceMapping{UUID: uuid, Function: "f", Qualifier: "live", Tags: map[string]string{"Team": "x"}}, nil
}

func guarded(t *testing.T) (*API, *asked) {
	t.Helper()
	w := newWorld()
	w.elsewhere = noPolicies{}
	access := &asked{}
	api, err := New(Config{
		Home: home, Catalog: w, Invoker: w, Queue: w, Resolver: w, Content: w, Access: access,
		Endpoint: func() string { return "" }, SigningKey: []byte("a key of sixteen"), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return api, access
}

const prefix = "arn:aws:lambda:us-east-1:111111111111:"

// resourceNamed is what the operation of TestEveryOperationIsAuthorized is about.
func resourceNamed(operation string, inBody bool) string {
	switch operation {
	case "CreateCodeSigningConfig", "CreateEventSourceMapping", "GetAccountSettings", "ListCodeSigningConfigs", "ListEventSourceMappings",
		"ListFunctions", "ListLayers", "ListLayerVersions", "ListCapacityProviders",
		"SendDurableExecutionCallbackFailure", "SendDurableExecutionCallbackHeartbeat", "SendDurableExecutionCallbackSuccess":
		return "*"
	case "CreateCapacityProvider":
		return prefix + "capacity-provider:"
	case "DeleteCapacityProvider", "GetCapacityProvider", "UpdateCapacityProvider", "ListFunctionVersionsByCapacityProvider":
		return prefix + "capacity-provider:CapacityProviderName"
	case "PublishLayerVersion":
		return prefix + "layer:LayerName"
	case "AddLayerVersionPermission", "DeleteLayerVersion", "GetLayerVersion", "GetLayerVersionPolicy", "RemoveLayerVersionPermission":
		return prefix + "layer:LayerName:1"
	case "GetLayerVersionByArn":
		return prefix + "layer:l:2"
	case "DeleteCodeSigningConfig", "GetCodeSigningConfig", "UpdateCodeSigningConfig", "ListFunctionsByCodeSigningConfig":
		return "CodeSigningConfigArn"
	case "DeleteEventSourceMapping", "GetEventSourceMapping", "UpdateEventSourceMapping":
		return prefix + "event-source-mapping:UUID"
	case "ListTags", "TagResource", "UntagResource":
		return prefix + "function:tagged"
	case "CheckpointDurableExecution", "GetDurableExecution", "GetDurableExecutionHistory", "GetDurableExecutionState", "StopDurableExecution":
		return "DurableExecutionArn"
	case "DeleteResourcePolicy", "GetResourcePolicy", "PutResourcePolicy":
		return "ResourceArn"
	}
	if inBody {
		return prefix + "function:written"
	}
	return prefix + "function:FunctionName"
}

// TestEveryOperationIsAuthorized: no operation that is available does anything
// without asking, and each asks for its own action on what its path says. What a
// body says of a member that travels in the path means nothing.
func TestEveryOperationIsAuthorized(t *testing.T) {
	t.Parallel()
	var model struct {
		Operations map[string]struct{ HTTP string }
	}
	if err := json.Unmarshal(modelText, &model); err != nil {
		t.Fatal(err)
	}
	api, access := guarded(t)
	judged := 0
	for name, op := range model.Operations {
		words := strings.Fields(op.HTTP)
		target := words[1]
		inBody := !strings.Contains(target, "{FunctionName}")
		for _, label := range []string{"FunctionName", "CapacityProviderName", "LayerName", "CodeSigningConfigArn", "UUID", "DurableExecutionArn", "ResourceArn", "Name", "StatementId", "CallbackId"} {
			target = strings.ReplaceAll(target, "{"+label+"}", label)
		}
		target = strings.ReplaceAll(target, "{VersionNumber}", "1")
		target = strings.ReplaceAll(target, "{Resource}", strings.ReplaceAll(prefix+"function:tagged", ":", "%3A"))
		if name == "GetLayerVersionByArn" {
			target += "&Arn=" + prefix + "layer:l:2"
		}
		access.acts = nil
		r := httptest.NewRequest(words[0], target, strings.NewReader(`{"FunctionName":"written","Qualifier":"written"}`))
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code == http.StatusNotImplemented {
			continue
		}
		judged++
		want := lambda.Act{Action: "lambda:" + name, Resource: resourceNamed(name, inBody)}
		switch name {
		case "Invoke", "InvokeAsync", "InvokeWithResponseStream":
			want.Action = "lambda:InvokeFunction"
		case "GetLayerVersionByArn":
			want.Action = "lambda:GetLayerVersion"
		}
		if w.Code != http.StatusForbidden || len(access.acts) != 1 || access.acts[0].Action != want.Action || access.acts[0].Resource != want.Resource {
			t.Errorf("%s: %d %s, asked for %+v, want %+v", name, w.Code, w.Body, access.acts, want)
		}
	}
	if judged < 60 {
		t.Errorf("only %d operations were judged", judged)
	}
}

func TestResourcesAndConditions(t *testing.T) {
	t.Parallel()
	api, access := guarded(t)
	for _, c := range []struct {
		method, target, body, resource string
		conditions                     map[string][]string
	}{
		{"POST", "/2015-03-31/functions/f/invocations?Qualifier=live", "{}", prefix + "function:f:live", nil},
		{"POST", "/2015-03-31/functions/f:live/invocations", "{}", prefix + "function:f:live", nil},
		{"GET", "/2015-03-31/functions/f?Qualifier=1", "", prefix + "function:f:1", nil},
		{"GET", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A222222222222%3Afunction%3Af", "", "arn:aws:lambda:us-east-1:222222222222:function:f", nil},
		{"POST", "/2015-03-31/functions/f/policy", `{"Principal":"s3.amazonaws.com","FunctionUrlAuthType":"NONE"}`, prefix + "function:f",
			map[string][]string{"lambda:principal": {"s3.amazonaws.com"}, "lambda:functionurlauthtype": {"NONE"}}},
		{"POST", "/2015-03-31/functions", `{"FunctionName":"f","Layers":["a","arn:aws-cn:lambda:us-east-1:111111111111:layer:l:01"],"Tags":{"Team":"x"},"VpcConfig":{"SubnetIds":["s"],"SecurityGroupIds":["g"]},"CodeSigningConfigArn":"c"}`, prefix + "function:f",
			map[string][]string{"lambda:layer": {"a", prefix + "layer:l:1"}, "aws:tagkeys": {"Team"}, "aws:requesttag/team": {"x"}, "lambda:subnetids": {"s"}, "lambda:securitygroupids": {"g"}, "lambda:codesigningconfigarn": {"c"}}},
		{"PUT", "/2021-10-31/functions/f/url", `{"AuthType":"NONE"}`, prefix + "function:f",
			map[string][]string{"lambda:functionurlauthtype": {"NONE"}, "lambda:functionarn": {prefix + "function:f"}}},
		{"POST", "/2015-03-31/event-source-mappings", `{"FunctionName":"f"}`, "*", map[string][]string{"lambda:functionarn": {prefix + "function:f"}}},
		{"PUT", "/2015-03-31/functions/f:$LATEST/code", `{}`, prefix + "function:f", nil},
		{"PUT", "/2017-10-31/functions/f:live/concurrency", `{"Qualifier":"live"}`, prefix + "function:f", nil},
		{"GET", "/2015-03-31/functions/us-east-1%3A111111111111%3Afunction%3Af%3Alive", "", prefix + "function:f:live", nil},
		{"GET", "/2018-10-31/layers/l/versions/007", "", prefix + "layer:l:7", nil},
		{"GET", "/2018-10-31/layers/l/versions/+7", "", prefix + "layer:l:7", nil},
		{"GET", "/2018-10-31/layers/arn%3Aaws-cn%3Alambda%3Aus-east-1%3A111111111111%3Alayer%3Al/versions/7", "", prefix + "layer:l:7", nil},
		{"GET", "/2018-10-31/layers?find=LayerVersion&Arn=arn:aws-cn:lambda:us-east-1:111111111111:layer:l:07", "", prefix + "layer:l:7", nil},
		{"GET", "/2018-10-31/layers?find=LayerVersion&Arn=arn:aws:lambda:eu-west-1:111111111111:layer:l:7", "", "arn:aws:lambda:eu-west-1:111111111111:layer:l:7", nil},
		{"DELETE", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A111111111111%3Afunction%3Af?tagKeys=a&tagKeys=b", "", prefix + "function:f", map[string][]string{"aws:tagkeys": {"a", "b"}}},
	} {
		access.acts = nil
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest(c.method, c.target, strings.NewReader(c.body)))
		if len(access.acts) != 1 || access.acts[0].Resource != c.resource || len(c.conditions)+len(access.acts[0].Conditions) > 0 && !reflect.DeepEqual(access.acts[0].Conditions, c.conditions) {
			t.Errorf("%s %s: asked for %+v, want %s %v", c.method, c.target, access.acts, c.resource, c.conditions)
		}
	}
}

// TestMappingsOfFunctions: policies may name the function of a mapping, whatever is
// done with it; who gives it to another one needs the right for both.
func TestMappingsOfFunctions(t *testing.T) {
	t.Parallel()
	const target = "/2015-03-31/event-source-mappings/there"
	for _, c := range []struct{ method, body, action, functions string }{
		{"GET", "", "lambda:GetEventSourceMapping", "f:live"},
		{"DELETE", "", "lambda:DeleteEventSourceMapping", "f:live"},
		{"DELETE", `{"FunctionName":"g"}`, "lambda:DeleteEventSourceMapping", "f:live"},
		{"PUT", `{"BatchSize":1}`, "lambda:UpdateEventSourceMapping", "f:live"},
		{"PUT", `{"FunctionName":"g"}`, "lambda:UpdateEventSourceMapping", "f:live g"},
	} {
		api, access := guarded(t)
		access.refuseFrom = len(strings.Fields(c.functions))
		api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(c.method, target, strings.NewReader(c.body)))
		var functions []string
		for _, act := range access.acts {
			functions = append(functions, strings.TrimPrefix(act.Conditions["lambda:functionarn"][0], prefix+"function:"))
			if act.Action != c.action || act.Resource != prefix+"event-source-mapping:there" || act.Conditions["aws:resourcetag/team"][0] != "x" {
				t.Errorf("%s %s: asked for %+v", c.method, c.body, act)
			}
		}
		if got := strings.Join(functions, " "); got != c.functions {
			t.Errorf("%s %s: asked for the functions %s, want %s", c.method, c.body, got, c.functions)
		}
	}
}

// TestStrangers: a name without an account means the caller's own, of which there
// is nothing here.
func TestStrangers(t *testing.T) {
	t.Parallel()
	api, access := guarded(t)
	r := httptest.NewRequest("GET", "/2015-03-31/functions/f", nil)
	r = r.WithContext(awsapi.WithCaller(r.Context(), lambda.Caller{Account: "222222222222"}))
	api.ServeHTTP(httptest.NewRecorder(), r)
	if len(access.acts) != 1 || access.acts[0].Resource != "arn:aws:lambda:us-east-1:222222222222:function:f" || access.acts[0].Owner != "222222222222" || access.acts[0].Policies != nil {
		t.Errorf("asked for %+v", access.acts)
	}
}
