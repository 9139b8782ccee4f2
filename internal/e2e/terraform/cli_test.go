package terraform

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cli is the aws CLI of this host, or the one that make prepare installed.
func cli(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("aws"); err == nil {
		return path
	}
	path, _ := filepath.Abs("../../../build/venv/bin/aws")
	if _, err := os.Stat(path); err != nil {
		t.Skip("no aws CLI here: run make prepare")
	}
	return path
}

// aws runs the aws CLI in a folder, and gives what it printed.
func (s *server) aws(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), cli(t), args...)
	cmd.Dir, cmd.Env = dir, s.environ()
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// newCLI tells whether the CLI is of version 2.
func (s *server) newCLI(t *testing.T) bool {
	t.Helper()
	out, err := s.aws(t, t.TempDir(), "--version")
	return err == nil && strings.HasPrefix(out, "aws-cli/2")
}

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// TestCLI: a role, its policies, a log group and a function, as tutorials make them,
// with the CLI's waiters and its ways to read logs.
func TestCLI(t *testing.T) {
	t.Parallel()
	s, dir := start(t), t.TempDir()
	zipped(t, filepath.Join(dir, "f.zip"), "app.py", "def handler(event, context):\n    print('ERROR: bad word')\n")
	const group = "/aws/lambda/f"
	for _, c := range []struct{ args, want string }{
		{"iam create-role --role-name r --assume-role-policy-document TRUST --tags Key=a,Value=b --query Role.Arn --output text", "arn:aws:iam::111111111111:role/r"},
		{"iam wait role-exists --role-name r", ""},
		{"iam attach-role-policy --role-name r --policy-arn arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole", ""},
		{"iam list-attached-role-policies --role-name r --query AttachedPolicies[].PolicyName --output text", "AWSLambdaBasicExecutionRole"},
		{"iam list-policies --scope AWS --query length(Policies[?PolicyName=='AdministratorAccess']) --output text", "1"},
		{"iam get-role --role-name r --query Role.AssumeRolePolicyDocument.Statement[0].Principal.Service --output text", "lambda.amazonaws.com"},
		{"iam list-role-tags --role-name r --query Tags[0].Value --output text", "b"},
		{"iam get-role --role-name none", "An error occurred (NoSuchEntity) when calling the GetRole operation: The role with name none cannot be found."},
		{"iam delete-role --role-name r", "An error occurred (DeleteConflict) when calling the DeleteRole operation: Cannot delete entity, must detach all policies first."},
		{"logs create-log-group --log-group-name " + group, ""},
		{"logs put-retention-policy --log-group-name " + group + " --retention-in-days 3", ""},
		{"lambda create-function --function-name f --runtime RUNTIME --handler app.handler --role arn:aws:iam::111111111111:role/r " +
			"--zip-file fileb://f.zip --query FunctionName --output text", "f"},
		{"lambda wait function-active-v2 --function-name f", ""},
		{"lambda wait function-exists --function-name f", ""},
		{"lambda invoke --function-name f out --query StatusCode --output text", "200"},
		{"lambda publish-version --function-name f --query Version --output text", "1"},
		{"lambda wait published-version-active --function-name f --qualifier 1", ""},
		{"logs tail " + group + " --since 1h --format short --filter-pattern ERROR", "*ERROR: bad word"},
		{"logs filter-log-events --log-group-name " + group + " --filter-pattern ?ERROR --query length(events) --output text", "1"},
		{"logs describe-log-groups --query logGroups[0].retentionInDays --output text", "3"},
		{"logs describe-log-streams --log-group-name " + group + " --order-by LastEventTime --descending --query length(logStreams) --output text", "1"},
		{"logs delete-log-group --log-group-name " + group, ""},
		{"dynamodb list-tables", "An error occurred (NotImplementedException) when calling the ListTables operation: The service dynamodb is not available in Lambent. " +
			"With lambent serve --upstream URL its requests are forwarded to another endpoint."},
		{"s3api list-buckets", "An error occurred (NotImplementedException) when calling the ListBuckets operation: The service s3 is not available in Lambent. " +
			"With lambent serve --upstream URL its requests are forwarded to another endpoint."},
		{"sts get-caller-identity --query Account --output text", account},
	} {
		if strings.HasPrefix(c.args, "logs tail") && !s.newCLI(t) {
			continue // version 1 has no such command
		}
		args := strings.Fields(c.args)
		for i, a := range args {
			switch a {
			case "TRUST":
				args[i] = trust
			case "RUNTIME":
				args[i] = python(t)
			}
		}
		got, err := s.aws(t, dir, args...)
		fits := got == c.want
		if part, ok := strings.CutPrefix(c.want, "*"); ok {
			fits = strings.Contains(got, part)
		}
		if failing := strings.HasPrefix(c.want, "An error"); !fits || failing != (err != nil) {
			t.Errorf("aws %s\n got %s, %v\nwant %s", c.args, got, err, c.want)
		}
	}
}

// TestUpstream: a service that is not here comes from elsewhere, unchanged: another
// lambent that has other functions stands for it.
func TestUpstream(t *testing.T) {
	t.Parallel()
	elsewhere := start(t)
	s := start(t, "--upstream", elsewhere.url)
	got, err := s.aws(t, t.TempDir(), "dynamodb", "list-tables")
	const want = "The service dynamodb is not available in Lambent."
	if err == nil || !strings.Contains(got, want) {
		t.Errorf("got %s %v, want the upstream's refusal", got, err)
	}
	out, err := exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir(), "--upstream", "no-url").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--upstream: not a URL such as http://127.0.0.1:5000") {
		t.Errorf("no URL: %s %v", out, err)
	}
}

// tail reads logs as aws logs tail, boto3 and sam logs do: page by page, over all
// streams, seeing each event once.
const tail = `
import boto3
logs, iam, sts = boto3.client("logs"), boto3.client("iam"), boto3.client("sts")
assert sts.get_caller_identity()["Account"] == "111111111111"
logs.create_log_group(logGroupName="g", tags={"a": "b"})
for stream in ("s", "t"):
    logs.create_log_stream(logGroupName="g", logStreamName=stream)
import time
now = int(time.time() * 1000)
for stream in ("s", "t"):
    logs.put_log_events(logGroupName="g", logStreamName=stream,
        logEvents=[dict(timestamp=now + i, message="%s%d" % (stream, i)) for i in range(5)])
pages = logs.get_paginator("filter_log_events").paginate(
    logGroupName="g", interleaved=True, startTime=now - 1000, PaginationConfig=dict(PageSize=3))
events = [e for p in pages for e in p["events"]]
assert sorted(e["message"] for e in events) == sorted(s + str(i) for s in "st" for i in range(5)), events
assert len({e["eventId"] for e in events}) == 10
assert [e["timestamp"] for e in events] == sorted(e["timestamp"] for e in events)
assert [e["message"] for e in logs.get_log_events(logGroupName="g", logStreamName="s")["events"]] == ["s%d" % i for i in range(5)]
streams = [s for p in logs.get_paginator("describe_log_streams").paginate(logGroupName="g", PaginationConfig=dict(PageSize=1)) for s in p["logStreams"]]
assert [s["logStreamName"] for s in streams] == ["s", "t"] and streams[0]["lastEventTimestamp"] == now + 4, streams
arn = logs.describe_log_groups(logGroupNamePrefix="g")["logGroups"][0]["logGroupArn"]
assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b"}
try:
    logs.create_log_group(logGroupName="g")
    assert False
except logs.exceptions.ResourceAlreadyExistsException:
    pass
logs.delete_log_group(logGroupName="g")
names = [p["PolicyName"] for page in iam.get_paginator("list_policies").paginate(PaginationConfig=dict(PageSize=7)) for p in page["Policies"]]
assert len(names) > 30 and len(names) == len(set(names)), names
try:
    iam.get_role(RoleName="none")
    assert False
except iam.exceptions.NoSuchEntityException:
    pass
print("done")
`

// TestBoto3 follows pages and names exceptions as boto3 does.
func TestBoto3(t *testing.T) {
	t.Parallel()
	s := start(t)
	interpreter, _ := filepath.Abs("../../../build/venv/bin/python")
	if _, err := os.Stat(interpreter); err != nil {
		t.Skip("no boto3 here: run make prepare")
	}
	cmd := exec.CommandContext(t.Context(), interpreter, "-c", tail)
	cmd.Env = s.environ()
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasSuffix(string(out), "done\n") {
		t.Errorf("boto3: %v\n%s", err, out)
	}
}
