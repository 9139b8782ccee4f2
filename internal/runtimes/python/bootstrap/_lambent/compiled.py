"""Code that Lambent compiled ahead, from this version's own files (compile.py).

The package's folders are read-only and mostly come without .pyc files, so
every environment would compile every module again. Nothing else changes: the
loaders, __file__ and __cached__ are as ever, and whoever replaces a part of
the import system that compiles has it asked.
"""

import _frozen_importlib_external as machinery
import marshal
import os
import sys


def use(folder):
    """Load what stands in the folder from there."""
    try:
        magic, places = marshal.loads(_read(folder + "/index"))
    except (OSError, EOFError, ValueError, TypeError):
        return
    if magic == machinery.MAGIC_NUMBER and not _configured():
        _install(folder + "/code", places)


def _configured():
    """Whether a wrapper script asked for code of another kind."""
    return sys.flags.optimize or sys.flags.dev_mode or sys.warnoptions or sys._xoptions


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def _install(path, places):
    loader = machinery.SourceFileLoader
    usual, to_code, get_data = loader.get_code, loader.source_to_code, loader.get_data
    decode = machinery._compile_bytecode
    # A function may replace those of os for its own tests.
    open_file, pread, close, flags = os.open, os.pread, os.close, os.O_RDONLY | os.O_CLOEXEC

    def get_code(self, fullname):
        place = places.get(self.path) if type(self) is loader else None
        if (
            place is None
            or fullname != self.name
            or loader.source_to_code is not to_code
            or loader.get_data is not get_data
            or sys.pycache_prefix is not None
        ):
            return usual(self, fullname)
        try:
            fd = open_file(path, flags)
            try:
                data = pread(fd, place[1], place[0])
            finally:
                close(fd)
            return decode(data, fullname, None, self.path)
        except (OSError, EOFError, ValueError, TypeError, ImportError):
            return usual(self, fullname)

    # Python leaves the frames of its import system out of tracebacks; this is one.
    get_code.__code__ = get_code.__code__.replace(co_filename=usual.__code__.co_filename)
    get_code.__module__, get_code.__qualname__ = usual.__module__, usual.__qualname__
    loader.get_code = get_code
