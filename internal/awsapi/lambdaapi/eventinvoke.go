package lambdaapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// EventInvokes keeps what is done with asynchronous invocations.
type EventInvokes interface {
	PutEventInvoke(ctx context.Context, function, qualifier string, chosen lambda.EventInvokeChange) (lambda.EventInvoke, error)
	UpdateEventInvoke(ctx context.Context, function, qualifier string, chosen lambda.EventInvokeChange) (lambda.EventInvoke, error)
	EventInvoke(ctx context.Context, function, qualifier string) (lambda.EventInvoke, error)
	DeleteEventInvoke(ctx context.Context, function, qualifier string) error
	// EventInvokes lists a page of what was chosen, each with its qualifier.
	EventInvokes(ctx context.Context, function, marker string, max int) ([]string, []lambda.EventInvoke, string, error)
}

func (a *API) registerEventInvokes() {
	s := a.service
	awsapi.Handle(s, "PutFunctionEventInvokeConfig", a.putFunctionEventInvokeConfig)
	awsapi.Handle(s, "UpdateFunctionEventInvokeConfig", a.updateFunctionEventInvokeConfig)
	awsapi.Handle(s, "GetFunctionEventInvokeConfig", a.getFunctionEventInvokeConfig)
	awsapi.Handle(s, "DeleteFunctionEventInvokeConfig", a.deleteFunctionEventInvokeConfig)
	awsapi.Handle(s, "ListFunctionEventInvokeConfigs", a.listFunctionEventInvokeConfigs)
}

func chosenEventInvoke(retries, age *int32, d *types.DestinationConfig) lambda.EventInvokeChange {
	chosen := lambda.EventInvokeChange{MaxRetries: integer(retries), MaxAgeSeconds: integer(age)}
	if d == nil {
		return chosen
	}
	chosen.Destinations = &lambda.Destinations{} // given, be it empty (F154)
	if d.OnSuccess != nil {
		chosen.Destinations.OnSuccess = d.OnSuccess.Destination
	}
	if d.OnFailure != nil {
		chosen.Destinations.OnFailure = d.OnFailure.Destination
	}
	return chosen
}

func integer32(n *int) *int32 {
	if n == nil {
		return nil
	}
	return aws.Int32(int32(*n))
}

// eventInvoke shows a config as the API does: both destinations are always
// there, and the ARN is always qualified (F143).
func (a *API) eventInvoke(function, qualifier string, e lambda.EventInvoke) *types.FunctionEventInvokeConfig {
	if qualifier == "" {
		qualifier = lambda.Latest
	}
	return &types.FunctionEventInvokeConfig{
		FunctionArn:              aws.String(a.Home.FunctionARN(function, qualifier)),
		LastModified:             aws.Time(e.LastModified),
		MaximumRetryAttempts:     integer32(e.MaxRetries),
		MaximumEventAgeInSeconds: integer32(e.MaxAgeSeconds),
		DestinationConfig: &types.DestinationConfig{
			OnSuccess: &types.OnSuccess{Destination: optional(e.OnSuccess)},
			OnFailure: &types.OnFailure{Destination: optional(e.OnFailure)},
		},
	}
}

func (a *API) putFunctionEventInvokeConfig(ctx context.Context, in *sdk.PutFunctionEventInvokeConfigInput) (*sdk.PutFunctionEventInvokeConfigOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	e, err := a.Catalog.PutEventInvoke(ctx, ref.Name, ref.Qualifier, chosenEventInvoke(in.MaximumRetryAttempts, in.MaximumEventAgeInSeconds, in.DestinationConfig))
	if err != nil {
		return nil, err
	}
	return flat[sdk.PutFunctionEventInvokeConfigOutput](a.eventInvoke(ref.Name, ref.Qualifier, e)), nil
}

func (a *API) updateFunctionEventInvokeConfig(ctx context.Context, in *sdk.UpdateFunctionEventInvokeConfigInput) (*sdk.UpdateFunctionEventInvokeConfigOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	e, err := a.Catalog.UpdateEventInvoke(ctx, ref.Name, ref.Qualifier, chosenEventInvoke(in.MaximumRetryAttempts, in.MaximumEventAgeInSeconds, in.DestinationConfig))
	if err != nil {
		return nil, err
	}
	return flat[sdk.UpdateFunctionEventInvokeConfigOutput](a.eventInvoke(ref.Name, ref.Qualifier, e)), nil
}

func (a *API) getFunctionEventInvokeConfig(ctx context.Context, in *sdk.GetFunctionEventInvokeConfigInput) (*sdk.GetFunctionEventInvokeConfigOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	e, err := a.Catalog.EventInvoke(ctx, ref.Name, ref.Qualifier)
	if err != nil {
		return nil, err
	}
	return flat[sdk.GetFunctionEventInvokeConfigOutput](a.eventInvoke(ref.Name, ref.Qualifier, e)), nil
}

func (a *API) deleteFunctionEventInvokeConfig(ctx context.Context, in *sdk.DeleteFunctionEventInvokeConfigInput) (*sdk.DeleteFunctionEventInvokeConfigOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteFunctionEventInvokeConfigOutput{}, a.Catalog.DeleteEventInvoke(ctx, ref.Name, ref.Qualifier)
}

func (a *API) listFunctionEventInvokeConfigs(ctx context.Context, in *sdk.ListFunctionEventInvokeConfigsInput) (*sdk.ListFunctionEventInvokeConfigsOutput, error) {
	ref, err := a.function(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	qualifiers, chosen, next, err := a.Catalog.EventInvokes(ctx, ref.Name, aws.ToString(in.Marker), page(in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &sdk.ListFunctionEventInvokeConfigsOutput{FunctionEventInvokeConfigs: []types.FunctionEventInvokeConfig{}, NextMarker: marker(next)}
	for i, e := range chosen {
		out.FunctionEventInvokeConfigs = append(out.FunctionEventInvokeConfigs, *a.eventInvoke(ref.Name, qualifiers[i], e))
	}
	return out, nil
}
