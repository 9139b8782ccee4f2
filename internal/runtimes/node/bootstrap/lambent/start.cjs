// The road from a new process to the loop. AWS's clients differ by generation:
// up to Node.js 22 handlers may call back and an invocation lasts until the
// event loop is empty (classic.cjs); from 24 on a handler is awaited and that
// is all (modern.cjs).
"use strict";

const path = require("path");
const errors = require("./errors.cjs");
const { Connection } = require("./connection.cjs");
const logging = require("./logging.cjs");
const { RuntimeClient } = require("./client.cjs");

const runtimeDir = path.dirname(__dirname);
const env = process.env;
const major = parseInt(process.versions.node, 10);
const modern = major >= 24;

// What AWS's process shows; createRequire takes it as the place of the
// requiring module, so that "Require stack" lists read as they do there.
const entry = path.join(runtimeDir, "index.mjs");
process.argv[1] = entry;

errors.setModern(modern);
logging.patch(modern ? "-" : undefined);
setGlobals();

const client = new RuntimeClient(new Connection(env.AWS_LAMBDA_RUNTIME_API), errors);
const generation = require(modern ? "./modern.cjs" : "./classic.cjs");
generation.run({
  client,
  load: () => require("./loader.cjs").load(env.LAMBDA_TASK_ROOT, env._HANDLER || "", { entry, modern }),
});

function setGlobals() {
  if (["1", "true"].includes(env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) {
    return;
  }
  const { streaming, highWaterMark } = require("./loader.cjs").marks;
  const awslambda = {
    streamifyResponse(handler, options) {
      handler[streaming] = "response";
      if (options && typeof options.highWaterMark === "number") {
        handler[highWaterMark] = parseInt(options.highWaterMark, 10);
      }
      return handler;
    },
    get HttpResponseStream() {
      return require("./stream.cjs").HttpResponseStream;
    },
  };
  if (modern) {
    awslambda.InvokeStore = logging.store;
  }
  globalThis.awslambda = awslambda;
}
