package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// controlCode goes through the control plane by boto3, whose own model judges the
// answers: every member that it reads it knows, and every refusal is its class.
const controlCode = `
import io, sys, time, zipfile
import boto3
name = sys.argv[1]
client = boto3.client("lambda")
def package(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("index.py", text)
    return out.getvalue()
def refused(exception, text, call, **arguments):
    try:
        call(**arguments)
    except getattr(client.exceptions, exception) as e:
        assert text in str(e), e
    else:
        raise SystemExit("not refused: %s" % text)
client.create_function(FunctionName=name, Runtime="python3.11", Handler="index.handler", Role="arn:aws:iam::000000000000:role/test",
                       Code={"ZipFile": package("def handler(event, context):\n    return 1")}, Tags={"a": "b"})
client.get_waiter("function_active_v2").wait(FunctionName=name)
version = client.publish_version(FunctionName=name, Description="first")
assert version["Version"] == "1" and version["State"] == "Active", version
client.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1")

layer = client.publish_layer_version(LayerName=name, Content={"ZipFile": package("")}, CompatibleRuntimes=["python3.11"])
assert layer["Version"] == 1 and layer["CompatibleRuntimes"] == ["python3.11"], layer
assert [l["LayerName"] for p in client.get_paginator("list_layers").paginate() for l in p["Layers"]].count(name) == 1
client.update_function_configuration(FunctionName=name, Layers=[layer["LayerVersionArn"]])
client.get_waiter("function_updated_v2").wait(FunctionName=name)

alias = client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
assert alias["AliasArn"].endswith(":live"), alias
refused("ResourceConflictException", "Alias already exists", client.create_alias, FunctionName=name, Name="live", FunctionVersion="1")
refused("ResourceNotFoundException", "Cannot find alias arn", client.get_alias, FunctionName=name, Name="none")

url = client.create_function_url_config(FunctionName=name, Qualifier="live", AuthType="NONE", Cors={"AllowOrigins": ["*"], "MaxAge": 3})
assert url["Cors"] == {"AllowOrigins": ["*"], "MaxAge": 3}, url
client.add_permission(FunctionName=name, Qualifier="live", StatementId="s", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE")
assert "lambda:FunctionUrlAuthType" in client.get_policy(FunctionName=name, Qualifier="live")["Policy"]

config = client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0, MaximumEventAgeInSeconds=60)
assert config["MaximumEventAgeInSeconds"] == 60 and config["LastModified"].year > 2000, config

made = client.create_event_source_mapping(FunctionName=name, EventSourceArn="arn:aws:kinesis:us-east-1:000000000000:stream/s",
    StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=1700000000, BatchSize=5, FilterCriteria={"Filters": [{"Pattern": '{"data": {"a": [1]}}'}]},
    DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:q"}}, Tags={"k": "v"})
mapping = made["UUID"]
assert made["State"] == "Creating" and made["StartingPositionTimestamp"].timestamp() == 1700000000, made
for _ in range(600):
    now = client.get_event_source_mapping(UUID=mapping)
    if now["State"] == "Enabled":
        break
    time.sleep(0.05)
assert now["State"] == "Enabled" and now["BatchSize"] == 5 and now["DestinationConfig"]["OnFailure"]["Destination"].endswith(":q"), now
assert client.list_tags(Resource=now["EventSourceMappingArn"])["Tags"] == {"k": "v"}
refused("ResourceConflictException", "Please update or delete the existing mapping with UUID " + mapping, client.create_event_source_mapping,
        FunctionName=name, EventSourceArn="arn:aws:kinesis:us-east-1:000000000000:stream/s", StartingPosition="LATEST")
refused("InvalidParameterValueException", "Unrecognized event source.", client.create_event_source_mapping, FunctionName=name)
assert [m["UUID"] for p in client.get_paginator("list_event_source_mappings").paginate(FunctionName=name) for m in p["EventSourceMappings"]] == [mapping]
assert client.delete_event_source_mapping(UUID=mapping)["State"] == "Deleting"
assert client.get_account_settings()["AccountUsage"]["FunctionCount"] > 0
client.delete_function(FunctionName=name)
print("done")
`

// TestControlPlane is a sample of the control plane by boto3, unmodified.
func TestControlPlane(t *testing.T) {
	t.Parallel()
	python := filepath.Join(prepared(t, "venv"), "bin", "python")
	s := start(t)
	out, err := s.command(t.Context(), python, "-c", controlCode, functionName(t)).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "done" {
		t.Errorf("%v\n%s", err, out)
	}
}
