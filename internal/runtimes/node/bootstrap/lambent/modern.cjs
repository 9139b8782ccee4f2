// Node.js 24 and later. A handler is called and awaited; there are no
// callbacks, and an error that nobody catches ends the process as it does
// anywhere.
"use strict";

const context = require("./context.cjs");
const errors = require("./errors.cjs");
const loader = require("./loader.cjs");
const logging = require("./logging.cjs");

// The handler is a method of these: stacks say so, as AWS's do.
class BufferedInvokeProcessor {
  constructor(handler) {
    this.handler = handler;
  }
}
class StreamingInvokeProcessor extends BufferedInvokeProcessor {}

let pending; // posts an error for what is awaited: Init, or the invocation

async function run({ client, load }) {
  pending = (error) => client.failInit(error);
  process.once("beforeExit", () => unsettled());
  let processor;
  let one;
  try {
    const handler = await load();
    const streaming = loader.isStreaming(handler);
    refuseCallbacks(handler, streaming);
    processor = streaming ? new StreamingInvokeProcessor(handler) : new BufferedInvokeProcessor(handler);
    one = streaming ? stream : invoke;
  } catch (error) {
    logging.logError("Init Error", error);
    await client.failInit(error);
    pending = undefined;
    throw error; // ends the process with its stack on stderr
  }
  for (;;) {
    await one(client, processor, await begin(client));
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

// begin takes the next invocation.
async function begin(client) {
  const { headers, body } = await client.next();
  const id = headers["lambda-runtime-aws-request-id"];
  pending = (error) => client.fail(id, error);
  const trace = context.forwardTrace(headers);
  logging.enter(id, trace, headers["lambda-runtime-aws-tenant-id"]);
  return { id, headers, body, trace };
}

async function invoke(client, processor, { id, headers, body, trace }) {
  try {
    const result = await processor.handler(JSON.parse(body.toString()), contextOf(headers, trace));
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

async function stream(client, processor, { id, headers, body, trace }) {
  const response = require("./stream.cjs").open(client, id, processor.handler[loader.marks.highWaterMark]);
  try {
    const result = processor.handler(JSON.parse(body.toString()), response.stream, contextOf(headers, trace));
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
