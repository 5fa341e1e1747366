"""What images are labelled with, for methods that learn from labels.

=============== ============================= =====================================================
kind            values of one image           where it comes from
=============== ============================= =====================================================
``classes``     int64, index of the class     protocols of one class for each image
``labels``      float32 ``[T]``, each 0 or 1  protocols of several labels, such as action units
``numbers``     float32 ``[T]``               protocols of several numbers, such as angles
``identities``  int64, index of the person    a ``subject`` of the table, or the folder of a person
=============== ============================= =====================================================
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

TargetKind = Literal["classes", "labels", "numbers", "identities"]


class LabelledImages(NamedTuple):
    """A batch of a method that learns from labels.

    Attributes:
        images: ``[B, 3, S, S]`` in [0, 1].
        targets: ``[B]`` int64, or ``[B, T]`` float32; see the top of this module.
    """

    images: Tensor
    targets: Tensor


@dataclass(frozen=True, kw_only=True)
class TargetForm:
    """What a method needs to know of the labels before it learns, such as the size of its head.

    Args:
        kind: Kind of the labels.
        outputs: Number of classes, of persons, or of targets T.
        images: Number of images that are learned from.
        names: Names of the classes or targets; none of persons.
        counts: Images of each class or person, or that show each label; none of numbers.
        means: Mean of each number; empty otherwise.
        deviations: Standard deviation of each number (1 where it is constant); empty otherwise.
    """

    kind: TargetKind
    outputs: int
    images: int
    names: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the form as JSON."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> TargetForm:
        """Return the form of what :meth:`record` gave."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in record.items()
        }
        return cls(**values)


@dataclass(frozen=True)
class Targets:
    """The label of each image.

    Args:
        kind: Kind of the labels.
        names: Names of the classes or targets; none of persons.
        values: ``[N]`` int64, or ``[N, T]`` float32; persons are counted from 0 without gaps.
    """

    kind: TargetKind
    names: tuple[str, ...]
    values: NDArray[Any]

    def take(self, rows: NDArray[np.int64]) -> Targets:
        """Return the labels of some images; persons without an image are no longer counted."""
        values = self.values[rows]
        if self.kind == "identities":
            values = np.unique(values, return_inverse=True)[1].astype(np.int64)
        return Targets(self.kind, self.names, values)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over kind, names and values."""
        head = json.dumps([self.kind, self.names, str(self.values.dtype), self.values.shape])
        return hashlib.sha256(
            head.encode() + np.ascontiguousarray(self.values).tobytes()
        ).hexdigest()

    @property
    def form(self) -> TargetForm:
        """Return what a method needs to know of them."""
        counts: NDArray[Any] = np.empty(0)
        means: NDArray[Any] = np.empty(0)
        deviations: NDArray[Any] = np.empty(0)
        outputs = len(self.names)
        if self.kind == "numbers":
            means, deviations = self.values.mean(0, np.float64), self.values.std(0, np.float64)
            deviations = np.where(deviations > 0, deviations, 1.0)
        elif self.kind == "labels":
            counts = self.values.sum(0)
        else:
            outputs = outputs or 1 + int(self.values.max(initial=-1))
            counts = np.bincount(self.values, minlength=outputs)
        return TargetForm(
            kind=self.kind,
            outputs=outputs,
            images=len(self.values),
            names=self.names,
            counts=tuple(map(int, counts)),
            means=tuple(map(float, means)),
            deviations=tuple(map(float, deviations)),
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
