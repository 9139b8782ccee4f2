"""The plain runtime client that the floor runs: http.client, nothing else."""
import http.client
import json
import os

from function import handler

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    response = connection.getresponse()
    event = json.loads(response.read())
    path = "/2018-06-01/runtime/invocation/%s/response" % response.headers["Lambda-Runtime-Aws-Request-Id"]
    connection.request("POST", path, json.dumps(handler(event, None)))
    connection.getresponse().read()
