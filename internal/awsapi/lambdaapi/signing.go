package lambdaapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// CodeSigning keeps code signing configs, by ARN.
type CodeSigning interface {
	CreateCodeSigningConfig(ctx context.Context, chosen lambda.CodeSigningChange) (lambda.CodeSigningConfig, error)
	UpdateCodeSigningConfig(ctx context.Context, arn string, chosen lambda.CodeSigningChange) (lambda.CodeSigningConfig, error)
	DeleteCodeSigningConfig(ctx context.Context, arn string) error
	CodeSigningConfig(ctx context.Context, arn string) (lambda.CodeSigningConfig, error)
	CodeSigningConfigs(ctx context.Context, marker string, max int) ([]lambda.CodeSigningConfig, string, error)
}

// CodeSigningUse keeps which function has which code signing config.
type CodeSigningUse interface {
	AttachCodeSigningConfig(ctx context.Context, function, arn string) error
	DetachCodeSigningConfig(ctx context.Context, function string) error
	// AttachedCodeSigningConfig is empty when the function has none.
	AttachedCodeSigningConfig(ctx context.Context, function string) (arn string, err error)
	FunctionsByCodeSigningConfig(ctx context.Context, arn, marker string, max int) ([]string, string, error)
}

// CodeSigningTags changes the tags of code signing configs.
type CodeSigningTags interface {
	TagCodeSigningConfig(ctx context.Context, arn string, tags map[string]string) error
	UntagCodeSigningConfig(ctx context.Context, arn string, keys []string) error
}

func (a *API) registerSigning() {
	s := a.service
	awsapi.Handle(s, "CreateCodeSigningConfig", a.createCodeSigningConfig)
	awsapi.Handle(s, "GetCodeSigningConfig", a.getCodeSigningConfig)
	awsapi.Handle(s, "UpdateCodeSigningConfig", a.updateCodeSigningConfig)
	awsapi.Handle(s, "DeleteCodeSigningConfig", a.deleteCodeSigningConfig)
	awsapi.Handle(s, "ListCodeSigningConfigs", a.listCodeSigningConfigs)
	awsapi.Handle(s, "PutFunctionCodeSigningConfig", a.putFunctionCodeSigningConfig)
	awsapi.Handle(s, "GetFunctionCodeSigningConfig", a.getFunctionCodeSigningConfig)
	awsapi.Handle(s, "DeleteFunctionCodeSigningConfig", a.deleteFunctionCodeSigningConfig)
	awsapi.Handle(s, "ListFunctionsByCodeSigningConfig", a.listFunctionsByCodeSigningConfig)
}

// codeSigningConfig shows a config as the API does (F191).
func codeSigningConfig(c lambda.CodeSigningConfig) *types.CodeSigningConfig {
	return &types.CodeSigningConfig{
		CodeSigningConfigId: aws.String(c.ID), CodeSigningConfigArn: aws.String(c.ARN), Description: aws.String(c.Description),
		AllowedPublishers:   &types.AllowedPublishers{SigningProfileVersionArns: append([]string{}, c.Publishers...)},
		CodeSigningPolicies: &types.CodeSigningPolicies{UntrustedArtifactOnDeployment: types.CodeSigningPolicy(c.Untrusted)},
		LastModified:        timestamp(c.LastModified),
	}
}

func chosenSigning(description *string, publishers *types.AllowedPublishers, policies *types.CodeSigningPolicies) lambda.CodeSigningChange {
	chosen := lambda.CodeSigningChange{Description: description}
	if publishers != nil {
		chosen.Publishers = &publishers.SigningProfileVersionArns
	}
	if policies != nil && policies.UntrustedArtifactOnDeployment != "" {
		chosen.Untrusted = aws.String(string(policies.UntrustedArtifactOnDeployment))
	}
	return chosen
}

func (a *API) createCodeSigningConfig(ctx context.Context, in *sdk.CreateCodeSigningConfigInput) (*sdk.CreateCodeSigningConfigOutput, error) {
	chosen := chosenSigning(in.Description, in.AllowedPublishers, in.CodeSigningPolicies)
	chosen.Tags = in.Tags
	config, err := a.Catalog.CreateCodeSigningConfig(ctx, chosen)
	if err != nil {
		return nil, err
	}
	return &sdk.CreateCodeSigningConfigOutput{CodeSigningConfig: codeSigningConfig(config)}, nil
}

func (a *API) getCodeSigningConfig(ctx context.Context, in *sdk.GetCodeSigningConfigInput) (*sdk.GetCodeSigningConfigOutput, error) {
	config, err := a.Catalog.CodeSigningConfig(ctx, *in.CodeSigningConfigArn)
	if err != nil {
		return nil, err
	}
	return &sdk.GetCodeSigningConfigOutput{CodeSigningConfig: codeSigningConfig(config)}, nil
}

func (a *API) updateCodeSigningConfig(ctx context.Context, in *sdk.UpdateCodeSigningConfigInput) (*sdk.UpdateCodeSigningConfigOutput, error) {
	config, err := a.Catalog.UpdateCodeSigningConfig(ctx, *in.CodeSigningConfigArn, chosenSigning(in.Description, in.AllowedPublishers, in.CodeSigningPolicies))
	if err != nil {
		return nil, err
	}
	return &sdk.UpdateCodeSigningConfigOutput{CodeSigningConfig: codeSigningConfig(config)}, nil
}

func (a *API) deleteCodeSigningConfig(ctx context.Context, in *sdk.DeleteCodeSigningConfigInput) (*sdk.DeleteCodeSigningConfigOutput, error) {
	return &sdk.DeleteCodeSigningConfigOutput{}, a.Catalog.DeleteCodeSigningConfig(ctx, *in.CodeSigningConfigArn)
}

func (a *API) listCodeSigningConfigs(ctx context.Context, in *sdk.ListCodeSigningConfigsInput) (*sdk.ListCodeSigningConfigsOutput, error) {
	configs, next, err := a.Catalog.CodeSigningConfigs(ctx, aws.ToString(in.Marker), page(in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &sdk.ListCodeSigningConfigsOutput{CodeSigningConfigs: []types.CodeSigningConfig{}, NextMarker: marker(next)}
	for _, c := range configs {
		out.CodeSigningConfigs = append(out.CodeSigningConfigs, *codeSigningConfig(c))
	}
	return out, nil
}

func (a *API) putFunctionCodeSigningConfig(ctx context.Context, in *sdk.PutFunctionCodeSigningConfigInput) (*sdk.PutFunctionCodeSigningConfigOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	if err := a.Catalog.AttachCodeSigningConfig(ctx, name, *in.CodeSigningConfigArn); err != nil {
		return nil, err
	}
	return &sdk.PutFunctionCodeSigningConfigOutput{CodeSigningConfigArn: in.CodeSigningConfigArn, FunctionName: aws.String(name)}, nil
}

// getFunctionCodeSigningConfig answers an empty object for none (F193).
func (a *API) getFunctionCodeSigningConfig(ctx context.Context, in *sdk.GetFunctionCodeSigningConfigInput) (*sdk.GetFunctionCodeSigningConfigOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	arn, err := a.Catalog.AttachedCodeSigningConfig(ctx, name)
	if err != nil || arn == "" {
		return &sdk.GetFunctionCodeSigningConfigOutput{}, err
	}
	return &sdk.GetFunctionCodeSigningConfigOutput{CodeSigningConfigArn: aws.String(arn), FunctionName: aws.String(name)}, nil
}

func (a *API) deleteFunctionCodeSigningConfig(ctx context.Context, in *sdk.DeleteFunctionCodeSigningConfigInput) (*sdk.DeleteFunctionCodeSigningConfigOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteFunctionCodeSigningConfigOutput{}, a.Catalog.DetachCodeSigningConfig(ctx, name)
}

func (a *API) listFunctionsByCodeSigningConfig(ctx context.Context, in *sdk.ListFunctionsByCodeSigningConfigInput) (*sdk.ListFunctionsByCodeSigningConfigOutput, error) {
	names, next, err := a.Catalog.FunctionsByCodeSigningConfig(ctx, *in.CodeSigningConfigArn, aws.ToString(in.Marker), page(in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &sdk.ListFunctionsByCodeSigningConfigOutput{FunctionArns: []string{}, NextMarker: marker(next)}
	for _, name := range names {
		out.FunctionArns = append(out.FunctionArns, a.Home.FunctionARN(name, ""))
	}
	return out, nil
}
