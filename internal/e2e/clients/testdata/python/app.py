"""The function of the PyPI package's client."""

import os


def handler(event, context):
    op = event["op"]
    if op == "echo":
        return event["value"]
    if op == "env":
        return os.environ.get(event["name"])
    if op == "print":
        print(event["text"], flush=True)
        return None
    if op == "context":
        return {"id": context.aws_request_id, "arn": context.invoked_function_arn}
    if op == "raise":
        raise Exception(event["message"])
    if op == "exit":
        os._exit(event["code"])
    raise ValueError("unknown op " + op)
