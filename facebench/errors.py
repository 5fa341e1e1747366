"""The exceptions for errors that a user can correct.

    FacebenchError             base class; the CLI prints the message and exits with status 2
    ├── SpecError              an option, a preset or a configuration file
    │   └── UnknownNameError   a name that does not exist; carries the nearest one
    ├── PluginError            a plugin that cannot be imported, or breaks its contract
    ├── DataError              a dataset: missing folder, wrong layout, unreadable image
    ├── StageError             a stage on disk, or a result, that cannot be used as it is
    ├── ModelError             a model of the user that fails, or does not return features
    └── LearningError          pretraining that cannot go on, since its loss is not finite

Anything else that is raised is a bug and may show its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from linecache import getline
from pathlib import Path
from traceback import walk_tb
from typing import Any

_OWN = ("facebench", "facebench_methods", "facebench_tasks")


class FacebenchError(Exception):
    """An error that the user can correct; the message says what is wrong and what to do."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython and Jupyter show: the lines that called facebench, and the message.

        Those of facebench say nothing about a mistake of the user, and are dozens.
        ``traceback.print_exc()`` and ``%debug`` still have them.
        """
        lines = []
        for frame, number in walk_tb(self.__traceback__):
            package = frame.f_globals.get("__name__", "").partition(".")[0]
            if package in _OWN:
                break
            if package not in ("IPython", "ipykernel"):
                file = frame.f_code.co_filename  # a cell's is made up
                place = file if Path(file).exists() else "cell"
                lines.append(f"{place}, line {number}: {getline(file, number).strip()}")
        return [*lines, f"{type(self).__name__}: {self}"]


class SpecError(FacebenchError):
    """An option, preset or configuration file that does not fit."""


class UnknownNameError(SpecError):
    """A name that is not known, with the nearest known ones.

    Args:
        kind: Kind of the name, in the singular: ``"method"``, ``"option"``.
        name: The unknown name.
        known: All accepted names.
        where: Location of the name (a file, a flag), if that helps to find it.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, where: str = "") -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        place = f" in {where}" if where else ""
        listed = ", ".join(names) if names else "none"
        super().__init__(f"unknown {kind} '{shortened(name)}'{place}.{hint} Known: {listed}.")


class PluginError(FacebenchError):
    """A plugin that cannot be imported, is owned twice, or breaks its contract."""


class DataError(FacebenchError):
    """A dataset whose folder, layout, labels or images are not what was expected."""


class StageError(FacebenchError):
    """A checkpoint, feature store or result on disk that cannot be used as it is."""


class ModelError(FacebenchError):
    """A model of the user that cannot be opened, fails, or returns something else than features."""


class LearningError(FacebenchError):
    """Pretraining that cannot go on, because a loss or a gradient is not finite any more."""


def shortened(value: Any, longest: int = 60) -> str:
    """Return a value as text of one line and at most ``longest`` characters, for messages."""
    text = " ".join(str(value).split())
    return text if len(text) <= longest else f"{text[:longest]}..."
