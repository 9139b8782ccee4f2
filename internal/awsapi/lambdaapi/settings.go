package lambdaapi

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

func createSettings(ctx context.Context, in *sdk.CreateFunctionInput) lambda.Settings {
	s := updateSettings(ctx, &sdk.UpdateFunctionConfigurationInput{
		Description: in.Description, Runtime: in.Runtime, Handler: in.Handler, Role: in.Role,
		MemorySize: in.MemorySize, Timeout: in.Timeout, EphemeralStorage: in.EphemeralStorage,
		Environment: in.Environment, Layers: in.Layers, LoggingConfig: in.LoggingConfig,
		TracingConfig: in.TracingConfig, SnapStart: in.SnapStart, KMSKeyArn: in.KMSKeyArn,
		DeadLetterConfig: in.DeadLetterConfig, VpcConfig: in.VpcConfig,
		FileSystemConfigs: in.FileSystemConfigs, ImageConfig: in.ImageConfig,
	})
	s.Architecture = architecture(in.Architectures)
	s.PackageType = chosen(in.PackageType)
	return s
}

// updateSettings reads what a caller chose; what the request left out is nil.
func updateSettings(ctx context.Context, in *sdk.UpdateFunctionConfigurationInput) lambda.Settings {
	s := lambda.Settings{
		Description: in.Description,
		Handler:     in.Handler,
		Role:        in.Role,
		KMSKeyARN:   in.KMSKeyArn,
		MemoryMB:    integer(in.MemorySize),
		Environment: variables(ctx, in.Environment),
		Logging:     loggingChoice(in.LoggingConfig),
		VPC:         vpc(in.VpcConfig),
		FileSystems: mounts(in.FileSystemConfigs),
		ImageConfig: imageConfig(in.ImageConfig),
	}
	if in.Runtime != "" {
		runtime := lambda.Runtime(in.Runtime)
		s.Runtime = &runtime
	}
	if in.Timeout != nil {
		timeout := time.Duration(*in.Timeout) * time.Second
		s.Timeout = &timeout
	}
	if in.EphemeralStorage != nil {
		s.EphemeralMB = integer(in.EphemeralStorage.Size)
	}
	if in.Layers != nil {
		s.Layers = &in.Layers
	}
	if in.TracingConfig != nil {
		s.TracingMode = chosen(in.TracingConfig.Mode)
	}
	if in.SnapStart != nil {
		s.SnapStart = chosen(in.SnapStart.ApplyOn)
	}
	if in.DeadLetterConfig != nil {
		s.DeadLetter = in.DeadLetterConfig.TargetArn
	}
	return s
}

// chosen is an enum that was given, nil when it was not.
func chosen[E ~string](value E) *string {
	if value == "" {
		return nil
	}
	return aws.String(string(value))
}

func integer(i *int32) *int {
	if i == nil {
		return nil
	}
	return aws.Int(int(*i))
}

func architecture(list []types.Architecture) *string {
	if len(list) == 0 {
		return nil
	}
	return chosen(list[0])
}

// variables keeps the order of the request, which an error message repeats (F059).
func variables(ctx context.Context, e *types.Environment) *[]lambda.Variable {
	if e == nil {
		return nil
	}
	list := make([]lambda.Variable, 0, len(e.Variables))
	for _, name := range awsapi.KeyOrder(ctx, "Environment", "Variables") {
		list = append(list, lambda.Variable{Name: name, Value: e.Variables[name]})
	}
	return &list
}

func loggingChoice(l *types.LoggingConfig) *lambda.LoggingChoice {
	if l == nil {
		return nil
	}
	return &lambda.LoggingChoice{
		Format: chosen(l.LogFormat), ApplicationLevel: chosen(l.ApplicationLogLevel),
		SystemLevel: chosen(l.SystemLogLevel), Group: l.LogGroup,
	}
}

func vpc(v *types.VpcConfig) *lambda.VPC {
	if v == nil {
		return nil
	}
	return &lambda.VPC{SubnetIDs: v.SubnetIds, SecurityGroupIDs: v.SecurityGroupIds, DualStack: aws.ToBool(v.Ipv6AllowedForDualStack)}
}

func mounts(configs []types.FileSystemConfig) *[]lambda.FileSystem {
	if configs == nil {
		return nil
	}
	list := make([]lambda.FileSystem, len(configs))
	for i, c := range configs {
		list[i] = lambda.FileSystem{ARN: aws.ToString(c.Arn), LocalPath: aws.ToString(c.LocalMountPath)}
	}
	return &list
}

func imageConfig(c *types.ImageConfig) *lambda.ImageConfig {
	if c == nil {
		return nil
	}
	return &lambda.ImageConfig{EntryPoint: c.EntryPoint, Command: c.Command, WorkingDirectory: aws.ToString(c.WorkingDirectory)}
}
