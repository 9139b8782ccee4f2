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

// Provisioned keeps what versions and aliases have of provisioned concurrency.
type Provisioned interface {
	PutProvisioned(ctx context.Context, function, qualifier string, n int) (lambda.ProvisionedStatus, error)
	Provisioned(ctx context.Context, function, qualifier string) (lambda.ProvisionedStatus, error)
	// DeleteProvisioned gives it back; nothing is fine.
	DeleteProvisioned(ctx context.Context, function, qualifier string) error
	// AllProvisioned lists a page of what a function has.
	AllProvisioned(ctx context.Context, function, marker string, max int) ([]lambda.ProvisionedStatus, string, error)
}

func (a *API) registerProvisioned() {
	s := a.service
	awsapi.Handle(s, "PutProvisionedConcurrencyConfig", a.putProvisionedConcurrencyConfig)
	awsapi.Handle(s, "GetProvisionedConcurrencyConfig", a.getProvisionedConcurrencyConfig)
	awsapi.Handle(s, "DeleteProvisionedConcurrencyConfig", a.deleteProvisionedConcurrencyConfig)
	awsapi.Handle(s, "ListProvisionedConcurrencyConfigs", a.listProvisionedConcurrencyConfigs)
}

// provisioned shows a config as all operations do.
func provisioned(p lambda.ProvisionedStatus) sdk.GetProvisionedConcurrencyConfigOutput {
	return sdk.GetProvisionedConcurrencyConfigOutput{
		RequestedProvisionedConcurrentExecutions: aws.Int32(int32(p.Requested)),
		AllocatedProvisionedConcurrentExecutions: aws.Int32(int32(p.Allocated)),
		AvailableProvisionedConcurrentExecutions: aws.Int32(int32(p.Available)),
		Status:                                   types.ProvisionedConcurrencyStatusEnum(p.Status),
		StatusReason:                             optional(p.Reason),
		LastModified:                             aws.String(secondsText(p.LastModified)),
	}
}

// secondsText is the LastModified of provisioned concurrency, which has no
// milliseconds (AWS: "Configuring provisioned concurrency for a function").
func secondsText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05+0000") }

func (a *API) putProvisionedConcurrencyConfig(ctx context.Context, in *sdk.PutProvisionedConcurrencyConfigInput) (*sdk.PutProvisionedConcurrencyConfigOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	p, err := a.Catalog.PutProvisioned(ctx, ref.Name, ref.Qualifier, int(aws.ToInt32(in.ProvisionedConcurrentExecutions)))
	if err != nil {
		return nil, err
	}
	out := sdk.PutProvisionedConcurrencyConfigOutput(provisioned(p))
	return &out, nil
}

func (a *API) getProvisionedConcurrencyConfig(ctx context.Context, in *sdk.GetProvisionedConcurrencyConfigInput) (*sdk.GetProvisionedConcurrencyConfigOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	p, err := a.Catalog.Provisioned(ctx, ref.Name, ref.Qualifier)
	if err != nil {
		return nil, err
	}
	out := provisioned(p)
	return &out, nil
}

func (a *API) deleteProvisionedConcurrencyConfig(ctx context.Context, in *sdk.DeleteProvisionedConcurrencyConfigInput) (*sdk.DeleteProvisionedConcurrencyConfigOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteProvisionedConcurrencyConfigOutput{}, a.Catalog.DeleteProvisioned(ctx, ref.Name, ref.Qualifier)
}

func (a *API) listProvisionedConcurrencyConfigs(ctx context.Context, in *sdk.ListProvisionedConcurrencyConfigsInput) (*sdk.ListProvisionedConcurrencyConfigsOutput, error) {
	ref, err := a.function(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	list, next, err := a.Catalog.AllProvisioned(ctx, ref.Name, aws.ToString(in.Marker), page(in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &sdk.ListProvisionedConcurrencyConfigsOutput{ProvisionedConcurrencyConfigs: []types.ProvisionedConcurrencyConfigListItem{}, NextMarker: marker(next)}
	for _, p := range list {
		item := provisioned(p)
		out.ProvisionedConcurrencyConfigs = append(out.ProvisionedConcurrencyConfigs, types.ProvisionedConcurrencyConfigListItem{
			FunctionArn:                              aws.String(a.Home.FunctionARN(ref.Name, p.Qualifier)),
			RequestedProvisionedConcurrentExecutions: item.RequestedProvisionedConcurrentExecutions,
			AllocatedProvisionedConcurrentExecutions: item.AllocatedProvisionedConcurrentExecutions,
			AvailableProvisionedConcurrentExecutions: item.AvailableProvisionedConcurrentExecutions,
			Status:                                   item.Status, StatusReason: item.StatusReason, LastModified: item.LastModified,
		})
	}
	return out, nil
}
