package lambdaapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// Aliases keeps the aliases of functions.
type Aliases interface {
	CreateAlias(ctx context.Context, function, alias string, chosen lambda.AliasChange) (lambda.Alias, error)
	UpdateAlias(ctx context.Context, function, alias string, chosen lambda.AliasChange) (lambda.Alias, error)
	// DeleteAlias is content when there is no such alias.
	DeleteAlias(ctx context.Context, function, alias string) error
	Alias(ctx context.Context, function, alias string) (lambda.Alias, error)
	// Aliases lists a page by name; with a version those that point to it.
	Aliases(ctx context.Context, function, version, marker string, max int) ([]lambda.Alias, string, error)
}

func (a *API) registerAliases() {
	s := a.service
	awsapi.Handle(s, "CreateAlias", a.createAlias)
	awsapi.Handle(s, "GetAlias", a.getAlias)
	awsapi.Handle(s, "UpdateAlias", a.updateAlias)
	awsapi.Handle(s, "DeleteAlias", a.deleteAlias)
	awsapi.Handle(s, "ListAliases", a.listAliases)
}

func (a *API) createAlias(ctx context.Context, in *sdk.CreateAliasInput) (*sdk.CreateAliasOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	alias, err := a.Catalog.CreateAlias(ctx, name, *in.Name, lambda.AliasChange{
		Version: in.FunctionVersion, Description: in.Description, Weights: weights(in.RoutingConfig),
	})
	if err != nil {
		return nil, err
	}
	return flat[sdk.CreateAliasOutput](a.alias(name, alias)), nil
}

// weights tells no routing from an empty one, which takes the weights away.
func weights(r *types.AliasRoutingConfiguration) *map[string]float64 {
	if r == nil {
		return nil
	}
	return &r.AdditionalVersionWeights
}

// alias shows an alias as the API does (F096).
func (a *API) alias(function string, alias lambda.Alias) *types.AliasConfiguration {
	shown := &types.AliasConfiguration{
		AliasArn:        aws.String(a.Home.FunctionARN(function, alias.Name)),
		Name:            aws.String(alias.Name),
		FunctionVersion: aws.String(alias.Version),
		Description:     aws.String(alias.Description),
		RevisionId:      aws.String(alias.RevisionID),
	}
	if alias.Other != "" {
		shown.RoutingConfig = &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{alias.Other: alias.Weight}}
	}
	return shown
}

func (a *API) getAlias(ctx context.Context, in *sdk.GetAliasInput) (*sdk.GetAliasOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	alias, err := a.Catalog.Alias(ctx, name, *in.Name)
	if err != nil {
		return nil, err
	}
	return flat[sdk.GetAliasOutput](a.alias(name, alias)), nil
}

func (a *API) updateAlias(ctx context.Context, in *sdk.UpdateAliasInput) (*sdk.UpdateAliasOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	alias, err := a.Catalog.UpdateAlias(ctx, name, *in.Name, lambda.AliasChange{
		Version: in.FunctionVersion, Description: in.Description, Weights: weights(in.RoutingConfig), RevisionID: aws.ToString(in.RevisionId),
	})
	if err != nil {
		return nil, err
	}
	return flat[sdk.UpdateAliasOutput](a.alias(name, alias)), nil
}

func (a *API) deleteAlias(ctx context.Context, in *sdk.DeleteAliasInput) (*sdk.DeleteAliasOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteAliasOutput{}, a.Catalog.DeleteAlias(ctx, name, *in.Name)
}

func (a *API) listAliases(ctx context.Context, in *sdk.ListAliasesInput) (*sdk.ListAliasesOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	aliases, next, err := a.Catalog.Aliases(ctx, name, aws.ToString(in.FunctionVersion), aws.ToString(in.Marker), page(in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &sdk.ListAliasesOutput{Aliases: []types.AliasConfiguration{}, NextMarker: marker(next)}
	for _, alias := range aliases {
		out.Aliases = append(out.Aliases, *a.alias(name, alias))
	}
	return out, nil
}
