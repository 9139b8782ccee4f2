// The Runtime API over one kept connection, by hand on a bare socket: requiring
// http at every start costs milliseconds, and the part of HTTP/1.1 that is
// needed is small.
//
// The socket holds the event loop open only while an answer is awaited, so that
// a function's own loop can run empty while it works.
"use strict";

const net = require("net");

const userAgent = `aws-lambda-nodejs/${process.versions.node}-lambent`;
const empty = Buffer.alloc(0);

class Connection {
  constructor(address) {
    const colon = address.lastIndexOf(":");
    this.host = address.slice(0, colon).replace(/^\[|\]$/g, "");
    this.port = Number(address.slice(colon + 1));
    this.common = `Host: ${address}\r\nUser-Agent: ${userAgent}\r\n`;
    this.socket = null;
    this.waiting = []; // calls that have not been sent
    this.current = null; // the call whose answer is awaited
    this.held = empty; // received and not used
  }

  // call sends a request at once, if none is under way, and answers
  // {status, headers, body}.
  call(method, path, headers, body) {
    return new Promise((resolve, reject) => {
      let head = `${method} ${path} HTTP/1.1\r\n${this.common}`;
      for (const name in headers) {
        head += `${name}: ${headers[name]}\r\n`;
      }
      if (body !== undefined) {
        body = Buffer.from(body);
        head += `Content-Length: ${body.length}\r\n`;
      }
      this.waiting.push({ head: head + "\r\n", body, resolve, reject, again: false, answer: null });
      this.start();
    });
  }

  start() {
    if (this.current || this.waiting.length === 0) {
      return;
    }
    this.current = this.waiting.shift();
    this.send();
  }

  send() {
    const call = this.current;
    call.kept = this.socket !== null;
    if (!this.socket) {
      this.connect();
    }
    const socket = this.socket;
    socket.ref();
    socket.cork();
    socket.write(call.head);
    if (call.body) {
      socket.write(call.body);
    }
    socket.uncork();
  }

  connect() {
    const socket = net.connect(this.port, this.host);
    this.socket = socket;
    this.held = empty;
    socket.setNoDelay(true);
    socket.on("data", (data) => this.receive(data));
    socket.on("error", (err) => this.lose(socket, err));
    socket.on("close", () => this.lose(socket, new Error("Runtime API closed the connection")));
  }

  // lose forgets a connection. A kept one may have been closed while nobody
  // listened: what was sent on it is sent once more.
  lose(socket, err) {
    if (this.socket !== socket) {
      return;
    }
    this.socket = null;
    socket.destroy();
    const call = this.current;
    if (!call) {
      return;
    }
    if (call.kept && !call.answer && this.held.length === 0 && !call.again) {
      call.again = true;
      this.send();
      return;
    }
    this.current = null;
    call.reject(err);
    this.start();
  }

  receive(data) {
    const call = this.current;
    if (!call) {
      return;
    }
    const answer = call.answer;
    if (answer && answer.parts) {
      answer.parts.push(data);
      answer.missing -= data.length;
      if (answer.missing <= 0) {
        const all = Buffer.concat(answer.parts);
        this.finish(call, all.subarray(0, answer.size), all.subarray(answer.size));
      }
      return;
    }
    this.held = this.held.length ? Buffer.concat([this.held, data]) : data;
    if (answer || this.readHead(call)) {
      this.readBody(call);
    }
  }

  readHead(call) {
    const end = this.held.indexOf("\r\n\r\n");
    if (end < 0) {
      return false;
    }
    const lines = this.held.toString("utf8", 0, end).split("\r\n");
    this.held = this.held.subarray(end + 4);
    const headers = {};
    for (let i = 1; i < lines.length; i++) {
      const colon = lines[i].indexOf(":");
      headers[lines[i].slice(0, colon).trim().toLowerCase()] = lines[i].slice(colon + 1).trim();
    }
    call.answer = { status: Number(lines[0].split(" ")[1]), headers };
    return true;
  }

  readBody(call) {
    const answer = call.answer;
    if ((answer.headers["transfer-encoding"] || "").toLowerCase() === "chunked") {
      const whole = dechunk(this.held);
      if (whole) {
        this.finish(call, whole.body, whole.rest);
      }
      return;
    }
    answer.size = Number(answer.headers["content-length"] || 0);
    if (this.held.length >= answer.size) {
      this.finish(call, this.held.subarray(0, answer.size), this.held.subarray(answer.size));
      return;
    }
    answer.parts = [this.held];
    answer.missing = answer.size - this.held.length;
  }

  finish(call, body, rest) {
    this.held = rest;
    this.current = null;
    if ((call.answer.headers.connection || "").toLowerCase() === "close") {
      const socket = this.socket;
      this.socket = null;
      socket.destroy();
    } else {
      this.socket.unref();
    }
    call.resolve({ status: call.answer.status, headers: call.answer.headers, body });
    this.start();
  }
}

// dechunk returns a chunked body and what follows it, or null when there is more to come.
function dechunk(data) {
  const parts = [];
  for (let at = 0; ; ) {
    const line = data.indexOf("\r\n", at);
    if (line < 0) {
      return null;
    }
    const size = parseInt(data.toString("latin1", at, line), 16);
    at = line + 2;
    if (size === 0) {
      const end = data.indexOf("\r\n", at);
      return end < 0 ? null : { body: Buffer.concat(parts), rest: data.subarray(end + 2) };
    }
    if (data.length < at + size + 2) {
      return null;
    }
    parts.push(data.subarray(at, at + size));
    at += size + 2;
  }
}

module.exports = { Connection };
