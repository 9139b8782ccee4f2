# A schedule's life by boto3; argv: the function's ARN, and seconds until it is due.
import datetime
import sys
import boto3

arn, seconds = sys.argv[1], int(sys.argv[2])
scheduler = boto3.client("scheduler")
role = "arn:aws:iam::000000000000:role/r"


def refused(code, status, text, call, **kw):
    try:
        call(**kw)
    except scheduler.exceptions.ClientError as e:
        got = e.response
        assert (got["Error"]["Code"], got["Error"]["Message"], got["ResponseMetadata"]["HTTPStatusCode"]) == (code, text, status), got
    else:
        raise SystemExit("not refused: %s %s" % (call, kw))


def create(**kw):
    return scheduler.create_schedule(**dict({"Name": "s", "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"},
                                             "Target": {"Arn": arn, "RoleArn": role}}, **kw))


end = datetime.datetime(2099, 1, 1, tzinfo=datetime.timezone.utc)
window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
made = create(Name="berlin", ScheduleExpression="cron(0 9 ? * MON-FRI *)", ScheduleExpressionTimezone="Europe/Berlin", EndDate=end,
              FlexibleTimeWindow=window, Description="d", State="DISABLED")
assert made["ScheduleArn"] == "arn:aws:scheduler:us-east-1:000000000000:schedule/default/berlin", made
shown = scheduler.get_schedule(Name="berlin")
assert shown["ScheduleExpressionTimezone"] == "Europe/Berlin" and shown["FlexibleTimeWindow"] == window and shown["EndDate"] == end, shown
assert shown["State"] == "DISABLED" and shown["ActionAfterCompletion"] == "NONE" and shown["GroupName"] == "default", shown
assert shown["Target"] == {"Arn": arn, "RoleArn": role, "RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}}, shown
assert isinstance(shown["CreationDate"], datetime.datetime), shown
scheduler.update_schedule(Name="berlin", ScheduleExpression="rate(2 hours)", FlexibleTimeWindow={"Mode": "OFF"}, Target={"Arn": arn, "RoleArn": role}, State="DISABLED")
shown = scheduler.get_schedule(Name="berlin")
assert shown["ScheduleExpression"] == "rate(2 hours)" and shown["ScheduleExpressionTimezone"] == "UTC" and "Description" not in shown and "EndDate" not in shown, shown
group = scheduler.create_schedule_group(Name="g", Tags=[{"Key": "a", "Value": "1"}])["ScheduleGroupArn"]
assert group == "arn:aws:scheduler:us-east-1:000000000000:schedule-group/g", group
assert scheduler.list_tags_for_resource(ResourceArn=group)["Tags"] == [{"Key": "a", "Value": "1"}]
scheduler.tag_resource(ResourceArn=group, Tags=[{"Key": "b", "Value": "2"}])
scheduler.untag_resource(ResourceArn=group, TagKeys=["a"])
assert scheduler.list_tags_for_resource(ResourceArn=group)["Tags"] == [{"Key": "b", "Value": "2"}]
assert [g["Name"] for g in scheduler.list_schedule_groups()["ScheduleGroups"]] == ["default", "g"]
assert scheduler.get_schedule_group(Name="g")["State"] == "ACTIVE"
create(Name="berlin", GroupName="g", State="DISABLED", ClientToken="one")
create(Name="berlin", GroupName="g", State="DISABLED", ClientToken="one")
pages = scheduler.get_paginator("list_schedules").paginate(PaginationConfig={"PageSize": 1})
assert [(s["GroupName"], s["Name"]) for p in pages for s in p["Schedules"]] == [("default", "berlin"), ("g", "berlin")]
assert [s["GroupName"] for s in scheduler.list_schedules(GroupName="g")["Schedules"]] == ["g"]
refused("ConflictException", 409, "Schedule berlin already exists.", create, Name="berlin", GroupName="g")
refused("ConflictException", 409, "Schedule group g already exists.", scheduler.create_schedule_group, Name="g")
scheduler.delete_schedule_group(Name="g")
refused("ResourceNotFoundException", 404, "Schedule group g does not exist.", scheduler.get_schedule, Name="berlin", GroupName="g")
refused("ResourceNotFoundException", 404, "Schedule group g does not exist.", scheduler.list_schedules, GroupName="g")
refused("ResourceNotFoundException", 404, "Schedule none does not exist.", scheduler.get_schedule, Name="none")
refused("ResourceNotFoundException", 404, "Schedule none does not exist.", scheduler.delete_schedule, Name="none")
refused("ValidationException", 400, "Invalid Schedule Expression cron(0 1 * * * *).", create, ScheduleExpression="cron(0 1 * * * *)")
refused("ValidationException", 400, "1 validation error detected: Value 'MAYBE' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED]", create, State="MAYBE")
refused("NotImplementedException", 501, "The target arn:aws:sqs:us-east-1:000000000000:q is not available: Lambent's rules and schedules invoke functions only.",
        create, Target={"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": role})
at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
create(Name="once", ScheduleExpression=at.strftime("at(%Y-%m-%dT%H:%M:%S)"), ActionAfterCompletion="DELETE",
       Target={"Arn": arn, "RoleArn": role, "Input": '{"n": 7, "at": "<aws.scheduler.scheduled-time>", "of": "<aws.scheduler.schedule-arn>"}'})
print("done")
