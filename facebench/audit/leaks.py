"""Leaks: test items that are also among the data of fitting or of hyper-parameter selection.

A test image leaks if a training image has the same pixels, or nearly the same; in tasks with
folds, if an image of another fold does. A pair of a verification task leaks if one of its images
does, or if it pairs an image with itself. :mod:`facebench.audit.leak_search` finds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facebench.audit.duplicates import NEAR_BITS

_LISTED = 20  # names of leaked items in a result; all of them are in the cache

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Twin:
    """A pair of duplicate images, exact or near.

    Args:
        image: Path of the test (or validation) image.
        twin: Path of the duplicate that is fitted on.
        bits: Hamming distance of their 64-bit perceptual hashes.
    """

    image: str
    twin: str
    bits: int = 0


@dataclass(frozen=True, kw_only=True)
class Leaks:
    """Leaks of a dataset; exact duplicates are not repeated among the near ones.

    Args:
        folded: Whether images are compared between folds instead of with the training split.
        tested: Number of test images, or of pairs of a verification task.
        exact: Test images with an exact duplicate.
        near: Test images with only a near duplicate.
        val: Number of validation images.
        val_exact: Validation images with an exact duplicate in training.
        val_near: Validation images with only a near duplicate in training.
        test_in_val: Test images with an exact duplicate in validation.
        subjects: Subjects on both sides; ``None`` if the dataset names no subjects.
        same_image: Pairs of an image with itself; ``None`` without pairs.
        near_image: Pairs of two near duplicates; ``None`` without pairs.
        exact_pairs: Pairs that leak by ``exact`` or ``same_image``.
        near_pairs: Other pairs that leak by ``near`` or ``near_image``.
    """

    folded: bool
    tested: int
    exact: tuple[Twin, ...]
    near: tuple[Twin, ...]
    val: int = 0
    val_exact: tuple[Twin, ...] = ()
    val_near: tuple[Twin, ...] = ()
    test_in_val: tuple[Twin, ...] = ()
    subjects: tuple[str, ...] | None = None
    same_image: tuple[Twin, ...] | None = None
    near_image: tuple[Twin, ...] | None = None
    exact_pairs: int = 0
    near_pairs: int = 0

    @property
    def counts(self) -> tuple[int, int]:
        """Return how many test items leak exactly, and how many others nearly."""
        if self.same_image is None:
            return len(self.exact), len(self.near)
        return self.exact_pairs, self.near_pairs

    def leaked(self, items: pd.DataFrame, *, near: bool = False) -> Bools:
        """Mark the test items that leak.

        Args:
            items: ``[N]`` test items: ``path``, or ``first`` and ``second``.
            near: Whether near duplicates count as leaks.

        Returns:
            ``[N]`` bool, True for each row of ``items`` that leaks.
        """
        images = {twin.image for twin in (*self.exact, *(self.near if near else ()))}
        if "path" in items:
            return items["path"].isin(images).to_numpy()
        alone = [*(self.same_image or ()), *((self.near_image or ()) if near else ())]
        pairs = {(twin.image, twin.twin) for twin in alone}
        named = zip(items["first"], items["second"], strict=True)
        return np.array([a in images or b in images or (a, b) in pairs for a, b in named], bool)

    def warnings(self) -> tuple[str, ...]:
        """Return the warnings to be stored in a result."""
        return tuple(_sentences(self))

    def record(self) -> dict[str, Any]:
        """Return the entry ``leaks`` of a result, as JSON."""
        exact, near = self.counts
        record: dict[str, Any] = {
            "between": "folds" if self.folded else "train and test",
            "unit": "image" if self.same_image is None else "pair",
            "tested": self.tested,
            "exact": exact,
            "near": near,
            "near_bits": NEAR_BITS,
            "exact_images": _listed(self.exact),
            "near_images": _listed(self.near),
            "subjects": None if self.subjects is None else len(self.subjects),
        }
        if self.val:
            record["val"] = {
                "images": self.val,
                "exact": len(self.val_exact),
                "near": len(self.val_near),
                "test_in_val": len(self.test_in_val),
            }
        if self.same_image is not None:
            record["same_image_pairs"] = len(self.same_image)
            record["near_image_pairs"] = len(self.near_image or ())
        return record


def _sentences(leaks: Leaks) -> Iterator[str]:
    exact, _ = leaks.counts
    share = exact / max(1, leaks.tested)
    counted = f"{exact:,} of {leaks.tested:,} test"
    if exact and leaks.same_image is not None:
        yield f"{counted} pairs hold an image of another fold, or one image twice ({share:.1%})"
    elif exact:
        seen = "one in another fold" if leaks.folded else "training image"
        seen = f"a pixel-identical {seen}"
        yield f"{counted} images have {seen} ({share:.1%})"
    if leaks.val_exact:
        share = len(leaks.val_exact) / leaks.val
        yield (
            f"{len(leaks.val_exact):,} of {leaks.val:,} validation images have a "
            f"pixel-identical training image ({share:.1%})"
        )
    if len(leaks.test_in_val) == leaks.tested:
        yield "validation is test: every test image is a validation image"
    elif leaks.test_in_val:
        yield (
            f"{len(leaks.test_in_val):,} of {leaks.tested:,} test images have a "
            "pixel-identical validation image"
        )
    if leaks.subjects:
        sides = "in several folds" if leaks.folded else "in training and test"
        yield f"{len(leaks.subjects):,} subjects are {sides}: {_shown(leaks.subjects)}"


def _shown(names: Sequence[str], limit: int = 5) -> str:
    return ", ".join(names[:limit]) + (", ..." if len(names) > limit else "")


def _listed(twins: Sequence[Twin]) -> list[list[str]] | None:
    """Return the pairs of paths, or ``None`` if there are too many to list."""
    return [[t.image, t.twin] for t in twins] if len(twins) <= _LISTED else None
