"""Two tasks to choose presets on, so that no choice is made on a test set that is reported.

``lfw_selection``
    Pairs of LFW images of which none occurs in View 2 (``pairs.txt``), on which the task ``lfw``
    is reported. Real LFW has 5,532 such images, of 2,031 people. 383 people have two or more of
    them and give 1,454 matched pairs, at most six each; with as many mismatched pairs these are
    2,908, of 3,125 images of 1,644 people. Images are apart from View 2, people are not: 331 of
    the 383 occur in View 2 as well, in other photographs.
``fer2013_selection``
    FER-2013 tested on PublicTest, while the task ``fer2013`` is reported on PrivateTest, which is
    not in this table. The table has no ``val`` split, so the probe's learning rate and weight
    decay are chosen on a held-out share of Training (``probe.holdout``). The dataset itself has 44
    images of PrivateTest that equal an image of PublicTest pixel by pixel.

Images are cropped as in the reported tasks and probed at the same size (128 and 100 px)::

    facebench sweep benchmarks/selection/presets.yaml --plugin benchmarks/selection/tasks.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from facebench.errors import DataError
from facebench.progress import Progress
from facebench.runtime.listing import folded
from facebench.synth import FaceSampler
from facebench.task import NoOptions
from facebench_tasks._synthetic import write_people
from facebench_tasks.fer2013 import FER2013, FER2013Options
from facebench_tasks.lfw import LFW, SIDE

FOLDS = 10  # as in View 2
MATCHED = 6  # pairs of a person at most, so that a few people with many images do not dominate
SEED = 0  # seed of all draws; another one gives other pairs, hence another version of the task

Images = list[str]  # paths of one person's images
Pair = tuple[str, str]


class LFWSelection(LFW):
    """Verification of pairs of LFW images that are not in View 2."""

    info = replace(
        LFW.info,
        name="lfw_selection",
        title="LFW (selection)",
        version=1,
        counts={"test": 3125, "pairs": 2908},
        source="pairs drawn here; see the docstring of this file",
    )

    def manifest(self, root: Path) -> pd.DataFrame:
        """List the images of the pairs, with the centre crop; no image of View 2 is among them.

        Raises:
            DataError: As ``LFW.manifest`` and :meth:`pairs`.
        """
        whole = super().manifest(root)
        pairs = self._draw(root, whole)
        shown = whole["path"].isin(pd.concat([pairs["first"], pairs["second"]]))
        table = whole[shown].reset_index(drop=True)
        table.attrs = dict(whole.attrs)
        return table

    def pairs(self, root: Path) -> pd.DataFrame:
        """Draw the pairs: 10 folds, each with as many matched as mismatched ones.

        Every person is in one fold. The draw depends on the names of people and images alone, not
        on how a file system lists or spells them.

        Returns:
            ``first``, ``second`` (paths), ``same`` (bool), ``fold`` (from 0); fold after fold,
            matched pairs first.

        Raises:
            DataError: ``pairs.txt`` is missing, or outside of View 2 there are too few images.
        """
        return self._draw(root, super().manifest(root))

    def synthesise(
        self, root: Path, faces: FaceSampler, progress: Progress, scale: float = 1.0
    ) -> None:
        """Write LFW's stand-in with people in addition, whom its ``pairs.txt`` does not name."""
        per_fold, named = max(2, round(30 * scale)), 2
        write_people(
            root, faces, progress, folds=named + FOLDS, per_fold=per_fold, size=SIDE
        )  # no person is in two folds, so the pairs do not name people of the removed folds
        listed = root / "pairs.txt"
        _, *lines = listed.read_text(encoding="utf-8").splitlines()
        kept = [f"{named}\t{per_fold}", *lines[: named * 2 * per_fold]]
        listed.write_text("\n".join(kept) + "\n", encoding="utf-8")

    def _draw(self, root: Path, whole: pd.DataFrame) -> pd.DataFrame:
        """Draw the pairs among the images of ``LFW.manifest`` that View 2 does not name."""
        view_2 = super().pairs(root)
        named = pd.concat([view_2["first"], view_2["second"]])
        people = _people(whole[~whole["path"].isin(named)])
        rng = np.random.default_rng(SEED)
        rows: list[tuple[str, str, bool, int]] = []
        for fold, members in enumerate(_folds(people, rng)):
            matched = [pair for images in members for pair in _matched(images, rng)]
            if not 0 < len(matched) <= _mismatched_possible(members):
                raise self._too_few(root, people)
            rows += [(*pair, True, fold) for pair in matched]
            rows += [(*pair, False, fold) for pair in _mismatched(members, len(matched), rng)]
        return pd.DataFrame(rows, columns=["first", "second", "same", "fold"])

    def _too_few(self, root: Path, people: Sequence[Images]) -> DataError:
        several = sum(len(images) > 1 for images in people)
        return DataError(
            f"{self.info.title}: too few images of {root} are outside of View 2 (pairs.txt): found "
            f"{several:,} people with two or more of them, {len(people):,} with any; expected "
            f"enough for a matched and a mismatched pair in each of {FOLDS} folds, no person in "
            "two. Give all of LFW. The stand-in of the task lfw has no such images; without a data "
            f"folder {self.info.name} renders one of its own."
        )


class FER2013Selection(FER2013):
    """Seven expressions; trained on Training, tested on PublicTest."""

    info = replace(
        FER2013.info,
        name="fer2013_selection",
        title="FER-2013 (selection)",
        version=1,
        counts={"train": FER2013.info.counts["train"], "test": FER2013.info.counts["val"]},
        class_counts={
            "train": FER2013.info.class_counts["train"],
            "test": FER2013.info.class_counts["val"],  # PublicTest
        },
        source="PCL section 4.1, with the other test set; counts: ICONIP 2013",
    )
    Options = NoOptions  # type: ignore[assignment]  # which split is tested on is fixed here

    def manifest(self, root: Path) -> pd.DataFrame:
        """List Training as ``train`` and PublicTest as ``test``; PrivateTest is left out.

        Raises:
            DataError: As ``FER2013.manifest``.
        """
        whole = FER2013(FER2013Options(test="public")).manifest(root)
        table = whole[whole["split"] != "val"].reset_index(drop=True)  # val is PrivateTest here
        table.attrs = dict(whole.attrs)
        return table


def _people(table: pd.DataFrame) -> list[Images]:
    """Return the images of each person, both in the order of their names.

    Names are compared without case and with composed accents, since copies of the dataset spell
    them differently and all are to give the same pairs.
    """
    rows = zip(table["subject"].tolist(), table["path"].tolist(), strict=True)
    images: dict[str, Images] = {}
    for person, path in sorted(rows, key=lambda row: (folded(row[0]), folded(row[1]))):
        images.setdefault(person, []).append(path)
    return list(images.values())


def _folds(people: Sequence[Images], rng: np.random.Generator) -> list[list[Images]]:
    """Put each person into one fold; folds get about equal numbers of matched pairs and of people.

    People with most matched pairs are placed first, each into the fold with fewest matched pairs,
    of several such folds into the one with fewest people.
    """
    shuffled = [people[index] for index in rng.permutation(len(people))]
    folds: list[list[Images]] = [[] for _ in range(FOLDS)]
    pairs = [0] * FOLDS
    for images in sorted(shuffled, key=_matched_number, reverse=True):
        number = _matched_number(images)
        if number:
            fold = min(range(FOLDS), key=lambda k: (pairs[k], len(folds[k])))
        else:
            fold = min(range(FOLDS), key=lambda k: len(folds[k]))
        pairs[fold] += number
        folds[fold].append(images)
    return folds


def _matched_number(images: Images) -> int:
    return min(MATCHED, len(images) * (len(images) - 1) // 2)


def _matched(images: Images, rng: np.random.Generator) -> list[Pair]:
    """Draw up to ``MATCHED`` different pairs of one person's images."""
    pairs = list(combinations(images, 2))
    chosen = np.sort(rng.permutation(len(pairs))[:MATCHED])
    return [pairs[index] for index in chosen]


def _mismatched_possible(people: Sequence[Images]) -> int:
    """Return how many different pairs of images of two different people there are."""
    sizes = [len(images) for images in people]
    return (sum(sizes) ** 2 - sum(size**2 for size in sizes)) // 2


def _mismatched(people: Sequence[Images], count: int, rng: np.random.Generator) -> list[Pair]:
    """Draw ``count`` different pairs, as View 2 does: two people, then an image of each."""
    drawn: dict[Pair, None] = {}  # in the order of the draws
    while len(drawn) < count:
        one, other = np.sort(rng.permutation(len(people))[:2])
        first, second = (people[who][rng.integers(len(people[who]))] for who in (one, other))
        drawn[first, second] = None
    return list(drawn)
