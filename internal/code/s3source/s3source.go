// Package s3source fetches deployment packages from an S3 endpoint: AWS's own,
// or anything that speaks like it.
package s3source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"lambent/internal/lambda"
)

// Options say where the buckets are and who asks. Without an Endpoint every
// Fetch is refused with a hint; without keys the requests are not signed, as
// public buckets allow.
type Options struct {
	Endpoint string // http://127.0.0.1:9000
	Region   string

	AccessKeyID, SecretAccessKey, SessionToken string

	HTTP *http.Client // nil: the SDK's own
}

// Source fetches objects. Buckets are addressed by path, since a local endpoint
// has no wildcard names.
type Source struct {
	endpoint string
	client   *s3.Client
}

// New makes a Source; it makes no request.
func New(o Options) *Source {
	if o.Endpoint == "" {
		return &Source{}
	}
	var signer aws.CredentialsProvider = aws.AnonymousCredentials{}
	if o.AccessKeyID != "" {
		signer = credentials.NewStaticCredentialsProvider(o.AccessKeyID, o.SecretAccessKey, o.SessionToken)
	}
	options := s3.Options{
		BaseEndpoint: aws.String(o.Endpoint), Region: o.Region, UsePathStyle: true, Credentials: signer,
		// Not every server can compute the newer checksums; the package is
		// proven by unpacking it.
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if o.HTTP != nil {
		options.HTTPClient = o.HTTP
	}
	return &Source{endpoint: o.Endpoint, client: s3.New(options)}
}

// Fetch gives an object's bytes. What the endpoint refuses is the caller's
// error, in Lambda's words for it.
func (s *Source) Fetch(ctx context.Context, bucket, key, version string) ([]byte, error) {
	if s.client == nil {
		return nil, lambda.Errorf(lambda.InvalidParameter, "Lambent has no S3 endpoint to fetch s3://%s/%s from. "+
			"Start it with --s3-endpoint and the URL of one, or send the package as ZipFile.", bucket, key)
	}
	request := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	if version != "" {
		request.VersionId = &version
	}
	object, err := s.client.GetObject(ctx, request)
	if err != nil {
		return nil, s.refusal(ctx, err)
	}
	defer object.Body.Close()
	// No package that unpacks to less than the limit is larger than it.
	zip, err := io.ReadAll(io.LimitReader(object.Body, lambda.MaxUnzipped+1))
	if err != nil {
		return nil, s.refusal(ctx, err)
	}
	if len(zip) > lambda.MaxUnzipped {
		return nil, lambda.Errorf(lambda.InvalidParameter, "Unzipped size must be smaller than %d bytes", lambda.MaxUnzipped)
	}
	return zip, nil
}

func (s *Source) refusal(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("fetch package: %w", context.Cause(ctx))
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		return lambda.Errorf(lambda.InvalidParameter, "Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s",
			api.ErrorCode(), api.ErrorMessage())
	}
	refusal := lambda.Errorf(lambda.InvalidParameter, "Error occurred while GetObject. The S3 endpoint %s did not answer as one.", s.endpoint)
	return fmt.Errorf("%w (%v)", refusal, err)
}
