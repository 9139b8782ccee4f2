package sts

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

const (
	space = ` xmlns="https://sts.amazonaws.com/doc/2011-06-15/"`
	tail  = `<ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata>`
)

// keeper begins sessions that can be told apart by what was asked.
type keeper struct{ asked lambda.Assumption }

func (k *keeper) AssumeRole(_ context.Context, who lambda.Caller, as lambda.Assumption) (lambda.Credentials, lambda.Caller, error) {
	k.asked = as
	if as.Session == "denied" {
		return lambda.Credentials{}, lambda.Caller{}, lambda.Errorf(lambda.AccessDenied, "User: %s is not authorized", who.ARN)
	}
	return lambda.Credentials{AccessKey: "ASIA1", Secret: "s", Token: "t", Expires: time.Unix(0, 0).Add(as.Length)}, lambda.Caller{ARN: "arn:session", UserID: "AROA:x"}, nil
}

func (k *keeper) SessionToken(_ lambda.Caller, length time.Duration) (lambda.Credentials, error) {
	return lambda.Credentials{AccessKey: "ASIA2", Secret: "s", Token: "t", Expires: time.Unix(0, 0).Add(length)}, nil
}

func TestQueries(t *testing.T) {
	t.Parallel()
	k := &keeper{}
	handler := New(lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"}, k, slog.New(slog.DiscardHandler))
	const role = "&RoleArn=arn%3Aaws%3Aiam%3A%3A111111111111%3Arole%2Fr"
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"identity", "Action=GetCallerIdentity&Version=2011-06-15", 200,
			`<GetCallerIdentityResponse` + space + `><GetCallerIdentityResult><Arn>arn:aws:iam::111111111111:root</Arn><UserId>111111111111</UserId><Account>111111111111</Account></GetCallerIdentityResult>` + tail + `</GetCallerIdentityResponse>`},
		{"another version", "Action=GetCallerIdentity&Version=1", 400,
			`<ErrorResponse` + space + `><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>Could not find operation GetCallerIdentity for version 1</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"not yet", "Action=AssumeRoleWithWebIdentity&Version=2011-06-15", 501,
			`<ErrorResponse` + space + `><Error><Type>Receiver</Type><Code>NotImplementedException</Code><Message>The operation AssumeRoleWithWebIdentity is not yet available in Lambent.</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"a session", "Action=AssumeRole&Version=2011-06-15&RoleSessionName=me&DurationSeconds=900" + role, 200,
			`<AssumeRoleResponse` + space + `><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>1970-01-01T00:15:00Z</Expiration></Credentials>` +
				`<AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId><Arn>arn:session</Arn></AssumedRoleUser></AssumeRoleResult>` + tail + `</AssumeRoleResponse>`},
		{"denied", "Action=AssumeRole&Version=2011-06-15&RoleSessionName=denied" + role, 403,
			`<ErrorResponse` + space + `><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: arn:aws:iam::111111111111:root is not authorized</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"too short", "Action=AssumeRole&Version=2011-06-15&RoleSessionName=me&DurationSeconds=899" + role, 400, ""},
		{"no name", "Action=AssumeRole&Version=2011-06-15" + role, 400, ""},
		{"a bad name", "Action=AssumeRole&Version=2011-06-15&RoleSessionName=a%20b" + role, 400, ""},
		{"what is not there", "Action=AssumeRole&Version=2011-06-15&RoleSessionName=me&SourceIdentity=x" + role, 501, ""},
		{"a user's session", "Action=GetSessionToken&Version=2011-06-15", 200,
			`<GetSessionTokenResponse` + space + `><GetSessionTokenResult><Credentials><AccessKeyId>ASIA2</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>1970-01-01T12:00:00Z</Expiration></Credentials></GetSessionTokenResult>` + tail + `</GetSessionTokenResponse>`},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		got := regexp.MustCompile(`<RequestId>[0-9a-f-]{36}</RequestId>`).ReplaceAllString(w.Body.String(), "<RequestId>ID</RequestId>")
		if w.Code != c.status || c.want != "" && got != c.want {
			t.Errorf("%s: answered %d %s, want %d %s", c.name, w.Code, got, c.status, c.want)
		}
	}
	if k.asked.Session != "denied" || k.asked.Length != time.Hour || k.asked.Limited {
		t.Errorf("asked for %+v", k.asked)
	}
}

func TestKnownCaller(t *testing.T) {
	t.Parallel()
	handler := New(lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"}, &keeper{}, slog.New(slog.DiscardHandler))
	r := httptest.NewRequest("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", nil)
	r = r.WithContext(awsapi.WithCaller(r.Context(), lambda.Caller{Account: "222222222222", ARN: "arn:aws:iam::222222222222:user/u", UserID: "AIDA"}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), "<Arn>arn:aws:iam::222222222222:user/u</Arn><UserId>AIDA</UserId><Account>222222222222</Account>") {
		t.Errorf("answered %s", w.Body)
	}
}
