// A start before it is known for which function.
//
// Node.js is executed as ever, but for the variable _LAMBENT_AHEAD. It loads what
// every start loads, tells that it is ready with a zero byte on standard output, and
// reads standard input to its end: the working folder and the variables, each
// ended by a zero byte. From there on everything is as if it had been executed
// with them; no byte of a function is seen before.
"use strict";

const fs = require("fs");

function wait() {
  load();
  fs.writeSync(1, Buffer.alloc(1));
  const message = fs.readFileSync(0);
  if (message.length === 0) {
    process.reallyExit(0); // nobody needs this process any more
  }
  const [folder, ...variables] = message.toString("utf8", 0, message.length - 1).split("\0");
  fs.closeSync(0);
  fs.openSync("/dev/null", "r+"); // takes the lowest free number, 0
  for (const name of Object.keys(process.env)) {
    delete process.env[name];
  }
  for (const pair of variables) {
    const equals = pair.indexOf("=");
    process.env[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  process.chdir(folder);
}

// load requires the modules that start.cjs does, in its order, without running
// them, and lets the engine compile what a first request needs.
function load() {
  require("./connection.cjs");
  require("./errors.cjs");
  require("./logging.cjs");
  require("./client.cjs");
  require("./context.cjs");
  require("./loader.cjs");
  require(parseInt(process.versions.node, 10) >= 24 ? "./modern.cjs" : "./classic.cjs");
}

module.exports = { wait };
