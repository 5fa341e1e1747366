"""Classification from few labels, many times over (``--probe fewshot``).

For each number of labels (``probe.shots``: images of each class, or a share of the training images)
some training images are drawn ``probe.draws`` times. Of each draw a multinomial logistic regression
(scikit-learn, L2 with C = 1) is fitted to features less the mean of the drawn ones, normalised, and
evaluates all test images: the classifier of Tian et al., "Rethinking few-shot image classification"
(arXiv 2003.11539), with SimpleShot's mean (arXiv 1911.04623), here of the drawn images alone.

A score is the mean of the draws' accuracies: ``accuracy_N`` of N images of each class,
``accuracy_P_percent`` of a share, and ``accuracy`` of the largest number. Nothing is chosen, since
held-out labels would be further labels; so ``honest`` and ``paper`` are the same. Stored intervals
draw labelled and test images again at the same time; those of a comparison of two results, which
are of the same draws, test images alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.errors import DataError
from facebench.evaluation.holdout import split_rows
from facebench.evaluation.metrics.intervals import percentile_ends
from facebench.evaluation.protocol import Bools, Floats, Ints, Probed
from facebench.evaluation.protocols.neighbours import ClassDecisions
from facebench.evaluation.resampling import Measured, draws
from facebench.evaluation.store import Features
from facebench.evaluation.units import Units, units
from facebench.progress import Progress
from facebench.protocol import ScoreKind
from facebench.task import Metric, TaskInfo


class FewShot(ClassDecisions):
    """Accuracy by number of labels; see the module's docstring."""

    name = "fewshot"

    def check_items(self, dataset: Dataset, spec: ProbeSpec, *, seed: int) -> None:
        """Check that each class has as many images as are to be drawn."""
        rows = split_rows(dataset, np.ones(len(dataset), dtype=bool))
        labels = dataset.table["label"].to_numpy(np.int64)[rows["train"]]
        for shots in spec.shots:
            _check_enough(dataset.task.info, labels, shots)

    def metrics(self, info: TaskInfo) -> tuple[str, ...]:
        """Return the accuracy of the largest number of labels; others depend on ``probe.shots``."""
        return ("accuracy",)

    def recorded_metrics(
        self, info: TaskInfo, spec: ProbeSpec
    ) -> tuple[Metric, tuple[Metric, ...]]:
        """Return the accuracy of the largest number, and those of all numbers in order."""
        names = [*(metric_of(shots) for shots in spec.shots[:-1]), "accuracy"]
        columns = tuple(
            Metric(name=name, title=f"{title_of(shots)} (%)", higher_is_better=True, scale=100)
            for name, shots in zip(names, spec.shots, strict=True)
        )
        return columns[-1], columns

    def probe(
        self, dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int,
        progress: Progress,
    ) -> Probed:  # fmt: skip
        """Fit a classifier to every draw, and evaluate the test images.

        Raises:
            DataError: A split is empty, or a class has fewer images than are to be drawn.
        """
        from facebench.evaluation.probe.feature_matrix import FeatureMatrix  # with torch
        from facebench.evaluation.probe.few_labels import FewLabels

        labels = dataset.table["label"].to_numpy(np.int64)
        rows, info = split_rows(dataset, features.readable), dataset.task.info
        table = dataset.table.iloc[rows["test"]]
        columns: dict[str, Any] = {"path": table["path"].to_numpy(), "label": labels[rows["test"]]}
        whole = FeatureMatrix(features.values)
        train = FewLabels(FeatureMatrix(whole, rows=rows["train"]), labels[rows["train"]])
        test, labelled = FeatureMatrix(whole, rows=rows["test"]), dict[str, int]()
        with progress.bar("probe", len(spec.shots) * spec.draws, "draw") as advance:
            for place, shots in enumerate(spec.shots):
                _check_enough(info, labels[rows["train"]], shots)
                draws = [train.draw(shots, seed=seed, number=n) for n in range(spec.draws)]
                labelled[metric_of(shots)] = len(draws[0])
                fitted = [train.fit(drawn) for drawn in draws]
                for number, decided in enumerate(train.decide(fitted, test)):
                    columns[f"{metric_of(shots)}_draw_{number}"] = decided.astype(np.int16)
                advance((place + 1) * spec.draws)
        return Probed(pd.DataFrame(columns), {"labelled": labelled, "draws": spec.draws})

    def score(
        self, predictions: pd.DataFrame, choices: Mapping[str, Any], *, resamples: int, seed: int
    ) -> dict[str, Any]:
        """Score all draws, as their columns and ``label`` give them.

        Both kinds of scores are the same, and have ``accuracy_by_draw`` and ``std_over_draws``
        (ddof 1) of each number of labels.
        """
        right = right_by_shots(predictions)
        drawn = units(predictions)
        of_draws = _bootstrap(drawn, [*right.values()], resamples=resamples, seed=seed)
        ends = percentile_ends(of_draws).T.tolist()
        by_draw = {name: of_draw.mean(0) for name, of_draw in right.items()}
        values = {name: float(of_draw.mean()) for name, of_draw in by_draw.items()}
        intervals = dict(zip(values, ends, strict=True))
        last = [*values][-1]
        block = {
            **values,
            "accuracy": values[last],
            "accuracy_by_draw": {name: of_draw.tolist() for name, of_draw in by_draw.items()},
            "std_over_draws": {n: float(of_draw.std(ddof=1)) for n, of_draw in by_draw.items()},
            "intervals": {**intervals, "accuracy": intervals[last]},
        }
        return {"honest": block, "paper": block}

    def choices(self, scores: Mapping[str, Any]) -> dict[str, Any]:
        """Return none: the columns of the predictions say all."""
        return {}

    def measures(self, predictions: pd.DataFrame, kind: ScoreKind, of_item: Ints) -> list[Measured]:
        """Return the accuracies, each a mean over the draws of labelled images."""
        right = right_by_shots(predictions)
        items = np.bincount(of_item)
        of_unit = np.stack([np.bincount(of_item, weights=r.mean(1)) for r in right.values()], 1)

        def values(times: Floats) -> Floats:
            shares: Floats = (times @ of_unit) / (times @ items)[:, None]
            return np.concatenate([shares, shares[:, -1:]], axis=1)

        return [Measured((*right, "accuracy"), values)]


def metric_of(shots: float) -> str:
    """Return the name of the accuracy of a number of labels: ``accuracy_4``."""
    return f"accuracy_{shots:g}" if shots >= 1 else f"accuracy_{100 * shots:g}_percent"


def title_of(shots: float) -> str:
    """Return a number of labels in words: ``4 per class``, ``1 % of labels``."""
    return f"{shots:g} per class" if shots >= 1 else f"{100 * shots:g} % of labels"


def right_by_shots(predictions: pd.DataFrame) -> dict[str, Bools]:
    """Return ``[N, draws]`` whether each decision is right, by the name of the accuracy."""
    columns: dict[str, list[str]] = {}
    for column in map(str, predictions.columns):
        name, found, _ = column.partition("_draw_")
        if found:
            columns.setdefault(name, []).append(column)
    if not columns:
        raise KeyError("accuracy_N_draw_0")
    truth = predictions["label"].to_numpy()[:, None]
    return {name: predictions[of_name].to_numpy() == truth for name, of_name in columns.items()}


def _check_enough(info: TaskInfo, labels: Ints, shots: float) -> None:
    counts = np.bincount(labels, minlength=len(info.classes))
    if np.count_nonzero(counts) < 2:
        raise DataError(f"{info.title}: all training images are of one class; expected several.")
    least = int(counts.argmin())
    if shots >= 1 and counts[least] < shots:
        raise DataError(
            f"{info.title}: found {counts[least]} training images of {info.classes[least]}; "
            f"expected the {shots:g} of each class that probe.shots asks for. Give more items, or "
            "smaller numbers."
        )


def _bootstrap(drawn: Units, right: list[Bools], *, resamples: int, seed: int) -> Floats:
    """Return the mean accuracies ``[R, S]`` of test and labelled images that are drawn again."""
    sets = right[0].shape[1]
    every = np.concatenate(right, axis=1).astype(np.float64)  # [N, S * sets]
    items = np.bincount(drawn.of_item)
    of_unit = np.stack([np.bincount(drawn.of_item, weights=column) for column in every.T], axis=1)

    def accuracies(times: npt.NDArray[Any]) -> Floats:
        whole = np.asarray(times, np.float64)
        shares: Floats = (whole @ of_unit) / (whole @ items)[:, None]
        return shares

    of_items = draws(drawn, accuracies, resamples=resamples, seed=seed)
    rng = np.random.default_rng(seed)
    labelled = rng.multinomial(sets, np.full(sets, 1 / sets), size=resamples) / sets
    means: Floats = np.einsum("rsd,rd->rs", of_items.reshape(resamples, len(right), sets), labelled)
    return means
