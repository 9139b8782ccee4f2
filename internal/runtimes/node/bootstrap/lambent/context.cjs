// What of an invocation's headers and of the environment a handler is told.
"use strict";

const prefix = "lambda-runtime-";

// environment is the context's part that is the same for every invocation.
function environment() {
  const env = process.env;
  return {
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
  };
}

function invocation(headers) {
  const deadline = Number(headers[prefix + "deadline-ms"]);
  return {
    clientContext: parse(headers[prefix + "client-context"], "ClientContext"),
    identity: parse(headers[prefix + "cognito-identity"], "CognitoIdentity"),
    invokedFunctionArn: headers[prefix + "invoked-function-arn"],
    awsRequestId: headers[prefix + "aws-request-id"],
    tenantId: headers[prefix + "aws-tenant-id"],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

function parse(text, name) {
  if (!text) {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch (e) {
    throw new Error(`Cannot parse ${name} as json: ${e.toString()}`);
  }
}

// forwardTrace sets the variable that the X-Ray SDK reads.
function forwardTrace(headers) {
  const trace = headers[prefix + "trace-id"];
  if (trace) {
    process.env._X_AMZN_TRACE_ID = trace;
  } else {
    delete process.env._X_AMZN_TRACE_ID;
  }
  return trace;
}

module.exports = { environment, invocation, forwardTrace };
