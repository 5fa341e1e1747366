"""Contests, kept by the digests of predictions: resampling takes most of the time of a report."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from facebench import __version__
from facebench.config.spec import digest
from facebench.evaluation.protocols.rescoring import recorded_protocol
from facebench.protocol import ScoreKind
from facebench.results.stats.resampling import Units
from facebench.results.store import Result
from facebench.runtime.kept_values import keep, kept
from facebench.runtime.seal import file_digest
from facebench.task import Metric

if TYPE_CHECKING:
    from facebench.results.stats.statistics import Contest

VERSION = 1  # goes up when the same results would give other draws, values or decisions
OUTCOMES_VERSION = 1  # goes up when the same draws would give other intervals or ranks


def contests_key(
    competitors: Sequence[Sequence[Result]], metrics: Sequence[Metric], kind: ScoreKind, seed: int
) -> str | None:
    """Return the hash of everything that contests depend on; None if predictions are missing.

    Args:
        competitors: The results of each, one a seed.
        metrics: By which they are compared.
        kind: Which of their scores.
        seed: Seed of the draws.
    """
    everyone = [result for of_one in competitors for result in of_one]
    if not all(result.predictions_path.is_file() for result in everyone):
        return None
    protocols = sorted({result.record.task.protocol[0] for result in everyone})
    inputs = {
        "version": VERSION,
        "code": [__version__, np.__version__],
        "protocols": [[name, recorded_protocol(name).version] for name in protocols],
        "resamples": everyone[0].spec.probe.resamples,
        "metrics": [metric.name for metric in metrics],
        "kind": kind,
        "seed": seed,
        # Of a result's record nothing else is used: its scores are computed again.
        "predictions": [[file_digest(r.predictions_path) for r in of] for of in competitors],
    }
    return digest(inputs)


def read_contests(key: str, metrics: Sequence[Metric]) -> dict[str, Contest] | None:
    """Return kept contests by the names of their metrics; None if there are none."""
    from facebench.results.stats.statistics import Contest

    value = kept(key)
    if value is None:
        return None
    with np.load(io.BytesIO(value), allow_pickle=False) as arrays:
        drawn = Units(arrays["of_item"], arrays["strata"], str(arrays["units"]))
        return {
            metric.name: Contest(
                metric,
                arrays[f"values {place}"],
                arrays[f"drawn {place}"],
                tuple(arrays[f"right {place}"]),
                drawn,
            )
            for place, metric in enumerate(metrics)
        }


def read_outcome(key: str, what: str) -> Any:
    """Return what follows from contests, such as their rank intervals; None if it is not kept.

    Args:
        key: The hash of the contests.
        what: Name of the outcome.
    """
    value = kept(_of_outcome(key, what))
    return None if value is None else json.loads(value)


def write_outcome(key: str, what: str, value: Any) -> None:
    """Keep what follows from contests, as JSON."""
    keep(_of_outcome(key, what), json.dumps(value, sort_keys=True).encode())


def _of_outcome(key: str, what: str) -> str:
    return digest({"contests": key, "outcome": what, "version": OUTCOMES_VERSION})


def write_contests(key: str, contests: Mapping[str, Contest]) -> None:
    """Keep contests."""
    drawn = next(iter(contests.values())).units
    arrays = {"of_item": drawn.of_item, "strata": drawn.strata, "units": np.array(drawn.name)}
    for place, contest in enumerate(contests.values()):
        arrays |= {
            f"values {place}": contest.values,
            f"drawn {place}": contest.drawn,
            f"right {place}": np.array(contest.right, dtype=bool),
        }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    keep(key, buffer.getvalue())
