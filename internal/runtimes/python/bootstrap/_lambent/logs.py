"""The root logger's handler: tab-separated text, or JSON."""

import logging
import os
import time
import traceback

_TEXT, _JSON = 0xA55A0003, 0xA55A0002
_DATE = "%Y-%m-%dT%H:%M:%S"
_RESERVED = frozenset(
    "name msg args levelname levelno pathname filename module exc_info exc_text stack_info lineno funcName created "
    "msecs relativeCreated thread threadName processName process taskName aws_request_id tenant_id _frame_type".split()
)


def setup(runtime):
    """Called right after logging was imported, before anybody could use it."""
    form = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper()
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    level = "DEBUG" if level == "TRACE" else level
    logging.Formatter.converter = time.gmtime
    handler = LambdaLoggerHandler(runtime.sink, levels=form == "JSON" or level != "")
    if form == "JSON":
        handler.setFormatter(JsonFormatter())
    else:
        text = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
        handler.setFormatter(logging.Formatter(text, _DATE))
    handler.addFilter(LambdaLoggerFilter(runtime))
    root = logging.getLogger()
    if level in logging._nameToLevel:
        root.setLevel(level)
    root.addHandler(handler)


def _tens(record):
    return min(50, max(0, record.levelno)) // 10 * 10


def _frame(base, level):
    """The frame type with the level's bits: DEBUG is 2, CRITICAL is 6."""
    return base | ((level // 10 + 1) << 2 if level else 0)


class LambdaLoggerHandler(logging.Handler):
    def __init__(self, log_sink, levels):
        logging.Handler.__init__(self)
        self.log_sink = log_sink
        self.levels = levels  # whether frames tell the record's level

    def emit(self, record):
        text = self.format(record)
        if not self.levels:
            self.log_sink.log(text)
            return
        frame = getattr(record, "_frame_type", None) or _frame(_TEXT, _tens(record))
        self.log_sink.log(text, frame)


class LambdaLoggerFilter(logging.Filter):
    def __init__(self, runtime):
        logging.Filter.__init__(self)
        self.runtime = runtime

    def filter(self, record):
        record.aws_request_id = self.runtime.request_id or ""
        record.tenant_id = self.runtime.tenant_id
        return True


class JsonFormatter(logging.Formatter):
    def __init__(self):
        logging.Formatter.__init__(self, datefmt=_DATE + "Z")

    def format(self, record):
        record.levelno = _tens(record)
        record.levelname = logging.getLevelName(record.levelno)
        record._frame_type = _frame(_JSON, record.levelno)
        result = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        exc = record.exc_info
        if exc:
            result["stackTrace"] = traceback.format_tb(exc[2])
            result["errorType"] = exc[0].__name__ if exc[0] else None
            result["errorMessage"] = str(exc[1])
        result["requestId"] = getattr(record, "aws_request_id", None)
        if exc:
            result["location"] = "%s:%s:%s" % (record.pathname, record.funcName, record.lineno)
        result["tenantId"] = getattr(record, "tenant_id", None)
        for key, value in record.__dict__.items():
            if key not in _RESERVED and key not in result:
                result[key] = value
        result = {k: v for k, v in result.items() if v is not None}
        return _encode(result) + "\n"


def _encode(result):
    import json

    return json.dumps(result, ensure_ascii=False)
