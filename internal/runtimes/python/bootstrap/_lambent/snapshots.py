"""The hooks round a snapshot, for functions with SnapStart."""

import sys

from . import faults, payloads


def run(client, sink):
    import snapshot_restore_py as hooks

    try:
        before = hooks.get_before_snapshot()
        while before:
            func, args, kwargs = before.pop()
            func(*args, **kwargs)
        client.restore_next()
    except BaseException:
        body = _report(sink)
        client.post_init_error(body, "Runtime.BeforeSnapshotError")
        sys.exit(64)
    try:
        for func, args, kwargs in hooks.get_after_restore():
            func(*args, **kwargs)
    except BaseException:
        client.report_restore_error(_report(sink), "Runtime.AfterRestoreError")
        sys.exit(65)


def _report(sink):
    body = faults.of_exception(sys.exc_info(), None)
    faults.log(body, sink)
    return payloads.encode(body).encode()
