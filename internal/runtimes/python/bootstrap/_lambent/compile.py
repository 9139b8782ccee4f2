"""Compiles a function's modules and runs none of them.

Lambent runs this file once for each version of a function, in a sandbox like
the function's, with the same folders as arguments. Code goes to standard
output, one module's after the other, and a table of where each stands to
descriptor 3; compiled.py reads them in every later environment.

A module is left out where compiling it is more than its outcome: if it cannot
be compiled, or warns, each environment has to say so again. One that comes with
a valid .pyc file needs nothing from us.
"""

import marshal
import os
import stat
import sys
import time
import warnings
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER

# What no function needs more of. What comes after is compiled as ever.
MOST_SOURCE = 4 << 20  # bytes of one module
MOST_CODE = 64 << 20  # bytes of all
MOST_MODULES = 20000
MOST_SECONDS = 60  # of a processor's time

INDEX = 3


class Loader(SourceFileLoader):
    """The loader that functions have, but that it tells whether it compiled."""

    compiled = False

    def source_to_code(self, data, path, **options):
        self.compiled = True
        return super().source_to_code(data, path, **options)


def code_of(path):
    """What importing the module would have to compile; None: nothing."""
    loader = Loader("module", path)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")  # as functions may have it
        code = loader.get_code("module")
    if told or not loader.compiled:
        return None
    return marshal.dumps(code)


def sources(roots):
    for root in roots:
        for folder, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if name.endswith(".py") and small(path):
                    yield path


def small(path):
    info = os.lstat(path)
    return stat.S_ISREG(info.st_mode) and info.st_size <= MOST_SOURCE


def main(roots):
    table, size = {}, 0
    out = sys.stdout.buffer
    for path in sources(roots):
        if size > MOST_CODE or len(table) >= MOST_MODULES or time.process_time() > MOST_SECONDS:
            break
        try:
            code = code_of(path)
        except Exception:  # the source's, whatever it is: its import will tell
            continue
        if code is not None:
            table[path] = (size, len(code))
            size += out.write(code)
    out.flush()
    with open(INDEX, "wb") as index:
        index.write(marshal.dumps((MAGIC_NUMBER, table)))


if __name__ == "__main__":
    main(sys.argv[1:])
