package lambdaapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

func (a *API) createFunction(ctx context.Context, in *sdk.CreateFunctionInput) (*sdk.CreateFunctionOutput, error) {
	if err := plainNameFits(*in.FunctionName); err != nil {
		return nil, err
	}
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	if err := refuseNew(in); err != nil {
		return nil, err
	}
	if err := a.checkRole(ctx, in.Role); err != nil {
		return nil, err
	}
	code, err := packageOf(in.Code)
	if err != nil {
		return nil, err
	}
	version, err := a.Catalog.CreateFunction(ctx, lambda.NewFunction{
		Name:                 name,
		Settings:             createSettings(ctx, in),
		Package:              code,
		Publish:              in.Publish,
		Tags:                 in.Tags,
		CodeSigningConfigARN: aws.ToString(in.CodeSigningConfigArn),
	})
	if err != nil {
		return nil, err
	}
	// With Publish the answer shows version 1 under the unqualified ARN (F048).
	return flat[sdk.CreateFunctionOutput](a.configuration(version, "")), nil
}

// maxPlainName is the limit of a name that is not part of an ARN. Breaking it is
// an InvalidParameterValueException, though it reads like a ValidationException (F022).
const maxPlainName = 64

func plainNameFits(written string) error {
	if len(written) <= maxPlainName || strings.Contains(written, ":") {
		return nil
	}
	e := awsapi.ValidationError(awsapi.Violation("'"+written+"'", "functionName", "Member must have length less than or equal to 64"))
	e.Kind = lambda.InvalidParameter
	return e
}

// refuseNew names what Lambent can't do yet instead of making a function that
// silently lacks it.
func refuseNew(in *sdk.CreateFunctionInput) error {
	switch {
	case in.DurableConfig != nil:
		return notYet("DurableConfig")
	case in.TenancyConfig != nil:
		return notYet("TenancyConfig")
	case in.CapacityProviderConfig != nil:
		return notYet("CapacityProviderConfig")
	case in.PublishTo != "":
		return notYet("PublishTo")
	}
	return refuseFileSystems(in.FileSystemConfigs)
}

func refuseFileSystems(configs []types.FileSystemConfig) error {
	for _, fs := range configs {
		if fs.S3FilesConfig != nil {
			return notYet("S3FilesConfig")
		}
	}
	return nil
}

func notYet(member string) error {
	return lambda.Errorf(lambda.NotYet, "%s is not yet available in Lambent.", member)
}

// packageOf reads where the code of a new function comes from.
func packageOf(code *types.FunctionCode) (lambda.Package, error) {
	if aws.ToString(code.SourceKMSKeyArn) != "" {
		return lambda.Package{}, notYet("SourceKMSKeyArn")
	}
	return newPackage(lambda.Package{
		Zip:    code.ZipFile,
		Bucket: aws.ToString(code.S3Bucket), Key: aws.ToString(code.S3Key), ObjectVersion: aws.ToString(code.S3ObjectVersion),
		Image: aws.ToString(code.ImageUri),
	}, code.S3ObjectStorageMode)
}

// newPackage checks what every upload has in common.
func newPackage(p lambda.Package, mode types.S3ObjectStorageMode) (lambda.Package, error) {
	if mode == types.S3ObjectStorageModeReference {
		return p, notYet("S3ObjectStorageMode REFERENCE")
	}
	if len(p.Zip) > lambda.MaxZipUpload {
		return p, lambda.Errorf(lambda.EntityTooLarge, "Zipped size must be smaller than %d bytes", lambda.MaxZipUpload)
	}
	return p, nil
}

func (a *API) getFunction(ctx context.Context, in *sdk.GetFunctionInput) (*sdk.GetFunctionOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	version, err := a.Catalog.Function(ctx, ref.Name, ref.Qualifier)
	if err != nil {
		return nil, err
	}
	tags, err := a.Catalog.Tags(ctx, ref.Name)
	if err != nil {
		return nil, err
	}
	reserved, err := a.Catalog.Concurrency(ctx, ref.Name)
	if err != nil {
		return nil, err
	}
	out := &sdk.GetFunctionOutput{
		Configuration: a.configuration(version, ref.Qualifier),
		Code:          a.codeLocation(version),
	}
	if len(tags) > 0 { // without tags there is no member at all (F045)
		out.Tags = tags
	}
	if reserved != nil {
		out.Concurrency = &types.Concurrency{ReservedConcurrentExecutions: aws.Int32(int32(*reserved))}
	}
	return out, nil
}

func (a *API) codeLocation(v lambda.Version) *types.FunctionCodeLocation {
	if v.Code.Folder != "" {
		return &types.FunctionCodeLocation{RepositoryType: aws.String("S3"), Location: aws.String("file://" + v.Code.Folder)}
	}
	return &types.FunctionCodeLocation{RepositoryType: aws.String("S3"), Location: aws.String(a.codes.sign(v.Code))}
}

func (a *API) getFunctionConfiguration(ctx context.Context, in *sdk.GetFunctionConfigurationInput) (*sdk.GetFunctionConfigurationOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	version, err := a.Catalog.Function(ctx, ref.Name, ref.Qualifier)
	if err != nil {
		return nil, err
	}
	return flat[sdk.GetFunctionConfigurationOutput](a.configuration(version, ref.Qualifier)), nil
}

func (a *API) updateFunctionCode(ctx context.Context, in *sdk.UpdateFunctionCodeInput) (*sdk.UpdateFunctionCodeOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	if in.PublishTo != "" {
		return nil, notYet("PublishTo")
	}
	code, err := packageOf(&types.FunctionCode{
		ZipFile: in.ZipFile, ImageUri: in.ImageUri, S3Bucket: in.S3Bucket, S3Key: in.S3Key,
		S3ObjectVersion: in.S3ObjectVersion, S3ObjectStorageMode: in.S3ObjectStorageMode, SourceKMSKeyArn: in.SourceKMSKeyArn,
	})
	if err != nil {
		return nil, err
	}
	version, err := a.Catalog.UpdateCode(ctx, name, lambda.CodeUpdate{
		Package: code, Publish: in.Publish, DryRun: in.DryRun,
		RevisionID: aws.ToString(in.RevisionId), Architecture: architecture(in.Architectures),
	})
	if err != nil {
		return nil, err
	}
	return flat[sdk.UpdateFunctionCodeOutput](a.configuration(version, published(version))), nil
}

// published is the qualifier of a version that was just published, and empty
// for Latest, which an update shows under the unqualified ARN (F070, F075).
func published(v lambda.Version) string {
	if v.Number == lambda.Latest {
		return ""
	}
	return v.Number
}

func (a *API) updateFunctionConfiguration(ctx context.Context, in *sdk.UpdateFunctionConfigurationInput) (*sdk.UpdateFunctionConfigurationOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	switch {
	case in.DurableConfig != nil:
		return nil, notYet("DurableConfig")
	case in.CapacityProviderConfig != nil:
		return nil, notYet("CapacityProviderConfig")
	}
	if err := refuseFileSystems(in.FileSystemConfigs); err != nil {
		return nil, err
	}
	if err := a.checkRole(ctx, in.Role); err != nil {
		return nil, err
	}
	version, err := a.Catalog.UpdateSettings(ctx, name, updateSettings(ctx, in), aws.ToString(in.RevisionId))
	if err != nil {
		return nil, err
	}
	return flat[sdk.UpdateFunctionConfigurationOutput](a.configuration(version, "")), nil
}

func (a *API) deleteFunction(ctx context.Context, in *sdk.DeleteFunctionInput) (*sdk.DeleteFunctionOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	if err := a.Catalog.DeleteFunction(ctx, ref.Name, ref.Qualifier); err != nil {
		return nil, err
	}
	return &sdk.DeleteFunctionOutput{StatusCode: http.StatusNoContent}, nil
}

// maxPage is the most that a list of functions or layers returns at once, even
// if MaxItems asks for more (API reference, ListFunctions).
const maxPage = 50

func page(maxItems *int32) int {
	if maxItems == nil || *maxItems > maxPage {
		return maxPage
	}
	return int(*maxItems)
}

func (a *API) listFunctions(ctx context.Context, in *sdk.ListFunctionsInput) (*sdk.ListFunctionsOutput, error) {
	all := in.FunctionVersion == types.FunctionVersionAll
	versions, next, err := a.Catalog.Functions(ctx, lambda.FunctionFilter{
		AllVersions: all, Marker: aws.ToString(in.Marker), Max: page(in.MaxItems),
	})
	if err != nil {
		return nil, err
	}
	out := &sdk.ListFunctionsOutput{Functions: []types.FunctionConfiguration{}, NextMarker: marker(next)}
	for _, v := range versions {
		qualifier := ""
		if all { // even Latest is qualified then (F088)
			qualifier = v.Number
		}
		out.Functions = append(out.Functions, *listed(a.configuration(v, qualifier)))
	}
	return out, nil
}

// listed drops what lists do not show (F087).
func listed(c *types.FunctionConfiguration) *types.FunctionConfiguration {
	c.State, c.StateReason, c.StateReasonCode = "", nil, ""
	c.LastUpdateStatus, c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = "", nil, ""
	c.RuntimeVersionConfig = nil
	return c
}

func marker(next string) *string {
	if next == "" {
		return nil
	}
	return &next
}

func (a *API) publishVersion(ctx context.Context, in *sdk.PublishVersionInput) (*sdk.PublishVersionOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	if in.PublishTo != "" {
		return nil, notYet("PublishTo")
	}
	version, err := a.Catalog.PublishVersion(ctx, name, aws.ToString(in.Description), aws.ToString(in.CodeSha256), aws.ToString(in.RevisionId))
	if err != nil {
		return nil, err
	}
	return flat[sdk.PublishVersionOutput](a.configuration(version, version.Number)), nil
}

func (a *API) listVersions(ctx context.Context, in *sdk.ListVersionsByFunctionInput) (*sdk.ListVersionsByFunctionOutput, error) {
	name, err := a.unqualified(*in.FunctionName)
	if err != nil {
		return nil, err
	}
	versions, next, err := a.Catalog.Versions(ctx, name, aws.ToString(in.Marker), page(in.MaxItems))
	if err != nil {
		return nil, err
	}
	out := &sdk.ListVersionsByFunctionOutput{Versions: []types.FunctionConfiguration{}, NextMarker: marker(next)}
	for _, v := range versions {
		out.Versions = append(out.Versions, *listed(a.configuration(v, v.Number)))
	}
	return out, nil
}
