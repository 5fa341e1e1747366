"""What the system refuses, as one line: files, folders, sizes that no memory has."""

from __future__ import annotations

import errno

from facebench.errors import FacebenchError, shortened

_HINTS = {
    errno.EACCES: "Choose another place, or change its permissions.",
    errno.EEXIST: "Choose another name, or remove the file.",
    errno.EISDIR: "Give a file.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.ENOENT: "Correct the name, or create its folder.",
    errno.ENOSPC: "Make space and run the same command again.",
    errno.ENOTDIR: "A part of the path is a file; give a folder.",
    errno.EROFS: "The disk is read-only; choose another place.",
}


def refusal(error: Exception) -> str | None:
    """Return one line about an error that the user can correct; None if it is a bug.

    A closed pipe (``facebench table | head``) is none of both, and left to typer.
    """
    if isinstance(error, FacebenchError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None and error.errno != errno.EPIPE:
        file = f"{_path(error.filename)}: " if error.filename is not None else ""
        return f"{file}{error.strerror}. {_HINTS.get(error.errno, '')}".rstrip()
    if isinstance(error, MemoryError) or _is_out_of_memory(error):
        return f"not enough memory ({shortened(error)}). Choose smaller sizes or batches."
    if isinstance(error, OverflowError):
        return f"a number is too large ({shortened(error)}). Choose smaller values."
    return None


def _path(name: object) -> str:
    """Return a path of at most 60 characters in one line; names may be 4,096 long."""
    return shortened(name.decode(errors="replace") if isinstance(name, bytes) else name)


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether torch found too little memory; for the CPU it has no class of its own."""
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in text or "out of memory" in text
    )
