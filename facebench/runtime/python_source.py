"""Modules that are files of a user's own: plugins, and models."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SOURCE_SUFFIXES, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

from facebench.runtime.stops import Stopped


class _Compiled(SourceFileLoader):
    """Compiles a file each time that it is imported, and keeps no bytecode.

    Python takes kept bytecode for that of a file if its size and the second of its last change are
    equal. A version 2 that is written within a second of version 1 would give the numbers of 1.
    """

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the file as it is now."""
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


@contextmanager
def exit_is_an_error() -> Iterator[None]:
    """Let code of others that is imported in the block not end the process, as a script does.

    Raises:
        ImportError: It calls ``exit``.
    """
    try:
        yield
    except Stopped:  # the user ends the process
        raise
    except SystemExit as error:
        code = "" if error.code is None else repr(error.code)
        raise ImportError(
            f"it calls exit({code}) when it is imported; keep what only a script does below "
            'if __name__ == "__main__"'
        ) from error


def run_source(name: str, file: Path) -> ModuleType | None:
    """Import a file under a name, even if a module of that name was imported before.

    Args:
        name: Its name in ``sys.modules``, where dataclasses, ``inspect`` and ``pickle`` look it up.
            For ``pickle`` it has no dot, which stands for a package.
        file: Path of the file.

    Returns:
        None if its name is not that of a Python file.

    Raises:
        ImportError: The file calls ``exit``.
        Exception: Whatever the file raises; no module has the name then.
    """
    if file.suffix not in SOURCE_SUFFIXES:
        return None
    linecache.clearcache()  # which tells files apart by size and time, too, for tracebacks
    spec = spec_from_file_location(name, file, loader=_Compiled(name, str(file)))
    if spec is None or spec.loader is None:
        return None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        with exit_is_an_error():
            spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)  # the file may have removed it
        raise
    return module
