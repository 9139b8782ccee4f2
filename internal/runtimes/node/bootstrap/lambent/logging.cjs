// console as functions know it: a time, the invocation and a level before the
// text, or one JSON object; through the framed log where there is one, else on
// stdout, where carriage returns hold the lines of one call together.
"use strict";

const fs = require("fs");
const errors = require("./errors.cjs");

const levels = { TRACE: 1, DEBUG: 2, INFO: 3, WARN: 4, ERROR: 5, FATAL: 6 };
const TEXT = 0xa55a0003;
const JSON_TYPE = 0xa55a0002;

const keys = {
  REQUEST_ID: Symbol.for("_AWS_LAMBDA_REQUEST_ID"),
  X_RAY_TRACE_ID: Symbol.for("_AWS_LAMBDA_X_RAY_TRACE_ID"),
  TENANT_ID: Symbol.for("_AWS_LAMBDA_TENANT_ID"),
};

// InvokeStore is what instrumentation libraries ask for the current
// invocation, from Node.js 24 on.
class InvokeStore {
  constructor() {
    this.current = undefined;
  }
  getContext() {
    return this.current;
  }
  hasContext() {
    return this.current !== undefined;
  }
  get(key) {
    return this.current && this.current[key];
  }
  set(key, value) {
    if (this.isProtectedKey(key)) {
      throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`);
    }
    this.current = this.current || {};
    this.current[key] = value;
  }
  isProtectedKey(key) {
    return Object.values(keys).includes(key);
  }
  getRequestId() {
    return this.get(keys.REQUEST_ID) || "-";
  }
  getXRayTraceId() {
    return this.get(keys.X_RAY_TRACE_ID);
  }
  getTenantId() {
    return this.get(keys.TENANT_ID);
  }
  run(context, fn) {
    this.current = context;
    return fn();
  }
}
InvokeStore.PROTECTED_KEYS = keys;

const store = new InvokeStore();
let requestId;
let tenantId;

// enter says to which invocation lines belong from now on.
function enter(id, trace, tenant) {
  requestId = id;
  tenantId = tenant;
  store.current = { [keys.REQUEST_ID]: id, [keys.X_RAY_TRACE_ID]: trace, [keys.TENANT_ID]: tenant };
}

let json = false;

function patch(before) {
  requestId = before;
  json = (process.env.AWS_LAMBDA_LOG_FORMAT || "").toUpperCase() === "JSON";
  const least = levels[(process.env.AWS_LAMBDA_LOG_LEVEL || "").toUpperCase()] || levels.TRACE;
  const write = writer();
  const log = (level, name) => (message, ...params) => {
    const now = new Date();
    write(level, now, json ? jsonLine(now, name, message, params) : textLine(now, name, message, params));
  };
  for (const name in levels) {
    const level = levels[name];
    console[name.toLowerCase()] = level >= least ? log(level, name) : () => {};
  }
  console.log = console.info;
}

function format(message, params) {
  // util is slow to format what needs no formatting
  if (params.length === 0 && typeof message === "string") {
    return message;
  }
  return require("util").format(message, ...params);
}

function textLine(now, name, message, params) {
  return `${now.toISOString()}\t${requestId}\t${name}\t${format(message, params)}`;
}

function jsonLine(now, name, message, params) {
  const line = { timestamp: now.toISOString(), level: name, requestId };
  if (tenantId) {
    line.tenantId = tenantId;
  }
  if (params.length === 0) {
    line.message = message;
    try {
      return JSON.stringify(line, tellErrors);
    } catch {
      line.message = format(message, params); // circular, or a BigInt
      return JSON.stringify(line);
    }
  }
  line.message = format(message, params);
  const error = [message, ...params].find((p) => p instanceof Error);
  if (error) {
    Object.assign(line, describe(error), typeof error.stack === "string" ? {} : { stackTrace: [] });
  }
  return JSON.stringify(line);
}

function describe(error) {
  return {
    errorType: (error.constructor && error.constructor.name) || "UnknownError",
    errorMessage: error.message,
    stackTrace: typeof error.stack === "string" ? error.stack.split("\n") : error.stack,
  };
}

function tellErrors(_, value) {
  return value instanceof Error ? Object.assign(describe(value), value) : value;
}

// writer returns what a finished line goes through.
function writer() {
  const fd = Number(process.env._LAMBDA_TELEMETRY_LOG_FD || NaN);
  delete process.env._LAMBDA_TELEMETRY_LOG_FD;
  if (!Number.isInteger(fd)) {
    return (level, now, line) => process.stdout.write(line.replace(/\n/g, "\r") + "\n");
  }
  return (level, now, line) => {
    const body = Buffer.from(json ? line : line + "\n");
    const frame = Buffer.allocUnsafe(16 + body.length);
    frame.writeUInt32BE(((json ? JSON_TYPE : TEXT) | (level << 2)) >>> 0, 0);
    frame.writeUInt32BE(body.length, 4);
    frame.writeBigUInt64BE(BigInt(now.valueOf()) * 1000n, 8);
    body.copy(frame, 16);
    writeAll(fd, frame);
  };
}

function writeAll(fd, frame) {
  for (let at = 0; at < frame.length; ) {
    at += fs.writeSync(fd, frame, at);
  }
}

// logError writes an error of the runtime's finding.
function logError(message, error) {
  error = errors.intoError(error);
  if (json) {
    console.error(error);
  } else {
    console.error(message, errors.formatted(error));
  }
}

module.exports = { patch, enter, logError, store };
