"""Results of a request that was answered before, found by its words alone.

To find a result, a run loads the classes that it names, opens its data and follows the keys of all
stages; the import of torch alone takes seconds. The same words in the same surroundings mean the
same results, so a run that has ended keeps which these are (:mod:`facebench.runtime.kept_values`):

- under the hash of the words and of what their meaning depends on besides files: the folder that
  they were typed in, variables of the environment, installed distributions and plugins, Python, the
  processor and the GPUs of the machine, the content of the configuration file;
- with the stamps of everything that was read: the code (facebench, plugins, and each module that is
  of no installed distribution), files given with ``--plugin``, the data to learn from and to
  evaluate on, the stages of the cache;
- with the warnings that a run gives although it computes nothing.

An answer holds only if all stamps are what they were, and each result is there, is sealed, and is
as it was written. Words that are not in :data:`_USUAL` have none. Without an answer a run does what
it does anyway, so what is kept here can be removed at any time.

A task is trusted to read nothing but what lies below its folder, as its contract says
(:mod:`facebench.task`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from facebench.errors import StageError
from facebench.installed import registered
from facebench.results.store import Result, read_result
from facebench.runtime.kept_values import keep, kept
from facebench.runtime.stamps import Inputs

FORMAT = 1  # of what is kept; goes up, too, when the same words would mean other runs
GROUPS = ("facebench.methods", "facebench.tasks", "facebench.backbones")

# Any other word (a checkpoint, --force, several devices, one that is new) takes the long way.
_USUAL = frozenset(
    {"method", "task", "backbone", "pretrain_data", "preset", "settings", "config", "seeds",
     "device", "precision", "probe", "data", "synthetic", "results", "cache", "limit", "baselines",
     "skip_broken", "dedup_test", "plugins"}
)  # fmt: skip
_VARIABLES = ("FACEBENCH_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "PYTHON", "HOME", "XDG_")
_GPUS = ("/dev/nvidia*", "/dev/kfd", "/proc/driver/nvidia/gpus/*")


@dataclass(frozen=True)
class Said:
    """A message to the user.

    Args:
        logger: Name of its logger.
        level: As :mod:`logging` counts.
        text: The message.
    """

    logger: str
    level: int
    text: str

    def again(self) -> None:
        """Log it."""
        logging.getLogger(self.logger).log(self.level, "%s", self.text)


@dataclass(frozen=True)
class Answered:
    """One run of a request.

    Args:
        method: As in its spec, like the others.
        task: Name of the task.
        backbone: Name of the backbone.
        preset: Name of the preset.
        seed: The seed.
        file: Its result.
        key: The hash of its result.
        said: What is said when its data are opened.
    """

    method: str
    task: str
    backbone: str
    preset: str
    seed: int
    file: str
    key: str
    said: tuple[Said, ...]


@dataclass(frozen=True)
class State:
    """Files, and what they were.

    Args:
        inputs: The files.
        digest: SHA-256 of their names and stamps, in hexadecimal digits.
    """

    inputs: Inputs
    digest: str

    def lasts(self) -> bool:
        """Return whether they are what they were.

        Raises:
            OSError: One is missing.
        """
        return self.inputs.stamp().digest == self.digest


@dataclass(frozen=True)
class Answer:
    """What a request is answered with.

    Args:
        states: Files that it follows from: what was read, and the stages.
        said: What is said before the first run.
        runs: The runs, in their order.
    """

    states: tuple[State, ...]
    said: tuple[Said, ...]
    runs: tuple[Answered, ...]


_FORM = TypeAdapter(Answer)


def request_key(words: Mapping[str, Any]) -> str | None:
    """Return the hash of a request in its surroundings; None if it always takes the long way.

    Args:
        words: Options that were given, by their names in Python.
    """
    if not words.keys() <= _USUAL:
        return None
    config = None
    try:
        if "config" in words:
            config = hashlib.sha256(Path(words["config"]).read_bytes()).hexdigest()
        inputs = [FORMAT, dict(words), config, _software(), _machine()]
    except OSError:
        return None
    text = json.dumps(inputs, sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def find_answer(key: str) -> tuple[Answer, list[Result]] | None:
    """Return an answer and its results; None if there is none, or anything changed since.

    Args:
        key: The hash of the request.
    """
    value = kept(_name(key))
    if value is None:
        return None
    try:
        answer = _FORM.validate_json(value, strict=True)
        results = [read_result(Path(run.file)) for run in answer.runs]
        sound = all(map(_stands, results, answer.runs))
        sound = sound and all(state.lasts() for state in answer.states)
    except (OSError, StageError, ValueError):
        return None
    return (answer, results) if sound and results else None


def keep_answer(key: str, answer: Answer) -> None:
    """Keep an answer for the next time.

    Args:
        key: The hash of the request.
        answer: The answer.
    """
    keep(_name(key), _FORM.dump_json(answer))


def _name(key: str) -> str:
    return f"request-{key}"


def _stands(result: Result, run: Answered) -> bool:
    """Return whether a result is that of a run, and whole, so that its seal was checked."""
    return result.record.seal is not None and result.record.stages.result == run.key


def _software() -> list[Any]:
    """Return what is installed, and where this program looks for it."""
    folders = [str(Path(folder).absolute()) for folder in sys.path]  # "" is the current one
    found = {name for folder in folders for name in _names(folder)}
    metadata = sorted(name for name in found if name.endswith((".dist-info", ".egg-info", ".pth")))
    plugins = [[group, *map(str, registered(group))] for group in GROUPS]
    return [sys.version, sys.prefix, folders, metadata, plugins]


def _machine() -> list[Any]:
    """Return where this program runs: on which the device and the precision depend."""
    variables = {n: value for n, value in os.environ.items() if n.startswith(_VARIABLES)}
    gpus = sorted(str(path) for pattern in _GPUS for path in Path("/").glob(pattern[1:]))
    processor = _text("/proc/cpuinfo").partition("\n\n")[0].splitlines()
    lasting = [line for line in processor if line.startswith(("model name", "flags", "Features"))]
    driver = _text("/proc/driver/nvidia/version")
    place = str(Path.cwd())
    return [place, variables, platform.node(), platform.platform(), lasting, gpus, driver]


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - of many names few are needed
    except OSError:  # a zip file, or a folder that is not there
        return []


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
