"""The contract of a protocol: fitting on frozen features, hyper-parameter selection and scoring.

What its tables look like is declared by its base, :class:`facebench.protocol.TableProtocol`. A
module with a protocol is imported whenever a table is read, so it imports torch inside ``probe``
only.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.resampling import SEED, Measured
from facebench.evaluation.store import Features
from facebench.progress import Progress
from facebench.protocol import ScoreKind, TableProtocol, judging_protocol, table_protocol
from facebench.task import Metric, TaskInfo

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Probed:
    """Predictions and chosen hyper-parameters, before scoring.

    Args:
        predictions: One row for each test item, with everything that its scores depend on.
        details: Chosen hyper-parameters, and the rows that they were chosen on.
        choices: Inputs of the scores besides the predictions; see ``Protocol.choices``.
        monitored: Values of ``paper`` per epoch, as JSON, which do not follow from predictions.
    """

    predictions: pd.DataFrame
    details: dict[str, Any]
    choices: Mapping[str, Any] = field(default_factory=dict)
    monitored: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CurveForm:
    """Storage of the curve of the paper's probe on the test side.

    Args:
        key: Key of the curve below ``scores.paper``.
        metric: Name of the metric.
        higher_is_better: Direction of improvement.
        by_fold: Whether there is one curve for each fold.
    """

    key: str
    metric: str
    higher_is_better: bool = True
    by_fold: bool = False


class Protocol(TableProtocol):
    """Evaluation of the features of a task, and recomputation of scores from stored predictions."""

    highest: ClassVar[float] = 1.0
    """The largest value that a metric can have; the smallest is 0."""

    curve: ClassVar[CurveForm | None] = None
    """The stored curve of the paper's probe, if one is trained."""

    monitored: ClassVar[frozenset[str]] = frozenset()
    """Keys of scores that were chosen or seen while a probe was trained."""

    @abstractmethod
    def probe(
        self, dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int,
        progress: Progress,
    ) -> Probed:  # fmt: skip
        """Fit on training items, choose on held-out ones, predict the test items.

        Args:
            dataset: Table (and pairs) in the order of the features.
            features: Features of its images, ``[N, D]``.
            spec: Options of the probe.
            seed: Seed of the held-out part, initial weights and order of batches.
            progress: Progress reporter.

        Raises:
            DataError: There are too few items.
        """

    def check_items(self, dataset: Dataset, spec: ProbeSpec, *, seed: int) -> None:
        """Check, before anything is learned, that there are enough items to evaluate.

        Raises what ``probe`` would raise about items if every image had features. By default that
        is left to ``probe``.

        Args:
            dataset: Table (and pairs).
            spec: Options of the probe.
            seed: Seed of the held-out part.

        Raises:
            DataError: There are too few items, or too few of a kind.
        """

    @abstractmethod
    def score(
        self, predictions: pd.DataFrame, choices: Mapping[str, Any], *, resamples: int, seed: int
    ) -> dict[str, Any]:
        """Return the scores of predictions, all of them or some rows, as JSON.

        Args:
            predictions: Predictions of ``probe``, or of a result.
            choices: Output of ``choices``.
            resamples: Number of bootstrap resamples.
            seed: Seed of the bootstrap, the same for all results; see
                :mod:`facebench.evaluation.resampling`.

        Returns:
            ``honest`` and ``paper``, each with every metric, and ``intervals`` with a 95 %
            interval ``[low, high]`` for each of them.

        Raises:
            DataError: There are too few rows.
            KeyError: A column is missing.
        """

    @abstractmethod
    def floors(self, dataset: Dataset, readable: Bools) -> dict[str, dict[str, float]]:
        """Return the scores without any representation, ``{"chance": {"accuracy": 0.5}}``.

        Args:
            dataset: Table (and pairs).
            readable: ``[N]`` which images have features.
        """

    @abstractmethod
    def measures(self, predictions: pd.DataFrame, kind: ScoreKind, of_item: Ints) -> list[Measured]:
        """Return the metrics of stored predictions as functions of how often units are drawn.

        Args:
            predictions: Predictions of a result.
            kind: Kind of score.
            of_item: ``[N]`` the unit (image, subject, group of people) of each row, 0-based.
        """

    def recorded_metrics(
        self, info: TaskInfo, spec: ProbeSpec
    ) -> tuple[Metric, tuple[Metric, ...]]:
        """Return the main metric of a result, and what tables print of it from left to right.

        Args:
            info: Declaration of the task.
            spec: Options of the probe.
        """
        return info.main_metric, self.columns(info)

    def choices(self, scores: Mapping[str, Any]) -> dict[str, Any]:
        """Return the inputs of ``score`` besides the predictions, from stored scores."""
        return {}

    def rescored_details(
        self, details: Mapping[str, Any], predictions: pd.DataFrame
    ) -> dict[str, Any]:
        """Return those of the stored details that follow from the predictions, computed again."""
        return {}

    def test_items(self, dataset: Dataset) -> int:
        """Return the number of test items of a task."""
        if self.paired:
            return 0 if dataset.pairs is None else len(dataset.pairs)
        split = dataset.table["split"]
        return len(split) if self.folded else int((split == "test").sum())

    def judge(
        self, dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int,
        progress: Progress,
    ) -> Judgement:  # fmt: skip
        """Fit and score; the arguments are those of ``probe``.

        Raises:
            DataError: There are too few items to evaluate.
        """
        probed = self.probe(dataset, features, spec, seed=seed, progress=progress)
        predictions = probed.predictions

        def rescore(kept: Bools) -> dict[str, Any]:
            return self.score(
                predictions[kept], probed.choices, resamples=spec.resamples, seed=SEED
            )

        scores = rescore(np.ones(len(predictions), dtype=bool))
        scores["paper"] |= probed.monitored
        return Judgement(
            scores=scores,
            predictions=predictions,
            n_test=self.test_items(dataset),
            n_scored=len(predictions),
            details=probed.details,
            floors=self.floors(dataset, features.readable),
            rescore=rescore,
        )

    def rescore(
        self, scores: Mapping[str, Any], predictions: pd.DataFrame, *, resamples: int
    ) -> dict[str, Any]:
        """Return ``honest`` and ``paper`` of stored predictions again, without ``monitored``.

        Args:
            scores: Stored scores; only ``choices`` are taken from them.
            predictions: Stored predictions, or some of their rows.
            resamples: Number of bootstrap resamples.
        """
        return self.score(predictions, self.choices(scores), resamples=resamples, seed=SEED)


def protocol_named(name: str) -> Protocol:
    """Return the protocol called ``name``.

    Raises:
        UnknownNameError: There is no such protocol.
        PluginError: It cannot be imported, or is none.
    """
    found: Any = table_protocol(name)  # which is a Protocol: no other class is accepted
    protocol: Protocol = found
    return protocol


def judging(info: TaskInfo, spec: ProbeSpec) -> Protocol:
    """Return the protocol that evaluates a task with a probe.

    Raises:
        UnknownNameError: There is no such protocol or probe.
        SpecError: The probe is of other tasks.
        PluginError: The protocol cannot be imported, or is none.
    """
    found: Any = judging_protocol(info, spec.kind)
    protocol: Protocol = found
    return protocol


def check_items(dataset: Dataset, spec: ProbeSpec, *, seed: int) -> None:
    """Check, before anything is learned, that a dataset has enough items to evaluate.

    Args:
        dataset: Table (and pairs).
        spec: Options of the probe.
        seed: Seed of the held-out part.

    Raises:
        DataError: There are too few items, or too few of a kind.
        UnknownNameError: There is no such protocol or probe.
        SpecError: The probe is of other tasks.
    """
    judging(dataset.task.info, spec).check_items(dataset, spec, seed=seed)


def judge(
    dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int, progress: Progress
) -> Judgement:
    """Evaluate features by the protocol that the task names, or by another probe of it.

    Args:
        dataset: Table (and pairs) in the order of the features.
        features: Features of its images.
        spec: Options of the probe.
        seed: Seed of the held-out part, initial weights and order of batches.
        progress: Progress reporter.

    Raises:
        DataError: There are too few items to evaluate.
        UnknownNameError: There is no such protocol or probe.
        SpecError: The probe is of other tasks.
    """
    protocol = judging(dataset.task.info, spec)
    return protocol.judge(dataset, features, spec, seed=seed, progress=progress)
