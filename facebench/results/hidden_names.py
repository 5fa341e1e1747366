"""Results without the file names of a dataset, for datasets whose licence forbids publishing them.

Names stand in the predictions, among the leaks, and among broken images. A path becomes a digest of
itself and of the data, so that a reader with the same data can tell which image is meant, and
results on them still compare with each other. People become numbers in the order of their names:
what is drawn in a bootstrap depends on that order, so stored intervals follow from the new file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from facebench.errors import StageError
from facebench.results.record import HIDDEN
from facebench.results.sealing import sealed_result
from facebench.results.store import Result, read_result, relative_path
from facebench.runtime.atomic import atomic_file, atomic_write
from facebench.runtime.seal import SEAL
from facebench.runtime.workspace import to_json

_PATHS = ("path", "first", "second")
_PERSON = "subject"
_LISTED = re.compile(r"(?:in training and test|in more than one list): ([^\s,;]+)")
_TWINS = ("exact_images", "near_images")


def without_names(result: Result, folder: Path) -> Result:
    """Write a result without the names of its dataset's files and people, sealed anew.

    Args:
        result: A valid result, which stays as it is.
        folder: Folder of results to write to.

    Returns:
        The new result; its record says ``task.names``.

    Raises:
        StageError: It is of pairs, whose people are known by their names alone; or a warning in it
            names a file.
    """
    if result.record.of_pairs:
        raise StageError(
            f"{result.path}: the licence of {result.record.task.title} forbids publishing file "
            "names, and in pairs they say who is shown; expected another task. Leave it out."
        )
    predictions, salt = result.predictions, result.record.task.fingerprint
    plain = result.record.plain()
    names = _names(plain, predictions, salt)
    record = _record(plain, names)
    _check_texts(record, names, result)
    path = folder / relative_path(result.spec, result.record.stages.result)
    with atomic_file(path.with_suffix(".parquet")) as temporary:
        _hidden(predictions, names).to_parquet(temporary, index=False)
    unsealed = {key: value for key, value in record.items() if key != SEAL}
    atomic_write(path, to_json(sealed_result(unsealed, path.with_suffix(".parquet"))))
    return read_result(path)


def digest_of(path: str, salt: str) -> str:
    """Return what stands for a file's name: 20 hexadecimal digits.

    Args:
        path: As the task's table has it.
        salt: Fingerprint of the data. It stands in the record, so a digest publishes no name, but
            a reader who knows how a dataset forms its names can try them one by one.
    """
    return hashlib.sha256(f"{salt}\n{path}".encode()).hexdigest()[:20]


def _names(record: Mapping[str, Any], frame: pd.DataFrame, salt: str) -> dict[str, str]:
    """Return what stands for each name of a file or a person that a result has."""
    leaks, data = record["task"]["leaks"], record["pretrain"]["data"]
    twins = [name for key in _TWINS for pair in leaks.get(key) or () for name in pair]
    paths = [str(path) for name in _PATHS if name in frame for path in frame[name]]
    broken = [] if data is None else data["broken"]
    names = {path: digest_of(path, salt) for path in (*paths, *twins, *broken)}
    if _PERSON in frame:
        people = sorted(frame[_PERSON].unique())
        width = len(str(len(people)))
        names |= {person: f"{place:0{width}d}" for place, person in enumerate(people, start=1)}
    return names


def _hidden(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    columns = [name for name in (*_PATHS, _PERSON) if name in frame]
    return frame.assign(**{name: frame[name].map(names).tolist() for name in columns})


def _record(record: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return a record in which no name stands as a value of its own, and which says so."""
    task, pretrain = dict(record["task"]), dict(record["pretrain"])
    task |= {"leaks": _replaced(task["leaks"], names), "names": HIDDEN}
    if pretrain["data"] is not None:
        pretrain["data"] = _replaced(pretrain["data"], names)
    details = _replaced(record["details"], names)  # has the people that something was chosen on
    return {**record, "task": task, "pretrain": pretrain, "details": details}


def _replaced(tree: Any, names: Mapping[str, str]) -> Any:
    """Return JSON with other texts for names, wherever they stand alone."""
    if isinstance(tree, dict):
        return {key: _replaced(value, names) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_replaced(item, names) for item in tree]
    return names.get(tree, tree) if isinstance(tree, str) else tree


def _check_texts(record: Mapping[str, Any], names: Iterable[str], result: Result) -> None:
    """Look for names within sentences.

    Raises:
        StageError: There is one.
    """
    data = record["pretrain"]["data"]
    said = "\n".join([*record["task"]["warnings"], *([] if data is None else data["warnings"])])
    words = set(re.findall(r"[^\s,;:()'\"]+", said))
    people = _LISTED.findall(said)  # predictions of classes do not say who is shown
    found = people or sorted(
        word for word in (*words, *(w.rstrip(".") for w in words)) if word in {*names}
    )
    if found:
        raise StageError(
            f"{result.path}: found the name {found[0]} in a warning, which the licence of "
            f"{result.record.task.title} forbids to publish; expected none. Leave this result out."
        )
