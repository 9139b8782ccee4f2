// Package sts answers the part of AWS's Security Token Service that tools need
// around Lambda: who a caller is, and sessions of roles and of users.
package sts

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"lambent/internal/awsapi"
	"lambent/internal/awsapi/query"
	"lambent/internal/lambda"
)

// Sessions begins sessions. Its refusals are *lambda.Error.
type Sessions interface {
	// AssumeRole begins a session of a role, and tells who that session is.
	AssumeRole(ctx context.Context, who lambda.Caller, as lambda.Assumption) (lambda.Credentials, lambda.Caller, error)
	// SessionToken begins a session of the user who asks.
	SessionToken(who lambda.Caller, length time.Duration) (lambda.Credentials, error)
}

type api struct {
	home     lambda.Home
	sessions Sessions
}

// New makes the service. It trusts the caller that a request's context has; without
// one it is the account's root.
func New(home lambda.Home, sessions Sessions, log *slog.Logger) http.Handler {
	a := &api{home, sessions}
	return &query.Service{
		Version: "2011-06-15", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/", Code: code, Log: log,
		Actions: map[string]query.Operation{
			"GetCallerIdentity": a.getCallerIdentity,
			"AssumeRole":        a.assumeRole,
			"GetSessionToken":   a.getSessionToken,
		},
	}
}

// code is what STS calls a kind of error.
func code(kind lambda.Kind) (name string, status int, known bool) {
	switch kind {
	case lambda.Validation:
		return "ValidationError", http.StatusBadRequest, true
	case lambda.AccessDenied:
		return "AccessDenied", http.StatusForbidden, true
	case lambda.MalformedPolicy:
		return "MalformedPolicyDocument", http.StatusBadRequest, true
	case lambda.NotYet:
		return "NotImplementedException", http.StatusNotImplemented, true
	}
	return "", 0, false
}

func (a *api) caller(ctx context.Context) lambda.Caller {
	if who, known := awsapi.CallerOf(ctx); known {
		return who
	}
	return lambda.Caller{Account: a.home.Account, UserID: a.home.Account, ARN: "arn:" + a.home.Partition + ":iam::" + a.home.Account + ":root"}
}

type identity struct {
	ARN     string `xml:"Arn"`
	UserID  string `xml:"UserId"`
	Account string
}

// getCallerIdentity needs no permission, as on AWS.
func (a *api) getCallerIdentity(ctx context.Context, _ *query.Form) (any, error) {
	who := a.caller(ctx)
	return identity{who.ARN, who.UserID, who.Account}, nil
}

type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

func shown(c lambda.Credentials) credentials {
	return credentials{c.AccessKey, c.Secret, c.Token, c.Expires.UTC().Format("2006-01-02T15:04:05Z")}
}

type assumed struct {
	Credentials     credentials
	AssumedRoleUser struct {
		AssumedRoleID string `xml:"AssumedRoleId"`
		ARN           string `xml:"Arn"`
	}
}

var (
	sessionName = regexp.MustCompile(`^[\w+=,.@-]*$`)
	externalID  = regexp.MustCompile(`^[\w+=,.@:/-]*$`)
)

// The lengths of sessions in seconds.
const (
	shortest      = 900
	usual         = 3600
	longest       = 43200
	usualOfUser   = 43200
	longestOfUser = 129600
)

// assumeRole begins a session of a role.
func (a *api) assumeRole(ctx context.Context, f *query.Form) (any, error) {
	as := lambda.Assumption{
		Role:    f.Text("RoleArn", query.Rule{Min: 20, Max: 2048}),
		Session: f.Text("RoleSessionName", query.Rule{Min: 2, Max: 64, Pattern: sessionName, Shown: `[\w+=,.@-]*`}),
		Length:  length(f, usual, longest),
		Limited: f.Has("Policy"), Policy: f.Optional("Policy", query.Rule{Min: 1, Max: 2048}),
		ExternalID: f.Optional("ExternalId", query.Rule{Min: 2, Max: 1224, Pattern: externalID, Shown: `[\w+=,.@:\/-]*`}),
	}
	for _, member := range [...]string{"PolicyArns.member.1.arn", "Tags.member.1.Key", "TransitiveTagKeys.member.1", "SourceIdentity", "SerialNumber", "ProvidedContexts.member.1.ProviderArn"} {
		if f.Has(member) {
			return nil, notYet("AssumeRole with " + member)
		}
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	c, who, err := a.sessions.AssumeRole(ctx, a.caller(ctx), as)
	if err != nil {
		return nil, err
	}
	result := assumed{Credentials: shown(c)}
	result.AssumedRoleUser.AssumedRoleID, result.AssumedRoleUser.ARN = who.UserID, who.ARN
	return result, nil
}

// getSessionToken begins a session of the user who asks.
func (a *api) getSessionToken(ctx context.Context, f *query.Form) (any, error) {
	seconds := length(f, usualOfUser, longestOfUser)
	if f.Has("SerialNumber") || f.Has("TokenCode") {
		return nil, notYet("GetSessionToken with a device")
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	c, err := a.sessions.SessionToken(a.caller(ctx), seconds)
	if err != nil {
		return nil, err
	}
	return struct{ Credentials credentials }{shown(c)}, nil
}

func length(f *query.Form, otherwise, most int) time.Duration {
	seconds, given := f.Number("DurationSeconds", shortest, most)
	if !given {
		seconds = otherwise
	}
	return time.Duration(seconds) * time.Second
}

func notYet(what string) error {
	return lambda.Errorf(lambda.NotYet, "%s is not yet available in Lambent.", what)
}
