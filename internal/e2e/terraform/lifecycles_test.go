package terraform

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const read = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`

// life is the clients of one test, and what they made.
type life struct {
	*server
	iam  *iam.Client
	logs *cloudwatchlogs.Client
	dir  string

	signing, layer, mapping *string
}

func must[T any](t *testing.T) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// do is must for who does not look at the answer.
func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestLifecycles does through AWS's SDK for Go what TestTerraform does, where there
// is no terraform: make, read as it was made, change, read as it was changed, delete,
// and nothing is left.
func TestLifecycles(t *testing.T) {
	t.Parallel()
	l := &life{server: start(t), dir: t.TempDir()}
	fixed := credentials.NewStaticCredentialsProvider("test", "test", "")
	l.iam = iam.New(iam.Options{BaseEndpoint: &l.url, Region: "us-east-1", Credentials: fixed})
	l.logs = cloudwatchlogs.New(cloudwatchlogs.Options{BaseEndpoint: &l.url, Region: "us-east-1", Credentials: fixed})
	role := l.makeRole(t)
	l.makeGroup(t)
	l.makeFunction(t, role)
	l.makeAround(t)
	l.wantAnswer(t, "live", `"one blue"`)
	l.wantLog(t, "one ran")
	l.wantDays(t, 7)
	l.change(t)
	l.wantWeights(t)
	l.wantAnswer(t, "steady", `"two red"`)
	l.wantDays(t, 14)
	l.destroy(t)
	l.wantNothing(t)
}

func (l *life) makeRole(t *testing.T) (arn *string) {
	t.Helper()
	ctx, name := t.Context(), aws.String("worker")
	made := must[*iam.CreateRoleOutput](t)(l.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: name, Path: aws.String("/service/"), AssumeRolePolicyDocument: aws.String(trust),
		Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("blue")}},
	}))
	own := must[*iam.CreatePolicyOutput](t)(l.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("own"), PolicyDocument: aws.String(read)}))
	_, err := l.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("read"), PolicyDocument: aws.String(read)})
	do(t, err)
	for _, arn := range []*string{own.Policy.Arn, aws.String("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")} {
		_, err := l.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: arn})
		do(t, err)
	}
	got := must[*iam.GetRoleOutput](t)(l.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: name}))
	if text, _ := url.QueryUnescape(*got.Role.AssumeRolePolicyDocument); text != trust || *got.Role.Arn != "arn:aws:iam::"+account+":role/service/worker" ||
		!reflect.DeepEqual(got.Role.Tags, []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}) {
		t.Errorf("role %+v", got.Role)
	}
	inline := must[*iam.GetRolePolicyOutput](t)(l.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: name, PolicyName: aws.String("read")}))
	if text, _ := url.QueryUnescape(*inline.PolicyDocument); text != read {
		t.Errorf("inline policy %s", text)
	}
	_, err = l.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: aws.String(trust)})
	var exists *iamtypes.EntityAlreadyExistsException
	if !errors.As(err, &exists) {
		t.Errorf("a second role of that name: %v", err)
	}
	return made.Role.Arn
}

func (l *life) makeGroup(t *testing.T) {
	t.Helper()
	name := aws.String("/aws/lambda/worker")
	_, err := l.logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: name, Tags: map[string]string{"team": "blue"}})
	do(t, err)
	_, err = l.logs.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: name, RetentionInDays: aws.Int32(7)})
	do(t, err)
	got := must[*cloudwatchlogs.DescribeLogGroupsOutput](t)(l.logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: name}))
	tags := must[*cloudwatchlogs.ListTagsForResourceOutput](t)(l.logs.ListTagsForResource(t.Context(),
		&cloudwatchlogs.ListTagsForResourceInput{ResourceArn: got.LogGroups[0].LogGroupArn}))
	if tags.Tags["team"] != "blue" {
		t.Errorf("tags %v", tags.Tags)
	}
}

// archive is a package as a caller sends it.
func (l *life) archive(t *testing.T, name, text string) []byte {
	t.Helper()
	path := filepath.Join(l.dir, "package.zip")
	zipped(t, path, name, text)
	return must[[]byte](t)(os.ReadFile(path))
}

func (l *life) makeFunction(t *testing.T, role *string) {
	t.Helper()
	ctx := t.Context()
	runtime := types.Runtime(python(t))
	layer := must[*lambda.PublishLayerVersionOutput](t)(l.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{
		LayerName: aws.String("shared"), Content: &types.LayerVersionContentInput{ZipFile: l.archive(t, "python/shared.py", "X = 1\n")},
	}))
	signing := must[*lambda.CreateCodeSigningConfigOutput](t)(l.CreateCodeSigningConfig(ctx, &lambda.CreateCodeSigningConfigInput{
		AllowedPublishers: &types.AllowedPublishers{SigningProfileVersionArns: []string{"arn:aws:signer:us-east-1:" + account + ":/signing-profiles/mine/abcdefghij"}},
	}))
	l.layer, l.signing = layer.LayerVersionArn, signing.CodeSigningConfig.CodeSigningConfigArn
	do(t, errorOf(l.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String("worker"), Role: role, Runtime: runtime, Handler: aws.String("app.handler"), Publish: true,
		Code: &types.FunctionCode{ZipFile: l.archive(t, "app.py", handler("one"))}, Layers: []string{*l.layer}, CodeSigningConfigArn: l.signing,
		Environment: &types.Environment{Variables: map[string]string{"COLOUR": "blue"}}, Tags: map[string]string{"team": "blue"},
	})))
	l.updated(t)
}

func errorOf[T any](_ T, err error) error { return err }

func (l *life) updated(t *testing.T) {
	t.Helper()
	do(t, lambda.NewFunctionUpdatedV2Waiter(l, func(o *lambda.FunctionUpdatedV2WaiterOptions) { o.MinDelay = 50 * time.Millisecond }).
		Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("worker")}, time.Minute))
}

// makeAround makes what stands around a function, and reads each.
func (l *life) makeAround(t *testing.T) {
	t.Helper()
	ctx, name, live := t.Context(), aws.String("worker"), aws.String("live")
	for _, alias := range []*string{live, aws.String("steady")} {
		do(t, errorOf(l.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: name, Name: alias, FunctionVersion: aws.String("1")})))
	}
	do(t, errorOf(l.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: name, Qualifier: live, StatementId: aws.String("s3"),
		Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("s3.amazonaws.com"), SourceArn: aws.String("arn:aws:s3:::bucket")})))
	do(t, errorOf(l.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: name, Qualifier: live, AuthType: types.FunctionUrlAuthTypeNone})))
	do(t, errorOf(l.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: name, Qualifier: live, MaximumEventAgeInSeconds: aws.Int32(60)})))
	l.provision(t, 1)
	mapping := must[*lambda.CreateEventSourceMappingOutput](t)(l.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{
		FunctionName: name, EventSourceArn: aws.String("arn:aws:sqs:us-east-1:" + account + ":queue"), Enabled: aws.Bool(false),
	}))
	l.mapping = mapping.UUID
	do(t, errorOf(l.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: name, Qualifier: live})))
	do(t, errorOf(l.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: name, Qualifier: live})))
	do(t, errorOf(l.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: name, Qualifier: live})))
	l.settleMapping(t, "Disabled")
}

// provision sets provisioned concurrency and waits until it is ready.
func (l *life) provision(t *testing.T, n int32) {
	t.Helper()
	name, steady := aws.String("worker"), aws.String("steady")
	do(t, errorOf(l.PutProvisionedConcurrencyConfig(t.Context(), &lambda.PutProvisionedConcurrencyConfigInput{
		FunctionName: name, Qualifier: steady, ProvisionedConcurrentExecutions: &n,
	})))
	l.eventually(t, "provisioned concurrency", func() bool {
		got := must[*lambda.GetProvisionedConcurrencyConfigOutput](t)(l.GetProvisionedConcurrencyConfig(t.Context(),
			&lambda.GetProvisionedConcurrencyConfigInput{FunctionName: name, Qualifier: steady}))
		return got.Status == types.ProvisionedConcurrencyStatusEnumReady && *got.AllocatedProvisionedConcurrentExecutions == n
	})
}

func (l *life) settleMapping(t *testing.T, state string) {
	t.Helper()
	l.eventually(t, "mapping "+state, func() bool {
		got := must[*lambda.GetEventSourceMappingOutput](t)(l.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: l.mapping}))
		return *got.State == state
	})
}

// eventually asks as tools do, a few times a second, for two minutes.
func (l *life) eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 600 {
		if is() {
			return
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
	t.Fatalf("%s: not yet", what)
}

func (l *life) change(t *testing.T) {
	t.Helper()
	ctx, name := t.Context(), aws.String("worker")
	do(t, errorOf(l.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: name, MemorySize: aws.Int32(256), Environment: &types.Environment{Variables: map[string]string{"COLOUR": "red"}},
	})))
	l.updated(t)
	do(t, errorOf(l.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: name, ZipFile: l.archive(t, "app.py", handler("two"))})))
	l.updated(t)
	do(t, errorOf(l.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: name})))
	do(t, errorOf(l.UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: name, Name: aws.String("live"),
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.25}}})))
	do(t, errorOf(l.UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: name, Name: aws.String("steady"), FunctionVersion: aws.String("2")})))
	l.provision(t, 2)
	do(t, errorOf(l.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: l.mapping, BatchSize: aws.Int32(5)})))
	l.settleMapping(t, "Disabled")
	do(t, errorOf(l.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{
		LogGroupName: aws.String("/aws/lambda/worker"), RetentionInDays: aws.Int32(14),
	})))
	own := aws.String("arn:aws:iam::" + account + ":policy/own")
	do(t, errorOf(l.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: own, PolicyDocument: aws.String(read), SetAsDefault: true})))
	versions := must[*iam.ListPolicyVersionsOutput](t)(l.iam.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: own}))
	if len(versions.Versions) != 2 || *versions.Versions[0].VersionId != "v2" || !versions.Versions[0].IsDefaultVersion {
		t.Errorf("versions %+v", versions.Versions)
	}
}

func (l *life) destroy(t *testing.T) {
	t.Helper()
	ctx, name := t.Context(), aws.String("worker")
	own := aws.String("arn:aws:iam::" + account + ":policy/own")
	do(t, errorOf(l.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: l.mapping})))
	do(t, errorOf(l.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: name})))
	do(t, errorOf(l.DeleteLayerVersion(ctx, &lambda.DeleteLayerVersionInput{LayerName: aws.String("shared"), VersionNumber: aws.Int64(1)})))
	do(t, errorOf(l.DeleteCodeSigningConfig(ctx, &lambda.DeleteCodeSigningConfigInput{CodeSigningConfigArn: l.signing})))
	do(t, errorOf(l.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/aws/lambda/worker")})))
	var conflict *iamtypes.DeleteConflictException
	if err := errorOf(l.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})); !errors.As(err, &conflict) {
		t.Errorf("deleting a role with policies: %v", err)
	}
	attached := must[*iam.ListAttachedRolePoliciesOutput](t)(l.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: name}))
	for _, p := range attached.AttachedPolicies {
		do(t, errorOf(l.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: p.PolicyArn})))
	}
	do(t, errorOf(l.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String("read")})))
	do(t, errorOf(l.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})))
	do(t, errorOf(l.iam.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: own, VersionId: aws.String("v1")})))
	do(t, errorOf(l.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: own})))
	l.eventually(t, "the mapping is gone", func() bool {
		got := must[*lambda.ListEventSourceMappingsOutput](t)(l.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{}))
		return len(got.EventSourceMappings) == 0
	})
}
