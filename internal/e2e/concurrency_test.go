package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// kindCode tells how its environment came to be, and takes as long as it is told.
const kindCode = `
import os, sys, time
if os.environ.get("BROKEN"):
    raise Exception("no luck")
time.sleep(float(os.environ.get("INIT", "0")))
began = time.time()
def handler(event, context):
    if event.get("crash"):
        os._exit(1)
    time.sleep(event.get("sleep", 0))
    return {"type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "began": began, "stream": context.log_stream_name}
`

// concurrencyCode is what boto3 sees of concurrency: the refusals of invocations
// and provisioned concurrency's states, first use and spill-over.
const concurrencyCode = `
import concurrent.futures, json, sys, time
import boto3, botocore.config
name = sys.argv[1]
client = boto3.client("lambda", config=botocore.config.Config(retries={"max_attempts": 0}, max_pool_connections=50))
def invoke(qualifier, **event):
    answer = client.invoke(FunctionName=name, Qualifier=qualifier, Payload=json.dumps(event))
    return json.load(answer["Payload"])
def refused(reason, call):
    try:
        raise SystemExit("not refused: %s" % call())
    except client.exceptions.TooManyRequestsException as e:
        r, http = e.response, e.response["ResponseMetadata"]
        assert http["HTTPStatusCode"] == 429 and http["HTTPHeaders"]["retry-after"] == "1", r
        assert r["Reason"] == reason and r["Error"]["Code"] == "TooManyRequestsException" and r["Error"]["Message"] == "Rate Exceeded.", r
def settled(qualifier):
    for _ in range(600):
        config = client.get_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)
        if config["Status"] != "IN_PROGRESS":
            return {k: v for k, v in config.items() if k not in ("ResponseMetadata", "LastModified")}
        time.sleep(0.05)
    raise SystemExit("still in progress: %s" % config)
pool = concurrent.futures.ThreadPoolExecutor(30)

# F159: a reservation of nothing.
client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
refused("ReservedFunctionConcurrentInvocationLimitExceeded", lambda: invoke("$LATEST"))
# A reservation is a ceiling, of what runs and of requests in a second.
client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
running = pool.submit(invoke, "$LATEST", sleep=5)
time.sleep(2)
refused("ReservedFunctionConcurrentInvocationLimitExceeded", lambda: invoke("$LATEST"))
assert running.result()["type"] == "on-demand"
time.sleep(1)
begun, times = time.time(), 0
try:
    while time.time() < begun + 10:
        invoke("$LATEST")
        times += 1
    assert times <= 110, "never refused" # so few that a busy host did not get to the limit
except client.exceptions.TooManyRequestsException as e:
    assert e.response["Reason"] == "ReservedFunctionInvocationRateLimitExceeded", e.response
    most = 10 + 10 * (time.time() - begun)
    assert 10 <= times <= most + 1, (times, most)

# F163: asked for, in progress, ready.
client.delete_function_concurrency(FunctionName=name)
version = client.publish_version(FunctionName=name)["Version"]
client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
asked = client.put_provisioned_concurrency_config(FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=2)
assert asked["ResponseMetadata"]["HTTPStatusCode"] == 202 and asked["Status"] == "IN_PROGRESS", asked
assert asked["RequestedProvisionedConcurrentExecutions"] == 2 and asked["AvailableProvisionedConcurrentExecutions"] == 0, asked
ready = settled("live")
assert ready == {"Status": "READY", "RequestedProvisionedConcurrentExecutions": 2, "AllocatedProvisionedConcurrentExecutions": 2,
                 "AvailableProvisionedConcurrentExecutions": 2}, ready
# F170: initialised before the call, used first; the overflow runs on demand.
for qualifier in ("live", version):
    called = time.time()
    got = invoke(qualifier)
    assert got["type"] == "provisioned-concurrency" and got["began"] < called, got
types = sorted(f.result()["type"] for f in [pool.submit(invoke, "live", sleep=4) for _ in range(4)])
assert types == ["on-demand"] * 2 + ["provisioned-concurrency"] * 2, types
assert invoke("$LATEST")["type"] == "on-demand"
# F162: all of the reservation provisioned.
client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
refused("ReservedFunctionConcurrentInvocationLimitExceeded", lambda: invoke("$LATEST"))
assert invoke("live")["type"] == "provisioned-concurrency"
client.delete_function_concurrency(FunctionName=name)
# One that crashes is replaced.
crashed = client.invoke(FunctionName=name, Qualifier="live", Payload=json.dumps({"crash": 1}))
assert crashed["FunctionError"] == "Unhandled", crashed
assert settled("live") == ready
streams = {f.result()["stream"] for f in [pool.submit(invoke, "live", sleep=3) for _ in range(2)]} # of both environments
assert len(streams) == 2, streams
# F169: an alias that moves keeps what it has, and uses it, until the other version
# is ready, which it may be before anybody asks.
client.update_function_configuration(FunctionName=name, Description="second", Environment={"Variables": {"INIT": "3"}})
client.get_waiter("function_updated_v2").wait(FunctionName=name)
second = client.publish_version(FunctionName=name)["Version"]
client.update_alias(FunctionName=name, Name="live", FunctionVersion=second)
moved = client.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
assert moved["Status"] in ("IN_PROGRESS", "READY") and moved["AllocatedProvisionedConcurrentExecutions"] == 2 and moved["AvailableProvisionedConcurrentExecutions"] == 2, moved
called = time.time()
got = invoke("live")
if client.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")["Status"] == "IN_PROGRESS":
    assert got["type"] == "provisioned-concurrency" and got["began"] < called and got["stream"] in streams, got
assert settled("live") == ready
called = time.time()
got = invoke("live")
assert got["type"] == "provisioned-concurrency" and got["began"] < called and got["stream"].split("]")[0].endswith("[" + second), got
# An Init that fails.
client.update_function_configuration(FunctionName=name, Environment={"Variables": {"BROKEN": "1"}})
client.get_waiter("function_updated_v2").wait(FunctionName=name)
third = client.publish_version(FunctionName=name)["Version"]
client.put_provisioned_concurrency_config(FunctionName=name, Qualifier=third, ProvisionedConcurrentExecutions=1)
failed = settled(third)
assert failed == {"Status": "FAILED", "StatusReason": "FUNCTION_ERROR_INIT_FAILURE", "RequestedProvisionedConcurrentExecutions": 1,
                  "AllocatedProvisionedConcurrentExecutions": 0, "AvailableProvisionedConcurrentExecutions": 0}, failed
listed = client.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"]
assert [(c["FunctionArn"].split(":")[-1], c["Status"]) for c in listed] == [(third, "FAILED"), ("live", "READY")], listed
client.delete_provisioned_concurrency_config(FunctionName=name, Qualifier=third)
client.delete_alias(FunctionName=name, Name="live")
assert client.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"] == []
print("done")
`

// TestConcurrency is docs/environment.md §8.1, §8.2 and §8.7 as boto3 sees them.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	python := filepath.Join(prepared(t, "venv"), "bin", "python")
	s := start(t)
	name := s.deploy(t, function{code: kindCode, timeout: 10})
	out, err := s.command(t.Context(), python, "-c", concurrencyCode, name).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "done") {
		t.Errorf("%v\n%s", err, out)
	}
	// A failed Init ahead writes what a failed Init writes, and once for each try.
	log := s.log(t, name)
	if !strings.Contains(log, "INIT_REPORT Init Duration:") || !strings.Contains(log, "Phase: init\tStatus: error") {
		t.Errorf("no INIT_REPORT of the Init that failed:\n%s", log)
	}
}

// limitsCode is what boto3 sees of a small account and of a small host: $1 and $2 are
// functions, of which $1 has a version 1.
const limitsCode = `
import concurrent.futures, json, os, sys, time, urllib.request
import boto3, botocore.config
one, other = sys.argv[1:]
client = boto3.client("lambda", config=botocore.config.Config(retries={"max_attempts": 0}, max_pool_connections=50, read_timeout=300))
def invoke(function, qualifier="$LATEST", **event):
    return json.load(client.invoke(FunctionName=function, Qualifier=qualifier, Payload=json.dumps(event))["Payload"])
def refused(kind, code, text, call):
    try:
        raise SystemExit("not refused: %s" % call())
    except kind as e:
        assert e.response["Error"]["Message"] == text and e.response.get("Reason", "") == code, e.response
def running(n):
    line = "aws_lambda_concurrent_executions %d" % n
    while line not in urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_lambent/metrics").read().decode().splitlines():
        time.sleep(0.05)
throttled, invalid = client.exceptions.TooManyRequestsException, client.exceptions.InvalidParameterValueException
pool = concurrent.futures.ThreadPoolExecutor(30)

# An account of three: nothing can be reserved, but a function can be throttled.
limit = client.get_account_settings()["AccountLimit"]
assert limit["ConcurrentExecutions"] == limit["UnreservedConcurrentExecutions"] == 3, limit
least = "ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [3]."
refused(invalid, "", "Specified Reserved" + least, lambda: client.put_function_concurrency(FunctionName=other, ReservedConcurrentExecutions=1))
refused(invalid, "", "Specified " + least, lambda: client.put_provisioned_concurrency_config(FunctionName=one, Qualifier="1", ProvisionedConcurrentExecutions=1))
client.put_function_concurrency(FunctionName=other, ReservedConcurrentExecutions=0)
refused(throttled, "ReservedFunctionConcurrentInvocationLimitExceeded", "Rate Exceeded.", lambda: invoke(other))
client.delete_function_concurrency(FunctionName=other)
# Three run, of whichever function; a fourth is refused.
held = [pool.submit(invoke, f, sleep=20) for f in (one, one, other)]
running(3)
refused(throttled, "ConcurrentInvocationLimitExceeded", "Rate Exceeded.", lambda: invoke(other))
assert client.invoke(FunctionName=other, InvocationType="DryRun")["StatusCode"] == 204
for h in held:
    assert h.result()["type"] == "on-demand", h.result()
print("done")
`

// TestSmallAccount is docs/environment.md §8.1 and §8.2 of the account's limit.
func TestSmallAccount(t *testing.T) {
	t.Parallel()
	python := filepath.Join(prepared(t, "venv"), "bin", "python")
	s := start(t, "--concurrency", "3")
	one, other := s.deploy(t, function{code: kindCode, timeout: 60}), s.deploy(t, function{code: kindCode, timeout: 60})
	if _, err := s.client().PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: &one}); err != nil {
		t.Fatal(err)
	}
	out, err := s.command(t.Context(), python, "-c", limitsCode, one, other).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "done") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestStormGivesBack: what is no longer provisioned ends though its function is
// stormed, and another function gets its share of a full host.
func TestStormGivesBack(t *testing.T) {
	t.Parallel()
	s := start(t, "--max-environments", "3", "--max-wait", "10m")
	name, other := s.deploy(t, function{code: kindCode, timeout: 60}), s.deploy(t, function{code: kindCode, timeout: 60})
	v, err := s.client().PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: &name})
	if err != nil {
		t.Fatal(err)
	}
	s.provision(t, name, *v.Version, 3)
	s.waitProvisioned(t, name, *v.Version)
	var callers sync.WaitGroup
	var onDemand atomic.Int64 // answers in a row, to all callers
	stop := make(chan struct{})
	for range 8 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				var k kind
				if err := json.Unmarshal([]byte(s.call(t, name+":"+*v.Version, `{"sleep": 0.05}`).payload), &k); err != nil {
					t.Error(err)
					return
				}
				if onDemand.Add(1); k.Type != "on-demand" {
					onDemand.Store(0)
				}
			}
		})
	}
	defer func() { close(stop); callers.Wait() }()
	if _, err := s.client().DeleteProvisionedConcurrencyConfig(t.Context(), &lambda.DeleteProvisionedConcurrencyConfigInput{FunctionName: &name, Qualifier: v.Version}); err != nil {
		t.Fatal(err)
	}
	if r := s.call(t, other, "{}"); r.fault != "" {
		t.Errorf("the other function: %+v", r)
	}
	for onDemand.Load() < 50 {
		time.Sleep(50 * time.Millisecond)
	}
}

// kind is what a function of kindCode answers.
type kind struct {
	Type   string
	Began  float64
	Stream string
}

func (s *server) provision(t *testing.T, name, qualifier string, n int32) {
	t.Helper()
	_, err := s.client().PutProvisionedConcurrencyConfig(t.Context(), &lambda.PutProvisionedConcurrencyConfigInput{
		FunctionName: &name, Qualifier: &qualifier, ProvisionedConcurrentExecutions: &n,
	})
	if err != nil {
		t.Fatalf("provision %s: %v", name, err)
	}
}

func (s *server) waitProvisioned(t *testing.T, name, qualifier string) {
	t.Helper()
	for {
		c, err := s.client().GetProvisionedConcurrencyConfig(t.Context(), &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: &name, Qualifier: &qualifier})
		if err != nil {
			t.Fatal(err)
		}
		switch c.Status {
		case types.ProvisionedConcurrencyStatusEnumReady:
			return
		case types.ProvisionedConcurrencyStatusEnumFailed:
			t.Fatalf("provisioned concurrency of %s: %s\n%s", name, aws.ToString(c.StatusReason), s.said)
		case types.ProvisionedConcurrencyStatusEnumInProgress:
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestProvisionedSurvivesKills: what was asked for is initialised again when the
// server is, before anybody calls; an alias that was deleted has nothing.
func TestProvisionedSurvivesKills(t *testing.T) {
	t.Parallel()
	for _, g := range grounds() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			dir := dataDir(t)
			s := launch(t, g, dir)
			defer func() { s.kill() }()
			name := s.deploy(t, function{code: kindCode, timeout: 10})
			v, err := s.client().PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: &name})
			if err != nil {
				t.Fatal(err)
			}
			s.provision(t, name, *v.Version, 2)
			for range 3 {
				s.waitProvisioned(t, name, *v.Version)
				called := time.Now()
				var k kind
				if err := json.Unmarshal([]byte(s.call(t, name+":"+*v.Version, "{}").payload), &k); err != nil {
					t.Fatal(err)
				}
				if k.Type != "provisioned-concurrency" || k.Began >= float64(called.UnixNano())/1e9 {
					t.Errorf("answered %+v to a call at %v", k, called)
				}
				s.kill()
				s = launch(t, g, dir)
			}
			if _, err := s.client().DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: &name}); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
				out, err := s.command(t.Context(), binary, "ps", "--endpoint", s.url).CombinedOutput()
				if !strings.Contains(string(out), name) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("environments of a deleted function: %v\n%s", err, out)
				}
			}
		})
	}
}
