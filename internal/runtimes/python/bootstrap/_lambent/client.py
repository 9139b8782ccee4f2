"""The Runtime API over one bare socket, kept alive.

http.client alone takes longer to import than a whole start here; the part of
HTTP/1.1 that the Runtime API needs fits on this page.
"""

import sys

import _socket

_BASE = "/2018-06-01/runtime/"
_AGENT = "aws-lambda-python/%d.%d.%d-lambent" % sys.version_info[:3]
_NODELAY = getattr(_socket, "TCP_NODELAY", 1)


class Request:
    """One invocation as /next told it."""

    __slots__ = ("id", "attempt", "trace", "arn", "deadline", "client_context", "identity", "tenant", "content_type", "body")

    def __init__(self, headers, body):
        get = headers.get
        self.id = get("lambda-runtime-aws-request-id", "")
        self.attempt = get("lambda-runtime-invocation-id")
        self.trace = get("lambda-runtime-trace-id")
        self.arn = get("lambda-runtime-invoked-function-arn")
        self.deadline = int(get("lambda-runtime-deadline-ms") or 0)
        self.client_context = get("lambda-runtime-client-context")
        self.identity = get("lambda-runtime-cognito-identity")
        self.tenant = get("lambda-runtime-aws-tenant-id")
        self.content_type = get("content-type")
        self.body = body


class LambdaRuntimeClientError(Exception):
    def __init__(self, endpoint, response_code, response_body):
        Exception.__init__(
            self,
            "Request to Lambda Runtime '%s' endpoint failed. Reason: '%s'. Response body: '%s'"
            % (endpoint, response_code, response_body),
        )
        self.endpoint = endpoint
        self.response_code = response_code
        self.response_body = response_body


class LambdaRuntimeClient:
    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.host = address
        self.address = (host.strip("[]"), int(port))
        self.socket = None
        self.buffer = b""  # received and not yet used

    # --- calls

    def wait_next_invocation(self):
        status, headers, body = self.call("GET", _BASE + "invocation/next")
        if status != 200:
            raise LambdaRuntimeClientError("/invocation/next", status, body)
        return Request(headers, body)

    def post_invocation_result(self, request, result, content_type="application/json"):
        self.post("invocation/%s/response" % request.id, result, content_type, self.echo(request))

    def post_invocation_error(self, request, body, cause=""):
        headers = self.echo(request)
        if cause:
            headers += "Lambda-Runtime-Function-XRay-Error-Cause: %s\r\n" % cause
        self.post("invocation/%s/error" % request.id, body, "application/json", headers)

    def post_init_error(self, body, error_type):
        self.post("init/error", body, "application/json", _error_type(error_type))

    def restore_next(self):
        status, _, body = self.call("GET", _BASE + "restore/next")
        if status != 200:
            raise LambdaRuntimeClientError("/restore/next", status, body)

    def report_restore_error(self, body, error_type):
        self.post("restore/error", body, "application/json", _error_type(error_type))

    def echo(self, request):
        if not request.attempt:
            return ""
        return "Lambda-Runtime-Invocation-Id: %s\r\n" % request.attempt

    def post(self, path, body, content_type, headers=""):
        headers += "Content-Type: %s\r\nContent-Length: %d\r\n" % (content_type, len(body))
        status, _, answer = self.call("POST", _BASE + path, headers, body)
        # Too large an answer has been settled by the other side; the runtime goes on.
        if status >= 300 and status != 413:
            raise LambdaRuntimeClientError("/" + path, status, answer)

    # --- HTTP

    def call(self, method, path, headers="", body=b""):
        head = "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n%s\r\n" % (method, path, self.host, _AGENT, headers)
        head = head.encode("utf-8")
        kept = self.socket is not None
        try:
            return self.exchange(head, body)
        except OSError:
            # A kept connection may have been closed since; a new one tells.
            self.close()
            if not kept:
                raise
            return self.exchange(head, body)

    def exchange(self, head, body):
        if self.socket is None:
            self.connect()
        if len(body) < 65536:
            self.socket.sendall(head + body)
        else:
            self.socket.sendall(head)
            self.socket.sendall(body)
        status, headers = self.read_head()
        while 100 <= status < 200:
            status, headers = self.read_head()
        body = self.read_body(headers)
        if headers.get("connection", "").lower() == "close":
            self.close()
        return status, headers, body

    def connect(self):
        family = _socket.AF_INET6 if ":" in self.address[0] else _socket.AF_INET
        s = _socket.socket(family, _socket.SOCK_STREAM)
        s.settimeout(None)  # whatever the function made the default
        s.setsockopt(_socket.IPPROTO_TCP, _NODELAY, 1)
        try:
            s.connect(self.address)
        except OSError:
            s.close()
            raise
        self.socket = s
        self.buffer = b""

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError("Runtime API closed the connection")
        return data

    def read_head(self):
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end >= 0:
                break
            self.buffer += self.more()
        lines = self.buffer[:end].decode("utf-8", "replace").split("\r\n")
        self.buffer = self.buffer[end + 4 :]
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(lines[0].split(" ", 2)[1]), headers

    def read_body(self, headers):
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self.read_chunks()
        return self.read(int(headers.get("content-length") or 0))

    def read(self, size):
        held = self.buffer
        if len(held) >= size:
            self.buffer = held[size:]
            return held[:size]
        body = bytearray(size)
        body[: len(held)] = held
        self.buffer = b""
        rest = memoryview(body)[len(held) :]
        while rest:
            n = self.socket.recv_into(rest)
            if n == 0:
                raise ConnectionResetError("Runtime API closed the connection")
            rest = rest[n:]
        return bytes(body)

    def read_line(self):
        while b"\r\n" not in self.buffer:
            self.buffer += self.more()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def read_chunks(self):
        parts = []
        while True:
            size = int(self.read_line().split(b";")[0], 16)
            if size == 0:
                while self.read_line():
                    pass
                return b"".join(parts)
            parts.append(self.read(size))
            self.read_line()


def _error_type(name):
    return "Lambda-Runtime-Function-Error-Type: %s\r\n" % name.encode("ascii", "replace").decode()
