// Node.js up to 22. A handler may call back, return a promise, or do neither;
// unless the function says otherwise, a callback's answer waits until the event
// loop is empty, and a loop that runs empty without an answer answers null.
"use strict";

const context = require("./context.cjs");
const errors = require("./errors.cjs");
const loader = require("./loader.cjs");
const logging = require("./logging.cjs");

const nothing = () => {};

// Runtime has the handler as a method: stacks say "Runtime.handler", as AWS's do.
class Runtime {
  constructor(handler) {
    this.handler = handler;
  }
}

let client;
let runtime;
let whenEmpty = nothing; // what an empty event loop means now
let report; // how an error that nobody caught is posted: to Init, or to the invocation

async function run(options) {
  client = options.client;
  report = (error) => client.failInit(error);
  process.on("beforeExit", () => whenEmpty());
  process.on("uncaughtException", (error) => die("Uncaught Exception", error, 129));
  process.on("unhandledRejection", (reason, promise) =>
    die("Unhandled Promise Rejection", errors.unhandledRejection(reason, promise), 128),
  );
  let streaming = false;
  whenEmpty = neverLoaded;
  try {
    runtime = new Runtime(await options.load());
    streaming = loader.isStreaming(runtime.handler);
    warn(runtime.handler, streaming);
  } catch (error) {
    die("Uncaught Exception", error, 129);
    return;
  } finally {
    whenEmpty = nothing;
  }
  const one = streaming ? stream : invoke;
  schedule = () => setImmediate(() => one().catch((error) => die("Uncaught Exception", error, 129)));
  schedule();
}

let schedule;

// die posts an error and ends the process when it is posted.
function die(title, error, code) {
  logging.logError(title, error);
  const exit = () => process.exit(code);
  report(error).then(exit, exit);
}

// neverLoaded is a module whose top-level await will never settle.
function neverLoaded() {
  whenEmpty = nothing;
  die("Uncaught Exception", unsettled(), 13);
}

function unsettled() {
  return errors.make(
    "NodeJsExit",
    "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes",
  );
}

function warn(handler, streaming) {
  const async = handler.constructor.name === "AsyncFunction";
  const version = parseInt(process.versions.node, 10);
  if (version < 20 || streaming || async || handler.length !== 3 || process.env.AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING !== undefined) {
    return;
  }
  console.warn(
    "AWS Lambda plans to remove support for callback-based function handlers starting with Node.js 24. You will need to update this function to use an async handler to use Node.js 24 or later. For more information and to provide feedback on this change, see https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/137. To disable this warning, set the AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING environment variable.",
  );
}

// begin takes the next invocation.
async function begin() {
  const { headers, body } = await client.next();
  const id = headers["lambda-runtime-aws-request-id"];
  logging.enter(id, headers["lambda-runtime-trace-id"], headers["lambda-runtime-aws-tenant-id"]);
  report = (error) => client.fail(id, error);
  return { id, headers, body };
}

async function invoke() {
  const { id, headers, body } = await begin();
  const call = new Call(id);
  const callback = call.once((error, result) => call.callback(error, result));
  whenEmpty = () => call.giveUp();
  try {
    context.forwardTrace(headers);
    const given = Object.assign(call.context(), context.environment(), context.invocation(headers));
    const result = runtime.handler(JSON.parse(body.toString()), given, callback);
    if (result && typeof result.then === "function") {
      result.then(given.succeed, given.fail).catch(given.fail);
    }
  } catch (error) {
    callback(error);
  }
}

// Call is one invocation's way to its answer, of which there is one.
class Call {
  constructor(id) {
    this.id = id;
    this.answered = false;
    this.waits = true; // callbackWaitsForEmptyEventLoop
    this.finished = false; // one of the four functions was called
  }

  // once makes functions of which only the first call counts. One that throws
  // has not counted.
  once(fn) {
    return (...args) => {
      if (!this.finished) {
        fn(...args);
        this.finished = true;
      }
    };
  }

  context() {
    const call = this;
    return {
      get callbackWaitsForEmptyEventLoop() {
        return call.waits;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        call.waits = value;
      },
      succeed: this.once((result) => this.done(null, result)),
      fail: this.once((error) => (isNothing(error) ? this.done("handled") : this.done(error, null))),
      done: this.once((error, result) => this.done(error, result)),
    };
  }

  callback(error, result) {
    whenEmpty = nothing;
    if (!isNothing(error)) {
      this.fail(error);
    } else if (!this.waits) {
      this.complete(result);
    } else {
      whenEmpty = () => {
        whenEmpty = nothing;
        setImmediate(() => this.complete(result));
      };
    }
  }

  done(error, result) {
    whenEmpty = nothing;
    if (!isNothing(error)) {
      this.fail(error);
    } else {
      this.complete(result);
    }
  }

  fail(error) {
    logging.logError("Invoke Error", error);
    client.fail(this.id, error).then(schedule);
  }

  complete(result) {
    if (this.answered) {
      console.error("Invocation has already been reported as done. Cannot call complete more than once per invocation.");
      return;
    }
    this.answered = true;
    client.respond(this.id, result).then(schedule);
  }

  giveUp() {
    whenEmpty = nothing;
    this.answered = true;
    client.respond(this.id, null).then(schedule);
  }
}

function isNothing(value) {
  return value === undefined || value === null;
}

async function stream() {
  const { id, headers, body } = await begin();
  const { open } = require("./stream.cjs");
  let waits = true;
  const next = () => {
    whenEmpty = nothing;
    if (!waits) {
      schedule();
      return;
    }
    whenEmpty = () => {
      whenEmpty = nothing;
      setImmediate(schedule);
    };
  };
  const response = open(client, id, runtime.handler[loader.marks.highWaterMark]);
  const fail = (error) => {
    logging.logError("Invoke Error", error);
    response.fail(error, next);
  };
  whenEmpty = () => {
    whenEmpty = nothing;
    schedule();
  };
  try {
    context.forwardTrace(headers);
    const given = {
      get callbackWaitsForEmptyEventLoop() {
        return waits;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        waits = value;
      },
    };
    Object.assign(given, context.environment(), context.invocation(headers));
    const result = runtime.handler(JSON.parse(body.toString()), response.stream, given);
    if (!result || typeof result.then !== "function") {
      fail("Streaming does not support non-async handlers.");
      return;
    }
    if ((await result) !== undefined) {
      console.warn("Streaming handlers ignore return values.");
    }
    await response.done;
    next();
  } catch (error) {
    fail(error);
  }
}

module.exports = { run };
