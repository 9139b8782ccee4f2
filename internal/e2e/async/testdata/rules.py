# A rule's life by boto3; argv: the function's ARN.
import sys
import boto3

arn = sys.argv[1]
events = boto3.client("events")


def refused(code, text, call, **kw):
    try:
        call(**kw)
    except events.exceptions.ClientError as e:
        got = e.response["Error"]
        assert (got["Code"], got["Message"]) == (code, text), got
    else:
        raise SystemExit("not refused: %s %s" % (call, kw))


made = events.put_rule(Name="minutely", ScheduleExpression="cron(* * * * ? *)", Description="d", Tags=[{"Key": "a", "Value": "1"}])
assert made["RuleArn"] == "arn:aws:events:us-east-1:000000000000:rule/minutely", made
shown = events.describe_rule(Name="minutely")
shown.pop("ResponseMetadata")
assert shown == {"Name": "minutely", "Arn": made["RuleArn"], "ScheduleExpression": "cron(* * * * ? *)", "State": "ENABLED", "Description": "d",
                 "EventBusName": "default", "CreatedBy": "000000000000"}, shown
transformer = {"InputPathsMap": {"time": "$.time"}, "InputTemplate": '{"n": 3, "time": <time>}'}
put = events.put_targets(Rule="minutely", Targets=[
    {"Id": "event", "Arn": arn}, {"Id": "input", "Arn": arn, "Input": '{"n": 2}', "RetryPolicy": {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60}},
    {"Id": "transformed", "Arn": arn, "InputTransformer": transformer}])
assert put["FailedEntryCount"] == 0 and put["FailedEntries"] == [], put
targets = events.list_targets_by_rule(Rule="minutely")["Targets"]
assert [t["Id"] for t in targets] == ["event", "input", "transformed"] and targets[2]["InputTransformer"] == transformer, targets
assert targets[1] == {"Id": "input", "Arn": arn, "Input": '{"n": 2}', "RetryPolicy": {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60}}, targets
assert events.list_rule_names_by_target(TargetArn=arn)["RuleNames"] == ["minutely"]
for n in range(3):
    events.put_rule(Name="off%d" % n, ScheduleExpression="rate(1 day)", State="DISABLED")
first = events.list_rules(Limit=2)
assert [r["Name"] for r in first["Rules"]] == ["minutely", "off0"], first
rest = events.list_rules(NextToken=first["NextToken"])
assert [r["Name"] for r in rest["Rules"]] == ["off1", "off2"] and "NextToken" not in rest, rest
events.enable_rule(Name="off0")
assert events.describe_rule(Name="off0")["State"] == "ENABLED"
events.disable_rule(Name="off0")
assert events.describe_rule(Name="off0")["State"] == "DISABLED"
events.tag_resource(ResourceARN=made["RuleArn"], Tags=[{"Key": "b", "Value": "2"}])
events.untag_resource(ResourceARN=made["RuleArn"], TagKeys=["a"])
assert events.list_tags_for_resource(ResourceARN=made["RuleArn"])["Tags"] == [{"Key": "b", "Value": "2"}]
missing = events.remove_targets(Rule="off0", Ids=["x"])
assert missing["FailedEntryCount"] == 1 and missing["FailedEntries"][0]["ErrorCode"] == "ResourceNotFoundException", missing
events.delete_rule(Name="off0")
events.delete_rule(Name="off0")
refused("ValidationException", "Rule can't be deleted since it has targets.", events.delete_rule, Name="minutely")
refused("ResourceNotFoundException", "Rule none does not exist on EventBus default.", events.describe_rule, Name="none")
refused("ResourceNotFoundException", "Event bus mine does not exist.", events.list_rules, EventBusName="mine")
refused("ValidationException", "Parameter ScheduleExpression is not valid.", events.put_rule, Name="r", ScheduleExpression="rate(1 minutes)")
refused("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.", events.put_rule, Name="r")
refused("NotImplementedException", "Rules with an EventPattern are not yet available in Lambent; those with a ScheduleExpression are.",
        events.put_rule, Name="r", EventPattern='{"source": ["x"]}')
refused("NotImplementedException", "The operation PutEvents is not yet available in Lambent.", events.put_events, Entries=[{"Source": "x"}])
refused("ValidationException", "1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+",
        events.put_rule, Name="a b", ScheduleExpression="rate(1 day)")
print("done")
