package lambdaapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// Management keeps what functions are allowed besides being invoked: calling
// themselves, and having their runtime replaced.
type Management interface {
	RecursiveLoop(ctx context.Context, function string) (string, error)
	SetRecursiveLoop(ctx context.Context, function, loop string) error
	RuntimeUpdate(ctx context.Context, function, qualifier string) (lambda.RuntimeUpdate, error)
	SetRuntimeUpdate(ctx context.Context, function, qualifier string, u lambda.RuntimeUpdate) error
}

func (a *API) registerManagement() {
	s := a.service
	awsapi.Handle(s, "GetFunctionRecursionConfig", a.getFunctionRecursionConfig)
	awsapi.Handle(s, "PutFunctionRecursionConfig", a.putFunctionRecursionConfig)
	awsapi.Handle(s, "GetRuntimeManagementConfig", a.getRuntimeManagementConfig)
	awsapi.Handle(s, "PutRuntimeManagementConfig", a.putRuntimeManagementConfig)
}

func (a *API) getFunctionRecursionConfig(ctx context.Context, in *sdk.GetFunctionRecursionConfigInput) (*sdk.GetFunctionRecursionConfigOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	loop, err := a.Catalog.RecursiveLoop(ctx, name)
	if err != nil {
		return nil, err
	}
	return &sdk.GetFunctionRecursionConfigOutput{RecursiveLoop: types.RecursiveLoop(loop)}, nil
}

func (a *API) putFunctionRecursionConfig(ctx context.Context, in *sdk.PutFunctionRecursionConfigInput) (*sdk.PutFunctionRecursionConfigOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	if err := a.Catalog.SetRecursiveLoop(ctx, name, string(in.RecursiveLoop)); err != nil {
		return nil, err
	}
	return &sdk.PutFunctionRecursionConfigOutput{RecursiveLoop: in.RecursiveLoop}, nil
}

func (a *API) getRuntimeManagementConfig(ctx context.Context, in *sdk.GetRuntimeManagementConfigInput) (*sdk.GetRuntimeManagementConfigOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	u, err := a.Catalog.RuntimeUpdate(ctx, ref.Name, ref.Qualifier)
	if err != nil {
		return nil, err
	}
	return &sdk.GetRuntimeManagementConfigOutput{
		UpdateRuntimeOn: types.UpdateRuntimeOn(u.Mode), RuntimeVersionArn: optional(u.VersionARN),
		FunctionArn: aws.String(a.Home.FunctionARN(ref.Name, ref.Qualifier)),
	}, nil
}

func (a *API) putRuntimeManagementConfig(ctx context.Context, in *sdk.PutRuntimeManagementConfigInput) (*sdk.PutRuntimeManagementConfigOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	u := lambda.RuntimeUpdate{Mode: string(in.UpdateRuntimeOn), VersionARN: aws.ToString(in.RuntimeVersionArn)}
	if err := a.Catalog.SetRuntimeUpdate(ctx, ref.Name, ref.Qualifier, u); err != nil {
		return nil, err
	}
	return &sdk.PutRuntimeManagementConfigOutput{
		UpdateRuntimeOn: in.UpdateRuntimeOn, RuntimeVersionArn: in.RuntimeVersionArn,
		FunctionArn: aws.String(a.Home.FunctionARN(ref.Name, ref.Qualifier)),
	}, nil
}
