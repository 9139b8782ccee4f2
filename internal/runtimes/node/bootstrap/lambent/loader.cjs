// From "folder/file.export" to a function.
"use strict";

const fs = require("fs");
const path = require("path");
const { createRequire } = require("module");
const errors = require("./errors.cjs");

const marks = {
  streaming: Symbol.for("aws.lambda.runtime.handler.streaming"),
  highWaterMark: Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark"),
};

async function load(root, name, options) {
  if (name.includes("..")) {
    throw errors.make(
      "MalformedHandlerName",
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const base = path.basename(name);
  const folder = name.slice(0, name.indexOf(base));
  const match = /^([^.]*)\.(.*)$/.exec(base);
  if (!match) {
    throw errors.make("MalformedHandlerName", "Bad handler");
  }
  const found = await loadModule(root, folder, match[1], options);
  const handler = resolve(found, match[2], options.modern);
  if (!handler) {
    throw errors.make("HandlerNotFound", `${name} is undefined or not exported`);
  }
  if (typeof handler !== "function") {
    throw errors.make("HandlerNotFound", `${name} is not a function`);
  }
  return handler;
}

function resolve(found, names, modern) {
  const walk = (o) => names.split(".").reduce((x, key) => x && x[key], o);
  let handler = walk(found);
  if (!handler && modern && found && typeof found === "object" && "default" in found) {
    handler = walk(found.default);
  }
  return handler;
}

async function loadModule(root, folder, name, options) {
  try {
    return await find(root, folder, name, createRequire(options.entry));
  } catch (e) {
    if (e instanceof SyntaxError) {
      throw errors.make("UserCodeSyntaxError", e);
    }
    if (e && e.code === "MODULE_NOT_FOUND") {
      throw errors.make("ImportModuleError", options.modern ? withoutEntry(e, options.entry) : e);
    }
    throw e;
  }
}

// withoutEntry takes our place from the end of a require stack: Node.js 24's
// client imports a function's module, so nobody requires it.
function withoutEntry(e, entry) {
  if (e.requireStack && e.requireStack.length > 1) {
    e.message = e.message.replace(`\n- ${entry}`, "");
  }
  return e;
}

async function find(root, folder, name, require) {
  const file = path.resolve(root, folder, name);
  if (fs.existsSync(file) && !fs.statSync(file).isDirectory()) {
    return require(file);
  }
  if (fs.existsSync(file + ".js")) {
    return isModule(path.dirname(file)) ? importFile(file + ".js") : requireFile(file + ".js", require);
  }
  if (fs.existsSync(file + ".mjs")) {
    return importFile(file + ".mjs");
  }
  if (fs.existsSync(file + ".cjs")) {
    return require(file + ".cjs");
  }
  return require(require.resolve(name, { paths: [root, path.join(root, folder)] }));
}

// requireFile is for a .js file without a "type": newer versions of Node.js look
// into it and may find a module that can only be imported.
function requireFile(file, require) {
  try {
    return require(file);
  } catch (e) {
    if (e && (e.code === "ERR_REQUIRE_ASYNC_MODULE" || e.code === "ERR_REQUIRE_ESM") && parseInt(process.versions.node, 10) >= 24) {
      return importFile(file);
    }
    throw e;
  }
}

function importFile(file) {
  return import(require("url").pathToFileURL(file).href);
}

// isModule tells whether the nearest package.json makes .js files ES modules.
function isModule(folder) {
  for (; !folder.endsWith("/node_modules"); folder = path.dirname(folder)) {
    const file = path.join(folder, "package.json");
    if (fs.existsSync(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, "utf8")).type === "module";
      } catch (e) {
        console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, e);
        return false;
      }
    }
    if (folder === path.dirname(folder)) {
      break;
    }
  }
  return false;
}

// isStreaming tells whether a handler was given to streamifyResponse.
function isStreaming(handler) {
  const mark = handler[marks.streaming];
  if (mark === undefined || mark === null || mark === false) {
    return false;
  }
  if (mark !== "response") {
    throw errors.make("MalformedStreamingHandler", "Only response streaming is supported.");
  }
  return true;
}

module.exports = { load, isStreaming, marks };
