"""Faults of what is stored: bytes that change, files that are cut off, emptied or lost, edits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fault_kinds.world import Outcome, World

_PLACES = 16  # bytes that are changed in a file, one at a time
_JSON = (".json",)


def damaged_cache(world: World) -> Iterator[Outcome]:
    """Each file of the cache: changed, cut off, emptied, removed; then the same command again."""
    for name in _files(world.calm / "cache"):
        for title, harm in HARMS.items():
            folder = world.copy()
            harm(folder / "cache" / name)
            shutil.rmtree(folder / "results")  # which would stand for all that is before it
            yield world.run_again(f"{name} {title}", folder)


def damaged_results(world: World) -> Iterator[Outcome]:
    """Both files of a result, likewise; then the same command again."""
    for name in _files(world.calm / "results"):
        for title, harm in HARMS.items():
            folder = world.copy()
            harm(folder / "results" / name)
            yield world.run_again(f"{name} {title}", folder)


def changed_bytes(world: World) -> Iterator[Outcome]:
    """Single bytes of each file of a stage and of a result, all over it; then they are opened."""
    for name in _files(world.calm):
        opener = _opener(name)
        if opener is None:
            continue
        size = (world.calm / name).stat().st_size
        for place in range(0, size, max(1, size // _PLACES)):
            folder = world.copy()
            _flip(folder / name, place)
            yield _opened(f"{name}, byte {place}", opener, folder, world.calm)


def edited_json(world: World) -> Iterator[Outcome]:
    """Each value of each record: edited, of another type, missing; then the stage is opened."""
    for name in _files(world.calm):
        opener = _opener(name)
        if opener is None or not name.endswith(_JSON):
            continue
        for key in _leaves(json.loads((world.calm / name).read_text(encoding="utf-8"))):
            for title, edit in EDITS.items():
                folder = world.copy()
                record = json.loads((folder / name).read_text(encoding="utf-8"))
                edit(record, key)
                (folder / name).write_text(json.dumps(record), encoding="utf-8")
                place = ".".join(map(str, key))
                yield _opened(f"{name}, {place} {title}", opener, folder, world.calm)


def edited_boards(world: World) -> Iterator[Outcome]:
    """A result's score, leak or flag edited; then each command that reads results."""
    (name,) = (n for n in _files(world.calm / "results") if n.endswith(_JSON))
    edits: dict[str, Callable[[Any], None]] = {
        "score 0.99": lambda r: r["scores"]["honest"].update(accuracy=0.99),
        "score as text": lambda r: r["scores"]["honest"].update(accuracy="0.99"),
        "score NaN": lambda r: r["scores"]["honest"].update(accuracy=float("nan")),
        "real instead of synthetic": lambda r: r["task"].update(
            synthetic=not r["task"]["synthetic"]
        ),
        "no leaks": lambda r: r["task"]["leaks"].update(exact=7),
        "title": lambda r: r["method"].update(title="PCL"),
    }
    for title, edit in edits.items():
        for words in (
            ("leaderboard", "--results", "RESULTS"), ("table", "1", "--results", "RESULTS"),
            ("show", "FILE"), ("compare", "FILE", "FILE"), ("figure", "confusion", "FILE"),
            ("results", "validate", "RESULTS"), ("results", "export", "RESULTS"),
        ):  # fmt: skip
            folder = world.copy()
            file = folder / "results" / name
            record = json.loads(file.read_text(encoding="utf-8"))
            edit(record)
            file.write_text(json.dumps(record), encoding="utf-8")
            places = {"RESULTS": str(folder / "results"), "FILE": str(file)}
            done = world.call(folder, *(places.get(word, word) for word in words))
            fault = f"{title}: {' '.join(words[:2])}"
            if "Traceback" in done.err:
                yield Outcome(fault, "traceback", done.err[-200:])
            else:
                yield Outcome(fault, "refused" if done.status else "silent", done.err[-200:])


def _opened(fault: str, opener: Callable[[Path], Any], folder: Path, calm: Path) -> Outcome:
    """Return what comes of opening a stage in a folder where it was changed."""
    from facebench.errors import FacebenchError

    try:
        found = opener(folder)
    except FacebenchError as error:
        return Outcome(fault, "refused", str(error))
    except Exception as error:
        return Outcome(fault, "traceback", repr(error))
    return Outcome(fault, "same" if found == opener(calm) else "silent")


def _opener(name: str) -> Callable[[Path], Any] | None:
    """Return what opens the stage that a file belongs to, and returns all of it."""
    place = Path(name)
    if place.name == "checked.json":
        return None  # only says what need not be read again
    openers = {"features": _features, "packed": _pack, "checkpoints": _checkpoint}
    if place.parts[0] == "results":
        return lambda folder: _result(folder / place.with_suffix(".json"))
    kind = openers.get(place.parts[1]) if len(place.parts) == 4 else None
    return None if kind is None else lambda folder: kind(folder / place.parent)


def _features(folder: Path) -> Any:
    from facebench.evaluation.store import read_features

    found = read_features(folder)
    return found.values.tobytes(), found.broken, found.seconds


def _pack(folder: Path) -> Any:
    from facebench.data.packed import PackedFaces

    found = PackedFaces(folder)
    return found.images.tobytes(), found.index.to_dict(), found.info


def _checkpoint(folder: Path) -> Any:
    from facebench.weights.checkpoint import WEIGHTS, read_checkpoint

    found = read_checkpoint(folder)
    return found.record, (folder / WEIGHTS).read_bytes()


def _result(path: Path) -> Any:
    from facebench.results.store import read_result

    found = read_result(path)
    return found.record, found.predictions.to_dict()


def _files(folder: Path) -> list[str]:
    """Return the files of finished stages below a folder, without locks."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _flip(file: Path, place: int) -> None:
    with file.open("r+b") as stream:
        stream.seek(place)
        byte = stream.read(1)[0]
        stream.seek(place)
        stream.write(bytes([byte ^ 0x10]))


def _zero(file: Path) -> None:
    """Write zeros over the second half, as a file system may after a loss of power."""
    size = file.stat().st_size
    with file.open("r+b") as stream:
        stream.seek(size // 2)
        stream.write(bytes(size - size // 2))


def _swap(file: Path) -> None:
    """Exchange both halves."""
    content = file.read_bytes()
    half = len(content) // 2
    file.write_bytes(content[half:] + content[:half])


HARMS: dict[str, Callable[[Path], Any]] = {
    "with a byte changed": lambda file: _flip(file, file.stat().st_size // 2),
    "with its last byte changed": lambda file: _flip(file, file.stat().st_size - 1),
    "half zero": _zero,
    "with halves exchanged": _swap,
    "cut off": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "empty": lambda file: file.write_bytes(b""),
    "removed": lambda file: file.unlink(),
}


def _leaves(tree: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the keys of all values of JSON; of a long list only those of its ends."""
    items: list[tuple[Any, Any]] = []
    if isinstance(tree, dict):
        items = list(tree.items())
    elif isinstance(tree, list):
        items = list(enumerate(tree))
        items = items if len(items) < 4 else [items[0], items[-1]]
    for key, value in items:
        if isinstance(value, (dict, list)) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key)


def _set(record: Any, key: tuple[Any, ...], value: Callable[[Any], Any]) -> None:
    for step in key[:-1]:
        record = record[step]
    record[key[-1]] = value(record[key[-1]])


def _other(value: Any) -> Any:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return f"{value}a" if isinstance(value, str) else [1]


def _remove(record: Any, key: tuple[Any, ...]) -> None:
    for step in key[:-1]:
        record = record[step]
    del record[key[-1]]


EDITS: dict[str, Callable[[Any, tuple[Any, ...]], None]] = {
    "edited": lambda record, key: _set(record, key, _other),
    "of another type": lambda record, key: _set(record, key, lambda value: [str(value)]),
    "missing": _remove,
}
