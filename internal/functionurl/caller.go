package functionurl

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"lambent/internal/lambda"
)

// Callers knows who calls and what they may do. Its refusals are *lambda.Error.
type Callers interface {
	// Enforced tells whether anybody is ever refused.
	Enforced() bool
	// AdmitTo verifies who signed a request for a service.
	AdmitTo(service string, r *http.Request, body func() ([]byte, error)) (lambda.Caller, error)
	Believe(r *http.Request) lambda.Caller
	Nobody(r *http.Request) lambda.Caller
	Authorize(ctx context.Context, who lambda.Caller, act lambda.Act) error
}

// Policies finds the policy of a function or an alias.
type Policies interface {
	Policy(ctx context.Context, function, qualifier string) (lambda.Policy, error)
}

const (
	service   = "lambda"    // that callers sign for
	anonymous = "anonymous" // the account of who came without credentials

	// forbidden is what AWS says to callers who may not use a URL (F179).
	forbidden = `{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`
)

// errForbidden says that the caller may not use the URL.
var errForbidden = errors.New("forbidden")

// caller lets in whom the URL lets in, and reads the body, which is part of what is
// signed. With AuthType NONE everybody is nobody, however they sign.
func (h *Handler) caller(w http.ResponseWriter, r *http.Request, target lambda.URLTarget) (who lambda.Caller, body []byte, err error) {
	read := func() ([]byte, error) {
		if body == nil {
			body, err = readBody(w, r)
		}
		return body, err
	}
	enforced := h.Callers != nil && h.Callers.Enforced()
	switch {
	case target.URL.AuthType == "NONE" && enforced:
		who = h.Callers.Nobody(r)
		err = h.allowed(r.Context(), who, target)
	case target.URL.AuthType == "NONE":
		if !target.Public {
			err = errForbidden
		}
	case enforced:
		if who, err = h.Callers.AdmitTo(service, r, read); err == nil {
			err = h.allowed(r.Context(), who, target)
		}
	default:
		who, err = h.believed(r)
	}
	if err != nil {
		return who, nil, err
	}
	body, err = read()
	return who, body, err
}

// believed is the caller that a request claims, where claims are enough.
func (h *Handler) believed(r *http.Request) (lambda.Caller, error) {
	scope, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=")
	if !ok {
		scope = r.URL.Query().Get("X-Amz-Credential")
	}
	key, _, ok := strings.Cut(scope, "/")
	if !ok || key == "" {
		return lambda.Caller{}, errForbidden
	}
	if h.Callers != nil {
		return h.Callers.Believe(r), nil
	}
	account := h.Home.Account
	return lambda.Caller{AccessKey: key, Account: account, UserID: account, ARN: "arn:" + h.Home.Partition + ":iam::" + account + ":root"}, nil
}

func (h *Handler) allowed(ctx context.Context, who lambda.Caller, target lambda.URLTarget) error {
	act := lambda.Act{
		Action: "lambda:InvokeFunctionUrl", Resource: h.Home.FunctionARN(target.Function, target.Qualifier),
		Conditions: map[string][]string{"lambda:functionurlauthtype": {target.URL.AuthType}, "lambda:invokedviafunctionurl": {"true"}},
	}
	if p, err := h.Policies.Policy(ctx, target.Function, target.Qualifier); err == nil { // or there is none
		act.Policies = []string{p.JSON()}
	}
	return h.Callers.Authorize(ctx, who, act)
}

// turnAway tells a caller why it is not let in. Of policies it learns nothing.
func turnAway(w http.ResponseWriter, err error) bool {
	name := ""
	switch lambda.KindOf(err) {
	case lambda.AccessDenied, lambda.NotSigned:
		err = errForbidden
	case lambda.IncompleteSignature:
		name = "IncompleteSignatureException"
	case lambda.InvalidSignature:
		name = "InvalidSignatureException"
	case lambda.UnknownKey:
		name = "UnrecognizedClientException"
	case lambda.ExpiredToken:
		name = "ExpiredTokenException"
	}
	switch {
	case errors.Is(err, errForbidden):
		refuse(w, http.StatusForbidden, "AccessDeniedException", forbidden)
	case name != "":
		refuse(w, http.StatusForbidden, name, strings.Replace(message(err.Error()), "Message", "message", 1))
	default:
		return false
	}
	return true
}
