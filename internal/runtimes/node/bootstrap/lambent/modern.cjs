// Node.js 24 and later. A handler is called and awaited; there are no
// callbacks, and an error that nobody catches ends the process as it does
// anywhere.
"use strict";

const context = require("./context.cjs");
const errors = require("./errors.cjs");
const loader = require("./loader.cjs");
const logging = require("./logging.cjs");

let pending; // posts an error for what is awaited: Init, or the invocation

async function run({ client, load }) {
  pending = (error) => client.failInit(error);
  process.once("beforeExit", () => unsettled());
  let handler;
  let streaming;
  try {
    handler = await load();
    streaming = loader.isStreaming(handler);
    refuseCallbacks(handler, streaming);
  } catch (error) {
    logging.logError("Init Error", error);
    await client.failInit(error);
    pending = undefined;
    throw error; // ends the process with its stack on stderr
  }
  for (;;) {
    await once(client, handler, streaming);
  }
}

// unsettled is an event loop that is empty though something is awaited.
async function unsettled() {
  if (!pending) {
    return;
  }
  const error = errors.make(
    "NodeJsExit",
    "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes",
  );
  logging.logError("Invoke Error", error);
  await pending(error);
  process.exit(13);
}

function refuseCallbacks(handler, streaming) {
  if (handler.length >= 3 && !streaming) {
    throw errors.make(
      "CallbackHandlerDeprecated",
      "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.",
    );
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function once(client, handler, streaming) {
  const { headers, body } = await client.next();
  const id = headers["lambda-runtime-aws-request-id"];
  pending = (error) => client.fail(id, error);
  const trace = context.forwardTrace(headers);
  logging.enter(id, trace, headers["lambda-runtime-aws-tenant-id"]);
  if (streaming) {
    await stream(client, handler, id, headers, body, trace);
    return;
  }
  try {
    const result = await handler(JSON.parse(body.toString()), contextOf(headers, trace));
    await turn();
    await client.respond(id, result);
  } catch (error) {
    await turn();
    logging.logError("Invoke Error", error);
    await client.fail(id, error);
  }
}

function contextOf(headers, trace) {
  const { getRemainingTimeInMillis, ...rest } = context.invocation(headers);
  const { functionName, functionVersion, ...others } = context.environment();
  return { ...rest, xRayTraceId: trace, getRemainingTimeInMillis, functionName, functionVersion, ...others };
}

async function stream(client, handler, id, headers, body, trace) {
  const response = require("./stream.cjs").open(client, id, handler[loader.marks.highWaterMark]);
  try {
    const result = handler(JSON.parse(body.toString()), response.stream, contextOf(headers, trace));
    if (!result || typeof result.then !== "function") {
      throw new Error("Streaming does not support non-async handlers.");
    }
    if ((await result) !== undefined) {
      console.warn("Streaming handlers ignore return values.");
    }
    await response.done;
  } catch (error) {
    await turn();
    logging.logError("Invoke Error", error);
    await new Promise((resolve) => response.fail(error, resolve));
  }
}

module.exports = { run };
