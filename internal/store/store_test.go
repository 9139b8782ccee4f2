package store_test

import (
	"reflect"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// The names of these members are in databases that users have. To rename or
// remove one, add a migration that rewrites the documents, then this list.
// Adding is free: an old document reads as its zero value.
func TestDocumentNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		document any
		want     string
	}{
		{store.Function{}, "Function Serving Published PublishedFrom Aliases Attached Reserved CodeSigningConfig RecursiveLoop"},
		{store.Event{}, "RequestID Function Qualifier Trace Tenant Accepted Due Faults Invoked Returns Sendings Last Refusal Outcome Dead"},
		{store.Answer{}, "Version Failed"},
		{store.Refusal{}, "Status Message"},
		{store.Outcome{}, "Condition At Targets Problem"},
		{store.Target{}, "ARN DeadLetter"},
		{lambda.Function{}, "Name Account Tags NextID CreatedAt"},
		{lambda.Version{}, "Account Region Function Number Description Runtime Handler Role MemoryMB Timeout EphemeralMB Architecture " +
			"PackageType Environment HasEnvironment Layers Code Logging TracingMode SnapStart KMSKeyARN DeadLetterARN VPC FileSystems " +
			"ImageConfig RuntimeVersion State StateReason StateReasonCode Update UpdateReason UpdateReasonCode RevisionID LastModified Generation"},
		{lambda.Alias{}, "Name Description Version RevisionID Other Weight"},
		{store.Attached{}, "Policy RuntimeUpdate EventInvoke URL"},
		{lambda.FunctionURL{}, "ID AuthType InvokeMode CORS CreatedAt LastModified"},
		{lambda.CORS{}, "AllowCredentials AllowHeaders AllowMethods AllowOrigins ExposeHeaders MaxAgeSeconds"},
		{lambda.EventInvoke{}, "MaxRetries MaxAgeSeconds OnSuccess OnFailure LastModified"},
		{lambda.RuntimeUpdate{}, "Mode VersionARN"},
		{lambda.CodeSigningConfig{}, "ID ARN Description Publishers Untrusted Tags LastModified"},
		{lambda.Role{}, "Name Path ID ARN Created Description Trust MaxSession Boundary Tags Inline Attached"},
		{lambda.InlinePolicy{}, "Name Document"},
		{lambda.Tag{}, "Key Value"},
		{lambda.ManagedPolicy{}, "Name Path ID ARN Description Created Updated Tags Versions Default Last"},
		{lambda.PolicyVersion{}, "Number Document Created"},
		{store.AccessKey{}, "ID User Account Secret Policies Created"},
		{lambda.Policy{}, "Statements RevisionID"},
		{lambda.Statement{}, "ID PrincipalType Principal Action Resource Conditions"},
		{lambda.Condition{}, "Operator Key Value"},
		{lambda.Variable{}, "Name Value"},
		{lambda.Code{}, "SHA256 Size Unzipped Folder"},
		{lambda.LayerUse{}, "ARN Code"},
		{lambda.Logging{}, "Format ApplicationLevel SystemLevel Group"},
		{lambda.VPC{}, "SubnetIDs SecurityGroupIDs DualStack"},
		{lambda.FileSystem{}, "ARN LocalPath"},
		{lambda.ImageConfig{}, "EntryPoint Command WorkingDirectory"},
		{lambda.LayerVersion{}, "Account Region Layer Number Description License Runtimes Architectures Code CreatedAt Deleted Policy"},
	}
	for _, test := range tests {
		typ := reflect.TypeOf(test.document)
		have := map[string]bool{}
		for i := range typ.NumField() {
			have[typ.Field(i).Name] = true
		}
		for _, name := range strings.Fields(test.want) {
			if !have[name] {
				t.Errorf("%v no longer has the member %s, which stored documents have", typ, name)
			}
		}
	}
}
