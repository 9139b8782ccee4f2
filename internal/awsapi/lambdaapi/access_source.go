package lambdaapi

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// authorizeLayers asks for the layers that a function is given: what is in them can be
// read by its code ("Granting Lambda layer access").
func (a *API) authorizeLayers(ctx context.Context, operation string, in awsapi.Input) error {
	if operation != "CreateFunction" && operation != "UpdateFunctionConfiguration" {
		return nil
	}
	for _, arn := range in.Texts("Layers") {
		if err := a.authorizeLayerARN(ctx, lambda.Act{Action: "lambda:GetLayerVersion"}, arn); err != nil {
			return err
		}
	}
	return nil
}

// authorizeSource asks for what the code of a function or layer is taken from. It is
// this server that fetches it, with credentials of its own; on AWS, too, the caller
// must be allowed to read the object ("CreateFunction", S3Bucket). A folder of this
// host is nothing that AWS knows, and takes a right of its own.
func (a *API) authorizeSource(ctx context.Context, operation string, in awsapi.Input) error {
	var path []string
	switch operation {
	case "CreateFunction":
		path = []string{"Code"}
	case "PublishLayerVersion":
		path = []string{"Content"}
	case "UpdateFunctionCode":
	default:
		return nil
	}
	source := func(member string) string { return in.Text(append(path, member)...) }
	bucket, key := source("S3Bucket"), source("S3Key")
	switch bucket {
	case "":
		return nil
	case lambda.HotReload:
		folder := "arn:" + a.Home.Partition + ":lambent:" + a.Home.Region + ":" + a.Home.Account + ":folder" + filepath.Clean(key)
		return a.permit(ctx, lambda.Act{Action: "lambent:UseFolder", Resource: folder})
	}
	act := lambda.Act{Action: "s3:GetObject", Resource: "arn:" + a.Home.Partition + ":s3:::" + bucket + "/" + key}
	if source("S3ObjectVersion") != "" {
		act.Action = "s3:GetObjectVersion"
	}
	err := a.permit(ctx, act)
	var refusal *lambda.Error
	if errors.As(err, &refusal) && refusal.Kind == lambda.AccessDenied {
		return lambda.Errorf(lambda.AccessDenied, "Your access has been denied by S3, please make sure your request credentials have permission to %s for %s/%s. "+
			"S3 Error Code: AccessDenied. S3 Error Message: %s", strings.TrimPrefix(act.Action, "s3:"), bucket, key, refusal.Message)
	}
	return err
}
