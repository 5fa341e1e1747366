"""Validates a stored result: its form, its seal, its name, its hashes, and every score.

Scores and intervals are computed again from the predictions by the protocol's own code
(:mod:`facebench.evaluation.protocols.rescoring`), so a number that does not follow from them is
found. That the predictions are those of the weights is for ``facebench verify`` to say.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic_core import from_json

from facebench.errors import FacebenchError, StageError
from facebench.evaluation.protocols.rescoring import recorded_protocol
from facebench.results.finding import find_results
from facebench.results.record import FORMAT, FORMATS, SEALED_SINCE, Record
from facebench.results.schema import form_or_violations
from facebench.results.score_check import interval_violations, monitored, recomputed
from facebench.results.sealing import seal_violations
from facebench.results.store import Result, relative_path, result_key
from facebench.results.verdicts import known_valid, note_valid, verdict_key
from facebench.runtime.differences import MISSING, Difference, differences
from facebench.runtime.pool import FEW, TOGETHER, computed, worth_starting

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Args:
        file: Path of the result.
        key: Key in the result, with dots.
        found: The value found.
        expected: The value expected.
    """

    file: Path
    key: str
    found: Any
    expected: Any

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: found {self.found}; expected {self.expected}"


@dataclass(frozen=True)
class Checked:
    """One file, and what is wrong with it.

    Args:
        file: A result, or predictions without one.
        findings: None of them if all is well.
        sealed: Whether it has a seal, so that every byte of it is as it was written.
    """

    file: Path
    findings: tuple[Finding, ...]
    sealed: bool = False


def validate_folder(root: Path, *, anew: bool = False, processes: int = 1) -> Iterator[Checked]:
    """Check every result below a folder; hidden folders are skipped.

    Of files whose scores were found to follow from their predictions before, by their digests,
    everything else is checked.

    Args:
        root: The folder.
        anew: Compute the scores of all files again.
        processes: How many check them, if they are many.

    Yields:
        One after the other, in the order of their paths.

    Raises:
        StageError: There is no such folder, or no result in it.
    """
    results, orphans = find_results(root)
    if not (results or orphans):
        raise StageError(
            f"{root}: found no result; expected TASK/METHOD-BACKBONE-FEATURE-sSEED-HASH.json, with "
            "a parquet file of the same name. Give the folder that --results wrote to."
        )
    new = (path for path in results if anew or not _scored_before(path))
    count = len(list(islice(new, processes * FEW))) if processes > 1 else 0
    check = partial(_checked, anew=anew)
    yield from computed(check, results, worth_starting(count, processes), together=TOGETHER)
    for path in orphans:
        missing = Finding(path, "the result", MISSING, path.with_suffix(".json").name)
        yield Checked(path, (missing,))


def _checked(path: Path, *, anew: bool) -> Checked:
    opened = _opened(path)
    findings = tuple(_findings(path, opened, anew))
    sealed = isinstance(opened, _Opened) and opened.result.record.seal is not None
    return Checked(path, findings, sealed and not findings)


def _scored_before(path: Path) -> bool:
    """Return whether the scores of a file were computed before, and none differed."""
    try:
        protocol, _ = from_json(path.read_bytes())["task"]["protocol"]
        return known_valid(verdict_key(path, recorded_protocol(protocol).version))
    # What a file says may be anything; that is found when it is checked.
    except (FacebenchError, LookupError, OSError, TypeError, ValueError):
        return False


def validate_result(path: Path, *, anew: bool = True) -> Iterator[Finding]:
    """Yield everything that is wrong with one result.

    Args:
        path: Its JSON file.
        anew: Compute its scores again, also if these files were found to be valid before.
    """
    yield from _findings(path, _opened(path), anew)


def usable(result: Result) -> bool:
    """Return whether a stored result stands for a new one, with a warning if it does not.

    A sealed one was checked when it was read; of another the scores are computed again. That an
    earlier version drew its intervals does not matter.
    """
    wrong = (finding for finding in validate_result(result.path) if finding.key != "format")
    first = None if result.record.seal is not None else next(wrong, None)
    if first is not None:
        _log.warning("%s It is evaluated again.", first)
    return first is None


@dataclass(frozen=True)
class _Opened:
    """A file of the form of a result, as JSON and as models."""

    content: Mapping[str, Any]
    result: Result


def _opened(path: Path) -> _Opened | list[Difference]:
    """Read a result, or return why it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [Difference("the file", f"what cannot be read ({error})", "JSON")]
    found = content.get("format") if isinstance(content, dict) else None
    if found not in FORMATS or isinstance(found, bool):
        return [Difference("format", found, " or ".join(map(str, FORMATS)))]
    form = form_or_violations(content)
    return _Opened(content, Result(path, form)) if isinstance(form, Record) else form


def _findings(path: Path, opened: _Opened | list[Difference], anew: bool) -> Iterator[Finding]:
    # Nothing else can be relied on in what is not of the form of a result.
    found = _differences(opened, anew) if isinstance(opened, _Opened) else opened
    for difference in found:
        yield Finding(path, difference.key, difference.left, difference.right)


def _differences(opened: _Opened, anew: bool) -> Iterator[Difference]:
    result = opened.result
    if result.record.format >= SEALED_SINCE and result.predictions_path.exists():
        yield from seal_violations(opened.content, result.record, result.predictions_path)
    yield from _names(result)
    yield from _floors(result.record)
    yield from _scores_once(result, anew)


def _names(result: Result) -> Iterator[Difference]:
    """Check what says the same in two places: names, and the hash of what scores depend on."""
    record, path = result.record, result.path
    spec, stages, task = record.spec, record.stages, record.task
    key = result_key(
        task.protocol, stages.features, spec.probe.plain(),
        seed=spec.seed, dedup_test=spec.dedup_test,
    )  # fmt: skip
    yield from differences(stages.result, key, key="stages.result")
    expected = relative_path(spec, stages.result)
    place = Path(path.resolve().parent.name, path.name)
    yield from differences(str(place), str(expected), key="the name of the file")
    yield from differences(task.name, spec.task, key="task.name")
    yield from differences(record.method.name, spec.method, key="method.name")
    leak_free = record.scores.without_leaks is not None
    yield from differences(leak_free, spec.dedup_test, key="scores.without_leaks")
    unit = "pairs" if record.of_pairs else "test"
    yield from differences(record.n_test, task.counts.get(unit, MISSING), key="n_test")
    if record.n_scored > record.n_test:
        yield Difference("n_scored", record.n_scored, f"at most {record.n_test}")


def _floors(record: Record) -> Iterator[Difference]:
    """Check that baselines are values that the metrics of this protocol can have."""
    known = record.scores.honest.plain()
    highest = recorded_protocol(record.task.protocol[0]).highest
    for name, values in record.floors.items():
        for metric, value in values.items():
            if metric not in known:
                yield Difference(f"floors.{name}.{metric}", value, "a metric of this protocol")
            elif not 0 <= value <= highest:
                yield Difference(f"floors.{name}.{metric}", value, f"0 to {highest:g}")


def _scores_once(result: Result, anew: bool) -> Iterator[Difference]:
    """Check the scores, unless those of the same files were found to be right before."""
    if not result.predictions_path.is_file():
        yield from _scores(result)
        return
    key = verdict_key(result.path, recorded_protocol(result.record.task.protocol[0]).version)
    if not anew and known_valid(key):
        return
    found = tuple(_scores(result))
    yield from found
    if not found:
        note_valid(key)


def _scores(result: Result) -> Iterator[Difference]:
    """Check predictions, and every number that follows from them."""
    record = result.record
    predictions = _predictions(result)
    if isinstance(predictions, Difference):
        yield predictions
        return
    if len(predictions) != record.n_scored:
        yield Difference("the predictions' rows", len(predictions), record.n_scored)
    try:
        yield from _recomputed(record, predictions)
        yield from monitored(record)
        yield from interval_violations(record.scores)
    # What a file says may break the arithmetic anywhere; that is a finding, too.
    except (FacebenchError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        yield Difference("the predictions", f"what cannot be scored ({error})", "scores")


def _recomputed(record: Record, predictions: pd.DataFrame) -> Iterator[Difference]:
    if record.drawn_alike:
        yield from recomputed(record, predictions)
        return
    yield from recomputed(record, predictions, ignore={"intervals"})
    yield Difference(
        "format", record.format,
        f"{FORMAT}, since intervals of earlier ones cannot be drawn again; facebench results "
        "rescore FOLDER draws new ones",
    )  # fmt: skip


def _predictions(result: Result) -> pd.DataFrame | Difference:
    path = result.predictions_path
    if not path.exists():
        return Difference("the predictions", MISSING, path.name)
    try:
        return result.predictions
    except StageError as error:
        return Difference("the predictions", f"what cannot be read ({error})", "parquet")
