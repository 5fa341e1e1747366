"""The most confident mistakes of a result, from its stored predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from facebench.errors import DataError, StageError
from facebench.evaluation.target_columns import target_columns, target_names
from facebench.results.record import Record
from facebench.results.store import Result

PROBABILITY = "honest_probability"


@dataclass(frozen=True)
class Mistake:
    """One wrong decision of the validated score.

    Args:
        paths: The image, or both images of a pair.
        said: What was said of it, and what is true.
        confidence: How sure the decision was: a probability, or how far a similarity is from the
            threshold; of numbers the error in their unit.
    """

    paths: tuple[str, ...]
    said: str
    confidence: float


def most_confident(result: Result, classes: Sequence[str], count: int) -> list[Mistake]:
    """Return the wrong decisions that were the surest, the surest first.

    Args:
        result: A result with its predictions.
        classes: Names of the classes in label order; numbers are used if they do not fit.
        count: How many, at most.

    Raises:
        DataError: Nothing is wrong, or the result does not say how sure its decisions were.
        StageError: Its predictions are missing.
    """
    record, frame = result.record, result.predictions
    if record.of_pairs:
        found = _pairs(record, frame)
    elif PROBABILITY in frame:
        found = _classes(frame, classes)
    elif any(name.startswith(f"{PROBABILITY}_") for name in map(str, frame)):
        found = _labels(frame)
    elif record.task.protocol[0] == "regression":
        found = _numbers(frame)
    elif record.task.protocol[0] in ("classification", "weighted"):
        raise StageError(
            f"{result.path}: does not say how sure its decisions were, since an earlier version of "
            "facebench wrote it; expected the column honest_probability. Evaluate it again with "
            "facebench run --force."
        )
    else:
        raise DataError(
            f"figure mistakes: found a result of {record.task.title} by {record.task.protocol[0]}, "
            "whose decisions have no probability; expected one of a trained probe, or of pairs. "
            "Run it with --probe linear."
        )
    if not found:
        raise DataError(f"{result.path}: found no mistake among {len(frame):,} decisions.")
    return sorted(found, key=lambda mistake: (-mistake.confidence, mistake.paths))[:count]


def _classes(frame: pd.DataFrame, classes: Sequence[str]) -> list[Mistake]:
    wrong = frame[frame["honest"] != frame["label"]]
    known = 1 + int(max(frame["label"].max(), frame["honest"].max())) <= len(classes)

    def name(label: int) -> str:
        return classes[label] if known else str(label)

    rows = zip(wrong["path"], wrong["label"], wrong["honest"], wrong[PROBABILITY], strict=True)
    return [
        Mistake((path,), f"{name(said)} {sure:.2f}\nis {name(true)}", float(sure))
        for path, true, said, sure in rows
    ]


def _pairs(record: Record, frame: pd.DataFrame) -> list[Mistake]:
    thresholds = np.asarray(record.scores.honest.value("thresholds"), dtype=np.float64)
    _, fold = np.unique(frame["fold"].to_numpy(), return_inverse=True)
    similarity = frame["honest_similarity"].to_numpy(np.float64)
    apart = np.abs(similarity - thresholds[fold])
    wrong = np.flatnonzero((frame["honest"] != frame["same"]).to_numpy(bool))
    return [
        Mistake(
            (str(frame["first"].iloc[k]), str(frame["second"].iloc[k])),
            f"said: {'different' if frame['same'].iloc[k] else 'same'}\n"
            f"{similarity[k]:.2f}, threshold {thresholds[fold[k]]:.2f}",
            float(apart[k]),
        )
        for k in wrong
    ]


def _labels(frame: pd.DataFrame) -> list[Mistake]:
    found = []
    columns = [name for name in map(str, frame) if name.startswith(PROBABILITY)]
    targets = [name.removeprefix(f"{PROBABILITY}_") for name in columns]
    for target in targets:
        wrong = frame[frame[f"honest_{target}"] != frame[f"label_{target}"]]
        rows = zip(wrong["path"], wrong[f"label_{target}"], wrong[f"{PROBABILITY}_{target}"],
                   strict=True)  # fmt: skip
        found += [
            Mistake((path,), f"{target} {sure:.2f}\nis {'there' if true else 'not there'}",
                    float(abs(true - sure)))
            for path, true, sure in rows
        ]  # fmt: skip
    return found


def _numbers(frame: pd.DataFrame) -> list[Mistake]:
    targets = target_names(frame)
    true, said = (target_columns(frame, which, targets) for which in ("label", "honest"))
    error = np.abs(said - true).mean(1)
    return [
        Mistake(
            (str(path),),
            "\n".join(f"{t} {s:.0f}, is {v:.0f}" for t, s, v in zip(targets, said[k], true[k],
                                                                   strict=True)),
            float(error[k]),
        )
        for k, path in enumerate(frame["path"])
        if error[k] > 0
    ]  # fmt: skip
