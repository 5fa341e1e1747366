"""Metrics of stored predictions as functions of a draw, by the code of their protocol."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from facebench.errors import StageError
from facebench.evaluation.protocol import Measure
from facebench.evaluation.protocols.rescoring import recorded_protocol
from facebench.protocol import ScoreKind
from facebench.results.record import Record
from facebench.results.stats.resampling import Floats, Units


def measure(
    record: Record, frame: pd.DataFrame, kind: ScoreKind, names: Sequence[str], drawn: Units
) -> Measure:
    """Return how metrics follow from a draw, computed as the protocol of the result does.

    Args:
        record: Record of the result.
        frame: Predictions of the result.
        kind: Kind of score, ``honest`` or ``paper``.
        names: Names of the M metrics, in order.
        drawn: Units of ``frame``.

    Raises:
        StageError: A metric cannot be computed from predictions.
        DataError: The protocol is unknown here.
    """
    protocol = recorded_protocol(record.task.protocol[0])
    parts = protocol.measures(frame, kind, drawn.of_item)
    known = [name for part in parts for name in part.names]
    missing = [name for name in names if name not in known]
    if missing:
        raise StageError(
            f"{record.task.title}: {missing[0]} cannot be computed from stored predictions; "
            f"expected one of {', '.join(known)}."
        )
    needed = [part for part in parts if set(part.names) & set(names)]
    places = [name for part in needed for name in part.names]
    order = [places.index(name) for name in names]

    def all_of(times: Floats) -> Floats:
        return np.concatenate([part.measure(times) for part in needed], axis=1)[:, order]

    return all_of
