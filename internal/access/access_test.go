package access

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"lambent/internal/lambda"
	"lambent/internal/secrets"
	"lambent/internal/store/memory"
)

var home = lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"}

const (
	fn      = "arn:aws:lambda:us-east-1:111111111111:function:f"
	reader  = "arn:aws:iam::111111111111:role/path/reader"
	invoker = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"` + fn + `"}}`
	service = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`
)

// roles are roles by ARN: a trust policy and the others.
type roles map[string][]string

func (r roles) RolePolicies(_ context.Context, arn string) (string, []string, bool, error) {
	texts, ok := r[arn]
	if !ok {
		return "", nil, false, nil
	}
	return texts[0], texts[1:], true, nil
}

// boundaryOf is where a test keeps the boundary of a role.
func boundaryOf(arn string) string { return arn + " boundary" }

// idOf is where a test keeps the ID of a role that was made anew.
func idOf(arn string) string { return arn + " ID" }

func (r roles) RoleID(arn string) string {
	switch texts, ok := r[idOf(arn)]; {
	case ok:
		return texts[0]
	case r[arn] != nil:
		return "AROAFIRST"
	}
	return ""
}

func (r roles) LongestSession(string) time.Duration { return 90 * time.Minute }

func (r roles) RoleBoundary(_ context.Context, arn string) (string, bool, error) {
	texts, ok := r[boundaryOf(arn)]
	if !ok {
		return "", false, nil
	}
	return texts[0], true, nil
}

type world struct {
	*Access
	now  time.Time
	data *memory.Data
}

func newWorld(t *testing.T, enforce bool, r roles) *world {
	t.Helper()
	box, err := secrets.Open(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), data: &memory.Data{}}
	w.reopen(t, box, enforce, r)
	return w
}

func (w *world) reopen(t *testing.T, s Sealer, enforce bool, r roles) {
	t.Helper()
	a, err := Open(t.Context(), Config{Home: home, Keys: memory.Open(w.data), Sealer: s, Roles: r, Enforce: enforce, Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	w.Access = a
}

func (w *world) user(t *testing.T, n NewKey) lambda.Credentials {
	t.Helper()
	c, err := w.CreateKey(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// request signs as AWS's SDK does.
func (w *world) request(t *testing.T, c lambda.Credentials, body string) *http.Request {
	t.Helper()
	return w.requestTo(t, c, body, "lambda", "us-east-1")
}

func (w *world) requestTo(t *testing.T, c lambda.Credentials, body, service, region string) *http.Request {
	t.Helper()
	sent, err := http.NewRequest("POST", "http://127.0.0.1:3001/2015-03-31/functions/f/invocations", nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	keys := aws.Credentials{AccessKeyID: c.AccessKey, SecretAccessKey: c.Secret, SessionToken: c.Token}
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, sent, hex.EncodeToString(sum[:]), service, region, w.now); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", sent.URL.String(), bytes.NewReader([]byte(body)))
	r.Header = sent.Header
	return r
}

func (w *world) admit(t *testing.T, c lambda.Credentials) (lambda.Caller, error) {
	t.Helper()
	return w.Admit(w.request(t, c, "{}"), func() ([]byte, error) { return []byte("{}"), nil })
}

func refused(t *testing.T, what string, err error, kind lambda.Kind, text string) {
	t.Helper()
	var e *lambda.Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.HasPrefix(e.Message, text) {
		t.Errorf("%s: %v, want kind %d and %q", what, err, kind, text)
	}
}

func invoke() lambda.Act { return lambda.Act{Action: "lambda:InvokeFunction", Resource: fn} }

func TestUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	alice := w.user(t, NewKey{User: "alice", Policies: []string{invoker}})
	who, err := w.admit(t, alice)
	if err != nil || who.ARN != "arn:aws:iam::111111111111:user/alice" || who.Account != home.Account || !strings.HasPrefix(who.UserID, "AIDA") {
		t.Fatalf("admitted %+v, %v", who, err)
	}
	if err := w.Authorize(t.Context(), who, invoke()); err != nil {
		t.Error(err)
	}
	refused(t, "another action", w.Authorize(t.Context(), who, lambda.Act{Action: "lambda:DeleteFunction", Resource: fn}), lambda.AccessDenied,
		"User: arn:aws:iam::111111111111:user/alice is not authorized to perform: lambda:DeleteFunction on resource: "+fn+" because no identity-based policy allows the lambda:DeleteFunction action")

	wrong := alice
	wrong.Secret += "x"
	_, err = w.admit(t, wrong)
	refused(t, "a wrong secret", err, lambda.InvalidSignature, "The request signature we calculated does not match the signature you provided.")
	_, err = w.admit(t, lambda.Credentials{AccessKey: "AKIANOBODY", Secret: "s"})
	refused(t, "an unknown key", err, lambda.UnknownKey, unknownText)
	_, err = w.Admit(httptest.NewRequest("GET", "/", nil), nil)
	refused(t, "nothing", err, lambda.NotSigned, "Missing Authentication Token")
	old := w.request(t, alice, "{}")
	w.now = w.now.Add(16 * time.Minute)
	_, err = w.Admit(old, nil)
	refused(t, "an old signature", err, lambda.InvalidSignature, "Signature expired: ")

	if n, err := w.RevokeKeys(t.Context(), "alice"); n != 1 || err != nil {
		t.Fatalf("revoked %d, %v", n, err)
	}
	_, err = w.admit(t, alice)
	refused(t, "a revoked key", err, lambda.UnknownKey, unknownText)
	refused(t, "a caller of a revoked key", w.Authorize(t.Context(), who, invoke()), lambda.AccessDenied, "User: ")
}

// TestKeysAreKept: keys outlive a restart, their secrets are sealed, and the key of
// another folder opens none of them.
// TestNothingIsRememberedOfStrangers: an id is no secret.
func TestNothingIsRememberedOfStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	c := w.user(t, NewKey{User: "ann"})
	stranger := lambda.Credentials{AccessKey: c.AccessKey, Secret: "guessed"}
	body := func() ([]byte, error) { return []byte("{}"), nil }
	for _, service := range []string{"lambda", "iam", "whatever"} {
		_, err := w.Admit(w.requestTo(t, stranger, "{}", service, "us-east-1"), body)
		refused(t, service, err, lambda.InvalidSignature, "The request signature we calculated")
	}
	if n := len(w.derived.all); n != 0 {
		t.Errorf("%d keys are remembered for who has none", n)
	}
	for range 2 {
		if _, err := w.admit(t, c); err != nil {
			t.Error(err)
		}
		_, err := w.Admit(w.requestTo(t, stranger, "{}", "lambda", "us-east-1"), body)
		refused(t, "stranger", err, lambda.InvalidSignature, "The request signature we calculated")
	}
	if n := len(w.derived.all); n != 1 {
		t.Errorf("%d keys are remembered, want one", n)
	}
}

func TestKeysAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	alice := w.user(t, NewKey{User: "alice", Account: "222222222222", Policies: []string{Administrator}})
	w.reopen(t, w.Sealer, true, nil)
	if who, err := w.admit(t, alice); err != nil || who.Account != "222222222222" {
		t.Errorf("after a restart: %+v, %v", who, err)
	}
	for _, k := range w.ListKeys() {
		if k.Secret != "" {
			t.Error("a list tells secrets")
		}
	}
	stored := (*w.keys.Load())[alice.AccessKey].Secret
	if strings.Contains(stored, alice.Secret) {
		t.Error("the store has the secret in clear")
	}
	box, err := secrets.Open(filepath.Join(t.TempDir(), "another"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Home: home, Keys: memory.Open(w.data), Sealer: box, Now: time.Now}); err == nil {
		t.Error("another folder's key opens the secrets")
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	who, err := w.admit(t, OwnerCredentials(w.Sealer))
	if err != nil || !who.Root() {
		t.Fatalf("%+v, %v", who, err)
	}
	if err := w.Authorize(t.Context(), who, invoke()); err != nil {
		t.Error(err)
	}
}

func TestFunctionCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, roles{reader: {service, invoker}})
	c := w.FunctionCredentials(reader, fn+":7", time.Hour)
	w.reopen(t, w.Sealer, true, w.Roles.(roles))
	who, err := w.admit(t, c)
	if err != nil || who.ARN != "arn:aws:sts::111111111111:assumed-role/reader/f" || !strings.HasSuffix(who.UserID, ":f") {
		t.Fatalf("%+v, %v", who, err)
	}
	if err := w.Authorize(t.Context(), who, invoke()); err != nil {
		t.Error(err)
	}
	refused(t, "beyond the role", w.Authorize(t.Context(), who, lambda.Act{Action: "lambda:ListFunctions", Resource: "*"}), lambda.AccessDenied, "User: "+who.ARN)
	mixed := w.FunctionCredentials(reader, fn, time.Hour)
	mixed.Token = c.Token
	_, err = w.admit(t, mixed)
	refused(t, "the token of another key", err, lambda.UnknownKey, unknownText)
	broken := c
	broken.Token = c.Token[:len(c.Token)-4] + "AAA="
	_, err = w.admit(t, broken)
	refused(t, "a changed token", err, lambda.UnknownKey, unknownText)
	w.now = w.now.Add(time.Hour + time.Second)
	_, err = w.admit(t, c)
	refused(t, "an expired token", err, lambda.ExpiredToken, expiredText)
}

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	trust := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/alice"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}}`
	w := newWorld(t, true, roles{reader: {trust, Administrator}})
	alice, err := w.admit(t, w.user(t, NewKey{User: "alice"}))
	if err != nil {
		t.Fatal(err)
	}
	bob, err := w.admit(t, w.user(t, NewKey{User: "bob", Policies: []string{Administrator}}))
	if err != nil {
		t.Fatal(err)
	}
	as := lambda.Assumption{Role: reader, Session: "s", Length: time.Hour, ExternalID: "x", Limited: true, Policy: invoker}
	c, _, err := w.AssumeRole(t.Context(), alice, as)
	if err != nil {
		t.Fatal(err)
	}
	who, err := w.admit(t, c)
	if err != nil || who.ARN != "arn:aws:sts::111111111111:assumed-role/reader/s" {
		t.Fatalf("%+v, %v", who, err)
	}
	if err := w.Authorize(t.Context(), who, invoke()); err != nil {
		t.Error(err)
	}
	refused(t, "beyond the session's policy", w.Authorize(t.Context(), who, lambda.Act{Action: "lambda:GetFunction", Resource: fn}), lambda.AccessDenied,
		"User: "+who.ARN+" is not authorized to perform: lambda:GetFunction on resource: "+fn+" because no session policy allows the lambda:GetFunction action")
	_, _, err = w.AssumeRole(t.Context(), bob, as)
	refused(t, "who is not trusted", err, lambda.AccessDenied, "User: arn:aws:iam::111111111111:user/bob is not authorized to perform: sts:AssumeRole on resource: "+reader)
	without := as
	without.ExternalID = ""
	_, _, err = w.AssumeRole(t.Context(), alice, without)
	refused(t, "without the external id", err, lambda.AccessDenied, "User: ")
	unknown := as
	unknown.Role = "arn:aws:iam::111111111111:role/none"
	_, _, err = w.AssumeRole(t.Context(), alice, unknown)
	refused(t, "no such role", err, lambda.AccessDenied, "User: ")
	bad := as
	bad.Policy = "{}"
	_, _, err = w.AssumeRole(t.Context(), alice, bad)
	refused(t, "a bad policy", err, lambda.MalformedPolicy, "Syntax errors in policy.")
	long := as
	long.Length = 2 * time.Hour
	_, _, err = w.AssumeRole(t.Context(), who, long)
	_, _, tooLong := w.AssumeRole(t.Context(), alice, long)
	refused(t, "longer than the role's sessions", tooLong, lambda.Validation, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	refused(t, "a chain", err, lambda.Validation, "The requested DurationSeconds exceeds the 1 hour session limit")
}

// TestBoundary: a role that is bounded has no more than its boundary allows.
func TestBoundary(t *testing.T) {
	t.Parallel()
	r := roles{reader: {service, Administrator}, boundaryOf(reader): {invoker}}
	w := newWorld(t, true, r)
	who, err := w.admit(t, w.FunctionCredentials(reader, fn, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Authorize(t.Context(), who, invoke()); err != nil {
		t.Error(err)
	}
	refused(t, "beyond the boundary", w.Authorize(t.Context(), who, lambda.Act{Action: "lambda:GetFunction", Resource: fn}), lambda.AccessDenied,
		"User: "+who.ARN+" is not authorized to perform: lambda:GetFunction on resource: "+fn+" because no permissions boundary allows the lambda:GetFunction action")
}

// TestSessionToken: a user's session has the user's rights, and ends with its key.
func TestSessionToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	alice, err := w.admit(t, w.user(t, NewKey{User: "alice", Policies: []string{invoker}}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.SessionToken(alice, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	who, err := w.admit(t, c)
	if err != nil || who.ARN != alice.ARN || w.Authorize(t.Context(), who, invoke()) != nil {
		t.Fatalf("%+v, %v", who, err)
	}
	_, err = w.SessionToken(who, time.Hour)
	_, none := w.SessionToken(lambda.Caller{}, time.Hour)
	refused(t, "a session of nobody", none, lambda.AccessDenied, "Cannot call GetSessionToken without credentials")
	refused(t, "a session of a session", err, lambda.AccessDenied, "Cannot call GetSessionToken with session credentials")
	if _, err := w.RevokeKeys(t.Context(), alice.Key); err != nil {
		t.Fatal(err)
	}
	_, err = w.admit(t, c)
	refused(t, "after the key", err, lambda.UnknownKey, unknownText)
}

// TestUnprovedSessions: what anybody could have while nobody was verified is worth
// nothing afterwards.
func TestUnprovedSessions(t *testing.T) {
	t.Parallel()
	r := roles{reader: {service, Administrator}}
	w := newWorld(t, false, r)
	anybody := w.Believe(httptest.NewRequest("GET", "/", nil))
	if !anybody.Root() {
		t.Fatalf("%+v", anybody)
	}
	assumed, _, err := w.AssumeRole(t.Context(), anybody, lambda.Assumption{Role: reader, Session: "s", Length: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	token, err := w.SessionToken(anybody, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if who := w.Believe(w.request(t, assumed, "")); who.Role != reader {
		t.Errorf("the session is believed to be %+v", who)
	}
	function := w.FunctionCredentials(reader, fn, time.Hour)
	if who := w.Believe(w.request(t, function, "")); who.Function != fn {
		t.Errorf("the function is believed to be %+v", who)
	}
	w.reopen(t, w.Sealer, true, r)
	for _, c := range []lambda.Credentials{assumed, token, function} {
		_, err := w.admit(t, c)
		refused(t, "an unproved session", err, lambda.UnknownKey, unknownText)
	}
}

func TestFunctionRoles(t *testing.T) {
	t.Parallel()
	passer := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::*:role/*","Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}}}`
	trusted, untrusted := reader, "arn:aws:iam::111111111111:role/people"
	w := newWorld(t, true, roles{trusted: {service}, untrusted: {strings.Replace(service, "lambda.", "ec2.", 1)}})
	alice, err := w.admit(t, w.user(t, NewKey{User: "alice", Policies: []string{passer}}))
	if err != nil {
		t.Fatal(err)
	}
	bob, err := w.admit(t, w.user(t, NewKey{User: "bob"}))
	if err != nil {
		t.Fatal(err)
	}
	const cannot = "The role defined for the function cannot be assumed by Lambda."
	if err := w.CheckFunctionRole(t.Context(), alice, trusted); err != nil {
		t.Error(err)
	}
	refused(t, "untrusting", w.CheckFunctionRole(t.Context(), alice, untrusted), lambda.InvalidParameter, cannot)
	refused(t, "absent", w.CheckFunctionRole(t.Context(), alice, untrusted+"2"), lambda.InvalidParameter, cannot)
	refused(t, "not passed", w.CheckFunctionRole(t.Context(), bob, trusted), lambda.AccessDenied,
		"User: arn:aws:iam::111111111111:user/bob is not authorized to perform: iam:PassRole on resource: "+reader+" because no identity-based policy allows the iam:PassRole action")
}

// TestFunctionMay: what is done for a function takes the rights of its role, which
// must trust Lambda.
func TestFunctionMay(t *testing.T) {
	t.Parallel()
	const queue = "arn:aws:sqs:us-east-1:111111111111:q"
	send := lambda.Act{Action: "sqs:SendMessage", Resource: queue, Conditions: map[string][]string{"aws:resourceaccount": {"111111111111"}}}
	sender := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"` + queue + `","Condition":{"StringEquals":{"aws:ResourceAccount":"${aws:PrincipalAccount}"}}}}`
	people := "arn:aws:iam::111111111111:role/people"
	r := roles{reader: {service, sender}, people: {strings.Replace(service, "lambda.", "ec2.", 1), sender}}
	w := newWorld(t, true, r)
	if err := w.FunctionMay(t.Context(), reader, fn, send); err != nil {
		t.Error(err)
	}
	other := send
	other.Resource += "2"
	refused(t, "another queue", w.FunctionMay(t.Context(), reader, fn, other), lambda.AccessDenied,
		"User: arn:aws:sts::111111111111:assumed-role/reader/f is not authorized to perform: sqs:SendMessage on resource: "+other.Resource+" because no identity-based policy allows")
	const cannot = "The role defined for the function cannot be assumed by Lambda."
	refused(t, "a role for others", w.FunctionMay(t.Context(), people, fn, send), lambda.InvalidParameter, cannot)
	refused(t, "no role", w.FunctionMay(t.Context(), reader+"2", fn, send), lambda.InvalidParameter, cannot)
	granted := invoke()
	granted.Policies = []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + reader + `"},"Action":"lambda:InvokeFunction","Resource":"` + fn + `"}}`}
	if err := w.FunctionMay(t.Context(), reader, fn, granted); err != nil {
		t.Errorf("by the target's own policy: %v", err)
	}
	r[boundaryOf(reader)] = []string{invoker}
	refused(t, "beyond the boundary", w.FunctionMay(t.Context(), reader, fn, send), lambda.AccessDenied, "User: ")
	w.reopen(t, w.Sealer, false, r)
	if err := w.FunctionMay(t.Context(), "nothing", fn, send); err != nil {
		t.Errorf("where nobody is refused: %v", err)
	}
}

// TestAdmitTo: a signature is for one service and region, and tells both problems.
func TestAdmitTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	alice := w.user(t, NewKey{User: "alice"})
	const region, service = "Credential should be scoped to a valid region, not 'eu-west-1'. ", "Credential should be scoped to correct service: 'lambda'. "
	for _, c := range []struct{ service, region, want string }{
		{"lambda", "us-east-1", ""}, {"lambda", "eu-west-1", region}, {"s3", "us-east-1", service}, {"execute-api", "eu-west-1", region + service},
	} {
		asked := false
		_, err := w.AdmitTo("lambda", w.requestTo(t, alice, "{}", c.service, c.region), func() ([]byte, error) { asked = true; return []byte("{}"), nil })
		if asked != (c.want == "") {
			t.Errorf("%s %s: body asked for: %v", c.service, c.region, asked)
		}
		if c.want != "" {
			refused(t, c.service, err, lambda.InvalidSignature, c.want)
		} else if err != nil {
			t.Error(err)
		}
	}
}

// TestRolesMadeAgain: a role that is made under the name of one that was deleted is
// another one. Sessions of the first end with it, and do not come back.
func TestRolesMadeAgain(t *testing.T) {
	t.Parallel()
	open := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}}`
	made := []string{open, Administrator}
	r := roles{reader: made}
	w := newWorld(t, true, r)
	alice, err := w.admit(t, w.user(t, NewKey{User: "alice", Policies: []string{Administrator}}))
	if err != nil {
		t.Fatal(err)
	}
	begin := func() lambda.Credentials {
		c, who, err := w.AssumeRole(t.Context(), alice, lambda.Assumption{Role: reader, Session: "s", Length: time.Hour})
		if err != nil || who.UserID != r.RoleID(reader)+":s" {
			t.Fatalf("%+v, %v", who, err)
		}
		return c
	}
	sessions := []lambda.Credentials{begin(), w.FunctionCredentials(reader, fn, time.Hour)}
	all := func(admitted bool) {
		t.Helper()
		for _, c := range sessions {
			who, err := w.admit(t, c)
			if admitted && (err != nil || !strings.HasPrefix(who.UserID, "AROAFIRST:")) {
				t.Errorf("%+v, %v", who, err)
			} else if !admitted {
				refused(t, "a session of a role that is gone", err, lambda.UnknownKey, unknownText)
			}
		}
	}
	all(true)
	delete(r, reader)
	all(false)
	r[reader], r[idOf(reader)] = made, []string{"AROASECOND"}
	all(false)
	if _, err := w.admit(t, begin()); err != nil {
		t.Errorf("a session of the second role: %v", err)
	}
	if _, err := w.admit(t, w.FunctionCredentials(reader, fn, time.Hour)); err != nil {
		t.Errorf("a function of the second role: %v", err)
	}
	w.reopen(t, w.Sealer, false, r)
	if who := w.Believe(w.request(t, sessions[0], "")); who.Role != reader {
		t.Errorf("where nobody is refused, the session is %+v", who)
	}
}

// TestContext: the keys that each request has.
func TestContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true, nil)
	who, err := w.admit(t, w.user(t, NewKey{User: "alice"}))
	if err != nil {
		t.Fatal(err)
	}
	get := w.context(who, lambda.Act{Conditions: map[string][]string{"lambda:principal": {"s3.amazonaws.com"}, "lambda:layer": nil}})
	for key, want := range map[string]string{
		"aws:sourceip": "192.0.2.1", "aws:username": "alice", "aws:principalarn": "arn:aws:iam::111111111111:user/alice",
		"aws:principaltype": "User", "aws:principalaccount": "111111111111", "aws:securetransport": "false", "aws:requestedregion": "us-east-1",
		"aws:currenttime": "2026-01-02T03:04:05Z", "aws:epochtime": "1767323045", "lambda:principal": "s3.amazonaws.com",
		"aws:tokenissuetime": "", "lambda:layer": "", "aws:somethingelse": "", "aws:viaawsservice": "false",
	} {
		values, there := get(key)
		if there != (want != "") || there && values[0] != want {
			t.Errorf("%s: %v %v, want %q", key, values, there, want)
		}
	}
}
