// The plain runtime client that the floor runs: http, nothing else.
'use strict';
const http = require('node:http');
const { handler } = require('./index.js');

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, agent, method, path: '/2018-06-01/runtime/invocation/' + path }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve([response.headers, Buffer.concat(parts)]));
      response.on('error', reject);
    });
    request.on('error', reject);
    if (body !== undefined) request.setHeader('Content-Length', Buffer.byteLength(body));
    request.end(body);
  });
}

(async () => {
  for (;;) {
    const [headers, event] = await call('GET', 'next');
    const answer = await handler(JSON.parse(event), {});
    await call('POST', headers['lambda-runtime-aws-request-id'] + '/response', JSON.stringify(answer));
  }
})();
