package lambdaapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"lambent/internal/catalog"
	"lambent/internal/lambda"
	"lambent/internal/store/memory"
)

// joined is the API over a real catalog, without a socket, so that it can live
// in a bubble where nothing happens behind a test's back.
type joined struct {
	*catalog.Catalog
	t   *testing.T
	api *API
	*sdk.Client
}

// inJoined runs a test with an Active function f.
func inJoined(t *testing.T, test func(t *testing.T, j *joined)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newJoined(t)
		defer j.Stop()
		j.create("f")
		test(t, j)
	})
}

func newJoined(t *testing.T) *joined {
	t.Helper()
	db, zips := memory.Open(&memory.Data{}), &zips{}
	var ids atomic.Int64
	c := catalog.New(catalog.Config{
		Home: home, Functions: db, Layers: db, Signing: db, Mappings: db, Content: zips, Source: zips, Runtimes: zips, Observer: zips,
		NewID: func() string { return fmt.Sprint("id-", ids.Add(1)) },
	})
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	j := &joined{Catalog: c, t: t}
	api, err := New(Config{
		Home: home, Catalog: c, Invoker: newWorld(), Queue: newWorld(), Resolver: c, Content: newWorld(), Endpoint: func() string { return "http://here" },
		SigningKey: []byte("a key of sixteen"), Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	j.api = api
	j.Client = sdk.New(sdk.Options{
		BaseEndpoint: aws.String("http://here"), Region: home.Region, RetryMaxAttempts: 1, HTTPClient: j,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	return j
}

// Do makes the API the SDK's network.
func (j *joined) Do(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	j.api.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// create makes a function and waits until it is Active.
func (j *joined) create(name string) {
	j.t.Helper()
	j.ok(201, "POST", functionsPath, strings.Replace(createBody, `"f"`, `"`+name+`"`, 1), "")
	synctest.Wait()
}

// publish makes new code the next version.
func (j *joined) publish(name string) {
	j.t.Helper()
	zip := base64.StdEncoding.EncodeToString([]byte(rawID(j.t, j.send("GET", functionsPath+"/"+name, ""))))
	j.ok(200, "PUT", functionsPath+"/"+name+"/code", `{"Publish":true,"ZipFile":"`+zip+`"}`, "")
	synctest.Wait()
}

// rawID is the function's RevisionId: a text that was not there before.
func rawID(t *testing.T, answer *httptest.ResponseRecorder) string {
	t.Helper()
	var f struct{ Configuration struct{ RevisionId string } }
	if err := json.Unmarshal(answer.Body.Bytes(), &f); err != nil || f.Configuration.RevisionId == "" {
		t.Fatalf("no RevisionId in %s (%v)", answer.Body, err)
	}
	return f.Configuration.RevisionId
}

func (j *joined) send(method, path, body string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(j.t.Context(), method, path, strings.NewReader(body))
	j.api.ServeHTTP(answer, r)
	return answer
}

// What is made up anew each time.
var madeUp = regexp.MustCompile(`id-\d+|csc-[a-z0-9]{17}|[a-z0-9]{32}\.lambda-url|` + `"LastModified":[0-9.]+`)

// ok wants a success with the body, in which "*" stands for a made up value; an
// empty want is any.
func (j *joined) ok(status int, method, path, body, want string) *httptest.ResponseRecorder {
	j.t.Helper()
	answer := j.send(method, path, body)
	got := madeUp.ReplaceAllString(answer.Body.String(), "*")
	if answer.Code != status || (want != "" && got != want) {
		j.t.Errorf("%s %s %s answered\n %d %s, want\n %d %s", method, path, body, answer.Code, got, status, want)
	}
	return answer
}

// refused wants an error's code and text, for which ARN: is the beginning of the
// ARNs of this place.
func (j *joined) refused(method, path, body, code, message string) *httptest.ResponseRecorder {
	j.t.Helper()
	answer := j.send(method, path, body)
	var e struct{ Message, Lower string }
	if err := json.Unmarshal(bytes.Replace(answer.Body.Bytes(), []byte(`"message"`), []byte(`"Lower"`), 1), &e); err != nil {
		j.t.Fatalf("%s %s: %s: %v", method, path, answer.Body, err)
	}
	want := madeUp.ReplaceAllString(strings.ReplaceAll(message, "ARN:", "arn:aws:lambda:us-east-1:111111111111:"), "*")
	got := madeUp.ReplaceAllString(e.Message+e.Lower, "*")
	if have := answer.Header().Get("X-Amzn-Errortype"); have != code || got != want {
		j.t.Errorf("%s %s %s answered\n %d %s %s, want\n %s %s", method, path, body, answer.Code, have, got, code, want)
	}
	return answer
}

// untyped wants an error whose body has no Type (F005, F006).
func untyped(t *testing.T, answer *httptest.ResponseRecorder) {
	t.Helper()
	if strings.Contains(answer.Body.String(), `"Type"`) {
		t.Errorf("the error has a Type: %s", answer.Body)
	}
}

const (
	invalidParameter = "InvalidParameterValueException"
	notFoundCode     = "ResourceNotFoundException"
	conflictCode     = "ResourceConflictException"
	preconditionCode = "PreconditionFailedException"
	validationCode   = "ValidationException"
)

// zips stands for everything around the catalog that has no say here.
type zips struct{}

func (*zips) Put(_ context.Context, zip []byte) (lambda.Code, error) {
	sum := sha256.Sum256(zip)
	return lambda.Code{SHA256: base64.StdEncoding.EncodeToString(sum[:]), Size: int64(len(zip))}, nil
}
func (*zips) Link(folder string) (lambda.Code, error) { return lambda.Code{Folder: folder}, nil }
func (*zips) Folder(context.Context, lambda.Code) (string, func(), error) {
	return "/unpacked", func() {}, nil
}
func (*zips) Collect(context.Context, func(string) bool) error { return nil }
func (*zips) Fetch(context.Context, string, string, string) ([]byte, error) {
	return []byte("PK"), nil
}
func (*zips) Check(lambda.Runtime, string) error { return nil }
func (*zips) Retired(string)                     {}
