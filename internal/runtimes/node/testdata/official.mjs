// Runs AWS's client with a stand-in for its native part: the same calls over
// http, in order.
import http from "http";
import { createRequire } from "module";
const Module = createRequire(import.meta.url)("module");

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true });
let last = Promise.resolve();

function call(method, path, headers, body) {
  last = last.then(
    () =>
      new Promise((resolve, reject) => {
        const request = http.request({ agent, host, port, method, path: "/2018-06-01/runtime/invocation/" + path, headers }, (response) => {
          const parts = [];
          response.on("data", (part) => parts.push(part));
          response.on("end", () => resolve({ bodyJson: Buffer.concat(parts).toString(), headers: response.headers }));
        });
        request.on("error", reject).end(body);
      }),
  );
  return last;
}

const json = { "Content-Type": "application/json" };
const native = {
  initializeClient() {},
  next: () => call("GET", "next", {}),
  done: (id, body) => void call("POST", id + "/response", json, body),
  error: (id, body, cause) => void call("POST", id + "/error", { ...json, "Lambda-Runtime-Function-XRay-Error-Cause": cause }, body),
};
Module._extensions[".node"] = (module) => {
  module.exports = native;
};

const client = await import(process.argv[2]);
if (client.run) {
  await client.run(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
}
