package lambdaapi

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// timeLayout is how the API writes times that are strings (F016).
const timeLayout = "2006-01-02T15:04:05.000-0700"

func timestamp(t time.Time) *string { return aws.String(t.UTC().Format(timeLayout)) }

// configuration shows a version as the API does. The qualifier is the one that
// the ARN shall carry: the caller's own, not the version's number (F046, F047).
func (a *API) configuration(v lambda.Version, qualifier string) *types.FunctionConfiguration {
	home := a.Home
	home.Region, home.Account = v.Region, v.Account
	c := &types.FunctionConfiguration{
		FunctionName:      aws.String(v.Function),
		FunctionArn:       aws.String(home.FunctionARN(v.Function, qualifier)),
		Version:           aws.String(v.Number),
		Description:       aws.String(v.Description),
		Role:              aws.String(v.Role),
		Runtime:           types.Runtime(v.Runtime),
		Handler:           optional(v.Handler),
		MemorySize:        aws.Int32(int32(v.MemoryMB)),
		Timeout:           aws.Int32(int32(v.Timeout / time.Second)),
		EphemeralStorage:  &types.EphemeralStorage{Size: aws.Int32(int32(v.EphemeralMB))},
		Architectures:     []types.Architecture{types.Architecture(v.Architecture)},
		PackageType:       types.PackageType(v.PackageType),
		CodeSha256:        aws.String(v.Code.SHA256),
		CodeSize:          v.Code.Size,
		TracingConfig:     &types.TracingConfigResponse{Mode: types.TracingMode(v.TracingMode)},
		SnapStart:         snapStart(v),
		LoggingConfig:     loggingConfig(v.Logging),
		KMSKeyArn:         optional(v.KMSKeyARN),
		Environment:       a.environment(v),
		Layers:            layersInUse(v.Layers),
		VpcConfig:         a.vpcConfig(v.VPC),
		FileSystemConfigs: fileSystems(v.FileSystems),
		LastModified:      timestamp(v.LastModified),
		RevisionId:        aws.String(v.RevisionID),

		State:                      types.State(v.State),
		StateReason:                optional(v.StateReason),
		StateReasonCode:            types.StateReasonCode(v.StateReasonCode),
		LastUpdateStatus:           types.LastUpdateStatus(v.Update),
		LastUpdateStatusReason:     optional(v.UpdateReason),
		LastUpdateStatusReasonCode: types.LastUpdateStatusReasonCode(v.UpdateReasonCode),
	}
	if v.DeadLetterARN != "" {
		c.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: aws.String(v.DeadLetterARN)}
	}
	if v.RuntimeVersion != "" {
		c.RuntimeVersionConfig = &types.RuntimeVersionConfig{RuntimeVersionArn: aws.String(v.RuntimeVersion)}
	}
	if i := v.ImageConfig; i != nil {
		c.ImageConfigResponse = &types.ImageConfigResponse{ImageConfig: &types.ImageConfig{
			Command: i.Command, EntryPoint: i.EntryPoint, WorkingDirectory: optional(i.WorkingDirectory),
		}}
	}
	return c
}

// optional leaves an empty text out.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// snapStart: no snapshots are made yet, so none is on.
func snapStart(v lambda.Version) *types.SnapStartResponse {
	applyOn := types.SnapStartApplyOn(v.SnapStart)
	if applyOn == "" {
		applyOn = types.SnapStartApplyOnNone
	}
	return &types.SnapStartResponse{ApplyOn: applyOn, OptimizationStatus: types.SnapStartOptimizationStatusOff}
}

func loggingConfig(l lambda.Logging) *types.LoggingConfig {
	return &types.LoggingConfig{
		LogFormat: types.LogFormat(l.Format), LogGroup: aws.String(l.Group),
		ApplicationLogLevel: types.ApplicationLogLevel(l.ApplicationLevel), SystemLogLevel: types.SystemLogLevel(l.SystemLevel),
	}
}

// environment is absent for a function that was given none, and empty for one
// that was given an empty one (F040).
func (a *API) environment(v lambda.Version) *types.EnvironmentResponse {
	if !v.HasEnvironment && len(v.Environment) == 0 {
		return nil
	}
	if a.Keys != nil {
		opened, err := a.Keys.Open(&v)
		if err != nil {
			return &types.EnvironmentResponse{Error: &types.EnvironmentError{
				ErrorCode: aws.String(awsapi.Exception(err)), Message: aws.String(err.Error()),
			}}
		}
		v = *opened
	}
	variables := make(map[string]string, len(v.Environment))
	for _, e := range v.Environment {
		variables[e.Name] = e.Value
	}
	return &types.EnvironmentResponse{Variables: variables}
}

func layersInUse(uses []lambda.LayerUse) []types.Layer {
	if len(uses) == 0 {
		return nil
	}
	layers := make([]types.Layer, len(uses))
	for i, use := range uses {
		layers[i] = types.Layer{Arn: aws.String(use.ARN), CodeSize: use.Code.Size}
	}
	return layers
}

// vpcConfig shows a VPC id, which AWS looks up from the subnets. Here it stands
// for the one network of this account and region; after detaching it is empty
// (F060, F061).
func (a *API) vpcConfig(v *lambda.VPC) *types.VpcConfigResponse {
	if v == nil {
		return nil
	}
	id := ""
	if len(v.SubnetIDs) > 0 {
		sum := sha256.Sum256([]byte(a.Home.Account + " " + a.Home.Region))
		id = "vpc-" + hex.EncodeToString(sum[:])[:17]
	}
	return &types.VpcConfigResponse{
		Ipv6AllowedForDualStack: aws.Bool(v.DualStack),
		SecurityGroupIds:        append([]string{}, v.SecurityGroupIDs...),
		SubnetIds:               append([]string{}, v.SubnetIDs...),
		VpcId:                   aws.String(id),
	}
}

func fileSystems(mounts []lambda.FileSystem) []types.FileSystemConfig {
	if len(mounts) == 0 {
		return nil
	}
	configs := make([]types.FileSystemConfig, len(mounts))
	for i, m := range mounts {
		configs[i] = types.FileSystemConfig{Arn: aws.String(m.ARN), LocalMountPath: aws.String(m.LocalPath)}
	}
	return configs
}

// flat copies a structure into one of the outputs that the SDK generates with
// the very same fields, but as types of their own.
func flat[Out, In any](in *In) *Out {
	out := new(Out)
	from, to := reflect.ValueOf(in).Elem(), reflect.ValueOf(out).Elem()
	for i := range from.NumField() {
		if f := from.Type().Field(i); f.IsExported() {
			to.FieldByName(f.Name).Set(from.Field(i))
		}
	}
	return out
}
