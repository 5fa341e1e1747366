"""Predicts each known factor of a face from a feature by a linear model.

All factors use the same model, so that scores are comparable: features are standardised, reduced to
a common dimension (PCL Table 7: "normalized to the same dimension"), and fitted by ridge
regression on the expression or person (one column each, the largest wins), on action units (0 or
1), or on yaw, pitch and roll in degrees. The solution has a closed form, so there is no training
budget to choose.

Every image is predicted once, by a model fitted on other images: for the identity on other images
of the same persons, for all other factors on other persons. The ridge penalty is chosen on the
training images, with the same kind of split.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from facebench.errors import DataError, SpecError
from facebench.synth.factor_faces import ANGLES, UNITS

Floats = npt.NDArray[np.float64]
Split = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

PREDICTED = "predicted_"  # prefix of a factor's name in the columns of predictions


@dataclass(frozen=True)
class FactorSettings:
    """Settings of the linear models.

    Args:
        dimension: Principal components of the standardised training features that are kept.
        folds: Number of folds of the predictions.
        inner_folds: Number of folds for the choice of the ridge penalty.
        ridges: Candidate ridge penalties.

    Raises:
        SpecError: A number is out of range.
    """

    dimension: int = 256
    folds: int = 5
    inner_folds: int = 3
    ridges: tuple[float, ...] = (1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6)

    def __post_init__(self) -> None:
        if self.dimension < 1 or min(self.folds, self.inner_folds) < 2 or not self.ridges:
            raise SpecError(
                f"factor settings: found {self}; expected a dimension of at least 1, 2 folds or "
                "more of each kind, and some ridges."
            )


def predict_factors(
    features: npt.ArrayLike, labels: pd.DataFrame, settings: FactorSettings, *, seed: int
) -> pd.DataFrame:
    """Predict every factor of every image by linear models of its feature.

    Args:
        features: ``[N, D]`` features.
        labels: ``[N]`` rows of :func:`facebench.synth.factor_faces.read_labels`.
        settings: Dimension, folds, ridge penalties.
        seed: Seed of the randomised principal components.

    Returns:
        The labels, ``fold`` (of persons: one model predicts all of its rows), and for each factor
        a column ``predicted_NAME``: ``identity`` (a person), ``expression``, the angles (degrees),
        and the units (a score; larger means more likely).

    Raises:
        DataError: Features do not fit the labels, or there are too few persons or images.
    """
    values = np.asarray(features, dtype=np.float32)
    _check(values, labels, settings)
    table = labels.reset_index(drop=True)
    fold = np.full(len(table), -1)
    guesses = {name: np.full(len(table), -1) for name in ("identity", "expression")}
    numbers = {name: np.full(len(table), np.nan) for name in (*ANGLES, *UNITS)}
    persons, images = table["person"].to_numpy(), table["image"].to_numpy()
    for number, (train, test) in enumerate(splits(persons, settings.folds)):
        fold[test] = number
        seen, unseen = _reduced(values, train, test, settings, seed)
        inner = list(splits(persons[train], settings.inner_folds))
        expression = _fit(RidgeClassifier(), "accuracy", seen, table["expression"][train],
                          inner, settings)  # fmt: skip
        guesses["expression"][test] = expression.predict(unseen)
        for names in (ANGLES, UNITS):
            fitted = _fit(Ridge(), "r2", seen, table[list(names)].iloc[train], inner, settings)
            for name, predicted in zip(names, fitted.predict(unseen).T, strict=True):
                numbers[name][test] = predicted
    for train, test in splits(images, settings.folds):
        seen, unseen = _reduced(values, train, test, settings, seed)
        inner = list(splits(images[train], settings.inner_folds))
        identity = _fit(RidgeClassifier(), "accuracy", seen, persons[train], inner, settings)
        guesses["identity"][test] = identity.predict(unseen)
    predicted = {PREDICTED + name: column for name, column in {**guesses, **numbers}.items()}
    return table.assign(fold=fold, **predicted)


def splits(groups: npt.ArrayLike, folds: int) -> Iterator[Split]:
    """Yield training and test rows of each fold; all rows of a group are in one of them.

    Args:
        groups: ``[N]`` group of each row: its person, or the number of the image of its person.
        folds: Number of folds.
    """
    members = np.asarray(groups)
    yield from GroupKFold(folds).split(members, groups=members)


def _reduced(
    values: npt.NDArray[np.float32],
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
    settings: FactorSettings,
    seed: int,
) -> tuple[Floats, Floats]:
    """Standardise and reduce features by the statistics of the training rows."""
    dimension = min(settings.dimension, values.shape[1], len(train))
    model = make_pipeline(StandardScaler(), PCA(dimension, random_state=seed))
    seen = model.fit_transform(values[train])
    return seen.astype(np.float64), model.transform(values[test]).astype(np.float64)


def _fit(
    model: Any, scoring: str, features: Floats, targets: Any, inner: list[Split],
    settings: FactorSettings,
) -> Any:  # fmt: skip
    """Fit with the ridge penalty that predicts the inner folds best."""
    search = GridSearchCV(model, {"alpha": list(settings.ridges)}, scoring=scoring, cv=inner)
    return search.fit(features, np.asarray(targets))


def _check(values: npt.NDArray[np.float32], labels: pd.DataFrame, settings: FactorSettings) -> None:
    if values.ndim != 2 or len(values) != len(labels):
        raise DataError(
            f"these features do not fit: found {values.shape}; expected {len(labels)} rows."
        )
    if not np.isfinite(values).all():
        raise DataError("these features are not finite. The representation may have diverged.")
    # Of the persons, or images of a person, that are left for training, each inner fold needs one.
    least = settings.folds + settings.inner_folds
    for name in ("person", "image"):
        if (found := labels[name].nunique()) < least:
            raise DataError(f"factors: found {found} {name}s; expected at least {least}.")
