package async

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
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

// guarded is a server that verifies its callers, and the administrator.
type guarded struct {
	*server
	admin aws.Credentials
}

func guard(t *testing.T, flags ...string) *guarded {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), binary, "keys", "create", "admin", "--admin", "-o", "json", "--data-dir", filepath.Join(dir, "data")).Output()
	var key struct{ ID, Secret string }
	if err := errors.Join(err, json.Unmarshal(out, &key)); err != nil {
		t.Fatalf("make a key: %v %s", err, out)
	}
	s := &guarded{launch(t, dir, append(flags, "--auth", "on")...), aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}}
	t.Cleanup(s.stop)
	s.Client = lambda.New(lambda.Options{
		BaseEndpoint: &s.url, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret, ""),
		RetryMaxAttempts: 1, HTTPClient: s.http,
	})
	return s
}

// ask sends a signed request and gives what is answered.
func (s *guarded) ask(t *testing.T, service, method, path, body string) string {
	t.Helper()
	status, text := s.request(t, service, method, path, body, nil)
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", service, body, status, text)
	}
	return text
}

// refusal is ask for what is refused.
func (s *guarded) refusal(t *testing.T, service, method, path, body string) string {
	t.Helper()
	status, text := s.request(t, service, method, path, body, nil)
	if status < http.StatusBadRequest {
		t.Errorf("%s %s: %d %s, want a refusal", service, body, status, text)
	}
	return text
}

// target asks for an operation of an API that speaks AWS JSON.
func (s *guarded) target(t *testing.T, service, operation, body string) {
	t.Helper()
	status, text := s.request(t, service, "POST", "/", body, http.Header{"X-Amz-Target": {operation}, "Content-Type": {"application/x-amz-json-1.1"}})
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", operation, body, status, text)
	}
}

func (s *guarded) request(t *testing.T, service, method, path, body string, header http.Header) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), s.admin, r, hex.EncodeToString(sum[:]), service, "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

func (s *guarded) iam(t *testing.T, action string, members ...string) {
	t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i < len(members); i += 2 {
		form.Set(members[i], members[i+1])
	}
	s.ask(t, "iam", "POST", "/", form.Encode())
}

func (s *guarded) allow(t *testing.T, policy, action, resource string) {
	t.Helper()
	s.iam(t, "PutRolePolicy", "RoleName", "r", "PolicyName", policy, "PolicyDocument",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"`+action+`","Resource":"`+resource+`"}}`)
}

// counted tells whether a metric of f is at least 1.
func (s *guarded) counted(t *testing.T, metric string) bool {
	t.Helper()
	for line := range strings.Lines(s.ask(t, "lambent", "GET", "/_lambent/metrics", "")) {
		if strings.Contains(line, metric) && strings.Contains(line, `"f"`) && !strings.HasSuffix(strings.TrimSpace(line), " 0") {
			return true
		}
	}
	return false
}

func refusedWith(t *testing.T, what string, err error, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "InvalidParameterValueException" || api.ErrorMessage() != text {
		t.Errorf("%s: %v, want InvalidParameterValueException: %s", what, err, text)
	}
}

// TestTargetsTakeTheRolesRights: where callers are verified, a function hands its
// outcomes only to what its role has the right to, when the target is chosen and when
// it is told.
func TestTargetsTakeTheRolesRights(t *testing.T) {
	t.Parallel()
	const queue, letters = "arn:aws:sqs:us-east-1:000000000000:good", "arn:aws:sns:us-east-1:000000000000:letters"
	c := newCloud(t)
	s := guard(t, quick, "--aws-endpoint", c.URL)
	s.iam(t, "CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`)
	second, first := s.deploy(t, "second", nil), s.deploy(t, "f", nil)
	put := func(onSuccess string) error {
		_, err := s.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{
			FunctionName: aws.String("f"), MaximumRetryAttempts: aws.Int32(0), DestinationConfig: &types.DestinationConfig{OnSuccess: &types.OnSuccess{Destination: &onSuccess}},
		})
		return err
	}
	lettersTo := func() error {
		_, err := s.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), DeadLetterConfig: &types.DeadLetterConfig{TargetArn: aws.String(letters)}})
		return err
	}
	refusedWith(t, "a function", put(arn+"second"), "The function's execution role does not have permissions to call InvokeFunction on "+arn+"second")
	refusedWith(t, "a queue", put(queue), "The function's execution role does not have permissions to call SendMessage on "+queue)
	refusedWith(t, "dead letters", lettersTo(), "The provided execution role does not have permissions to call Publish on SNS")
	s.allow(t, "invoke", "lambda:InvokeFunction", arn+"second")
	s.allow(t, "publish", "sns:Publish", letters)
	if err := errors.Join(put(arn+"second"), lettersTo()); err != nil {
		t.Fatal(err)
	}
	if err := lambda.NewFunctionUpdatedV2Waiter(s).Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")}, time.Minute); err != nil {
		t.Fatal(err)
	}
	mustSend(t, s.server, "f", `{"n": 1}`)
	eventually(t, "the second function", func() bool { return len(second.runs()) == 1 })
	mustSend(t, s.server, "f", `{"fail": true}`)
	eventually(t, "a dead letter", func() bool { return len(c.arrived("sns", ":letters")) == 1 })

	s.iam(t, "DeleteRolePolicy", "RoleName", "r", "PolicyName", "invoke")
	s.iam(t, "DeleteRolePolicy", "RoleName", "r", "PolicyName", "publish")
	mustSend(t, s.server, "f", `{"n": 2}`)
	mustSend(t, s.server, "f", `{"n": 3, "fail": true}`)
	eventually(t, "a failed delivery", func() bool { return s.counted(t, "destination_delivery_failures") })
	eventually(t, "a failed dead letter", func() bool { return s.counted(t, "dead_letter_errors") })
	if len(first.runs()) != 4 || len(second.runs()) != 1 || len(c.arrived("sns", ":letters")) != 1 {
		t.Errorf("%d runs, the second function ran %d times, %d dead letters", len(first.runs()), len(second.runs()), len(c.arrived("sns", ":letters")))
	}
	s.allow(t, "both", "*", "*") // and what waits is delivered
	eventually(t, "the second function, later", func() bool { return len(second.runs()) == 2 })
	eventually(t, "the dead letter, later", func() bool { return len(c.arrived("sns", ":letters")) == 2 })
}

// TestSchedulesTakeRights: where callers are verified, a rule invokes what the policy of
// the function lets it, and a schedule what its role lets it.
func TestSchedulesTakeRights(t *testing.T) {
	t.Parallel()
	const trust = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","scheduler.amazonaws.com"]},"Action":"sts:AssumeRole"}}`
	const letters = `"DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:letters"}`
	c := newCloud(t)
	s := guard(t, quick, "--aws-endpoint", c.URL)
	s.iam(t, "CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trust)
	allowed, other := s.deploy(t, "allowed", nil), s.deploy(t, "other", nil)
	_, err := s.AddPermission(t.Context(), &lambda.AddPermissionInput{
		FunctionName: aws.String("allowed"), StatementId: aws.String("rule"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("events.amazonaws.com"),
		SourceArn: aws.String("arn:aws:events:us-east-1:000000000000:rule/minutely"),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.target(t, "events", "AWSEvents.PutRule", `{"Name":"minutely","ScheduleExpression":"cron(* * * * ? *)"}`)
	s.target(t, "events", "AWSEvents.PutTargets", `{"Rule":"minutely","Targets":[{"Id":"1","Arn":"`+arn+`allowed"},{"Id":"2","Arn":"`+arn+`other",`+letters+`}]}`)
	schedule := func(name string) {
		t.Helper()
		s.ask(t, "scheduler", "POST", "/schedules/"+name, `{"ScheduleExpression":"rate(1 days)","FlexibleTimeWindow":{"Mode":"OFF"},
			"Target":{"Arn":"`+arn+`other","RoleArn":"arn:aws:iam::000000000000:role/r","Input":"{\"n\": 1}",`+letters+`}}`)
	}
	refused := func(code string) bool {
		for _, a := range c.arrived("sqs", "/letters") {
			if a.attributes["ERROR_CODE"] == "String "+code && a.attributes["TARGET_ARN"] == "String "+arn+"other" {
				return true
			}
		}
		return false
	}
	schedule("early")
	eventually(t, "the schedule's dead letter", func() bool { return refused("AccessDeniedException") })
	s.allow(t, "invoke", "lambda:InvokeFunction", arn+"other")
	schedule("late")
	eventually(t, "the schedule", func() bool { return len(other.runs()) == 1 })
	eventually(t, "the rule", func() bool { return len(allowed.runs()) > 0 })
	eventually(t, "the rule's dead letter", func() bool { return refused("NO_PERMISSIONS") })
	if runs := other.runs(); len(runs) != 1 || runs[0].payload != `{"n": 1}` {
		t.Errorf("the other function got %+v", runs)
	}
	s.iam(t, "UpdateAssumeRolePolicy", "RoleName", "r", "PolicyDocument", strings.Replace(trust, `,"scheduler.amazonaws.com"`, "", 1))
	if got := s.refusal(t, "scheduler", "POST", "/schedules/never", `{"ScheduleExpression":"rate(1 days)","FlexibleTimeWindow":{"Mode":"OFF"},"Target":{"Arn":"`+arn+`other","RoleArn":"arn:aws:iam::000000000000:role/r"}}`); !strings.Contains(got, "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.") {
		t.Errorf("a role that does not trust Scheduler: %s", got)
	}
}
