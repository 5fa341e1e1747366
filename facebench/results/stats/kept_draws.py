"""What is kept of resampling, which takes most of the time of a report, by digests of predictions.

Of each result its scores on draws of its test items; of several, in the order in which they are
compared, what follows from these draws.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Any

import numpy as np
import numpy.typing as npt

from facebench import __version__
from facebench.config.spec import digest
from facebench.errors import DataError, StageError
from facebench.evaluation.protocols.rescoring import recorded_protocol
from facebench.protocol import ScoreKind
from facebench.results.stored_predictions import StoredPredictions
from facebench.runtime.kept_values import keep, kept
from facebench.runtime.seal import file_digest

VERSION = 7  # goes up when the same results would give other draws, values or decisions
OUTCOMES_VERSION = 2  # goes up when the same draws would give other intervals, ranks or winners

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Drawing:
    """What is computed of predictions, and how.

    Args:
        names: Names of the metrics that are asked for.
        kind: Kind of score, ``honest`` or ``paper``.
        resamples: Number of draws.
    """

    names: tuple[str, ...]
    kind: ScoreKind
    resamples: int

    def metrics_of(self, predictions: StoredPredictions) -> tuple[str, ...]:
        """Return the metrics that are computed: those that other reports will ask for, too."""
        return tuple(dict.fromkeys([*predictions.metrics, *self.names]))


@dataclass(frozen=True)
class Resampled:
    """One kind of scores of a result, on test items and on draws of them.

    Args:
        items: Digest of the test items, see :func:`items_digest`.
        unit: What was drawn, in the plural.
        known: Metrics that can be computed from the predictions.
        names: The M of these that were computed.
        values: ``[M]`` on the items themselves, as stored (not scaled).
        drawn: ``[R, M]`` on each draw; R is 0 with too few units to draw.
        right: ``[N]`` whether each decision is right; None where items are not decided and drawn
            one by one.
    """

    items: str
    unit: str
    known: tuple[str, ...]
    names: tuple[str, ...]
    values: Floats
    drawn: Floats
    right: npt.NDArray[np.bool_] | None


def draws_key(predictions: StoredPredictions, drawing: Drawing, items: str = "") -> str | None:
    """Return the hash of what draws depend on; None if the predictions are missing.

    Args:
        predictions: The predictions.
        drawing: What is computed of them.
        items: Digest of the items, where they are not all that were predicted.

    Raises:
        StageError: Its protocol is not installed here.
    """
    content = _content(predictions)
    if content is None:
        return None
    metrics = drawing.metrics_of(predictions)
    return _draws_key(content, _protocol(predictions), metrics, drawing, items)


@lru_cache(maxsize=2**14)  # a report asks for each result's draws in many contests
def _draws_key(
    content: str, protocol: tuple[str, int], metrics: tuple[str, ...], drawing: Drawing, items: str
) -> str:  # fmt: skip
    return digest(
        {
            "version": VERSION,
            "code": [__version__, np.__version__],
            "protocol": protocol,
            "resamples": drawing.resamples,
            "metrics": metrics,
            "kind": drawing.kind,
            "items": items,
            "predictions": content,
        }
    )


def read_draws(key: str | None) -> Resampled | None:
    """Return kept draws; None if there are none."""
    content = None if key is None else kept(key)
    if content is None:
        return None
    head, _, body = content.partition(b"\n")
    said = json.loads(head)
    count, decisions = len(said["names"]), said["decisions"]
    size = np.dtype(np.float64).itemsize * count * (1 + said["draws"])
    numbers = np.frombuffer(body[:size], np.float64).reshape(1 + said["draws"], count)
    bits = np.unpackbits(np.frombuffer(body[size:], np.uint8), count=decisions or 0)
    return Resampled(
        items=said["items"],
        unit=said["unit"],
        known=tuple(said["known"]),
        names=tuple(said["names"]),
        values=numbers[0],
        drawn=numbers[1:],
        right=None if decisions is None else bits.astype(bool),
    )


def write_draws(key: str | None, found: Resampled) -> None:
    """Keep draws."""
    if key is None:
        return
    head = {
        "items": found.items,
        "unit": found.unit,
        "known": found.known,
        "names": found.names,
        "draws": len(found.drawn),
        "decisions": None if found.right is None else len(found.right),
    }
    numbers = np.concatenate([found.values[None], found.drawn]).astype(np.float64)
    bits = b"" if found.right is None else np.packbits(found.right).tobytes()
    keep(key, json.dumps(head).encode() + b"\n" + numbers.tobytes() + bits)


def outcome(
    competitors: Sequence[Sequence[StoredPredictions]], drawing: Drawing, what: str,
    compute: Callable[[], Any],
) -> Any:  # fmt: skip
    """Return what follows from draws, kept as JSON.

    Args:
        competitors: The predictions of each, one file a seed.
        drawing: What is computed of them.
        what: Name of the outcome.
        compute: Computes it where it is not kept; its errors pass through.
    """
    contents = [[_content(one) for one in of_one] for of_one in competitors]
    if any(None in of_one for of_one in contents):
        return compute()
    key = digest(
        {
            "outcome": [OUTCOMES_VERSION, what],
            "draws": [VERSION, __version__, np.__version__, drawing.resamples],
            "protocols": sorted({_protocol(one) for of_one in competitors for one in of_one}),
            "metrics": drawing.names,
            "kind": drawing.kind,
            "predictions": contents,
        }
    )
    value = kept(key)
    if value is not None:
        return json.loads(value)
    found = compute()
    keep(key, json.dumps(found, sort_keys=True).encode())
    return found


def _content(predictions: StoredPredictions) -> str | None:
    """Return the digest of a file of predictions; None if it is missing."""
    try:
        stamp = predictions.path.stat()
    except OSError:
        return None
    if not S_ISREG(stamp.st_mode):
        return None
    # Some tools give a file the time of the one that it takes the place of.
    times = (stamp.st_mtime_ns, stamp.st_ctime_ns)
    return _digest_of(predictions.path, times, stamp.st_size, stamp.st_ino)


@lru_cache(maxsize=2**14)
def _digest_of(path: Path, changed: tuple[int, int], size: int, inode: int) -> str:
    return file_digest(path)


def _protocol(predictions: StoredPredictions) -> tuple[str, int]:
    """Return the name of a protocol, and its version here.

    Raises:
        StageError: It is not installed here.
    """
    try:
        return predictions.protocol, recorded_protocol(predictions.protocol).version
    except DataError as error:
        raise StageError(f"{predictions.path.with_suffix('.json')}: {error}") from error
