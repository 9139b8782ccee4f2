package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

const (
	guardedRole = "arn:aws:iam::000000000000:role/guarded"
	guardedARN  = "arn:aws:lambda:us-east-1:000000000000:function:guarded"
	mayInvoke   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"` + guardedARN + `"}]}`
)

// guardedServer verifies its callers; admin is a key that was made before it began.
type guardedServer struct {
	*server
	admin aws.Credentials
}

func guard(t *testing.T) *guardedServer {
	t.Helper()
	dir := dataDir(t)
	admin := newKey(t, dir, "", "admin", "--admin")
	return &guardedServer{own(t, dir, "--auth", "on"), admin}
}

// lambentRun runs the command line as whoever can read the folder.
func lambentRun(t *testing.T, dir, url string, args ...string) ([]byte, error) {
	t.Helper()
	if url != "" {
		args = append(args, "--endpoint", url)
	}
	cmd := exec.CommandContext(t.Context(), binary, append(args, "--data-dir", dir)...)
	return cmd.Output()
}

func newKey(t *testing.T, dir, url, user string, what ...string) aws.Credentials {
	t.Helper()
	out, err := lambentRun(t, dir, url, append([]string{"keys", "create", user, "-o", "json"}, what...)...)
	var key struct{ ID, Secret string }
	if err := errors.Join(err, json.Unmarshal(out, &key)); err != nil || key.Secret == "" {
		t.Fatalf("keys create %s: %v %s", user, err, out)
	}
	return aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}
}

func (s *guardedServer) as(c aws.Credentials) *lambda.Client {
	return lambda.New(lambda.Options{
		BaseEndpoint: aws.String(s.url), Region: "us-east-1", RetryMaxAttempts: 1, HTTPClient: &http.Client{Transport: &s.transport},
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
	})
}

// boto3 runs a script with these credentials; iam, sts, function and show are there.
func (s *guardedServer) boto3(t *testing.T, c aws.Credentials, script string) string {
	t.Helper()
	const before = "import boto3, json, os, sys, urllib.request\niam, sts, function = boto3.client('iam'), boto3.client('sts'), boto3.client('lambda')\n"
	cmd := s.command(t.Context(), "python3", "-c", before+script)
	cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID="+c.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+c.SecretAccessKey, "AWS_SESSION_TOKEN="+c.SessionToken)
	if c.SessionToken == "" {
		cmd.Env = append(cmd.Env, "AWS_SESSION_TOKEN=")
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("boto3: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// denied holds an error to its exception and the beginning of its text.
func denied(t *testing.T, what string, err error, code, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || !strings.HasPrefix(api.ErrorMessage(), text) {
		t.Errorf("%s: %v, want %s: %s", what, err, code, text)
	}
}

func (s *guardedServer) create(ctx context.Context, t *testing.T, c aws.Credentials) error {
	code := `import os
def handler(event, context):
    return {"AccessKeyID": os.environ["AWS_ACCESS_KEY_ID"], "SecretAccessKey": os.environ["AWS_SECRET_ACCESS_KEY"], "SessionToken": os.environ["AWS_SESSION_TOKEN"]}`
	_, err := s.as(c).CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String("guarded"), Role: aws.String(guardedRole), Runtime: "python3.11", Handler: aws.String("index.handler"),
		Code: &types.FunctionCode{ZipFile: function{code: code}.zip(t)},
	})
	return err
}

func (s *guardedServer) invoke(t *testing.T, c aws.Credentials) ([]byte, error) {
	t.Helper()
	out, err := s.as(c).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("guarded")})
	if err != nil {
		return nil, err
	}
	return out.Payload, nil
}

// TestAccess: with --auth on, callers are who their keys say, and do what policies allow.
func TestAccess(t *testing.T) {
	t.Parallel()
	if err := exec.CommandContext(t.Context(), "python3", "-c", "import boto3").Run(); err != nil {
		t.Skip("boto3 is not installed")
	}
	s := guard(t)
	s.strangers(t)
	denied(t, "a role that is not there", s.create(t.Context(), t, s.admin), "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
	s.boto3(t, s.admin, `iam.create_role(RoleName="guarded", AssumeRolePolicyDocument=json.dumps({"Version":"2012-10-17","Statement":[
	{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"},
	{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}]}))`)
	if err := s.create(t.Context(), t, s.admin); err != nil {
		t.Fatal(err)
	}
	if err := lambda.NewFunctionActiveV2Waiter(s.as(s.admin)).Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("guarded")}, time.Minute); err != nil {
		t.Fatal(err)
	}
	s.users(t)
	s.functionsOwn(t)
	s.presigned(t)
	s.assumed(t)
	s.pages(t)
}

// strangers are told in AWS's words why they are not let in.
func (s *guardedServer) strangers(t *testing.T) {
	list := func(c aws.Credentials) error {
		_, err := s.as(c).ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
		return err
	}
	if err := list(s.admin); err != nil {
		t.Fatal(err)
	}
	wrong := s.admin
	wrong.SecretAccessKey += "x"
	denied(t, "a wrong secret", list(wrong), "InvalidSignatureException", "The request signature we calculated does not match the signature you provided.")
	denied(t, "an unknown key", list(aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "s"}), "UnrecognizedClientException", "The security token included in the request is invalid.")
	withToken := s.admin
	withToken.SessionToken = "token"
	denied(t, "a foreign token", list(withToken), "UnrecognizedClientException", "The security token included in the request is invalid.")
	nobody := lambda.New(lambda.Options{BaseEndpoint: aws.String(s.url), Region: "us-east-1", Credentials: aws.AnonymousCredentials{}, RetryMaxAttempts: 1})
	_, err := nobody.ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
	denied(t, "nobody", err, "MissingAuthenticationTokenException", "Missing Authentication Token")
	status, body := s.signed(t, s.admin, "GET", "/2015-03-31/functions", time.Now().Add(-20*time.Minute))
	if status != http.StatusForbidden || !strings.Contains(body, "Signature expired: ") {
		t.Errorf("an old signature: %d %s", status, body)
	}
	if out := s.boto3(t, aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "s"}, "try: sts.get_caller_identity()\nexcept Exception as e: print(e)"); !strings.Contains(out, "(InvalidClientTokenId) when calling the GetCallerIdentity operation: The security token included in the request is invalid.") {
		t.Errorf("STS says %s", out)
	}
}

// signed sends a request that was signed at a time.
func (s *guardedServer) signed(t *testing.T, c aws.Credentials, method, path string, at time.Time) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(nil)
	if err := v4.NewSigner().SignHTTP(t.Context(), c, r, hex.EncodeToString(sum[:]), "lambda", "us-east-1", at); err != nil {
		t.Fatal(err)
	}
	return s.send(t, r)
}

func (s *guardedServer) send(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	resp, err := (&http.Client{Transport: &s.transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// users do what their policies say, until their keys are revoked.
func (s *guardedServer) users(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(file, []byte(mayInvoke), 0o600); err != nil {
		t.Fatal(err)
	}
	alice := newKey(t, s.dir, s.url, "alice", "--policy", file)
	if _, err := s.invoke(t, alice); err != nil {
		t.Error(err)
	}
	_, err := s.as(alice).GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("guarded")})
	denied(t, "GetFunction", err, "AccessDeniedException", "User: arn:aws:iam::000000000000:user/alice is not authorized to perform: lambda:GetFunction on resource: "+guardedARN+" because no identity-based policy allows the lambda:GetFunction action")
	denied(t, "CreateFunction", s.create(t.Context(), t, alice), "AccessDeniedException", "User: ")
	if out := s.boto3(t, alice, "try: iam.list_roles()\nexcept Exception as e: print(e)"); !strings.Contains(out, "(AccessDenied) when calling the ListRoles operation: User: arn:aws:iam::000000000000:user/alice is not authorized to perform: iam:ListRoles") {
		t.Errorf("IAM says %s", out)
	}
	if out, err := lambentRun(t, s.dir, s.url, "keys", "revoke", "alice"); err != nil {
		t.Errorf("revoke: %v %s", err, out)
	}
	_, err = s.invoke(t, alice)
	denied(t, "a revoked key", err, "UnrecognizedClientException", "The security token included in the request is invalid.")

	carol := newKey(t, s.dir, s.url, "carol", "--admin", "--account", "222222222222")
	stranger := s.as(carol)
	_, err = stranger.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(guardedARN)})
	denied(t, "another account", err, "AccessDeniedException", "User: arn:aws:iam::222222222222:user/carol is not authorized to perform: lambda:InvokeFunction on resource: "+guardedARN+" because no resource-based policy allows the lambda:InvokeFunction action")
	if _, err := s.as(s.admin).AddPermission(t.Context(), &lambda.AddPermissionInput{
		FunctionName: aws.String("guarded"), StatementId: aws.String("carol"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("222222222222"),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(guardedARN)}); err != nil {
		t.Errorf("another account that was let in: %v", err)
	}
}

// functionsOwn: a function's credentials are its role's, and its role's policies count.
func (s *guardedServer) functionsOwn(t *testing.T) {
	payload, err := s.invoke(t, s.admin)
	var own aws.Credentials
	if err := errors.Join(err, json.Unmarshal(payload, &own)); err != nil {
		t.Fatal(err)
	}
	const session = "arn:aws:sts::000000000000:assumed-role/guarded/guarded"
	if out := s.boto3(t, own, "print(sts.get_caller_identity()['Arn'])"); out != session {
		t.Errorf("the function is %s, want %s", out, session)
	}
	_, err = s.invoke(t, own)
	denied(t, "a role without policies", err, "AccessDeniedException", "User: "+session+" is not authorized to perform: lambda:InvokeFunction on resource: "+guardedARN+" because no identity-based policy allows")
	s.boto3(t, s.admin, "iam.put_role_policy(RoleName='guarded', PolicyName='p', PolicyDocument='''"+mayInvoke+"''')")
	if _, err = s.invoke(t, own); err != nil {
		t.Errorf("a role with a policy: %v", err)
	}
}

// presigned requests are as good as signed ones while they last.
func (s *guardedServer) presigned(t *testing.T) {
	sum := sha256.Sum256(nil)
	for _, c := range []struct {
		at   time.Time
		want int
	}{{time.Now(), http.StatusOK}, {time.Now().Add(-2 * time.Minute), http.StatusForbidden}} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/2015-03-31/functions/guarded?X-Amz-Expires=60", nil)
		if err != nil {
			t.Fatal(err)
		}
		url, _, err := v4.NewSigner().PresignHTTP(t.Context(), s.admin, r, hex.EncodeToString(sum[:]), "lambda", "us-east-1", c.at)
		if err != nil {
			t.Fatal(err)
		}
		if r, err = http.NewRequestWithContext(t.Context(), "GET", url, nil); err != nil {
			t.Fatal(err)
		}
		if status, body := s.send(t, r); status != c.want {
			t.Errorf("presigned at %s: %d %s, want %d", c.at, status, body, c.want)
		}
	}
	out := s.boto3(t, s.admin, "print(urllib.request.urlopen(sts.generate_presigned_url('get_caller_identity', HttpMethod='GET')).read().decode())")
	if !strings.Contains(out, "<Arn>arn:aws:iam::000000000000:user/admin</Arn>") {
		t.Errorf("a presigned GetCallerIdentity: %s", out)
	}
}

// assumed sessions have the rights of their role, within their own policy.
func (s *guardedServer) assumed(t *testing.T) {
	out := s.boto3(t, s.admin, `c = sts.assume_role(RoleArn="`+guardedRole+`", RoleSessionName="me")["Credentials"]
print(json.dumps({"AccessKeyID": c["AccessKeyId"], "SecretAccessKey": c["SecretAccessKey"], "SessionToken": c["SessionToken"]}))`)
	var c aws.Credentials
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := s.invoke(t, c); err != nil {
		t.Error(err)
	}
	_, err := s.as(c).ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
	denied(t, "beyond the role", err, "AccessDeniedException", "User: arn:aws:sts::000000000000:assumed-role/guarded/me is not authorized to perform: lambda:ListFunctions on resource: *")
}

// pages of the server's own are the owner's and an administrator's.
func (s *guardedServer) pages(t *testing.T) {
	for _, page := range []string{"environments", "queue", "keys", "logs?group=g", "trace?request=r"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/_lambent/"+page, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := s.send(t, r); status != http.StatusForbidden {
			t.Errorf("%s answers a stranger: %d %s", page, status, body)
		}
	}
	if out, err := lambentRun(t, s.dir, s.url, "ps"); err != nil || !strings.Contains(string(out), "guarded") {
		t.Errorf("ps for the owner: %v %s", err, out)
	}
	if out, err := lambentRun(t, s.dir, s.url, "invoke", "guarded"); err != nil {
		t.Errorf("invoke for the owner: %v %s", err, out)
	}
	if out, err := lambentRun(t, dataDir(t), s.url, "ps"); err == nil {
		t.Errorf("ps answers who cannot read the folder: %s", out)
	}
}

// TestKeysAreTheOwners: where anybody is let in, nobody but the owner of the data
// folder makes keys.
func TestKeysAreTheOwners(t *testing.T) {
	t.Parallel()
	s := &guardedServer{server: start(t)}
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/_lambent/keys", strings.NewReader(`{"user":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if status, body := s.send(t, r); status != http.StatusForbidden {
		t.Errorf("a stranger makes a key: %d %s", status, body)
	}
	if os.Geteuid() == s.user {
		newKey(t, s.dir, s.url, "somebody", "--admin")
		if out, err := lambentRun(t, s.dir, s.url, "keys", "list"); err != nil || !strings.Contains(string(out), "somebody") {
			t.Errorf("keys list: %v %s", err, out)
		}
	}
}
