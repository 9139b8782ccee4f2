package functionurl

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lambent/internal/lambda"
)

// door lets everybody in but for its errors, and remembers what it was asked.
type door struct {
	admit, authorize error
	act              lambda.Act
	body             string
}

func (d *door) Enforced() bool { return true }

func (d *door) AdmitTo(service string, _ *http.Request, body func() ([]byte, error)) (lambda.Caller, error) {
	if service != "lambda" {
		return lambda.Caller{}, errors.New("admitted to " + service)
	}
	if d.admit != nil {
		return lambda.Caller{}, d.admit
	}
	text, err := body()
	d.body = string(text)
	return lambda.Caller{Account: "222222222222", ARN: "arn:u", UserID: "AIDA", AccessKey: "AKIA", User: "u"}, err
}

func (d *door) Believe(*http.Request) lambda.Caller { return lambda.Caller{} }
func (d *door) Nobody(*http.Request) lambda.Caller  { return lambda.Caller{} }

func (d *door) Authorize(_ context.Context, _ lambda.Caller, act lambda.Act) error {
	d.act = act
	return d.authorize
}

func (d *door) Policy(context.Context, string, string) (lambda.Policy, error) {
	return lambda.Policy{Statements: []lambda.Statement{{ID: "s", Principal: "*", Action: "lambda:InvokeFunctionUrl", Resource: "r"}}}, nil
}

// TestVerifiedCallers: where callers are verified, both kinds of URLs ask policies.
func TestVerifiedCallers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, auth       string
		admit, authorize error
		status           int
		exception, body  string
	}{
		{"signed", "AWS_IAM", nil, nil, 200, "", ""},
		{"signed, and denied", "AWS_IAM", nil, lambda.Errorf(lambda.AccessDenied, "User: x"), 403, "AccessDeniedException", forbidden},
		{"not signed", "AWS_IAM", lambda.Errorf(lambda.NotSigned, "Missing"), nil, 403, "AccessDeniedException", forbidden},
		{"signed wrongly", "AWS_IAM", lambda.Errorf(lambda.InvalidSignature, "no match"), nil, 403, "InvalidSignatureException", `{"message":"no match"}`},
		{"with an old token", "AWS_IAM", lambda.Errorf(lambda.ExpiredToken, "old"), nil, 403, "ExpiredTokenException", `{"message":"old"}`},
		{"with an unknown key", "AWS_IAM", lambda.Errorf(lambda.UnknownKey, "who"), nil, 403, "UnrecognizedClientException", `{"message":"who"}`},
		{"open", "NONE", nil, nil, 200, "", ""},
		{"open, but not to everybody", "NONE", nil, lambda.Errorf(lambda.AccessDenied, "User: x"), 403, "AccessDeniedException", forbidden},
	} {
		w := newWorld()
		w.target.URL.AuthType, w.target.Public = c.auth, false
		h := w.handler()
		d := &door{admit: c.admit, authorize: c.authorize}
		h.Callers, h.Policies = d, d
		r := httptest.NewRequest("POST", "http://localhost"+Prefix+id+"/a", strings.NewReader("text"))
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		if answer.Code != c.status || answer.Header().Get("X-Amzn-Errortype") != c.exception || c.body != "" && answer.Body.String() != c.body {
			t.Errorf("%s: answered %d %s %s", c.name, answer.Code, answer.Header().Get("X-Amzn-Errortype"), answer.Body)
		}
		if c.admit == nil {
			if got := d.act; got.Action != "lambda:InvokeFunctionUrl" || !strings.HasSuffix(got.Resource, ":function:f:live") || len(got.Policies) != 1 ||
				got.Conditions["lambda:functionurlauthtype"][0] != c.auth || got.Conditions["lambda:invokedviafunctionurl"][0] != "true" {
				t.Errorf("%s: asked for %+v", c.name, got)
			}
		}
		if c.status != 200 || c.auth != "AWS_IAM" {
			continue
		}
		if d.body != "text" {
			t.Errorf("%s: the signed body is %q", c.name, d.body)
		}
		var e event
		if err := json.Unmarshal(w.inv.Payload, &e); err != nil {
			t.Fatal(err)
		}
		if e.RequestContext.AccountID != "222222222222" || e.RequestContext.Authorizer == nil || e.RequestContext.Authorizer.IAM.UserARN != "arn:u" || *e.Body != "text" && *e.Body != "dGV4dA==" {
			t.Errorf("%s: the function gets %s", c.name, w.inv.Payload)
		}
	}
}
