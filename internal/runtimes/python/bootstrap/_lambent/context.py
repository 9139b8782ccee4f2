"""The context object that a handler receives."""

import os
import sys
import time

from . import FaultException, payloads


class LambdaContext(object):
    def __init__(self, request, client_context, identity):
        env = os.environ.get
        self.aws_request_id = request.id
        self.log_group_name = env("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = env("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = env("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = env("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = request.arn
        self.tenant_id = request.tenant
        self.client_context = _fill(ClientContext, client_context)
        if self.client_context is not None:
            self.client_context.client = _fill(Client, self.client_context.client)
        self.identity = _fill(CognitoIdentity, {})
        if identity is not None:
            self.identity.cognito_identity_id = identity.get("cognitoIdentityId")
            self.identity.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")
        self._epoch_deadline_time_in_ms = request.deadline

    def get_remaining_time_in_millis(self):
        left = self._epoch_deadline_time_in_ms - int(time.time() * 1000)
        return left if left > 0 else 0

    def log(self, msg):
        logging = sys.modules.get("logging")
        if logging is None:
            sys.modules[__package__].sink.log(str(msg))
            return
        for handler in logging.getLogger().handlers:
            if hasattr(handler, "log_sink"):
                handler.log_sink.log(str(msg))
                return
        sys.stdout.write(str(msg))

    def __repr__(self):
        names = (
            "aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb",
            "function_version", "invoked_function_arn", "client_context", "identity", "tenant_id",
        )  # fmt: skip
        return _repr(self, names)


class _Record(object):
    __slots__ = ()

    def __repr__(self):
        return _repr(self, self.__slots__)


class CognitoIdentity(_Record):
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")


class Client(_Record):
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class ClientContext(_Record):
    __slots__ = ("custom", "env", "client")


def _repr(o, names):
    return "%s([%s])" % (o.__class__.__name__, ",".join("%s=%s" % (n, getattr(o, n)) for n in names))


def _fill(kind, values):
    if values is None:
        return None
    o = kind()
    for name in kind.__slots__:
        setattr(o, name, values.get(name))
    return o


def _parse(header, name):
    if not header:
        return None
    try:
        return payloads.decode(header)
    except Exception as e:
        raise FaultException("Runtime.LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (name, e))


def make(request):
    return LambdaContext(
        request,
        _parse(request.client_context, "Client Context"),
        _parse(request.identity, "Cognito Identity"),
    )
