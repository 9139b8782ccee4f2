"""Events and results: JSON with the accelerators that json itself uses,
without importing json, which takes longer than the rest of a start.

What AWS's runtime encodes is simplejson's dialect: namedtuples are objects,
bytes are text, decimals are numbers. The accelerator cannot do these, so a
value that has any goes the long way (encoder).
"""

import sys

from . import FaultException

try:
    from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner
except ImportError:  # an interpreter without the accelerators
    make_scanner = None

_SPACE = " \t\n\r"


class _Scanning:
    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}.__getitem__
    memo = None


_scan = make_scanner(_Scanning) if make_scanner else None


def decode(data):
    """The value of a JSON text; ValueError as json words it."""
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    if _scan is not None:
        start = len(text) - len(text.lstrip(_SPACE))
        try:
            value, end = _scan(text, start)
            if not text[end:].strip(_SPACE):
                return value
        except Exception:
            # Its errors need json.decoder, and without it some versions have
            # none to raise: json tells what is wrong.
            pass
    import json

    return json.loads(text)


def unmarshal(data, content_type):
    if content_type != "application/json":
        return data
    try:
        return decode(data)
    except Exception as e:
        raise FaultException("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % e)


_PLAIN = frozenset((str, int, float, bool, type(None)))
_NESTS = frozenset((dict, list, tuple))
_KEYS = frozenset((str,))


def _plain(value):
    """Whether the accelerator writes the value as simplejson would."""
    todo = [value]
    seen = set()
    while todo:
        value = todo.pop()
        kind = type(value)
        if kind in _PLAIN or id(value) in seen:
            continue
        seen.add(id(value))
        if kind is dict:
            if not _KEYS.issuperset(map(type, value)):
                return False
            value = value.values()
        elif kind not in _NESTS:
            return False
        kinds = set(map(type, value)) - _PLAIN
        if kinds:
            if not kinds <= _NESTS:
                return False
            todo.extend(v for v in value if type(v) in _NESTS)
    return True


def ascii_only():
    """From Python 3.12 on, AWS's runtime leaves characters as they are."""
    return sys.version_info < (3, 12)


def _not_json(value):
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def encode(value):
    if make_scanner and _plain(value):
        text = encode_basestring_ascii if ascii_only() else encode_basestring
        write = make_encoder({}, _not_json, text, None, ": ", ", ", False, False, True)
        return "".join(write(value, 0))
    from . import encoder

    return encoder.encode(value, ascii_only())


def marshal(result):
    if isinstance(result, bytes):
        return result, "application/unknown"
    try:
        return encode(result).encode("utf-8"), "application/json"
    except Exception as e:
        raise FaultException("Runtime.MarshalError", "Unable to marshal response: %s" % e)
