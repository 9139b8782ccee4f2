"""JSON as simplejson writes it, for values that the accelerator cannot do."""

import math

from _json import encode_basestring, encode_basestring_ascii


def encode(value, ascii_only):
    out = []
    _write(value, out.append, encode_basestring_ascii if ascii_only else encode_basestring, set())
    return "".join(out)


def _write(o, put, text, open_ids):
    word = _word(o, text)
    if word is not None:
        put(word)
        return
    if id(o) in open_ids:
        raise ValueError("Circular reference detected")
    open_ids.add(id(o))
    as_dict = getattr(o, "_asdict", None)
    if isinstance(o, list):
        _write_list(o, put, text, open_ids)
    elif isinstance(o, tuple) and not callable(as_dict):
        _write_list(o, put, text, open_ids)
    elif callable(as_dict) and isinstance(o, tuple):
        _write_dict(as_dict(), put, text, open_ids)
    elif isinstance(o, dict):
        _write_dict(o, put, text, open_ids)
    else:
        _write(_other(o), put, text, open_ids)
    open_ids.remove(id(o))


class _Raw(str):
    """Text that is JSON already."""


def _word(o, text):
    """The JSON of a value without parts, or None."""
    if isinstance(o, _Raw):
        return str(o)
    if isinstance(o, str):
        return text(o)
    if isinstance(o, bytes):
        return text(o.decode("utf-8"))
    if o is None:
        return "null"
    if o is True:
        return "true"
    if o is False:
        return "false"
    if isinstance(o, int):
        return int.__repr__(o)
    if isinstance(o, float):
        return _float(o)
    return None


def _float(o):
    if o != o:
        return "NaN"
    if o in (math.inf, -math.inf):
        return "Infinity" if o > 0 else "-Infinity"
    return float.__repr__(o)


def _other(o):
    import decimal

    if isinstance(o, decimal.Decimal):
        return math.nan if o.is_nan() else _Raw(str(o))
    raise TypeError("Object of type %s is not JSON serializable" % o.__class__.__name__)


def _write_list(items, put, text, open_ids):
    sep = "["
    for item in items:
        put(sep)
        sep = ", "
        _write(item, put, text, open_ids)
    put("[]" if sep == "[" else "]")


def _write_dict(items, put, text, open_ids):
    sep = "{"
    for key, value in items.items():
        put(sep)
        sep = ", "
        put(text(_key(key)))
        put(": ")
        _write(value, put, text, open_ids)
    put("{}" if sep == "{" else "}")


def _key(key):
    if isinstance(key, str):
        return key
    if isinstance(key, bytes):
        return key.decode("utf-8")
    if key is True:
        return "true"
    if key is False:
        return "false"
    if key is None:
        return "null"
    if isinstance(key, int):
        return int.__repr__(key)
    if isinstance(key, float):
        return _float(key)
    raise TypeError("keys must be str, int, float, bool or None, not " + key.__class__.__name__)
