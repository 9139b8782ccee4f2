"""Lambent's runtime for Python functions, 3.8 to 3.14.

Order of life: main() puts the function's folders on sys.path, resolves the
handler, and loops: next event, handler, response. What only some functions
need (logging, json, tracebacks) is imported when it is needed, because each
costs more than everything here: a start to the first /next is a few
milliseconds above the bare interpreter's.

The names LambdaRuntimeClient, handle_event_request and post_* are those that
instrumentation libraries wrap; keep them.
"""

import os
import sys
import time

_HERE = os.path.dirname(__file__)
_COMPILED = _HERE + "/code"

# The invocation in progress, for log records.
request_id = ""
tenant_id = None
sink = None


class FaultException(Exception):
    """A failure of the runtime's own finding: its type is not a class name."""

    def __init__(self, exception_type, msg, trace=None):
        Exception.__init__(self, msg)
        self.exception_type = exception_type
        self.msg = msg
        self.trace = trace


# These use FaultException, so they come after it.
from . import context, payloads  # noqa: E402
from .client import LambdaRuntimeClient  # noqa: E402


class Unbuffered:
    """A text stream that flushes every write: a crash loses no line."""

    def __init__(self, stream):
        self.stream = stream

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        n = self.stream.write(text)
        self.stream.flush()
        return n

    def writelines(self, lines):
        self.stream.writelines(lines)
        self.stream.flush()


class StandardSink:
    """Log records on stdout. A line feed ends an event there, so an error's
    lines are held together by carriage returns."""

    def log(self, text, frame_type=None):
        sys.stdout.write(text)

    def log_error(self, lines, frame_type):
        sys.stdout.write("\r".join(lines) + "\n")


class FramedSink:
    """Log records with their boundaries, level and time: type, length,
    microseconds since the epoch, text; big-endian."""

    def __init__(self, fd):
        self.fd = fd

    def log(self, text, frame_type=0xA55A0003):
        body = text.encode("utf-8", "backslashreplace")
        frame = (
            (frame_type or 0xA55A0003).to_bytes(4, "big")
            + len(body).to_bytes(4, "big")
            + (time.time_ns() // 1000).to_bytes(8, "big")
            + body
        )
        view = memoryview(frame)
        while view:
            view = view[os.write(self.fd, view) :]

    def log_error(self, lines, frame_type):
        self.log("\n".join(lines), frame_type)


def _forget_coerced_locale():
    """Take back the LC_CTYPE that Python sets itself where LANG's locale is not
    installed. AWS has the locale, and shows the variable only from 3.13 on
    (F260); one that the function's configuration sets stays."""
    try:
        with open("/proc/self/environ", "rb") as given:
            if (b"\0" + given.read()).find(b"\0LC_CTYPE=") < 0:
                del os.environ["LC_CTYPE"]
    except OSError:
        pass


def make_sink():
    if "LC_CTYPE" in os.environ and sys.version_info < (3, 13):
        _forget_coerced_locale()
    fd = os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD", None)
    if fd is None:
        return StandardSink()
    fd = int(fd)
    os.set_inheritable(fd, False)
    return FramedSink(fd)


# --- the module search path -------------------------------------------------


def set_paths(opt):
    """Put package, layers and site-packages where AWS has them. A PYTHONPATH
    of the function's own replaces the layers: it is expected to name them."""
    version = "python%d.%d" % sys.version_info[:2]
    own = "PYTHONPATH" in os.environ
    task = os.environ["LAMBDA_TASK_ROOT"]
    site_packages = "%s/lib/%s/site-packages" % (sys.prefix, version)
    first, sites = [task], [task]
    if not own:
        layers = ["%s/python/lib/%s/site-packages" % (opt, version), opt + "/python"]
        first += layers
        sites += layers
        first.append(site_packages)
        os.environ["PYTHONPATH"] = os.environ.get("LAMBDA_RUNTIME_DIR", os.path.dirname(_HERE))
    sys.path[:0] = first
    if site_packages not in sys.path:
        sys.path.append(site_packages)
    for folder in sites:
        add_site(folder)


def add_site(folder):
    """Obey the folder's .pth files, if there are any: site is slow to import."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.endswith(".pth"):
            import site

            site.addsitedir(folder)
            return


def use_compiled():
    """Take the code that was compiled for this version, where there is some."""
    if os.access(_COMPILED + "/index", os.R_OK):
        from . import compiled

        compiled.use(_COMPILED)


def set_builtins():
    """What the site module would have added to the builtins (-S skips it)."""
    import builtins

    if hasattr(builtins, "exit"):
        return
    import _sitebuiltins

    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")
    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    builtins.help = _sitebuiltins._Helper()


# --- logging ----------------------------------------------------------------


class LoggingHook:
    """Gives the root logger its handler as soon as, and only if, logging is
    imported: by the function, a library, or our own error path."""

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        import _frozen_importlib

        spec = _frozen_importlib._find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            set_logging()

        spec.loader.exec_module = exec_module
        return spec


def set_logging():
    from . import logs

    logs.setup(sys.modules[__name__])


# --- the handler ------------------------------------------------------------


def find_handler(handler):
    try:
        module, name = handler.rsplit(".", 1)
    except ValueError as e:
        raise FaultException("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (handler, e))
    if module.split(".")[0] in sys.builtin_module_names:
        raise FaultException(
            "Runtime.BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % module
        )
    try:
        found = import_module(module.replace("/", "."))
    except ImportError as e:
        raise FaultException("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module, e))
    except SyntaxError as e:
        raise FaultException(
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module '%s': %s" % (module, e),
            ['  File "%s" Line %s\n    %s' % (e.filename, e.lineno, e.text)],
        )
    try:
        return getattr(found, name)
    except AttributeError:
        raise FaultException("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (name, module))


def import_module(name):
    if name.startswith("."):
        raise TypeError("the 'package' argument is required to perform a relative import for %r" % name)
    import _frozen_importlib

    return _frozen_importlib._gcd_import(name)


def load(client):
    """The handler; or, when there is none, the report of why and the end."""
    try:
        return find_handler(os.environ.get("_HANDLER", ""))
    except FaultException as e:
        from . import faults

        body = faults.body(e.msg, e.exception_type, e.trace)
    except Exception:
        from . import faults

        body = faults.of_exception(sys.exc_info(), None)
    import logging

    logging.warning(faults.UNHANDLED)
    faults.log(body, sink)
    client.post_init_error(payloads.encode(body).encode(), body["errorType"])
    sys.exit(1)


# --- the loop ---------------------------------------------------------------


def main():
    global sink
    opt = sys.argv.pop() if len(sys.argv) > 1 else "/opt"
    if "_LAMBENT_AHEAD" in os.environ:
        from . import ahead

        ahead.wait()
    sink = make_sink()
    sys.stdout = Unbuffered(sys.stdout)
    sys.stderr = Unbuffered(sys.stderr)
    set_builtins()
    set_paths(opt)
    if "logging" in sys.modules:
        set_logging()
    else:
        sys.meta_path.insert(0, LoggingHook())
    use_compiled()
    client = LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
    handler = load(client)
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        from . import snapshots

        snapshots.run(client, sink)
    while True:
        run_one(client, handler)


def run_one(client, handler):
    global request_id, tenant_id
    request = client.wait_next_invocation()
    request_id = request.id
    tenant_id = request.tenant
    if request.trace:
        os.environ["_X_AMZN_TRACE_ID"] = request.trace
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    handle_event_request(client, handler, request)


def handle_event_request(lambda_runtime_client, request_handler, request):
    try:
        lambda_context = context.make(request)
        event = payloads.unmarshal(request.body, request.content_type)
        response = request_handler(event, lambda_context)
        result, content_type = payloads.marshal(response)
    except FaultException as e:
        from . import faults

        body = faults.body(e.msg, e.exception_type, e.trace, request.id)
        cause = faults.cause("LambdaValidationError", e.msg, [])
    except Exception:
        from . import faults

        info = sys.exc_info()
        body = faults.of_exception(info, request.id)
        cause = faults.cause(body["errorType"], body["errorMessage"], faults.frames(info[2]))
    else:
        lambda_runtime_client.post_invocation_result(request, result, content_type)
        return
    faults.log(body, sink)
    lambda_runtime_client.post_invocation_error(request, payloads.encode(body).encode(), cause)
