"""Errors as the caller, the log and X-Ray see them."""

import os
import sys
import time
import traceback

from . import _HERE, encoder, payloads

UNHANDLED = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. "
    "However, in rare cases, a Lambda runtime update can cause unexpected function behavior. "
    "For functions using managed runtimes, runtime updates can be triggered by a function change, or can be applied automatically. "
    "To determine if the runtime has been updated, check the runtime version in the INIT_START log entry. "
    "If this error correlates with a change in the runtime version, you may be able to mitigate this error by temporarily rolling back to the previous runtime version. "
    "For more information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)

_MAX_CAUSE = 1000 * 1000
_NBSP = "\u00a0"


def body(message, kind, trace, request_id=None):
    result = {"errorMessage": message or "", "errorType": kind or ""}
    if sys.version_info >= (3, 9):  # AWS's python3.8 does not tell the request
        result["requestId"] = request_id or ""
    result["stackTrace"] = trace or []
    return result


def of_exception(info, request_id):
    kind, value, tb = info
    return body(str(value), kind.__name__, traceback.format_list(frames(tb)), request_id)


def frames(tb):
    """The traceback from the function's code on, without column marks."""
    found = [(f.filename, f.lineno, f.name, f.line) for f in traceback.extract_tb(tb)]
    ours = 0
    while ours < len(found) and _own(found[ours][0]):
        ours += 1
    imported = ours > 0 and found[ours - 1][2] == "import_module"
    rest = found[ours:] or found
    if imported and found[ours:]:
        rest = _import_module_frame() + rest
    return rest


def _own(filename):
    return filename.startswith(_HERE) or os.path.basename(filename) == "bootstrap.py"


def _import_module_frame():
    """The frame that a trace has on AWS, where importlib.import_module loads
    the handler's module. We call what it calls and save its import."""
    import dis
    import importlib
    import linecache

    code = importlib.import_module.__code__
    line = max(number for _, number in dis.findlinestarts(code) if number)
    return [(code.co_filename, line, "import_module", linecache.getline(code.co_filename, line).strip())]


def cause(kind, message, found):
    """The X-Ray error cause: a header, so ASCII; nothing when the other side
    would not take so large a head. It crops what is smaller by itself."""
    paths = []
    for f in found:
        if f[0] not in paths:
            paths.append(f[0])
    stack = [{"label": name, "path": path, "line": line} for path, line, name, _ in found]
    record = {
        "working_directory": os.getcwd(),
        "exceptions": [{"message": message, "type": kind, "stack": stack}],
        "paths": paths,
    }
    text = encoder.encode(record, True)
    return text if len(text) < _MAX_CAUSE else ""


def log(result, sink):
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON":
        record = {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "log_level": "ERROR"}
        record.update(result)
        sink.log_error([payloads.encode(record)], 0xA55A0016)
        return
    first = "[ERROR]"
    if result["errorType"]:
        first += " " + result["errorType"]
    if result["errorMessage"]:
        first += (": " if result["errorType"] else " ") + result["errorMessage"]
    lines = [first, "Traceback (most recent call last):"]
    for entry in result["stackTrace"]:
        lines.extend(_indent(line) for line in entry.splitlines() or [""])
    sink.log_error(lines, 0xA55A0017)


def _indent(line):
    """Log viewers drop leading blanks, but not no-break spaces."""
    text = line.lstrip(" ")
    return _NBSP * (len(line) - len(text)) + text
