package lambdaapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// URLs keeps the addresses at which functions and aliases answer HTTP.
type URLs interface {
	CreateURL(ctx context.Context, function, alias string, chosen lambda.FunctionURLChange) (lambda.FunctionURL, error)
	UpdateURL(ctx context.Context, function, alias string, chosen lambda.FunctionURLChange) (lambda.FunctionURL, error)
	DeleteURL(ctx context.Context, function, alias string) error
	URL(ctx context.Context, function, alias string) (lambda.FunctionURL, error)
	URLs(ctx context.Context, function, marker string, max int) ([]lambda.URLTarget, string, error)
}

func (a *API) registerURLs() {
	s := a.service
	awsapi.Handle(s, "CreateFunctionUrlConfig", a.createFunctionURLConfig)
	awsapi.Handle(s, "GetFunctionUrlConfig", a.getFunctionURLConfig)
	awsapi.Handle(s, "UpdateFunctionUrlConfig", a.updateFunctionURLConfig)
	awsapi.Handle(s, "DeleteFunctionUrlConfig", a.deleteFunctionURLConfig)
	awsapi.Handle(s, "ListFunctionUrlConfigs", a.listFunctionURLConfigs)
}

// functionURL shows an address as the API does. Without an alias the ARN is
// unqualified (F172).
func (a *API) functionURL(function, alias string, u lambda.FunctionURL) *types.FunctionUrlConfig {
	return &types.FunctionUrlConfig{
		FunctionUrl: aws.String("https://" + a.Home.FunctionURLDomain(u.ID) + "/"),
		FunctionArn: aws.String(a.Home.FunctionARN(function, alias)),
		AuthType:    types.FunctionUrlAuthType(u.AuthType), InvokeMode: types.InvokeMode(u.InvokeMode), Cors: cors(u.CORS),
		CreationTime: timestamp(u.CreatedAt), LastModifiedTime: timestamp(u.LastModified),
	}
}

func cors(c *lambda.CORS) *types.Cors {
	if c == nil {
		return nil
	}
	return &types.Cors{
		AllowCredentials: c.AllowCredentials, MaxAge: integer32(c.MaxAgeSeconds),
		AllowHeaders: c.AllowHeaders, AllowMethods: c.AllowMethods, AllowOrigins: c.AllowOrigins, ExposeHeaders: c.ExposeHeaders,
	}
}

func chosenURL(auth types.FunctionUrlAuthType, mode types.InvokeMode, c *types.Cors) lambda.FunctionURLChange {
	change := lambda.FunctionURLChange{AuthType: chosen(auth), InvokeMode: chosen(mode)}
	if c != nil {
		change.CORS = &lambda.CORS{
			AllowCredentials: c.AllowCredentials, MaxAgeSeconds: integer(c.MaxAge),
			AllowHeaders: c.AllowHeaders, AllowMethods: c.AllowMethods, AllowOrigins: c.AllowOrigins, ExposeHeaders: c.ExposeHeaders,
		}
	}
	return change
}

func (a *API) createFunctionURLConfig(ctx context.Context, in *sdk.CreateFunctionUrlConfigInput) (*sdk.CreateFunctionUrlConfigOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	u, err := a.Catalog.CreateURL(ctx, ref.Name, ref.Qualifier, chosenURL(in.AuthType, in.InvokeMode, in.Cors))
	if err != nil {
		return nil, err
	}
	shown := a.functionURL(ref.Name, ref.Qualifier, u)
	return &sdk.CreateFunctionUrlConfigOutput{
		FunctionUrl: shown.FunctionUrl, FunctionArn: shown.FunctionArn, AuthType: shown.AuthType, Cors: shown.Cors, CreationTime: shown.CreationTime,
		InvokeMode: in.InvokeMode, // shown only when it was asked for (F171)
	}, nil
}

func (a *API) getFunctionURLConfig(ctx context.Context, in *sdk.GetFunctionUrlConfigInput) (*sdk.GetFunctionUrlConfigOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	u, err := a.Catalog.URL(ctx, ref.Name, ref.Qualifier)
	if err != nil {
		return nil, err
	}
	return flat[sdk.GetFunctionUrlConfigOutput](a.functionURL(ref.Name, ref.Qualifier, u)), nil
}

func (a *API) updateFunctionURLConfig(ctx context.Context, in *sdk.UpdateFunctionUrlConfigInput) (*sdk.UpdateFunctionUrlConfigOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	u, err := a.Catalog.UpdateURL(ctx, ref.Name, ref.Qualifier, chosenURL(in.AuthType, in.InvokeMode, in.Cors))
	if err != nil {
		return nil, err
	}
	return flat[sdk.UpdateFunctionUrlConfigOutput](a.functionURL(ref.Name, ref.Qualifier, u)), nil
}

func (a *API) deleteFunctionURLConfig(ctx context.Context, in *sdk.DeleteFunctionUrlConfigInput) (*sdk.DeleteFunctionUrlConfigOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteFunctionUrlConfigOutput{}, a.Catalog.DeleteURL(ctx, ref.Name, ref.Qualifier)
}

func (a *API) listFunctionURLConfigs(ctx context.Context, in *sdk.ListFunctionUrlConfigsInput) (*sdk.ListFunctionUrlConfigsOutput, error) {
	ref, err := a.function(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	targets, next, err := a.Catalog.URLs(ctx, ref.Name, aws.ToString(in.Marker), page(in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &sdk.ListFunctionUrlConfigsOutput{FunctionUrlConfigs: []types.FunctionUrlConfig{}, NextMarker: marker(next)}
	for _, t := range targets {
		out.FunctionUrlConfigs = append(out.FunctionUrlConfigs, *a.functionURL(t.Function, t.Qualifier, t.URL))
	}
	return out, nil
}
