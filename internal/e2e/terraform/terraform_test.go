package terraform

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// plugins is where a machine without a way to the registry has the provider;
// LAMBENT_TF_PLUGINS says otherwise.
const plugins = "/opt/tf-plugins"

// workspace is a folder with a configuration and what it needs.
type workspace struct {
	dir       string
	variables []string
}

// open makes a workspace of testdata/main.tf, or skips the test.
func open(t *testing.T, s *server) *workspace {
	t.Helper()
	from := os.Getenv("LAMBENT_TF_PLUGINS")
	if from == "" {
		from = plugins
	}
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("no terraform here; TestLifecycles does the same through AWS's SDK")
	}
	if _, err := os.Stat(from); err != nil {
		t.Skip("no folder with terraform's AWS provider here: set LAMBENT_TF_PLUGINS; TestLifecycles does the same through AWS's SDK")
	}
	dir := t.TempDir()
	text, err := os.ReadFile("testdata/main.tf")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "main.tf"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	zipped(t, filepath.Join(dir, "one.zip"), "app.py", handler("one"))
	zipped(t, filepath.Join(dir, "two.zip"), "app.py", handler("two"))
	zipped(t, filepath.Join(dir, "layer.zip"), "python/shared.py", "X = 1\n")
	w := &workspace{dir, []string{"-var", "endpoint=" + s.url, "-var", "folder=" + dir, "-var", "runtime=" + python(t)}}
	if code, out := w.run(t, "init", "-plugin-dir="+from); code != 0 {
		t.Fatalf("terraform init: %s", out)
	}
	return w
}

func (w *workspace) run(t *testing.T, verb string, args ...string) (code int, output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "terraform", append([]string{verb, "-input=false", "-no-color"}, args...)...)
	cmd.Dir = w.dir
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !strings.HasPrefix(name, "AWS_") && name != "TF_CLI_CONFIG_FILE" {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_CONFIG_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// must runs a verb with the variables of the configuration, and wants its success.
func (w *workspace) must(t *testing.T, verb string, args ...string) {
	t.Helper()
	if code, out := w.run(t, verb, append(args, w.variables...)...); code != 0 {
		t.Fatalf("terraform %s %v: %d\n%s", verb, args, code, out)
	}
}

// settled wants a plan that changes nothing.
func (w *workspace) settled(t *testing.T, args ...string) {
	t.Helper()
	if code, out := w.run(t, "plan", append(append(args, "-detailed-exitcode"), w.variables...)...); code != 0 {
		t.Fatalf("terraform plan %v wants to change what is there: %d\n%s", args, code, out)
	}
}

// TestTerraform: apply, an empty plan, a change of nearly everything, an empty plan,
// destroy, and nothing is left.
func TestTerraform(t *testing.T) {
	t.Parallel()
	s := start(t)
	w := open(t, s)
	w.must(t, "apply", "-auto-approve")
	w.settled(t)
	s.wantAnswer(t, "live", `"one blue"`)
	s.wantLog(t, "one ran")
	s.wantDays(t, 7)

	w.must(t, "apply", "-auto-approve", "-var", "changed=true")
	w.settled(t, "-var", "changed=true")
	s.wantAnswer(t, "steady", `"two red"`)
	s.wantLog(t, "two ran")
	s.wantDays(t, 14)
	s.wantWeights(t)

	w.must(t, "destroy", "-auto-approve", "-var", "changed=true")
	s.wantNothing(t)
}

func (s *server) wantAnswer(t *testing.T, qualifier, want string) {
	t.Helper()
	out, err := s.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("worker"), Qualifier: &qualifier})
	if err != nil || out.FunctionError != nil || string(out.Payload) != want {
		t.Fatalf("worker:%s answered %+v %v, want %s", qualifier, out, err, want)
	}
}

// wantLog: the function wrote to the group that was made before it. Its caller may
// have the answer before the log has the line.
func (s *server) wantLog(t *testing.T, text string) {
	t.Helper()
	var got string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		got = s.ask(t, "logs", "Logs_20140328.FilterLogEvents", `{"logGroupName":"/aws/lambda/worker","filterPattern":"\"`+text+`\""}`)
		if strings.Contains(got, text) {
			return
		}
	}
	t.Errorf("the log does not have %q: %s", text, got)
}

func (s *server) wantDays(t *testing.T, days int) {
	t.Helper()
	got := s.ask(t, "logs", "Logs_20140328.DescribeLogGroups", `{}`)
	if !strings.Contains(got, fmt.Sprintf(`"retentionInDays":%d,`, days)) || strings.Count(got, "logGroupArn") != 1 {
		t.Errorf("groups %s, want one with %d days", got, days)
	}
}

func (s *server) wantWeights(t *testing.T) {
	t.Helper()
	out, err := s.GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: aws.String("worker"), Name: aws.String("live")})
	if err != nil || out.RoutingConfig == nil || out.RoutingConfig.AdditionalVersionWeights["2"] != 0.25 {
		t.Errorf("alias %+v %v", out, err)
	}
}

// wantNothing: no list of anything that was made has an entry.
func (s *server) wantNothing(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	functions, err := s.ListFunctions(ctx, &lambda.ListFunctionsInput{})
	if err != nil || len(functions.Functions) != 0 {
		t.Errorf("functions %v %v", functions, err)
	}
	layers, err := s.ListLayers(ctx, &lambda.ListLayersInput{})
	if err != nil || len(layers.Layers) != 0 {
		t.Errorf("layers %v %v", layers, err)
	}
	mappings, err := s.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{})
	if err != nil || len(mappings.EventSourceMappings) != 0 {
		t.Errorf("mappings %v %v", mappings, err)
	}
	configs, err := s.ListCodeSigningConfigs(ctx, &lambda.ListCodeSigningConfigsInput{})
	if err != nil || len(configs.CodeSigningConfigs) != 0 {
		t.Errorf("code signing configs %v %v", configs, err)
	}
	if got := s.ask(t, "logs", "Logs_20140328.DescribeLogGroups", `{}`); got != `{"logGroups":[]}` {
		t.Errorf("log groups %s", got)
	}
	for _, list := range []string{"ListRoles", "ListPolicies&Scope=Local"} {
		if got := s.ask(t, "iam", "", "Version=2010-05-08&Action="+list); strings.Contains(got, "<member>") {
			t.Errorf("%s: %s", list, got)
		}
	}
}

// ask sends a request as it is: AWS JSON with a target, a form without.
func (s *server) ask(t *testing.T, service, target, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260102/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if target != "" {
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", target)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %s %v", service, body, answer.StatusCode, text, err)
	}
	return string(text)
}
