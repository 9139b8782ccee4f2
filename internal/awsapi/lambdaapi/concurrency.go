package lambdaapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"lambent/internal/awsapi"
)

// Concurrency keeps how much of the account's concurrency functions have for
// themselves.
type Concurrency interface {
	Reserve(ctx context.Context, function string, n int) error
	Unreserve(ctx context.Context, function string) error
	// Concurrency is what is reserved for a function, nil for nothing.
	Concurrency(ctx context.Context, function string) (*int, error)
}

func (a *API) registerConcurrency() {
	s := a.service
	awsapi.Handle(s, "PutFunctionConcurrency", a.putFunctionConcurrency)
	awsapi.Handle(s, "GetFunctionConcurrency", a.getFunctionConcurrency)
	awsapi.Handle(s, "DeleteFunctionConcurrency", a.deleteFunctionConcurrency)
}

// whole reads the FunctionName of what only a function as a whole can have: even
// Latest is refused as a qualifier (F157).
func (a *API) whole(written string) (string, error) {
	ref, err := a.function(written)
	if err == nil && ref.Qualifier != "" {
		err = errOnFunctionsOnly()
	}
	return ref.Name, err
}

func (a *API) putFunctionConcurrency(ctx context.Context, in *sdk.PutFunctionConcurrencyInput) (*sdk.PutFunctionConcurrencyOutput, error) {
	name, err := a.whole(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	if err := a.Catalog.Reserve(ctx, name, int(*in.ReservedConcurrentExecutions)); err != nil {
		return nil, err
	}
	return &sdk.PutFunctionConcurrencyOutput{ReservedConcurrentExecutions: in.ReservedConcurrentExecutions}, nil
}

func (a *API) getFunctionConcurrency(ctx context.Context, in *sdk.GetFunctionConcurrencyInput) (*sdk.GetFunctionConcurrencyOutput, error) {
	name, err := a.whole(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	reserved, err := a.Catalog.Concurrency(ctx, name)
	if err != nil || reserved == nil { // an empty object when nothing is reserved (F156)
		return &sdk.GetFunctionConcurrencyOutput{}, err
	}
	return &sdk.GetFunctionConcurrencyOutput{ReservedConcurrentExecutions: aws.Int32(int32(*reserved))}, nil
}

func (a *API) deleteFunctionConcurrency(ctx context.Context, in *sdk.DeleteFunctionConcurrencyInput) (*sdk.DeleteFunctionConcurrencyOutput, error) {
	name, err := a.whole(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteFunctionConcurrencyOutput{}, a.Catalog.Unreserve(ctx, name)
}
