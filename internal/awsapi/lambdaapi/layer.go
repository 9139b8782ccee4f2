package lambdaapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/lambda"
)

func (a *API) publishLayerVersion(ctx context.Context, in *sdk.PublishLayerVersionInput) (*sdk.PublishLayerVersionOutput, error) {
	name, err := a.layer(*in.LayerName)
	if err != nil {
		return nil, err
	}
	code, err := newPackage(lambda.Package{
		Zip:    in.Content.ZipFile,
		Bucket: aws.ToString(in.Content.S3Bucket), Key: aws.ToString(in.Content.S3Key), ObjectVersion: aws.ToString(in.Content.S3ObjectVersion),
	}, in.Content.S3ObjectStorageMode)
	if err != nil {
		return nil, err
	}
	version, err := a.Catalog.PublishLayer(ctx, lambda.NewLayerVersion{
		Layer: name, Description: aws.ToString(in.Description), License: aws.ToString(in.LicenseInfo),
		Runtimes: convert[lambda.Runtime](in.CompatibleRuntimes), Architectures: convert[string](in.CompatibleArchitectures),
		Package: code,
	})
	if err != nil {
		return nil, err
	}
	out := sdk.PublishLayerVersionOutput(*a.layerVersion(version))
	return &out, nil
}

// layer reads a LayerName parameter, which may be an ARN.
func (a *API) layer(written string) (string, error) {
	ref, err := lambda.ParseLayerARN(written)
	if err != nil {
		return written, nil // the pattern has said that it is a plain name then
	}
	return ref.Name, a.layerReachable(ref)
}

// layerReachable refuses layers of another region or account: there are none
// that could be seen from here.
func (a *API) layerReachable(ref lambda.LayerReference) error {
	if ref.Region != a.Home.Region || ref.Account != a.Home.Account {
		return errNoResource()
	}
	return nil
}

func errNoResource() error {
	return lambda.Errorf(lambda.NotFound, "The resource you requested does not exist.")
}

// convert turns one list of names into another, keeping nil apart from empty (F117).
func convert[To, From ~string](list []From) []To {
	if list == nil {
		return nil
	}
	out := make([]To, len(list))
	for i, v := range list {
		out[i] = To(v)
	}
	return out
}

// layerVersion shows a version with its content, which three operations do.
func (a *API) layerVersion(v lambda.LayerVersion) *sdk.GetLayerVersionOutput {
	item := a.layerItem(v)
	return &sdk.GetLayerVersionOutput{
		CompatibleArchitectures: item.CompatibleArchitectures,
		CompatibleRuntimes:      item.CompatibleRuntimes,
		Content: &types.LayerVersionContentOutput{
			CodeSha256: aws.String(v.Code.SHA256), CodeSize: v.Code.Size, Location: aws.String(a.codes.sign(v.Code)),
		},
		CreatedDate:     item.CreatedDate,
		Description:     item.Description,
		LayerArn:        aws.String(a.layerHome(v).LayerARN(v.Layer)),
		LayerVersionArn: item.LayerVersionArn,
		LicenseInfo:     item.LicenseInfo,
		Version:         item.Version,
	}
}

// layerItem shows a version as lists do.
func (a *API) layerItem(v lambda.LayerVersion) *types.LayerVersionsListItem {
	return &types.LayerVersionsListItem{
		CompatibleArchitectures: convert[types.Architecture](v.Architectures),
		CompatibleRuntimes:      convert[types.Runtime](v.Runtimes),
		CreatedDate:             timestamp(v.CreatedAt),
		Description:             aws.String(v.Description),
		LayerVersionArn:         aws.String(a.layerHome(v).LayerVersionARN(v.Layer, v.Number)),
		LicenseInfo:             optional(v.License),
		Version:                 v.Number,
	}
}

func (a *API) layerHome(v lambda.LayerVersion) lambda.Home {
	home := a.Home
	home.Region, home.Account = v.Region, v.Account
	return home
}

func (a *API) getLayerVersion(ctx context.Context, in *sdk.GetLayerVersionInput) (*sdk.GetLayerVersionOutput, error) {
	name, err := a.layer(*in.LayerName)
	if err != nil {
		return nil, err
	}
	number := aws.ToInt64(in.VersionNumber)
	if err := layerNumberFits(number); err != nil {
		return nil, err
	}
	version, err := a.Catalog.LayerVersion(ctx, name, number)
	if err != nil {
		return nil, err
	}
	return a.layerVersion(version), nil
}

func layerNumberFits(number int64) error {
	if number < 1 {
		return lambda.Errorf(lambda.InvalidParameter, "Layer Version Cannot be less than 1")
	}
	return nil
}

func (a *API) getLayerVersionByArn(ctx context.Context, in *sdk.GetLayerVersionByArnInput) (*sdk.GetLayerVersionByArnOutput, error) {
	ref, err := lambda.ParseLayerARN(*in.Arn)
	if err != nil { // AWS's own layers fit the pattern as well, and are not here
		return nil, errNoResource()
	}
	if err := a.layerReachable(ref); err != nil {
		return nil, err
	}
	if err := layerNumberFits(ref.Version); err != nil {
		return nil, err
	}
	version, err := a.Catalog.LayerVersion(ctx, ref.Name, ref.Version)
	if err != nil {
		return nil, err
	}
	out := sdk.GetLayerVersionByArnOutput(*a.layerVersion(version))
	return &out, nil
}

func (a *API) listLayers(ctx context.Context, in *sdk.ListLayersInput) (*sdk.ListLayersOutput, error) {
	versions, next, err := a.Catalog.Layers(ctx, lambda.LayerFilter{
		Runtime: lambda.Runtime(in.CompatibleRuntime), Architecture: string(in.CompatibleArchitecture),
		Marker: aws.ToString(in.Marker), Max: page(in.MaxItems),
	})
	if err != nil {
		return nil, err
	}
	out := &sdk.ListLayersOutput{Layers: []types.LayersListItem{}, NextMarker: marker(next)}
	for _, v := range versions {
		out.Layers = append(out.Layers, types.LayersListItem{
			LatestMatchingVersion: a.layerItem(v),
			LayerArn:              aws.String(a.layerHome(v).LayerARN(v.Layer)),
			LayerName:             aws.String(v.Layer),
		})
	}
	return out, nil
}

func (a *API) listLayerVersions(ctx context.Context, in *sdk.ListLayerVersionsInput) (*sdk.ListLayerVersionsOutput, error) {
	name, err := a.layer(*in.LayerName)
	if err != nil {
		return nil, err
	}
	versions, next, err := a.Catalog.LayerVersions(ctx, name, lambda.LayerFilter{
		Runtime: lambda.Runtime(in.CompatibleRuntime), Architecture: string(in.CompatibleArchitecture),
		Marker: aws.ToString(in.Marker), Max: page(in.MaxItems),
	})
	if err != nil {
		return nil, err
	}
	out := &sdk.ListLayerVersionsOutput{LayerVersions: []types.LayerVersionsListItem{}, NextMarker: marker(next)}
	for _, v := range versions {
		out.LayerVersions = append(out.LayerVersions, *a.layerItem(v))
	}
	return out, nil
}

func (a *API) deleteLayerVersion(ctx context.Context, in *sdk.DeleteLayerVersionInput) (*sdk.DeleteLayerVersionOutput, error) {
	name, err := a.layer(*in.LayerName)
	if err != nil {
		return nil, err
	}
	number := aws.ToInt64(in.VersionNumber)
	if err := layerNumberFits(number); err != nil {
		return nil, err
	}
	return &sdk.DeleteLayerVersionOutput{}, a.Catalog.DeleteLayerVersion(ctx, name, number)
}
