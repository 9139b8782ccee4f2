package lambdaapi

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/lambda"
)

// tagged finds the function that a resource ARN means. Tags belong to the
// function and not to its versions (F112).
func (a *API) tagged(arn string) (string, error) {
	if !strings.Contains(arn, ":function:") {
		return "", errNoResource() // the other kinds of resource can't exist here yet
	}
	ref, err := a.function(arn)
	if err != nil {
		return "", err
	}
	if ref.Qualifier != "" {
		return "", lambda.Errorf(lambda.InvalidParameter, "Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	return ref.Name, nil
}

// isSigning tells the ARN of a code signing config from a function's.
func isSigning(arn string) bool { return strings.Contains(arn, ":code-signing-config:") }

// mappingID tells the ARN of an event source mapping of this server from others.
func (a *API) mappingID(arn string) (string, bool) {
	return strings.CutPrefix(arn, a.Home.EventSourceMappingARN(""))
}

func (a *API) tagResource(ctx context.Context, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	if id, ok := a.mappingID(*in.Resource); ok {
		return &sdk.TagResourceOutput{}, a.Catalog.TagMapping(ctx, id, in.Tags)
	}
	if isSigning(*in.Resource) {
		return &sdk.TagResourceOutput{}, a.Catalog.TagCodeSigningConfig(ctx, *in.Resource, in.Tags)
	}
	name, err := a.tagged(*in.Resource)
	if err != nil {
		return nil, err
	}
	return &sdk.TagResourceOutput{}, a.Catalog.Tag(ctx, name, in.Tags)
}

func (a *API) untagResource(ctx context.Context, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	if id, ok := a.mappingID(*in.Resource); ok {
		return &sdk.UntagResourceOutput{}, a.Catalog.UntagMapping(ctx, id, in.TagKeys)
	}
	if isSigning(*in.Resource) {
		return &sdk.UntagResourceOutput{}, a.Catalog.UntagCodeSigningConfig(ctx, *in.Resource, in.TagKeys)
	}
	name, err := a.tagged(*in.Resource)
	if err != nil {
		return nil, err
	}
	return &sdk.UntagResourceOutput{}, a.Catalog.Untag(ctx, name, in.TagKeys)
}

func (a *API) listTags(ctx context.Context, in *sdk.ListTagsInput) (*sdk.ListTagsOutput, error) {
	tags, err := a.tags(ctx, *in.Resource)
	if err != nil {
		return nil, err
	}
	if tags == nil {
		tags = map[string]string{} // an empty map is shown (F045)
	}
	return &sdk.ListTagsOutput{Tags: tags}, nil
}

func (a *API) tags(ctx context.Context, arn string) (map[string]string, error) {
	if id, ok := a.mappingID(arn); ok {
		m, err := a.Catalog.Mapping(ctx, id)
		return m.Tags, err
	}
	if isSigning(arn) {
		config, err := a.Catalog.CodeSigningConfig(ctx, arn)
		return config.Tags, err
	}
	name, err := a.tagged(arn)
	if err != nil {
		return nil, err
	}
	return a.Catalog.Tags(ctx, name)
}

func (a *API) getAccountSettings(ctx context.Context, _ *sdk.GetAccountSettingsInput) (*sdk.GetAccountSettingsOutput, error) {
	usage, err := a.Catalog.Usage(ctx)
	if err != nil {
		return nil, err
	}
	return &sdk.GetAccountSettingsOutput{
		AccountLimit: &types.AccountLimit{
			TotalCodeSize:                  lambda.MaxCodeStorage,
			CodeSizeUnzipped:               lambda.MaxUnzipped,
			CodeSizeZipped:                 lambda.MaxZipUpload,
			ConcurrentExecutions:           int32(usage.Concurrency),
			UnreservedConcurrentExecutions: aws.Int32(int32(usage.Concurrency - usage.Reserved)),
		},
		AccountUsage: &types.AccountUsage{TotalCodeSize: usage.CodeSize, FunctionCount: int64(usage.Functions)},
	}, nil
}
