# Asynchronous invocations by boto3; argv: a URL that functions tell what they do.
import io
import json
import sys
import zipfile
import boto3

record = sys.argv[1]
client = boto3.client("lambda")
role = "arn:aws:iam::000000000000:role/r"


def package(code):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        info = zipfile.ZipInfo("index.py")
        info.external_attr = 0o644 << 16
        z.writestr(info, code)
    return out.getvalue()


def refused(code, status, call, **kw):
    try:
        call(**kw)
    except client.exceptions.ClientError as e:
        got = e.response
        assert (got["Error"]["Code"], got["ResponseMetadata"]["HTTPStatusCode"]) == (code, status), got
        return got["Error"]["Message"]
    raise SystemExit("not refused: %s" % call)


# A function that hands its event on to itself as an SDK does, with the trace header
# that it was given, or fails.
code = """
import json, os, urllib.request
def say(text):
    urllib.request.urlopen(urllib.request.Request(%r, data=text.encode()))
def handler(event, context):
    say("%%d %%s %%s" %% (event.get("n", 0), context.aws_request_id, json.dumps(event)))
    if event.get("fail"):
        raise ValueError("no luck")
    if event.get("loop") and event["n"] != event.get("until"):
        url = os.environ["AWS_ENDPOINT_URL"] + "/2015-03-31/functions/" + context.function_name + "/invocations"
        urllib.request.urlopen(urllib.request.Request(url, data=json.dumps({**event, "n": event["n"] + 1}).encode(),
            headers={"X-Amz-Invocation-Type": event.get("type", "Event"), "X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"]}))
    return {"ok": True}
""" % record
client.create_function(FunctionName="py", Runtime="python3.11", Handler="index.handler", Role=role, Code={"ZipFile": package(code)}, Timeout=30)
client.get_waiter("function_active_v2").wait(FunctionName="py")
client.put_function_event_invoke_config(FunctionName="py", MaximumRetryAttempts=1,
                                        DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:bad"}})

answer = client.invoke(FunctionName="py", InvocationType="Event", Payload=json.dumps({"n": 1}))
assert answer["StatusCode"] == 202 and answer["Payload"].read() == b"" and "ExecutedVersion" not in answer, answer
answer = client.invoke_async(FunctionName="py", InvokeArgs=json.dumps({"n": 2}))
assert answer["Status"] == 202, answer
client.invoke(FunctionName="py", InvocationType="Event", Payload=json.dumps({"n": 3, "fail": True}))
client.invoke(FunctionName="py", InvocationType="Event", Payload=json.dumps({"n": 100, "loop": True}))

assert client.get_function_recursion_config(FunctionName="py")["RecursiveLoop"] == "Terminate"
client.create_function(FunctionName="free", Runtime="python3.11", Handler="index.handler", Role=role, Code={"ZipFile": package(code)}, Timeout=30)
client.get_waiter("function_active_v2").wait(FunctionName="free")
assert client.put_function_recursion_config(FunctionName="free", RecursiveLoop="Allow")["RecursiveLoop"] == "Allow"
client.invoke(FunctionName="free", InvocationType="Event", Payload=json.dumps({"n": 200, "loop": True, "until": 220}))
large = json.dumps({"x": "a" * (1 << 20)})
refused("RequestTooLargeException", 413, client.invoke, FunctionName="py", InvocationType="Event", Payload=large)
refused("InvalidRequestContentException", 400, client.invoke, FunctionName="py", InvocationType="Event", Payload="{")
refused("ResourceNotFoundException", 404, client.invoke, FunctionName="nobody", InvocationType="Event", Payload="{}")
print("done")
