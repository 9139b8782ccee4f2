// The calls of the Runtime API.
"use strict";

const base = "/2018-06-01/runtime/";

class RuntimeClient {
  constructor(connection, errors) {
    this.connection = connection;
    this.errors = errors;
    this.attempt = undefined; // Lambda-Runtime-Invocation-Id of the current invocation
  }

  async next() {
    const { status, headers, body } = await this.connection.call("GET", base + "invocation/next");
    if (status !== 200) {
      throw new Error(`Runtime API refused /invocation/next: ${status} ${body}`);
    }
    this.attempt = headers["lambda-runtime-invocation-id"];
    return { headers, body };
  }

  path(id, what) {
    return `/2018-06-01/runtime/invocation/${encodeURIComponent(id)}/${what}`;
  }

  // respond throws at once when the value has no JSON. What JSON leaves out,
  // such as undefined, is null.
  respond(id, value) {
    let text;
    try {
      text = JSON.stringify(value);
    } catch {
      throw this.errors.stringify();
    }
    return this.post(this.path(id, "response"), this.echo({}), text === undefined ? "null" : text);
  }

  fail(id, error) {
    const headers = this.echo({});
    const cause = this.errors.cause(error);
    if (cause) {
      headers["Lambda-Runtime-Function-XRay-Error-Cause"] = cause;
    }
    return this.post(this.path(id, "error"), headers, JSON.stringify(this.errors.body(error)));
  }

  failInit(error) {
    const body = this.errors.body(error);
    const type = String(body.errorType).replace(/[^\x20-\x7e]/g, "?");
    return this.post(base + "init/error", { "Lambda-Runtime-Function-Error-Type": type }, JSON.stringify(body));
  }

  echo(headers) {
    if (this.attempt) {
      headers["Lambda-Runtime-Invocation-Id"] = this.attempt;
    }
    return headers;
  }

  post(path, headers, body) {
    headers["Content-Type"] = "application/json";
    return this.connection.call("POST", path, headers, body);
  }
}

module.exports = { RuntimeClient };
