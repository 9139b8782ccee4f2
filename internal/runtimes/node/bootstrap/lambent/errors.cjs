// Errors as callers, logs and X-Ray see them.
"use strict";

const classes = {};
for (const name of [
  "ImportModuleError",
  "HandlerNotFound",
  "MalformedHandlerName",
  "UserCodeSyntaxError",
  "MalformedStreamingHandler",
  "InvalidStreamingOperation",
  "UnhandledPromiseRejection",
  "CallbackHandlerDeprecated",
  "NodeJsExit",
]) {
  classes[name] = class extends Error {};
  Object.defineProperty(classes[name], "name", { value: name });
  classes[name].prototype.name = "Runtime." + name;
}

let modern = false;

// setModern switches to Node.js 24's ways: the type is a property of each
// error, and only true errors count as such.
function setModern(on) {
  modern = on;
}

// make builds an error of the runtime's own; original is what it is about.
function make(name, original) {
  const error = new classes[name](modern ? String(original) : original);
  Error.captureStackTrace(error, make);
  if (modern) {
    error.name = "Runtime." + name;
    if (name === "UserCodeSyntaxError") {
      error.stack = original.stack;
    }
  }
  return error;
}

function unhandledRejection(reason, promise) {
  const error = new classes.UnhandledPromiseRejection(reason);
  error.reason = reason;
  error.promise = promise;
  return error;
}

function stringify() {
  const error = new Error("Unable to stringify response body");
  if (modern) {
    error.name = "Runtime.JSONStringifyError";
  }
  return error;
}

const undel = (s) => s && s.replace(/\x7F/g, "%7F");

function isError(e) {
  if (e instanceof Error || require("util").types.isNativeError(e)) {
    return true;
  }
  const text = (x) => typeof x === "string" && x !== "";
  return !modern && Boolean(e && text(e.name) && text(e.message) && text(e.stack));
}

// body is what the caller gets.
function body(error) {
  try {
    if (isError(error)) {
      return {
        errorType: undel(error.name),
        errorMessage: undel(error.message),
        trace: error.stack === undefined && modern ? [] : undel(error.stack).split("\n"),
      };
    }
    return { errorType: typeof error, errorMessage: modern ? String(error) : error.toString(), trace: [] };
  } catch {
    const broken = {
      errorType: "handled",
      errorMessage:
        "callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack",
    };
    return modern ? Object.assign(broken, { trace: [] }) : broken;
  }
}

function intoError(e) {
  return e instanceof Error ? e : new Error(modern ? String(e) : e);
}

// formatted is the log's form: a tab and the error with its own properties.
function formatted(error) {
  try {
    return "\t" + JSON.stringify(error, (_, value) => enumerable(value));
  } catch {
    return "\t" + JSON.stringify(body(error));
  }
}

function enumerable(value) {
  if (!(value instanceof Error)) {
    return value;
  }
  const all = Object.assign({ errorType: value.name, errorMessage: value.message, code: value.code }, value);
  if (typeof value.stack === "string") {
    all.stack = value.stack.split("\n");
  }
  return all;
}

const maxCause = 1000 * 1000;

// cause is the X-Ray error cause, a header: "" when there is none to tell.
function cause(error) {
  try {
    const stack = undel(error.stack || "").split("\n").slice(1).map(frame);
    const text = JSON.stringify({
      working_directory: process.cwd(),
      exceptions: [{ type: undel(error.name), message: undel(error.message), stack }],
      paths: [...new Set(stack.map((f) => f.path))],
    });
    if (text.length > maxCause) {
      return "";
    }
    return text.replace(/[^\x20-\x7e]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
  } catch {
    return "";
  }
}

function frame(line) {
  line = line.trim().replace(/[()]/g, "");
  line = line.slice(line.indexOf(" ") + 1);
  const space = line.lastIndexOf(" ");
  const place = line.slice(space + 1).split(":");
  return { path: place[0], line: parseInt(place[1], 10), label: space > 0 ? line.slice(0, space) : "anonymous" };
}

module.exports = { setModern, make, unhandledRejection, stringify, body, intoError, formatted, cause };
