package lambdaapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/lambda"
)

const createBody = `{"FunctionName":"f","Role":"` + role + `","Runtime":"python3.13","Handler":"h.h","Code":{"ZipFile":"UEs="}}`

// created is what AWS answers to createBody (F035, F038, F039, F041).
const created = `{"FunctionName":"f","FunctionArn":"arn:aws:lambda:us-east-1:111111111111:function:f","Runtime":"python3.13","Role":"` + role + `","Handler":"h.h","CodeSize":2,"Description":"","Timeout":3,"MemorySize":128,"LastModified":"2026-01-02T03:04:05.678+0000","CodeSha256":"qMoaPQQESE36VTzTUbKdMQV1DHc4qYGcgPDCIh2YqxA=","Version":"$LATEST","TracingConfig":{"Mode":"PassThrough"},"RevisionId":"r1","State":"Pending","StateReason":"The function is being created.","StateReasonCode":"Creating","PackageType":"Zip","Architectures":["x86_64"],"EphemeralStorage":{"Size":512},"SnapStart":{"ApplyOn":"None","OptimizationStatus":"Off"},"RuntimeVersionConfig":{"RuntimeVersionArn":"arn:aws:lambda:us-east-1::runtime:ab"},"LoggingConfig":{"LogFormat":"Text","LogGroup":"/aws/lambda/f"}}`

func TestCreateFunctionOnTheWire(t *testing.T) {
	t.Parallel()
	status, _, body := do(t, serve(t, newWorld()), "POST", functionsPath, createBody)
	if status != 201 || !sameJSON(t, body, created, "CodeSha256") {
		t.Errorf("answered %d\n%s\nwant\n%s", status, body, created)
	}
}

// sameJSON compares two texts as JSON, but for the named members.
func sameJSON(t *testing.T, got []byte, want string, but ...string) bool {
	t.Helper()
	var a, b map[string]any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("answered %q: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	for _, name := range but {
		delete(a, name)
		delete(b, name)
	}
	return reflect.DeepEqual(a, b)
}

func TestCreateFunctionTellsTheCatalogEverything(t *testing.T) {
	t.Parallel()
	w := newWorld()
	body := `{"FunctionName":"arn:aws:lambda:us-east-1:111111111111:function:f","Role":"` + role + `","Runtime":"python3.13","Handler":"h.h","Description":"d","Timeout":7,"MemorySize":256,"Publish":true,
	 "Code":{"S3Bucket":"bucket","S3Key":"key","S3ObjectVersion":"v"},"VpcConfig":{"SubnetIds":["subnet-1"],"SecurityGroupIds":["sg-1"],"Ipv6AllowedForDualStack":true},"PackageType":"Zip",
	 "DeadLetterConfig":{"TargetArn":"arn:aws:sqs:us-east-1:111111111111:q"},"Environment":{"Variables":{"Z1":"1","A1":"2","M1":"3"}},"KMSKeyArn":"arn:aws:kms:us-east-1:111111111111:key/k","TracingConfig":{"Mode":"Active"},
	 "Tags":{"k":"v"},"Layers":["arn:aws:lambda:us-east-1:111111111111:layer:l:1"],"FileSystemConfigs":[{"Arn":"arn:aws:elasticfilesystem:us-east-1:111111111111:access-point/fsap-12345678901234567","LocalMountPath":"/mnt/a"}],
	 "ImageConfig":{"EntryPoint":["e"],"Command":["c"],"WorkingDirectory":"/w"},"Architectures":["arm64"],"EphemeralStorage":{"Size":1024},"SnapStart":{"ApplyOn":"PublishedVersions"},"LoggingConfig":{"LogFormat":"JSON","LogGroup":"g"},
	 "CodeSigningConfigArn":"arn:aws:lambda:us-east-1:111111111111:code-signing-config:csc-12345678901234567"}`
	status, _, answer := do(t, serve(t, w), "POST", functionsPath, body)
	if status != 201 {
		t.Fatalf("answered %d %s", status, answer)
	}
	runtime, timeout := lambda.Runtime("python3.13"), 7*time.Second
	want := lambda.NewFunction{
		Name: "f", Publish: true, Tags: map[string]string{"k": "v"}, Package: lambda.Package{Bucket: "bucket", Key: "key", ObjectVersion: "v"},
		CodeSigningConfigARN: "arn:aws:lambda:us-east-1:111111111111:code-signing-config:csc-12345678901234567",
		Settings: lambda.Settings{
			Description: aws.String("d"), Runtime: &runtime, Handler: aws.String("h.h"), Role: aws.String(role), MemoryMB: aws.Int(256), Timeout: &timeout, EphemeralMB: aws.Int(1024),
			Environment: &[]lambda.Variable{{Name: "Z1", Value: "1"}, {Name: "A1", Value: "2"}, {Name: "M1", Value: "3"}}, Layers: &[]string{"arn:aws:lambda:us-east-1:111111111111:layer:l:1"},
			Logging: &lambda.LoggingChoice{Format: aws.String("JSON"), Group: aws.String("g")}, TracingMode: aws.String("Active"), SnapStart: aws.String("PublishedVersions"),
			KMSKeyARN: aws.String("arn:aws:kms:us-east-1:111111111111:key/k"), DeadLetter: aws.String("arn:aws:sqs:us-east-1:111111111111:q"),
			VPC:         &lambda.VPC{SubnetIDs: []string{"subnet-1"}, SecurityGroupIDs: []string{"sg-1"}, DualStack: true},
			FileSystems: &[]lambda.FileSystem{{ARN: "arn:aws:elasticfilesystem:us-east-1:111111111111:access-point/fsap-12345678901234567", LocalPath: "/mnt/a"}},
			ImageConfig: &lambda.ImageConfig{EntryPoint: []string{"e"}, Command: []string{"c"}, WorkingDirectory: "/w"}, Architecture: aws.String("arm64"), PackageType: aws.String("Zip"),
		},
	}
	if !reflect.DeepEqual(w.created, want) {
		t.Errorf("the catalog was told\n%s\nwant\n%s", asJSON(w.created), asJSON(want))
	}
	if !strings.Contains(string(answer), `"Version":"1"`) || !strings.Contains(string(answer), `function:f"`) {
		t.Errorf("with Publish the answer shows version 1 and an unqualified ARN (F048), not %s", answer)
	}
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func TestUpdateConfigurationLeavesOutWhatIsNotGiven(t *testing.T) {
	t.Parallel()
	w := withFunction()
	server := serve(t, w)
	if status, _, body := do(t, server, "PUT", functionsPath+"/f/configuration", `{"DeadLetterConfig":{}}`); status != 200 || !reflect.DeepEqual(w.settings, lambda.Settings{}) {
		t.Errorf("answered %d %s, the catalog was told %s", status, body, asJSON(w.settings))
	}
	if _, _, body := do(t, server, "PUT", functionsPath+"/f/configuration", `{"Environment":{}}`); w.settings.Environment == nil || len(*w.settings.Environment) != 0 {
		t.Errorf("an empty Environment became %v: %s", w.settings.Environment, body)
	}
}

func TestUpdateCode(t *testing.T) {
	t.Parallel()
	w := withFunction()
	server := serve(t, w)
	status, _, body := do(t, server, "PUT", functionsPath+"/f/code", `{"ZipFile":"UEs=","Publish":true,"RevisionId":"r","Architectures":["arm64"]}`)
	want := lambda.CodeUpdate{Package: lambda.Package{Zip: []byte("PK")}, Publish: true, RevisionID: "r", Architecture: aws.String("arm64")}
	if status != 200 || !reflect.DeepEqual(w.update, want) {
		t.Errorf("answered %d %s, the catalog was told %s", status, body, asJSON(w.update))
	}
	if !strings.Contains(string(body), `function:f:2"`) {
		t.Errorf("with Publish the ARN is the new version's (F075): %s", body)
	}
	if _, _, body = do(t, server, "PUT", functionsPath+"/f/code", `{"ZipFile":"UEs="}`); !strings.Contains(string(body), `function:f"`) {
		t.Errorf("without Publish the ARN is unqualified (F070): %s", body)
	}
}

// TestGetFunctionShowsTheCallersQualifier is F045 to F047.
func TestGetFunctionShowsTheCallersQualifier(t *testing.T) {
	t.Parallel()
	w := withFunction()
	server := serve(t, w)
	for query, want := range map[string][2]string{"": {"function:f\"", `"Version":"$LATEST"`}, "?Qualifier=$LATEST": {"function:f:$LATEST\"", `"Version":"$LATEST"`}, "?Qualifier=live": {"function:f:live\"", `"Version":"1"`}} {
		_, _, body := do(t, server, "GET", functionsPath+"/f"+query, "")
		if !strings.Contains(string(body), want[0]) || !strings.Contains(string(body), want[1]) || strings.Contains(string(body), `"Tags"`) || strings.Contains(string(body), `"Concurrency"`) {
			t.Errorf("GetFunction%s answered %s", query, body)
		}
	}
	w.tags["f"], w.reserved["f"] = map[string]string{"k": "v"}, aws.Int(0)
	_, _, body := do(t, server, "GET", functionsPath+"/f", "")
	if !strings.Contains(string(body), `"Tags":{"k":"v"}`) || !strings.Contains(string(body), `"Concurrency":{"ReservedConcurrentExecutions":0}`) {
		t.Errorf("GetFunction answered %s", body)
	}
}

// TestListFunctions is F087, F088 and the pages.
func TestListFunctions(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for i := range 3 {
		name := fmt.Sprint("f", i)
		w.functions[name] = &lambda.Version{Function: name, Number: lambda.Latest, Account: home.Account, Region: home.Region, State: lambda.Active, StateReason: "x", StateReasonCode: "Idle",
			Update: lambda.UpdateSuccessful, UpdateReason: "x", UpdateReasonCode: "x", RuntimeVersion: "arn"}
	}
	server := serve(t, w)
	var names []string
	pages := sdk.NewListFunctionsPaginator(client(server), &sdk.ListFunctionsInput{MaxItems: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Functions {
			names = append(names, aws.ToString(f.FunctionName))
		}
	}
	if want := []string{"f0", "f1", "f2"}; !slices.Equal(names, want) {
		t.Errorf("the pages hold %v, want %v", names, want)
	}
	_, _, body := do(t, server, "GET", functionsPath+"?FunctionVersion=ALL&MaxItems=10000", "")
	if !w.filter.AllVersions || w.filter.Max != 50 || !strings.Contains(string(body), `function:f0:$LATEST"`) {
		t.Errorf("the catalog was asked %+v and the answer was %s", w.filter, body)
	}
	for _, hidden := range []string{"State", "LastUpdate", "RuntimeVersionConfig", "NextMarker"} {
		if strings.Contains(string(body), hidden) {
			t.Errorf("a list shows %s: %s", hidden, body)
		}
	}
	if _, _, body = do(t, serve(t, newWorld()), "GET", functionsPath, ""); string(body) != `{"Functions":[]}` {
		t.Errorf("no functions are %s", body)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	server := serve(t, withFunction())
	status, _, body := do(t, server, "POST", functionsPath+"/f/versions", `{"Description":"d"}`)
	if status != 201 || !strings.Contains(string(body), `function:f:1"`) || !strings.Contains(string(body), `"State":"Active"`) {
		t.Errorf("PublishVersion answered %d %s", status, body)
	}
	_, _, body = do(t, server, "GET", functionsPath+"/f/versions", "")
	if !strings.Contains(string(body), `function:f:$LATEST"`) || !strings.Contains(string(body), `function:f:1"`) {
		t.Errorf("ListVersionsByFunction answered %s", body)
	}
}

func TestDeleteFunction(t *testing.T) {
	t.Parallel()
	server := serve(t, withFunction())
	status, _, body := do(t, server, "DELETE", functionsPath+"/f", "")
	if status != 204 || len(body) != 0 {
		t.Errorf("answered %d %q", status, body)
	}
}

// TestSizes is F056 and F057.
func TestSizes(t *testing.T) {
	t.Parallel()
	server := serve(t, newWorld())
	zip := base64.StdEncoding.EncodeToString(make([]byte, lambda.MaxZipUpload+1))
	status, code, body := do(t, server, "POST", functionsPath, strings.Replace(createBody, "UEs=", zip, 1))
	if want := `{"message":"Zipped size must be smaller than 52428800 bytes"}`; status != 413 || code != "RequestEntityTooLargeException" || string(body) != want {
		t.Errorf("E055: answered %d %s %s, want %s", status, code, body, want)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+functionsPath, io.LimitReader(blanks{}, lambda.MaxCreateRequest+1))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = lambda.MaxCreateRequest + 1
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, _ = io.ReadAll(response.Body)
	if want := `{"message":"Request must be smaller than 70167211 bytes for the CreateFunction operation"}`; response.StatusCode != 413 || string(body) != want {
		t.Errorf("E054: answered %d %s, want %s", response.StatusCode, body, want)
	}
}

// TestNotYet: what Lambent can't do is refused, not ignored.
func TestNotYet(t *testing.T) {
	t.Parallel()
	server := serve(t, withFunction())
	for _, member := range []string{`"DurableConfig":{"ExecutionTimeout":5}`, `"TenancyConfig":{"TenantIsolationMode":"PER_TENANT"}`, `"PublishTo":"LATEST_PUBLISHED"`} {
		status, code, body := do(t, server, "POST", functionsPath, strings.Replace(createBody, `"Role"`, member+`,"Role"`, 1))
		if status != 501 || code != "NotImplementedException" {
			t.Errorf("%s answered %d %s", member, status, body)
		}
	}
	status, _, body := do(t, server, "PUT", "/2025-11-30/functions/f/function-scaling-config?Qualifier=1", `{}`)
	if want := `{"Type":"Service","message":"The operation PutFunctionScalingConfig is not yet available in Lambent."}`; status != 501 || string(body) != want {
		t.Errorf("answered %d %s, want %s", status, body, want)
	}
}

// TestDownload is F044.
func TestDownload(t *testing.T) {
	t.Parallel()
	w := newWorld()
	server := serve(t, w)
	zip := bytes.Repeat([]byte("PK\x03\x04"), 1000)
	if _, err := client(server).CreateFunction(t.Context(), &sdk.CreateFunctionInput{
		FunctionName: aws.String("f"), Role: aws.String(role), Runtime: types.RuntimePython313, Handler: aws.String("h"), Code: &types.FunctionCode{ZipFile: zip},
	}); err != nil {
		t.Fatal(err)
	}
	out, err := client(server).GetFunction(t.Context(), &sdk.GetFunctionInput{FunctionName: aws.String("f")})
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(*out.Code.Location, server.URL)
	response, body := request(t, server, "GET", path, "", nil)
	if response.StatusCode != 200 || !bytes.Equal(body, zip) {
		t.Fatalf("the link answered %d with %d bytes, want the %d that came", response.StatusCode, len(body), len(zip))
	}
	if response, body = request(t, server, "GET", path, "", map[string]string{"Range": "bytes=0-1"}); response.StatusCode != 206 || string(body) != "PK" {
		t.Errorf("a range answered %d %q", response.StatusCode, body)
	}
	for name, bad := range map[string]string{
		"signature": path[:len(path)-70] + strings.Repeat("0", 70),
		"size":      strings.Replace(path, "Size=4000", "Size=1", 1),
		"package":   strings.Replace(path, CodePath, CodePath+"AAAA", 1),
		"nothing":   CodePath,
	} {
		if response, body = request(t, server, "GET", bad, "", nil); response.StatusCode != 403 || !strings.Contains(string(body), "Access") {
			t.Errorf("a link with a wrong %s answered %d %s", name, response.StatusCode, body)
		}
	}
	if response, _ = request(t, server, "PUT", path, "x", nil); response.StatusCode != 405 {
		t.Errorf("PUT answered %d", response.StatusCode)
	}
	w.now = w.now.Add(10*time.Minute - time.Second)
	if response, _ = request(t, server, "GET", path, "", nil); response.StatusCode != 200 {
		t.Errorf("the link died before ten minutes: %d", response.StatusCode)
	}
	w.now = w.now.Add(time.Second)
	if response, body = request(t, server, "GET", path, "", nil); response.StatusCode != 403 || !strings.Contains(string(body), "Request has expired") {
		t.Errorf("the link outlived ten minutes: %d %s", response.StatusCode, body)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := withFunction()
	server := serve(t, w)
	c := client(server)
	arn := aws.String(home.FunctionARN("f", ""))
	if _, _, body := do(t, server, "GET", "/2017-03-31/tags/"+*arn, ""); string(body) != `{"Tags":{}}` {
		t.Errorf("no tags are %s (F045)", body)
	}
	if _, err := c.TagResource(t.Context(), &sdk.TagResourceInput{Resource: arn, Tags: map[string]string{"a": "1", "b": "2"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UntagResource(t.Context(), &sdk.UntagResourceInput{Resource: arn, TagKeys: []string{"a", "x"}}); err != nil {
		t.Fatal(err)
	}
	if out, err := c.ListTags(t.Context(), &sdk.ListTagsInput{Resource: arn}); err != nil || !reflect.DeepEqual(out.Tags, map[string]string{"b": "2"}) {
		t.Errorf("the tags are %v (%v)", out, err)
	}
	status, _, body := do(t, server, "POST", "/2017-03-31/tags/"+home.FunctionARN("f", "1"), `{"Tags":{"a":"1"}}`)
	if want := `{"Type":"User","message":"Tags on function aliases and versions are not supported. Please specify a function ARN."}`; status != 400 || string(body) != want {
		t.Errorf("E027: answered %d %s, want %s", status, body, want)
	}
}

func TestLayers(t *testing.T) {
	t.Parallel()
	w := newWorld()
	server := serve(t, w)
	status, _, body := do(t, server, "POST", "/2018-10-31/layers/l/versions", `{"Content":{"ZipFile":"UEs="},"CompatibleRuntimes":[],"CompatibleArchitectures":["arm64"],"LicenseInfo":"MIT"}`)
	want := `{"Content":{"CodeSha256":"x","CodeSize":2,"Location":"x"},"LayerArn":"arn:aws:lambda:us-east-1:111111111111:layer:l","LayerVersionArn":"arn:aws:lambda:us-east-1:111111111111:layer:l:1","Description":"","CreatedDate":"2026-01-02T03:04:05.678+0000","Version":1,"CompatibleRuntimes":[],"LicenseInfo":"MIT","CompatibleArchitectures":["arm64"]}`
	if status != 201 || !sameJSON(t, body, want, "Content") {
		t.Errorf("PublishLayerVersion answered %d %s, want %s", status, body, want)
	}
	if !bytes.Equal(w.layer.Package.Zip, []byte("PK")) {
		t.Errorf("the catalog was told %+v", w.layer)
	}
	for _, path := range []string{"/2018-10-31/layers/l/versions/1", "/2018-10-31/layers/arn%3Aaws%3Alambda%3Aus-east-1%3A111111111111%3Alayer%3Al/versions/1", "/2018-10-31/layers?find=LayerVersion&Arn=arn:aws:lambda:us-east-1:111111111111:layer:l:1"} {
		if status, _, got := do(t, server, "GET", path, ""); status != 200 || !sameJSON(t, got, want, "Content") {
			t.Errorf("%s answered %d %s", path, status, got)
		}
	}
	for _, number := range []string{"0", "-1"} {
		status, _, body := do(t, server, "GET", "/2018-10-31/layers/l/versions/"+number, "")
		if want := `{"Type":"User","message":"Layer Version Cannot be less than 1"}`; status != 400 || string(body) != want {
			t.Errorf("E014: answered %d %s, want %s", status, body, want)
		}
	}
	status, _, body = do(t, server, "GET", "/2018-10-31/layers/l/versions/9", "")
	if want := `{"Type":"User","Message":"The resource you requested does not exist."}`; status != 404 || string(body) != want {
		t.Errorf("E085: answered %d %s, want %s", status, body, want)
	}
	if _, _, body = do(t, server, "GET", "/2018-10-31/layers/l/versions?CompatibleRuntime=ruby4.0&MaxItems=3", ""); !strings.Contains(string(body), `"LayerVersions":[{`) || w.shelf != (lambda.LayerFilter{Runtime: "ruby4.0", Max: 3}) {
		t.Errorf("the catalog was asked %+v and the answer was %s", w.shelf, body)
	}
	if _, _, body = do(t, server, "GET", "/2018-10-31/layers", ""); !strings.Contains(string(body), `"LatestMatchingVersion":{`) || !strings.Contains(string(body), `"LayerName":"l"`) || strings.Contains(string(body), "Content") {
		t.Errorf("ListLayers answered %s", body)
	}
	if status, _, body = do(t, server, "DELETE", "/2018-10-31/layers/l/versions/1", ""); status != 204 || len(body) != 0 {
		t.Errorf("DeleteLayerVersion answered %d %q", status, body)
	}
}

// TestUnset reads what can't be set yet.
func TestUnset(t *testing.T) {
	t.Parallel()
	server := serve(t, withFunction())
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"/2016-08-19/account-settings", 200, `{"AccountLimit":{"TotalCodeSize":322122547200,"CodeSizeUnzipped":262144000,"CodeSizeZipped":52428800,"ConcurrentExecutions":1000,"UnreservedConcurrentExecutions":1000},"AccountUsage":{"TotalCodeSize":276,"FunctionCount":1}}`},
	} {
		if status, _, body := do(t, server, "GET", c.path, ""); status != c.status || string(body) != c.want {
			t.Errorf("%s answered %d %s, want %d %s", c.path, status, body, c.status, c.want)
		}
	}
}

func TestConfigurationOfEverything(t *testing.T) {
	t.Parallel()
	api := newAPI(t, newWorld())
	c := api.configuration(lambda.Version{
		Function: "f", Number: "1", Account: home.Account, Region: home.Region, HasEnvironment: true, KMSKeyARN: "k", DeadLetterARN: "d",
		Layers: []lambda.LayerUse{{ARN: "l", Code: lambda.Code{Size: 3}}}, VPC: &lambda.VPC{},
		FileSystems: []lambda.FileSystem{{ARN: "a", LocalPath: "/mnt/a"}}, ImageConfig: &lambda.ImageConfig{Command: []string{"c"}},
		Logging: lambda.Logging{Format: "JSON", ApplicationLevel: "INFO", SystemLevel: "INFO"},
	}, "1")
	if c.Environment == nil || c.Environment.Variables == nil || len(c.Environment.Variables) != 0 {
		t.Errorf("an empty environment is shown as %+v (F040)", c.Environment)
	}
	if aws.ToString(c.VpcConfig.VpcId) != "" || c.VpcConfig.SubnetIds == nil || c.VpcConfig.SecurityGroupIds == nil {
		t.Errorf("a detached VPC is shown as %+v (F061)", c.VpcConfig)
	}
	if aws.ToString(c.KMSKeyArn) != "k" || aws.ToString(c.DeadLetterConfig.TargetArn) != "d" || c.Layers[0].CodeSize != 3 || c.ImageConfigResponse.ImageConfig.WorkingDirectory != nil {
		t.Errorf("shown as %s", asJSON(c))
	}
	if c.LoggingConfig.ApplicationLogLevel != "INFO" || aws.ToString(c.FileSystemConfigs[0].LocalMountPath) != "/mnt/a" {
		t.Errorf("shown as %s", asJSON(c))
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{Home: home}); err == nil {
		t.Error("an API without parts was made")
	}
}
