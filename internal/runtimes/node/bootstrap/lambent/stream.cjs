// Responses that are sent while they are made. Only functions that stream pay
// for http.
"use strict";

const http = require("http");
const net = require("net");
const errors = require("./errors.cjs");

const typeTrailer = "Lambda-Runtime-Function-Error-Type";
const bodyTrailer = "Lambda-Runtime-Function-Error-Body";

// A connection of its own, kept between invocations: an error that ends the
// process must not wait behind an unfinished stream.
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

// open begins the response of an invocation: the stream for the handler, a
// promise of its end, and the way to end it with an error.
function open(client, id, highWaterMark) {
  const { host, port } = client.connection;
  const request = http.request({
    agent,
    host,
    port,
    method: "POST",
    path: client.path(id, "response"),
    headers: client.echo({
      "Lambda-Runtime-Function-Response-Mode": "streaming",
      Trailer: [typeTrailer, bodyTrailer],
      "Content-Type": "application/octet-stream",
      "Transfer-Encoding": "chunked",
    }),
    createConnection: (options, listener) => net.createConnection({ ...options, highWaterMark }, listener),
  });
  const done = new Promise((resolve, reject) => {
    request.on("response", (response) => response.on("end", resolve).on("error", reject).resume());
    request.on("error", reject);
  });
  done.catch(() => {}); // told to whoever awaits it
  writeWhole(request);
  return { stream: request, done, fail: (error, then) => fail(request, done, error, then) };
}

// writeWhole gives the request what AWS's response streams can do besides.
function writeWhole(request) {
  let begun = false;
  const write = request.write.bind(request);
  request.setContentType = (type) => {
    if (begun) {
      throw errors.make("InvalidStreamingOperation", "Cannot set content-type, too late.");
    }
    request.setHeader("Content-Type", type);
  };
  const begin = () => {
    if (begun) {
      return;
    }
    begun = true;
    if (typeof request._onBeforeFirstWrite === "function") {
      request._onBeforeFirstWrite((chunk) => write(chunk));
    }
  };
  request.write = (chunk, encoding, callback) => {
    begin();
    const raw = typeof chunk === "string" || chunk instanceof Uint8Array;
    return write(raw ? chunk : JSON.stringify(chunk), encoding, callback);
  };
  const end = request.end.bind(request);
  request.end = (chunk, encoding, callback) => {
    if (typeof chunk === "function") {
      return end(chunk);
    }
    if (chunk !== undefined && chunk !== null) {
      request.write(chunk, typeof encoding === "string" ? encoding : undefined);
    }
    return end(typeof encoding === "function" ? encoding : callback);
  };
}

// fail ends the stream with the error in its trailers, and goes on when the
// other side has taken it.
function fail(request, done, error, then) {
  if (!request.writableEnded) {
    const body = errors.body(error);
    request.addTrailers({
      [typeTrailer]: String(body.errorType),
      [bodyTrailer]: Buffer.from(JSON.stringify(body)).toString("base64"),
    });
    request.end();
  }
  done.then(() => then(), () => then());
}

// HttpResponseStream puts status, headers and cookies before the body: JSON and
// eight NULs.
class HttpResponseStream {
  static from(stream, prelude) {
    stream.setContentType("application/vnd.awslambda.http-integration-response");
    stream._onBeforeFirstWrite = (write) => {
      write(JSON.stringify(prelude));
      write(new Uint8Array(8));
    };
    return stream;
  }
}

module.exports = { open, HttpResponseStream };
