"""The scores of a result, by protocol: what is always there, and what a task adds to it.

Names of metrics are a task's own (``f1_au12``), so a score is asked for by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from facebench.protocol import ScoreKind, find_protocol
from facebench.runtime.form import (
    AtLeast0,
    Count,
    Form,
    Number,
    Optional,
    Positive,
    Share,
    Text,
    finite,
)

KINDS: tuple[ScoreKind, ...] = ("honest", "paper")
# The words that a reader sees; files keep the shorter ones.
SHOWN: Mapping[ScoreKind, str] = {"honest": "validated", "paper": "test-selected"}
FIXED = "fixed recipe"  # in place of the latter where nothing is selected


def shown_kind(kind: ScoreKind, protocol: str) -> str:
    """Return the words for a kind of score by a protocol.

    A probe that trains nothing selects nothing on the test side, so its ``paper`` is a fixed
    recipe.
    """
    found = find_protocol(protocol)
    selects = found is None or not found.probe_of or found.monitored
    return SHOWN[kind] if kind != "paper" or selects else FIXED


End = Number | tuple[Number | None, ...] | None
Ends = tuple[End, End]
"""Low and high, a 95 % bootstrap interval; tuples for a score of several values."""
Curve = Annotated[tuple[Share, ...], Field(min_length=1)]


class Block(Form):
    """The scores of one kind, honest or paper, each with its interval if it has one."""

    intervals: Annotated[dict[str, Ends], Field(min_length=1)]

    def ends(self, metric: str) -> tuple[float, float] | None:
        """Return the interval of a single number; None where an end of it is missing.

        Raises:
            KeyError: The score has no interval.
        """
        low, high = map(finite, self.intervals[metric])
        return None if low is None or high is None else (low, high)


class ClassBlock(Block):
    """Of a classification; ``confusion`` is ``[C, C]``, true classes first."""

    accuracy: Share
    macro_f1: Share
    balanced_accuracy: Share
    class_recalls: Annotated[tuple[Share | None, ...], Field(min_length=2)]
    confusion: Annotated[tuple[tuple[Count, ...], ...], Field(min_length=2)]


class PaperClassBlock(ClassBlock):
    """By the paper's protocol: the best epoch on the test side."""

    best_epoch: Positive
    test_accuracy_by_epoch: Curve
    accuracy_last_epoch: Share


class FewShotBlock(Block):
    """Of a classification from few labels; ``accuracy_N`` are there for each number of labels."""

    accuracy: Share
    accuracy_by_draw: Annotated[dict[str, Curve], Field(min_length=1)]
    std_over_draws: Annotated[dict[str, AtLeast0], Field(min_length=1)]


class LabelBlock(Block):
    """Of several labels, over folds."""

    f1: Share
    f1_by_fold: Curve
    f1_pooled: Share


class PaperLabelBlock(LabelBlock):
    """By the paper's protocol: the best epoch of each fold on its test side."""

    best_epoch_by_fold: tuple[Positive, ...]
    test_f1_by_fold_and_epoch: tuple[Curve, ...]
    f1_last_epoch: Share


class RegressionBlock(Block):
    """Of numbers: mean absolute error in the unit of the target."""

    mae: AtLeast0


class PaperRegressionBlock(RegressionBlock):
    """By the paper's protocol: the best epoch on the test side."""

    best_epoch: Positive
    test_mae_by_epoch: Annotated[tuple[AtLeast0, ...], Field(min_length=1)]
    mae_last_epoch: AtLeast0


class PairBlock(Block):
    """Of pairs of faces, over folds."""

    variant: Text
    accuracy: Share
    accuracy_by_fold: Annotated[tuple[Share, ...], Field(min_length=2)]
    thresholds: Annotated[tuple[Number, ...], Field(min_length=2)]
    roc_auc: Share
    std_over_folds: AtLeast0
    standard_error: AtLeast0
    test_accuracy_by_fold_and_epoch: Optional[tuple[Curve, ...]] = None


class Level(Form):
    """Both kinds of scores without test items that leak."""

    removed: Count
    honest: Block
    paper: Block
    removed_rows: Optional[tuple[Count, ...]] = None

    def of(self, kind: ScoreKind) -> Block:
        """Return the scores of one kind."""
        return self.honest if kind == "honest" else self.paper


class LeakFree(Form):
    """Scores without exact copies of training images, and without near ones as well."""

    exact: Level
    exact_and_near: Level = Field(alias="exact and near")

    def levels(self) -> Mapping[str, Level]:
        """Return both, by the name that a table gives them."""
        return {"exact": self.exact, "exact and near": self.exact_and_near}


class Scores(Form):
    """Both kinds of scores of a result."""

    honest: Block
    paper: Block
    without_leaks: Optional[LeakFree] = None

    @property
    def validated(self) -> Block:
        """Return the validated scores, ``honest`` in files."""
        return self.honest

    @property
    def test_selected(self) -> Block:
        """Return the test-selected scores, ``paper`` in files."""
        return self.paper

    def of(self, kind: ScoreKind) -> Block:
        """Return the scores of one kind."""
        return self.honest if kind == "honest" else self.paper

    def levels(self) -> Mapping[str, Level]:
        """Return the scores without what leaks, by name; none if they were not asked for."""
        return {} if self.without_leaks is None else self.without_leaks.levels()

    @property
    def names_what_it_removed(self) -> bool:
        """Return whether the scores without what leaks say which rows were left out."""
        levels = self.levels().values()
        return bool(levels) and all(level.removed_rows is not None for level in levels)

    def places(self) -> Iterator[tuple[str, Scores | Level]]:
        """Yield all that has both kinds of scores, with its key in the result."""
        yield "scores", self
        for name, level in self.levels().items():
            yield f"scores.without_leaks.{name}", level


class ClassScores(Scores):
    """Of a classification."""

    honest: ClassBlock
    paper: PaperClassBlock


class DecisionScores(Scores):
    """Of a classification by a probe that is not trained by epochs."""

    honest: ClassBlock
    paper: ClassBlock


class FewShotScores(Scores):
    """Of a classification from few labels."""

    honest: FewShotBlock
    paper: FewShotBlock


class LabelScores(Scores):
    """Of several labels."""

    honest: LabelBlock
    paper: PaperLabelBlock


class RegressionScores(Scores):
    """Of numbers."""

    honest: RegressionBlock
    paper: PaperRegressionBlock


class PairScores(Scores):
    """Of pairs of faces."""

    honest: PairBlock
    paper: PairBlock


SCORES: Mapping[str, type[Scores]] = {
    "centroid": DecisionScores,
    "classification": ClassScores,
    "fewshot": FewShotScores,
    "knn": DecisionScores,
    "multilabel": LabelScores,
    "regression": RegressionScores,
    "verification": PairScores,
    "weighted": ClassScores,
}
"""By protocol; of any other protocol only what all have in common is checked."""
