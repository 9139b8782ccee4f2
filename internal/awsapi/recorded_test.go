package awsapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"lambent/internal/lambda"
)

const (
	creatable = "[nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2]"
	everKnown = "[ruby3.5, ruby2.6, dotnetcore1.0, python3.7, nodejs8.10, nasa, ruby2.7, python2.7-greengrass, dotnetcore2.0, python3.8, java21, dotnet6, dotnetcore2.1, python3.9, java11, nodejs6.10, provided, dotnetcore3.1, dotnet8, java25, java17, nodejs, nodejs4.3, java8.al2, go1.x, dotnet10, nodejs20.x, go1.9, byol, nodejs10.x, provided.al2023, nodejs22.x, python3.10, java8, nodejs12.x, python3.11, nodejs24.x, nodejs8.x, python3.12, nodejs14.x, nodejs8.9, nodejs26.x, python3.13, python3.14, nodejs16.x, python3.15, provided.al2, nodejs4.3-edge, nodejs18.x, ruby3.2, python3.4, ruby3.3, ruby3.4, ruby2.5, python3.6, python2.7]"
	layerARN  = `(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)`

	failed       = " failed to satisfy constraint: "
	architecture = "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"
	weight       = "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]"

	functions = "/2015-03-31/functions"
	goodRole  = `"Role":"arn:aws:iam::111111111111:role/r"`
)

// recorded are AWS's own answers to broken constraints (docs/recordings.md).
var recorded = []struct{ id, method, path, body, want string }{
	{"E087", "GET", "/2021-10-31/functions/f/url?Qualifier=$LATEST", "", "Value '$LATEST' at 'qualifier'" + failed + `Member must satisfy regular expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)`},
	{"E089", "POST", "/2021-10-31/functions/f/url?Qualifier=1", `{"AuthType":"NONE"}`, "Value '1' at 'qualifier'" + failed + `Member must satisfy regular expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)`},
	{"E088", "POST", "/2018-10-31/layers/l/versions/1/policy", `{"StatementId":"s","Action":"*","Principal":"*"}`, "Value '*' at 'action'" + failed + "Member must satisfy regular expression pattern: lambda:GetLayerVersion"},
	{"E091", "POST", functions + "/f/aliases", `{"Name":"2024","FunctionVersion":"1"}`, "Value '2024' at 'name'" + failed + `Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)`},
	{"E092 F122", "GET", "/2018-10-31/layers?find=LayerVersion&Arn=arn:aws:lambda:us-east-1:111111111111:layer:l", "", "Value 'arn:aws:lambda:us-east-1:111111111111:layer:l' at 'arn'" + failed + "Member must satisfy regular expression pattern: " + layerARN},
	{"E093", "PUT", "/2024-08-31/functions/f/recursion-config", `{"RecursiveLoop":"InvalidValue"}`, "Value 'InvalidValue' at 'recursiveLoop'" + failed + "Member must satisfy enum value set: [Terminate, Allow]"},
	{"E094", "POST", "/2021-10-31/functions/f/url", `{"AuthType":"NONE","InvokeMode":"UNKNOWN"}`, "Value 'UNKNOWN' at 'invokeMode'" + failed + "Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]"},
	{"E095 F064", "PUT", functions + "/f/configuration", `{"VpcConfig":{"SecurityGroupIds":["x1"]}}`, "Value '[x1]' at 'vpcConfig.securityGroupIds'" + failed + "Member must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: sg-[0-9a-zA-Z]*]"},
	{"E096 F064", "PUT", functions + "/f/configuration", `{"VpcConfig":{"SubnetIds":["x1"]}}`, "Value '[x1]' at 'vpcConfig.subnetIds'" + failed + "Member must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: subnet-[0-9a-z]*]"},
	{"E097 F128", "PUT", functions + "/f/configuration", `{"Layers":["arn:aws:lambda:us-east-1:111111111111:layer:l"]}`, "Value '[arn:aws:lambda:us-east-1:111111111111:layer:l]' at 'layers'" + failed + "Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: " + layerARN + ", Member must not be null]"},
	{"E098 F053", "POST", functions, `{"FunctionName":"f",` + goodRole + `,"Code":{},"Architectures":["X86_64"]}`, "Value '[X86_64]' at 'architectures'" + failed + architecture},
	{"E099 F053", "POST", functions, `{"FunctionName":"f",` + goodRole + `,"Code":{},"Architectures":["x86_64","arm64"]}`, "Value '[x86_64, arm64]' at 'architectures'" + failed + "Member must have length less than or equal to 1"},
	{"E100", "GET", "/2018-10-31/layers?CompatibleArchitecture=archdoesnotexist", "", "Value 'archdoesnotexist' at 'compatibleArchitecture'" + failed + "Member must satisfy enum value set: [x86_64, arm64]"},
	{"E101", "PUT", "/2019-09-25/functions/f/event-invoke-config", `{"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:_-/!lambda:us-east-1:111111111111:function:f"}}}`, "Value 'arn:aws:_-/!lambda:us-east-1:111111111111:function:f' at 'destinationConfig.onFailure.destination'" + failed + `Member must satisfy regular expression pattern: $|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)`},
	{"E102 F089", "GET", functions + "?FunctionVersion=invalid", "", "Value 'invalid' at 'functionVersion'" + failed + "Member must satisfy enum value set: [ALL]"},
	{"E103", "POST", "/2015-03-31/event-source-mappings", `{"FunctionName":"f","StartingPosition":"invalid"}`, "Value 'invalid' at 'startingPosition'" + failed + "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]"},
	{"E104 F055", "PUT", functions + "/f/configuration", `{"SnapStart":{"ApplyOn":"invalidOption"}}`, "Value 'invalidOption' at 'snapStart.applyOn'" + failed + "Member must satisfy enum value set: [PublishedVersions, None]"},
	{"E105 F050", "POST", functions, `{"FunctionName":"f","Role":"r1","Code":{}}`, "Value 'r1' at 'role'" + failed + `Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`},
	{"E106 F123", "GET", "/2018-10-31/layers?CompatibleRuntime=runtimedoesnotexist", "", "Value 'runtimedoesnotexist' at 'compatibleRuntime'" + failed + "Member must satisfy enum value set: " + everKnown},
	{"E107", "PUT", functions + "/f/aliases/a", `{"RoutingConfig":{"AdditionalVersionWeights":{"$LATEST":0.5}}}`, "Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights'" + failed + "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]"},
	{"E108", "PUT", functions + "/f/aliases/a", `{"RoutingConfig":{"AdditionalVersionWeights":{"2":-1}}}`, "Value '{2=-1.0}' at 'routingConfig.additionalVersionWeights'" + failed + weight},
	{"E109", "PUT", functions + "/f/aliases/a", `{"RoutingConfig":{"AdditionalVersionWeights":{"2":2.0}}}`, "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights'" + failed + weight},
	{"E110 F124", "POST", "/2018-10-31/layers/l/versions", `{"Content":{},"CompatibleRuntimes":["invalidruntime","invalidruntime2","nodejs20.x"],"CompatibleArchitectures":["invalidarch","x86_64"]}`,
		"Value '[invalidruntime, invalidruntime2, nodejs20.x]' at 'compatibleRuntimes'" + failed + "Member must satisfy enum value set: " + creatable + "; Value '[invalidarch, x86_64]' at 'compatibleArchitectures'" + failed + architecture},
	{"F009", "POST", functions, `{"FunctionName":"f",` + goodRole + `}`, "Value null at 'code'" + failed + "Member must not be null"},
	{"F009", "POST", functions, `{"FunctionName":"f",` + goodRole + `,"Code":null}`, "Value null at 'code'" + failed + "Member must not be null"},
	{"F010", "PUT", functions + "/f/configuration", `{"Timeout":901}`, "Value '901' at 'timeout'" + failed + "Member must have value less than or equal to 900"},
	{"F010", "PUT", functions + "/f/configuration", `{"Timeout":901,"MemorySize":10241}`, "Value '901' at 'timeout'" + failed + "Member must have value less than or equal to 900; Value '10241' at 'memorySize'" + failed + "Member must have value less than or equal to 10240"},
	{"F009", "PUT", functions + "/f/configuration", `{"Environment":{"Variables":{"1a":"secret"}}}`, "Value at 'environment.variables'" + failed + "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]"},
	{"F010", "PUT", functions + "/f/configuration", `{"MemorySize":1}`, "Value '1' at 'memorySize'" + failed + "Member must have value greater than or equal to 128"},
}

// everything is the service with all operations, none of which does anything.
func everything(t testing.TB) *Service {
	t.Helper()
	service := testService(t, slog.New(slog.DiscardHandler))
	for _, op := range sdkOperations() {
		service.Register(op.name, reflect.PointerTo(op.in), reflect.PointerTo(op.out), func(context.Context, any) (any, error) {
			return nil, lambda.Errorf(lambda.NotYet, "reached")
		})
	}
	return service
}

func TestRecordedConstraints(t *testing.T) {
	t.Parallel()
	service := everything(t)
	for _, c := range recorded {
		t.Run(c.id+" "+c.path, func(t *testing.T) {
			got := ask(service, c.method, c.path, c.body)
			count := "1 validation error detected: "
			if strings.Contains(c.want, "; ") {
				count = "2 validation errors detected: "
			}
			want := string(appendString([]byte(`{"message":`), count+c.want)) + "}"
			if got.Code != http.StatusBadRequest || got.Header().Get("x-amzn-errortype") != "ValidationException" || got.Body.String() != want {
				t.Errorf("%s %s %s answered %d %s\n%s\nwant\n%s", c.method, c.path, c.body, got.Code, got.Header().Get("x-amzn-errortype"), got.Body, want)
			}
		})
	}
}

func ask(h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, reader))
	return w
}

// TestRoutes asks for what is easily confused.
func TestRoutes(t *testing.T) {
	t.Parallel()
	router := newRouter(loadModel(t))
	for _, c := range []struct{ method, target, want, label string }{
		{"GET", "/2018-10-31/layers", "ListLayers", ""},
		{"GET", "/2018-10-31/layers?find=LayerVersion&Arn=x", "GetLayerVersionByArn", ""},
		{"GET", "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=1", "GetProvisionedConcurrencyConfig", "f"},
		{"GET", "/2019-09-30/functions/f/provisioned-concurrency?List=ALL", "ListProvisionedConcurrencyConfigs", "f"},
		{"POST", "/2015-03-31/functions/", "CreateFunction", ""},
		{"GET", "/2015-03-31/functions/", "ListFunctions", ""},
		{"GET", "/2016-08-19/account-settings/", "GetAccountSettings", ""},
		{"POST", "/2014-11-13/functions/f/invoke-async/", "InvokeAsync", "f"},
		{"PUT", "/2019-09-25/functions/f/event-invoke-config", "PutFunctionEventInvokeConfig", "f"},
		{"POST", "/2019-09-25/functions/f/event-invoke-config", "UpdateFunctionEventInvokeConfig", "f"},
		{"GET", "/2019-09-25/functions/f/event-invoke-config/list", "ListFunctionEventInvokeConfigs", "f"},
		{"GET", "/2015-03-31/functions/f%3A%24LATEST", "GetFunction", "f:$LATEST"},
		{"GET", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A111111111111%3Afunction%3Af", "GetFunction", "arn:aws:lambda:us-east-1:111111111111:function:f"},
		{"GET", "/2025-12-01/durable-executions/arn%3Ax%2Fdurable-execution%2Fa%2Fb", "GetDurableExecution", "arn:x/durable-execution/a/b"},
		{"PATCH", "/2015-03-31/functions/f", "", ""},
		{"GET", "/", "", ""},
		{"GET", "/2015-03-31/functions//configuration", "", ""},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		op, labels := router.find(c.method, r.URL.EscapedPath(), r.URL.Query())
		name, label := "", ""
		if op != nil {
			name, label = op.Name, labels["FunctionName"]+labels["DurableExecutionArn"]
		}
		if name != c.want || label != c.label {
			t.Errorf("%s %s is %q with %q, want %q with %q", c.method, c.target, name, label, c.want, c.label)
		}
	}
}

// TestRefusals are the answers before any constraint is judged.
func TestRefusals(t *testing.T) {
	t.Parallel()
	service := everything(t)
	bare := testService(t, slog.New(slog.DiscardHandler))
	for _, c := range []struct {
		name         string
		to           http.Handler
		method, path string
		body         string
		status       int
		code, want   string
	}{
		{"no such operation", service, "GET", "/nowhere", "", 404, "UnknownOperationException", `{"message":"Unable to determine service/operation name to be authorized"}`},
		{"not available", bare, "GET", functions + "/f", "", 501, "NotImplementedException", `{"Type":"Service","message":"The operation GetFunction is not yet available in Lambent."}`},
		{"not JSON", service, "POST", functions, "{", 400, "SerializationException", ""},
		{"no object", service, "POST", functions, "[]", 400, "SerializationException", `{"Message":"Unexpected value type in payload"}`},
		{"number for text", service, "POST", functions, `{"FunctionName":1}`, 400, "SerializationException", `{"Message":"NUMBER_VALUE can not be converted to a String"}`},
		{"text for number", service, "POST", functions, `{"Timeout":"3"}`, 400, "SerializationException", `{"Message":"STRING_VALUE can not be converted to an Integer"}`},
		{"fraction for integer", service, "POST", functions, `{"Timeout":1.5}`, 400, "SerializationException", `{"Message":"DECIMAL_VALUE can not be converted to an Integer"}`},
		{"too large for integer", service, "POST", functions, `{"Timeout":3000000000}`, 400, "SerializationException", `{"Message":"NUMBER_VALUE can not be converted to an Integer"}`},
		{"list for structure", service, "POST", functions, `{"Code":[]}`, 400, "SerializationException", `{"Message":"Start of list found where not expected"}`},
		{"structure for text", service, "POST", functions, `{"Role":{}}`, 400, "SerializationException", `{"Message":"Start of structure or map found where not expected."}`},
		{"text for structure", service, "POST", functions, `{"Code":"x"}`, 400, "SerializationException", `{"Message":"Unexpected field type"}`},
		{"no base64", service, "POST", functions, `{"Code":{"ZipFile":"*"}}`, 400, "SerializationException", `{"Message":"Expected a base64 encoded value"}`},
		{"text in query", service, "GET", functions + "?MaxItems=x", "", 400, "SerializationException", `{"Message":"STRING_VALUE can not be converted to an Integer"}`},
		{"a member that nobody knows", service, "PUT", functions + "/f/configuration", `{"Unheard":{"of":[1,2,{}]}}`, 501, "NotImplementedException", ""},
		{"a body that names the query", service, "PUT", "/2019-09-25/functions/f/event-invoke-config", `{"Qualifier":"!"}`, 501, "NotImplementedException", ""},
		{"a body that names the path", service, "PUT", functions + "/f/configuration", `{"FunctionName":"!"}`, 501, "NotImplementedException", ""},
	} {
		got := ask(c.to, c.method, c.path, c.body)
		if got.Code != c.status || got.Header().Get("x-amzn-errortype") != c.code || c.want != "" && got.Body.String() != c.want {
			t.Errorf("%s: answered %d %s %s, want %d %s %s", c.name, got.Code, got.Header().Get("x-amzn-errortype"), got.Body, c.status, c.code, c.want)
		}
		if id := got.Header().Get("x-amzn-requestid"); !isUUID(id) {
			t.Errorf("%s: request id %q", c.name, id)
		}
		if got.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: content type %q", c.name, got.Header().Get("Content-Type"))
		}
	}
}

// TestErrorMembers are the members of a body that an error can choose.
func TestErrorMembers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{&lambda.Error{Kind: lambda.InvalidParameter, Message: "m"}, `{"Type":"User","message":"m"}`},
		{&lambda.Error{Kind: lambda.InvalidParameter, Message: "m", Untyped: true}, `{"message":"m"}`}, // F005
		{&lambda.Error{Kind: lambda.NotFound, Message: "m", Untyped: true}, `{"Message":"m"}`},         // F006, E079
		{fmt.Errorf("outer: %w", &lambda.Error{Kind: lambda.Conflict, Message: "a\"\\\n\t\x01<é\xff"}), "{\"Type\":\"User\",\"message\":\"a\\\"\\\\\\n\\t\\u0001<é\uFFFD\"}"},
		{errors.New("secret"), `{"Type":"Service","Message":"An error occurred and the request cannot be processed."}`},
	} {
		w := httptest.NewRecorder()
		WriteError(w, c.err)
		if w.Body.String() != c.want {
			t.Errorf("%#v is\n%s\nwant\n%s", c.err, w.Body, c.want)
		}
	}
}

// TestTimesAreEpochSeconds is F016, and the way in.
func TestTimesAreEpochSeconds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"1767323045": "1767323045", "1767323045.678": "1767323045.678", "1767323045.0": "1767323045", "-1.5": "-1.500", "1.767323045678E9": "1767323045.678"} {
		var got time.Time
		if err := decodeTime(&node{kind: isNumber, text: []byte(text)}, reflect.ValueOf(&got).Elem()); err != nil || string(appendTime(nil, got)) != want {
			t.Errorf("%s came back as %s (%v), want %s", text, appendTime(nil, got), err, want)
		}
	}
	for _, text := range []string{"1e300", "-1e300"} {
		if err := decodeTime(&node{kind: isNumber, text: []byte(text)}, reflect.ValueOf(new(time.Time)).Elem()); err == nil {
			t.Errorf("%s is a time", text)
		}
	}
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !strings.ContainsRune("0123456789abcdef", rune(c)) {
				return false
			}
		}
	}
	return true
}
