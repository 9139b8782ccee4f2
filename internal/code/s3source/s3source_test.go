package s3source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lambent/internal/lambda"
)

// bucketServer speaks as much of S3 as GetObject needs, over paths.
func bucketServer(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, code, message string) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(status)
			fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
		}
		switch path := r.URL.Path; {
		case r.Method != http.MethodGet:
			refuse(405, "MethodNotAllowed", "GetObject is a GET, not a "+r.Method)
		case strings.HasPrefix(path, "/secret/"):
			refuse(403, "AccessDenied", "Access Denied")
		case strings.HasPrefix(path, "/elsewhere/"):
			refuse(301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint.")
		case !strings.HasPrefix(path, "/b/"):
			refuse(404, "NoSuchBucket", "The specified bucket does not exist")
		case path == "/b/dir/my code.zip":
			fmt.Fprintf(w, "zip %s signed=%t", r.URL.Query().Get("versionId"), strings.Contains(r.Header.Get("Authorization"), "Credential=AKIA/"))
		case path == "/b/cut.zip":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "short")
		default:
			refuse(404, "NoSuchKey", "The specified key does not exist.")
		}
	}))
	t.Cleanup(server.Close)
	return server
}

func TestFetch(t *testing.T) {
	t.Parallel()
	server := bucketServer(t)
	keys := Options{Endpoint: server.URL, Region: "eu-west-1", AccessKeyID: "AKIA", SecretAccessKey: "secret", HTTP: server.Client()}
	nobody := Options{Endpoint: server.URL, Region: "eu-west-1", HTTP: server.Client()}
	tests := []struct {
		options              Options
		bucket, key, version string
		want, refused        string
	}{
		{options: keys, bucket: "b", key: "dir/my code.zip", want: "zip  signed=true"},
		{options: keys, bucket: "b", key: "dir/my code.zip", version: "v1", want: "zip v1 signed=true"},
		{options: nobody, bucket: "b", key: "dir/my code.zip", want: "zip  signed=false"},
		{options: keys, bucket: "b", key: "absent", refused: "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."},
		{options: keys, bucket: "none", key: "k", refused: "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist"},
		{options: keys, bucket: "secret", key: "k", refused: "Error occurred while GetObject. S3 Error Code: AccessDenied. S3 Error Message: Access Denied"},
		{options: keys, bucket: "elsewhere", key: "k", refused: "Error occurred while GetObject. S3 Error Code: PermanentRedirect. " +
			"S3 Error Message: The bucket you are attempting to access must be addressed using the specified endpoint."},
		{options: keys, bucket: "b", key: "cut.zip", refused: "Error occurred while GetObject. The S3 endpoint " + server.URL + " did not answer as one."},
		{options: Options{}, bucket: "b", key: "k", refused: "Lambent has no S3 endpoint to fetch s3://b/k from. " +
			"Start it with --s3-endpoint and the URL of one, or send the package as ZipFile."},
	}
	for _, test := range tests {
		t.Run(test.bucket+"/"+test.key+test.version, func(t *testing.T) {
			t.Parallel()
			got, err := New(test.options).Fetch(t.Context(), test.bucket, test.key, test.version)
			if test.refused == "" {
				if err != nil || string(got) != test.want {
					t.Errorf("Fetch: %q, %v; want %q", got, err, test.want)
				}
				return
			}
			var refusal *lambda.Error
			if !errors.As(err, &refusal) || refusal.Kind != lambda.InvalidParameter || refusal.Message != test.refused {
				t.Errorf("Fetch: %v\nwant %s", err, test.refused)
			}
		})
	}
}

// A caller who hung up is told so, not that the endpoint is bad.
func TestFetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := bucketServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := New(Options{Endpoint: server.URL, Region: "x", HTTP: server.Client()}).Fetch(ctx, "b", "k", "")
	if !errors.Is(err, context.Canceled) || lambda.KindOf(err) != lambda.Internal {
		t.Errorf("Fetch with an ended context: %v, want %v", err, context.Canceled)
	}
}
