package lambdaapi

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// registerUnset makes operations available that read what nobody can set yet.
// The answer "nothing is set" is true, and tools such as terraform need it when
// they read a function back.
func (a *API) registerUnset() {
	s := a.service
	awsapi.Handle(s, "ListProvisionedConcurrencyConfigs", a.listProvisionedConcurrencyConfigs)
}

// existing finds the function that a caller means, or says that there is none.
func (a *API) existing(ctx context.Context, written, qualifier string) (lambda.Reference, error) {
	ref, err := a.qualified(written, qualifier)
	if err != nil {
		return ref, err
	}
	_, err = a.Catalog.Function(ctx, ref.Name, ref.Qualifier)
	return ref, err
}

func (a *API) listProvisionedConcurrencyConfigs(ctx context.Context, in *sdk.ListProvisionedConcurrencyConfigsInput) (*sdk.ListProvisionedConcurrencyConfigsOutput, error) {
	_, err := a.existing(ctx, *in.FunctionName, "")
	return &sdk.ListProvisionedConcurrencyConfigsOutput{ProvisionedConcurrencyConfigs: []types.ProvisionedConcurrencyConfigListItem{}}, err
}
