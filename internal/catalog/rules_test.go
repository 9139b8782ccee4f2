package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lambent/internal/lambda"
)

// F039, F041, F042, F043.
func TestDefaults(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		v := w.active("f")
		if v.RevisionID == "" || v.Generation == "" || v.LastModified != time.Now().UTC() {
			t.Errorf("revision %q, generation %q, modified %v", v.RevisionID, v.Generation, v.LastModified)
		}
		if prefix := "arn:aws:lambda:" + region + "::runtime:"; !strings.HasPrefix(v.RuntimeVersion, prefix) || len(v.RuntimeVersion) != len(prefix)+64 {
			t.Errorf("runtime version %q, want %s and 64 hex digits", v.RuntimeVersion, prefix)
		}
		other := w.active("g", func(n *lambda.NewFunction) { n.Settings.Runtime = to(lambda.Runtime("nodejs22.x")) })
		same := w.active("h")
		if v.RuntimeVersion == other.RuntimeVersion || v.RuntimeVersion != same.RuntimeVersion {
			t.Error("the runtime version must be the same for the same runtime only")
		}
		want := lambda.Version{
			Account: account, Region: region, Function: "f", Number: "$LATEST", Runtime: "python3.13", Handler: "app.handler", Role: role,
			MemoryMB: 128, Timeout: 3 * time.Second, EphemeralMB: 512, Architecture: "x86_64", PackageType: "Zip",
			Code:    lambda.Code{SHA256: "VpTQii5T/8rgwxA+Wtb2B2q9lg6x+KVldwQLwQKPcCs=", Size: 4, Unzipped: 4},
			Logging: lambda.Logging{Format: "Text", Group: "/aws/lambda/f"}, TracingMode: "PassThrough", SnapStart: "None",
			RuntimeVersion: v.RuntimeVersion, State: lambda.Active, Update: lambda.UpdateSuccessful,
			RevisionID: v.RevisionID, LastModified: v.LastModified, Generation: v.Generation,
		}
		if got, want := fmt.Sprintf("%+v", v), fmt.Sprintf("%+v", want); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

const runtimeList = "[nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, " +
	"python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, " +
	"nodejs18.x, provided.al2, java8.al2]"

const environmentSorry = "Lambda was unable to configure your environment variables because the environment variables you have provided "

// refusedSettings are settings and what is said of them, among layers of which
// known has the versions 1, 2 and a deleted 3, and huge is as large as can be.
func refusedSettings() map[string]refusal {
	big := strings.Repeat("x", 4096)
	var seven []string
	for i := range 7 {
		seven = append(seven, layerARN(fmt.Sprint("l", i), 1))
	}
	runtime := func(r string) lambda.Settings { return lambda.Settings{Runtime: to(lambda.Runtime(r))} }
	return map[string]refusal{
		"F051 unknown runtime": {runtime("non-existent-runtime"),
			"Value non-existent-runtime at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: " + runtimeList + " or be a valid ARN"},
		"F051 wrong case": {runtime("PYTHON3.9"),
			"Value PYTHON3.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: " + runtimeList + " or be a valid ARN"},
		"F052 retired": {runtime("nodejs14.x"), "The runtime parameter of nodejs14.x is no longer supported for creating or updating AWS Lambda functions. " +
			"We recommend you use a supported runtime while creating or updating functions."},
		"F052 java8": {runtime("java8"), "The runtime parameter of java8 is no longer supported for creating or updating AWS Lambda functions. " +
			"We recommend you use a supported runtime while creating or updating functions."},
		"not on this host": {runtime("dotnet8"), "dotnet8 for x86_64 is not on this host; install it"},
		"F059 one large variable": {lambda.Settings{Environment: &[]lambda.Variable{{Name: "LARGE_VAR", Value: big}}},
			environmentSorry + `exceeded the 4KB limit. String measured: {"LARGE_VAR":"` + big + `"}`},
		"F059 order of the request": {lambda.Settings{Environment: &[]lambda.Variable{{Name: "SMALL_VAR", Value: "<ok>"}, {Name: "LARGE_VAR", Value: big}}},
			environmentSorry + `exceeded the 4KB limit. String measured: {"SMALL_VAR":"<ok>","LARGE_VAR":"` + big + `"}`},
		"reserved variables": {lambda.Settings{Environment: &[]lambda.Variable{{Name: "_HANDLER"}, {Name: "FINE"}, {Name: "AWS_REGION", Value: "x"}, {Name: "AWS_LAMBDA_RUNTIME_API"}}},
			environmentSorry + "contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_LAMBDA_RUNTIME_API, AWS_REGION, _HANDLER"},
		"more than five layers": {lambda.Settings{Layers: &seven}, "Cannot reference more than 5 layers."},
		"F127 unknown layer": {lambda.Settings{Layers: &[]string{layerARN("doesnotexist", 1)}},
			"Layer version " + layerARN("doesnotexist", 1) + " does not exist."},
		"F127 unknown version": {lambda.Settings{Layers: &[]string{layerARN("known", 9)}}, "Layer version " + layerARN("known", 9) + " does not exist."},
		"F125 deleted version": {lambda.Settings{Layers: &[]string{layerARN("known", 3)}}, "Layer version " + layerARN("known", 3) + " does not exist."},
		"other account": {lambda.Settings{Layers: &[]string{"arn:aws:lambda:eu-west-1:999999999999:layer:known:1"}},
			"Layer version arn:aws:lambda:eu-west-1:999999999999:layer:known:1 does not exist."},
		"F126 two versions": {lambda.Settings{Layers: &[]string{layerARN("known", 1), layerARN("known", 2)}},
			"Two different versions of the same layer are not allowed to be referenced in the same function. " + layerARN("known", 1) + " and " + layerARN("known", 2) + " are versions of the same layer."},
		"F126 the same twice": {lambda.Settings{Layers: &[]string{layerARN("known", 1), layerARN("known", 1)}},
			"Two different versions of the same layer are not allowed to be referenced in the same function. " + layerARN("known", 1) + " and " + layerARN("known", 1) + " are versions of the same layer."},
		"F129 other region": {lambda.Settings{Layers: &[]string{"arn:aws:lambda:us-east-1:123456789012:layer:known:1"}},
			"Layers are not in the same region as the function. Layers are expected to be in region eu-west-1."},
		"levels with text": {lambda.Settings{Logging: &lambda.LoggingChoice{SystemLevel: to("WARN")}},
			`LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the LogFormat to "Json" and try again.`},
		"SnapStart": {lambda.Settings{Runtime: to(lambda.Runtime("nodejs22.x")), SnapStart: to("PublishedVersions")},
			"nodejs22.x is not supported for SnapStart enabled functions."},
		"layers larger than all": {lambda.Settings{Layers: &[]string{layerARN("huge", 1), layerARN("huger", 1)}},
			"Layers consume more than the available size of 262144000 bytes"},
		"function and layers": {lambda.Settings{Layers: &[]string{layerARN("huge", 1)}},
			"Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is 262144003 bytes."},
	}
}

type refusal struct {
	settings lambda.Settings
	message  string
}

func TestSettingsRefused(t *testing.T) {
	for name, test := range refusedSettings() {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.content.unzipped["layer huge"] = 262144000 - 1
				for _, layer := range []string{"known", "known", "known", "huge", "huger"} {
					w.layer(layer)
				}
				if err := w.DeleteLayerVersion(t.Context(), "known", 3); err != nil {
					t.Fatal(err)
				}
				before := w.active("f")
				_, err := w.UpdateSettings(t.Context(), "f", test.settings, "")
				refused(t, err, lambda.InvalidParameter, test.message)
				if after := w.get("f", ""); after.RevisionID != before.RevisionID {
					t.Error("a refused update changed the function")
				}
				// Creating is held to the same.
				_, err = w.CreateFunction(t.Context(), withSettings(newFunction("g"), test.settings))
				refused(t, err, lambda.InvalidParameter, test.message)
				if _, err := w.Function(t.Context(), "g", ""); lambda.KindOf(err) != lambda.NotFound {
					t.Errorf("after a refused creation: %v, want NotFound", err)
				}
			})
		})
	}
}

func withSettings(n lambda.NewFunction, s lambda.Settings) lambda.NewFunction {
	if s.Runtime == nil {
		s.Runtime = n.Settings.Runtime
	}
	s.Handler, s.Role = n.Settings.Handler, n.Settings.Role
	n.Settings = s
	return n
}

func TestCreateRefused(t *testing.T) {
	long := strings.Repeat("n", 65)
	tags := map[string]string{}
	for i := range 51 {
		tags[fmt.Sprint(i)] = ""
	}
	tests := map[string]struct {
		change  func(*lambda.NewFunction)
		kind    lambda.Kind
		message string
	}{
		"F022 name": {func(n *lambda.NewFunction) { n.Name = long }, lambda.InvalidParameter,
			"1 validation error detected: Value '" + long + "' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		"exists":     {func(n *lambda.NewFunction) { n.Name = "f" }, lambda.Conflict, "Function already exist: f"},
		"no runtime": {func(n *lambda.NewFunction) { n.Settings.Runtime = nil }, lambda.InvalidParameter, "Runtime and Handler are mandatory parameters for functions created with deployment packages."},
		"no handler": {func(n *lambda.NewFunction) { n.Settings.Handler = nil }, lambda.InvalidParameter, "Runtime and Handler are mandatory parameters for functions created with deployment packages."},
		"no code":    {func(n *lambda.NewFunction) { n.Package = lambda.Package{} }, lambda.InvalidParameter, "Please provide a source for function code."},
		"two sources": {func(n *lambda.NewFunction) { n.Package.Bucket, n.Package.Key = "b", "k" }, lambda.InvalidParameter,
			"Please do not provide other FunctionCode parameters when providing a ZipFile."},
		"F054 bad zip":  {func(n *lambda.NewFunction) { n.Package = zip("bad") }, lambda.InvalidParameter, "Could not unzip uploaded file."},
		"F056 zip size": {func(n *lambda.NewFunction) { n.Package.Zip = make([]byte, 52428801) }, lambda.EntityTooLarge, "Zipped size must be smaller than 52428800 bytes"},
		"bucket": {func(n *lambda.NewFunction) { n.Package = lambda.Package{Bucket: "none", Key: "k"} }, lambda.InvalidParameter,
			"Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist"},
		"F111 tags":    {func(n *lambda.NewFunction) { n.Tags = tags }, lambda.InvalidParameter, "Number of tags exceeds resource tag limit."},
		"image":        {func(n *lambda.NewFunction) { n.Package = lambda.Package{Image: "repo:latest"} }, lambda.NotYet, "Container images are not available in Lambent yet. Use a zip package (PackageType Zip)."},
		"image type":   {func(n *lambda.NewFunction) { n.Settings.PackageType = to("Image") }, lambda.NotYet, "Container images are not available in Lambent yet. Use a zip package (PackageType Zip)."},
		"code signing": {func(n *lambda.NewFunction) { n.CodeSigningConfigARN = "arn" }, lambda.SigningNotFound, "The code signing configuration cannot be found. Check that the provided configuration is not deleted: arn."},
		"architecture": {func(n *lambda.NewFunction) { n.Settings.Architecture = to("arm64") }, lambda.InvalidParameter, "python3.13 for arm64 is not on this host; install it"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.active("f")
				n := newFunction("new")
				test.change(&n)
				_, err := w.CreateFunction(t.Context(), n)
				refused(t, err, test.kind, test.message)
				if u, _ := w.Usage(t.Context()); u.Functions != 1 {
					t.Errorf("%d functions, want 1", u.Functions)
				}
			})
		})
	}
}

func TestMissingFunction(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.active("f")
		ctx := t.Context()
		arn := functionARN("gone")
		call := func(_ any, err error) error { return err }
		tests := map[string]struct {
			err error
			arn string
		}{
			"F033 get":               {call(w.Function(ctx, "gone", "")), arn},
			"F033 get qualified":     {call(w.Function(ctx, "gone", "7")), arn + ":7"},
			"F033 get of a function": {call(w.Function(ctx, "f", "7")), functionARN("f") + ":7"},
			"F027 invoke":            {call(w.Resolve("gone", "")), arn + ":$LATEST"},
			"F029 invoke":            {call(w.Resolve("f", "$latest")), functionARN("f") + ":$latest"},
			"update code":            {call(w.UpdateCode(ctx, "gone", lambda.CodeUpdate{Package: zip("x")})), arn},
			"update settings":        {call(w.UpdateSettings(ctx, "gone", lambda.Settings{}, "")), arn},
			"publish":                {call(w.PublishVersion(ctx, "gone", "", "", "")), arn},
			"F084 delete":            {w.DeleteFunction(ctx, "gone", ""), arn},
			"F034 delete version":    {w.DeleteFunction(ctx, "gone", "3"), arn},
			"F113 tag":               {w.Tag(ctx, "gone", map[string]string{"a": "b"}), arn},
			"F113 untag":             {w.Untag(ctx, "gone", []string{"a"}), arn},
			"F113 tags":              {call(w.Tags(ctx, "gone")), arn},
			"concurrency":            {call(w.Concurrency(ctx, "gone")), arn},
		}
		for name, test := range tests {
			t.Log(name)
			refused(t, test.err, lambda.NotFound, "Function not found: "+test.arn)
		}
		if _, _, err := w.Versions(ctx, "gone", "", 0); lambda.KindOf(err) != lambda.NotFound {
			t.Errorf("versions: %v, want NotFound", err)
		}
		refused(t, w.DeleteFunction(ctx, "gone", "alias"), lambda.InvalidParameter, "Deletion of aliases is not currently supported.") // F031
		refused(t, w.DeleteFunction(ctx, "f", "$LATEST"), lambda.InvalidParameter, "$LATEST version cannot be deleted without deleting the function.")
		if err := w.DeleteFunction(ctx, "f", "12"); err != nil {
			t.Errorf("delete of a missing version: %v, want nothing", err)
		}
	})
}

func TestRevisionsAreChecked(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		v := w.active("f")
		const message = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
		_, err := w.UpdateCode(t.Context(), "f", lambda.CodeUpdate{Package: zip("x"), RevisionID: "wrong"})
		refused(t, err, lambda.Precondition, message)
		_, err = w.UpdateSettings(t.Context(), "f", lambda.Settings{}, "wrong")
		refused(t, err, lambda.Precondition, message)
		_, err = w.PublishVersion(t.Context(), "f", "", "", "wrong")
		refused(t, err, lambda.Precondition, message)
		if _, err := w.UpdateSettings(t.Context(), "f", lambda.Settings{}, v.RevisionID); err != nil {
			t.Errorf("update with the right revision: %v", err)
		}
	})
}

// F080, F081, F082, F083.
func TestLogging(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.active("f")
		steps := []struct {
			choice lambda.LoggingChoice
			want   lambda.Logging
		}{
			{lambda.LoggingChoice{Group: to("cool_lambda")}, lambda.Logging{Format: "Text", Group: "cool_lambda"}},
			{lambda.LoggingChoice{Format: to("JSON")}, lambda.Logging{Format: "JSON", ApplicationLevel: "INFO", SystemLevel: "INFO", Group: "cool_lambda"}},
			{lambda.LoggingChoice{SystemLevel: to("WARN")}, lambda.Logging{Format: "JSON", ApplicationLevel: "INFO", SystemLevel: "WARN", Group: "cool_lambda"}},
			{lambda.LoggingChoice{Format: to("Text")}, lambda.Logging{Format: "Text", Group: "cool_lambda"}},
			{lambda.LoggingChoice{Format: to("JSON"), ApplicationLevel: to("DEBUG")}, lambda.Logging{Format: "JSON", ApplicationLevel: "DEBUG", SystemLevel: "INFO", Group: "cool_lambda"}},
		}
		for _, step := range steps {
			if got := w.configure("f", lambda.Settings{Logging: &step.choice}).Logging; got != step.want {
				t.Errorf("logging %+v, want %+v", got, step.want)
			}
			waitActive(w)
		}
	})
}

func TestSettingsStayUnlessGiven(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.layer("l")
		all := lambda.Settings{
			Description: to("d"), Runtime: to(lambda.Runtime("java21")), Handler: to("h"), Role: to(role + "2"), MemoryMB: to(512),
			Timeout: to(time.Minute), EphemeralMB: to(1024), Environment: &[]lambda.Variable{{Name: "A1", Value: "x"}},
			Layers: &[]string{layerARN("l", 1)}, TracingMode: to("Active"), SnapStart: to("PublishedVersions"), KMSKeyARN: to("k"),
			DeadLetter: to("dlq"), VPC: &lambda.VPC{SubnetIDs: []string{"subnet-1"}, SecurityGroupIDs: []string{"sg-1"}}, FileSystems: &[]lambda.FileSystem{{ARN: "fs", LocalPath: "/mnt/x"}},
		}
		w.active("f", func(n *lambda.NewFunction) { n.Settings = all })
		created := w.get("f", "")
		kept := w.configure("f", lambda.Settings{})
		waitActive(w)
		if got, want := essence(kept), essence(created); got != want {
			t.Errorf("after an empty update\ngot  %s\nwant %s", got, want)
		}
		for _, part := range []string{"Description:d", "java21", "MemoryMB:512", "1m0s", "1024", "[A1=…]", layerARN("l", 1), "Active", "PublishedVersions", "KMSKeyARN:k", "dlq", "/mnt/x"} {
			if !strings.Contains(essence(kept), part) {
				t.Errorf("%q is not in %s", part, essence(kept))
			}
		}
		if !slices.Equal(kept.Environment, created.Environment) || kept.Environment[0].Value != "x" {
			t.Error("an empty update changed the environment")
		}
		cleared := w.configure("f", lambda.Settings{Environment: &[]lambda.Variable{}, Layers: &[]string{}, VPC: &lambda.VPC{}, FileSystems: &[]lambda.FileSystem{}, DeadLetter: to("")})
		if !cleared.HasEnvironment || len(cleared.Environment) != 0 || cleared.Layers != nil || len(cleared.VPC.SubnetIDs) != 0 || cleared.DeadLetterARN != "" {
			t.Errorf("after clearing: %s", essence(cleared)) // F040, F061
		}
	})
}

// essence is everything that an update without changes leaves as it is.
func essence(v lambda.Version) string {
	v.RevisionID, v.Generation, v.LastModified, v.Update, v.UpdateReason, v.UpdateReasonCode = "", "", time.Time{}, "", "", ""
	vpc := v.VPC
	v.VPC = nil
	return fmt.Sprintf("%+v %+v", v, vpc)
}
