package async

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// metricsCode reads metrics in the protocol that the installed boto3 prefers.
const metricsCode = `
import boto3, datetime, sys, time
from botocore.config import Config
from botocore.exceptions import ClientError
now = datetime.datetime.now(datetime.timezone.utc)
span = dict(StartTime=now - datetime.timedelta(minutes=10), EndTime=now + datetime.timedelta(minutes=5))
def of(**names): return [dict(Name=k, Value=v) for k, v in names.items()]
def wait(what, want, ask):
    for _ in range(100):
        got = ask()
        if got == want: return
        time.sleep(0.1)
    sys.exit("%s: %s, want %s" % (what, got, want))
cw = boto3.client("cloudwatch")
def statistics(name, dimensions, statistic):
    points = cw.get_metric_statistics(Namespace="AWS/Lambda", MetricName=name, Dimensions=dimensions, Period=3600, Statistics=[statistic], **span)["Datapoints"]
    return [p[statistic] for p in points]
f = of(FunctionName="f")
live = of(FunctionName="f", Resource="f:live")
wait("calls", [5.0], lambda: statistics("Invocations", f, "Sum"))
wait("calls of all", [5.0], lambda: statistics("Invocations", [], "Sum"))
wait("calls of the alias", [2.0], lambda: statistics("Invocations", live, "Sum"))
wait("calls of its version", [2.0], lambda: statistics("Invocations", live + of(ExecutedVersion="1"), "Sum"))
wait("failures", [0.2], lambda: statistics("Errors", f, "Average"))
wait("no throttles", [0.0], lambda: statistics("Throttles", f, "Maximum"))
wait("events", [1.0], lambda: statistics("AsyncEventsReceived", f, "Sum"))
wait("events of the alias", [1.0], lambda: statistics("AsyncEventsReceived", live, "Sum"))
wait("ages", [1.0], lambda: statistics("AsyncEventAge", live, "SampleCount"))
wait("requests to the URL", [1.0], lambda: statistics("UrlRequestCount", f, "Sum"))
# One after the other; but the next may begin while the last is answered and not over.
wait("concurrency", [True], lambda: [1 <= n <= 2 for n in statistics("ConcurrentExecutions", f, "Maximum")])
wait("another", [], lambda: statistics("Invocations", of(FunctionName="g"), "Sum"))
p = cw.get_metric_statistics(Namespace="AWS/Lambda", MetricName="Duration", Dimensions=f, Period=3600, ExtendedStatistics=["p50", "p99.9"], Statistics=["Minimum", "Maximum"], **span)["Datapoints"][0]
assert p["Unit"] == "Milliseconds" and 0 < p["Minimum"] <= p["ExtendedStatistics"]["p50"] <= p["ExtendedStatistics"]["p99.9"] <= p["Maximum"], p
assert p["Timestamp"].tzinfo and p["Timestamp"] <= now, p
query = dict(Id="a", MetricStat=dict(Metric=dict(Namespace="AWS/Lambda", MetricName="Invocations", Dimensions=f), Period=3600, Stat="Sum"))
r = list(cw.get_paginator("get_metric_data").paginate(MetricDataQueries=[query], **span))
assert [x["Values"] for p in r for x in p["MetricDataResults"]] == [[5.0]], r
names = {m["MetricName"] for p in cw.get_paginator("list_metrics").paginate(Namespace="AWS/Lambda", Dimensions=[dict(Name="FunctionName", Value="f")]) for m in p["Metrics"]}
assert {"Invocations", "Errors", "Duration", "Throttles", "ConcurrentExecutions", "UrlRequestLatency"} <= names, names
try:
    cw.get_metric_data(MetricDataQueries=[dict(Id="a", Expression="1+1")], **span)
    sys.exit("metric math was not refused")
except ClientError as e:
    assert e.response["Error"]["Code"] == "NotImplementedException" and "metric math" in e.response["Error"]["Message"], e
try:
    cw.get_metric_statistics(Namespace="AWS/Lambda", MetricName="Duration", Dimensions=f, Period=60, Statistics=["Sum"], StartTime=now, EndTime=now)
    sys.exit("no time was not refused")
except cw.exceptions.InvalidParameterValueException as e:
    assert e.response["Error"]["Code"] == "InvalidParameterValue", e
print("done")
`

// TestMetricsByBoto3AndCLI: what a function did can be asked of CloudWatch.
func TestMetricsByBoto3AndCLI(t *testing.T) {
	t.Parallel()
	s := own(t, quick)
	s.deploy(t, "f", nil)
	if _, err := s.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateAlias(t.Context(), &lambda.CreateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), FunctionVersion: aws.String("1")}); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"f", `{}`}, {"f", `{"Fail":true}`}, {"f:live", `{}`}} {
		if _, err := s.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &c[0], Payload: []byte(c[1])}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f:live"), InvocationType: types.InvocationTypeEvent, Payload: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	made, err := s.CreateFunctionUrlConfig(t.Context(), &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("f"), AuthType: types.FunctionUrlAuthTypeNone})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddPermission(t.Context(), &lambda.AddPermissionInput{
		FunctionName: aws.String("f"), StatementId: aws.String("url"), Action: aws.String("lambda:InvokeFunctionUrl"), Principal: aws.String("*"), FunctionUrlAuthType: types.FunctionUrlAuthTypeNone,
	}); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = hostOf(aws.ToString(made.FunctionUrl))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the URL answered %s", answer.Status)
	}
	boto3(t, s, metricsCode)
	askByCLI(t, s)
}

func hostOf(url string) string { return filepath.Base(filepath.Clean(url)) }

func askByCLI(t *testing.T, s *server) {
	t.Helper()
	command, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the aws command is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	now := time.Now().UTC()
	cmd := exec.CommandContext(ctx, command, "--endpoint-url", s.url, "--output", "json", "cloudwatch", "get-metric-statistics",
		"--namespace", "AWS/Lambda", "--metric-name", "Invocations", "--dimensions", "Name=FunctionName,Value=f", "--period", "3600", "--statistics", "Sum", "SampleCount",
		"--start-time", now.Add(-10*time.Minute).Format(time.RFC3339), "--end-time", now.Add(5*time.Minute).Format(time.RFC3339))
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true")
	out, err := cmd.CombinedOutput()
	var got struct {
		Label      string
		Datapoints []struct {
			Sum, SampleCount float64
			Unit             string
		}
	}
	if err != nil || json.Unmarshal(out, &got) != nil || got.Label != "Invocations" || len(got.Datapoints) != 1 || got.Datapoints[0].Sum != 5 || got.Datapoints[0].Unit != "Count" {
		t.Errorf("aws: %v\n%s", err, out)
	}
}
