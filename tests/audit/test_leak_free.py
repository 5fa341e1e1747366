"""Scores without leaked items come from the same predictions, by the same code."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from facebench.audit.leak_free import leak_free_scores
from facebench.audit.leaks import Leaks, Twin
from facebench.errors import DataError
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.protocols.pair_folds import verify
from facebench.evaluation.protocols.pair_outcome import Verification, decided

PATHS = [f"{n}.png" for n in range(5)]


def judgement() -> Judgement:
    predictions = pd.DataFrame({"path": PATHS, "right": [1, 1, 0, 0, 1]})

    def rescore(kept: np.ndarray) -> dict[str, Any]:
        accuracy = float(predictions["right"][kept].mean())
        return {"honest": {"accuracy": accuracy}, "paper": {"accuracy": accuracy}}

    return Judgement(rescore(np.ones(5, bool)), predictions, 5, 5, {}, {}, rescore)


def leaks(exact: list[int], near: list[int]) -> Leaks:
    twins = [tuple(Twin(PATHS[n], "train.png") for n in kind) for kind in (exact, near)]
    return Leaks(folded=False, tested=5, exact=twins[0], near=twins[1])


def test_exact_duplicates_go_first_then_near_ones() -> None:
    (levels,) = leak_free_scores(judgement(), leaks([0, 1], [2])).values()
    assert levels["exact"] == {
        "removed": 2, "removed_rows": [0, 1],
        "honest": {"accuracy": 1 / 3}, "paper": {"accuracy": 1 / 3},
    }  # fmt: skip
    assert levels["exact and near"]["removed"] == 3
    assert levels["exact and near"]["honest"] == {"accuracy": 0.5}


def test_without_leaks_nothing_changes() -> None:
    (levels,) = leak_free_scores(judgement(), leaks([], [])).values()
    whole = {"removed": 0, "removed_rows": [], **judgement().scores}
    assert all(level == whole for level in levels.values())


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(DataError, match="all 5 test items leak"):
        leak_free_scores(judgement(), leaks([0, 1, 2], [3, 4]))


def test_a_part_of_a_verification_is_scored_from_its_own_pairs() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 8))
    rows = rng.integers(0, 60, (200, 2))
    same, folds = np.arange(200) % 2 == 0, np.arange(200) // 50
    features[rows[same, 1]] = features[rows[same, 0]] + rng.normal(0, 0.5, (100, 8))
    outcome = verify(features, rows, same, folds)

    def part(kept: np.ndarray) -> Verification:
        stored = outcome.scores[kept], outcome.predictions[kept], outcome.thresholds
        return decided(*stored, same[kept], folds[kept])

    whole = part(np.ones(200, bool))
    np.testing.assert_allclose(whole.accuracies, outcome.accuracies)
    assert (whole.roc_auc, whole.tar_at_far) == (outcome.roc_auc, outcome.tar_at_far)
    kept = rng.random(200) < 0.7
    some = part(kept)
    for fold in range(4):
        mine = kept & (folds == fold)
        assert some.accuracies[fold] == pytest.approx(
            np.mean(outcome.predictions[mine] == same[mine])
        )
    np.testing.assert_array_equal(some.thresholds, outcome.thresholds)
    assert some.roc_auc == pytest.approx(roc_auc_score(same[kept], outcome.scores[kept]))
    with pytest.raises(DataError, match="found some in 3 of 4 folds"):
        part(folds > 0)
    with pytest.raises(DataError, match="both same and different"):
        part(same)
