from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

from facebench.errors import DataError, UnknownNameError
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.protocols import pair_folds, pair_outcome
from facebench.evaluation.protocols.pair_similarity import centred_similarities, cosine_similarities

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def _faces(offset: float = 0.0) -> tuple[Floats, Ints, Bools, Ints]:
    """Noisy faces of 12 people, and 60 pairs of them in five folds."""
    rng = np.random.default_rng(0)
    people = rng.normal(size=(12, 9))
    who = np.arange(48) % 12
    features = people[who] + 0.9 * rng.normal(size=(48, 9)) + offset
    pairs: list[tuple[int, int]] = []
    same: list[bool] = []
    while len(pairs) < 60:
        a, b = rng.integers(0, 48, 2).tolist()
        if a != b and (who[a] == who[b]) == (len(pairs) % 2 == 0):
            pairs.append((a, b))
            same.append(bool(who[a] == who[b]))
    return features, np.array(pairs), np.array(same), np.repeat([3, 1, 4, 0, 9], 12)


scored = st.lists(
    st.tuples(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0]), st.booleans()),
    min_size=1,
    max_size=25,
)


@given(scored)
def test_the_threshold_is_the_one_of_a_search_by_hand(pairs: list[tuple[float, bool]]) -> None:
    similarities = np.array([s for s, _ in pairs])
    same = np.array([y for _, y in pairs])
    candidates = [*sorted(set(similarities.tolist())), np.nextafter(similarities.max(), np.inf)]
    right = [int(((similarities >= t) == same).sum()) for t in candidates]
    best = [t for t, r in zip(candidates, right, strict=True) if r == max(right)]
    assert pair_folds.best_threshold(similarities, same) == best[(len(best) - 1) // 2]
    # No threshold at all does better than those that were tried.
    for t in np.linspace(-1.1, 1.1, 45):
        assert ((similarities >= t) == same).sum() <= max(right)


@given(scored)
def test_the_facenet_threshold_is_the_one_of_its_own_loop(pairs: list[tuple[float, bool]]) -> None:
    distances = np.array([2 - 2 * s for s, _ in pairs])
    same = np.array([y for _, y in pairs])
    grid = np.arange(0, 4, 0.01)
    right = [np.mean((distances < t) == same) for t in grid]
    assert pair_folds.facenet_threshold(distances, same) == grid[np.argmax(right)]


@pytest.mark.parametrize("variant", ["exact", "exact_centred", "facenet"])
def test_folds_equal_a_loop_over_pairs(variant: pair_folds.Variant) -> None:
    features, pairs, same, folds = _faces(offset=2.0)
    found = pair_folds.verify(features, pairs, same, folds, variant=variant)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    for k, fold in enumerate(np.unique(folds)):
        training, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        seen = unit
        if variant == "exact_centred":
            seen = unit - unit[pairs[training].ravel()].mean(0)
        score = np.array(
            [
                -np.sum((unit[a] - unit[b]) ** 2)
                if variant == "facenet"
                else seen[a] @ seen[b] / (np.linalg.norm(seen[a]) * np.linalg.norm(seen[b]))
                for a, b in pairs
            ]
        )
        np.testing.assert_allclose(found.scores[held_out], score[held_out], atol=1e-6)
        if variant == "facenet":
            grid = np.arange(0, 4, 0.01)
            accuracy = [np.mean((-score[training] < t) == same[training]) for t in grid]
            threshold = grid[np.argmax(accuracy)]
            calls = -score[held_out] < threshold
        else:
            candidates = np.append(
                np.sort(score[training]), np.nextafter(score[training].max(), np.inf)
            )
            accuracy = [np.mean((score[training] >= t) == same[training]) for t in candidates]
            best = candidates[np.array(accuracy) == max(accuracy)]
            threshold = best[(len(best) - 1) // 2]
            calls = score[held_out] >= threshold
        assert found.thresholds[k] == pytest.approx(threshold, abs=1e-6)
        np.testing.assert_array_equal(found.predictions[held_out], calls)
        assert found.accuracies[k] == np.mean(calls == same[held_out])
    spread = np.std(found.accuracies)
    assert found.mean == pytest.approx(np.mean(found.accuracies))
    assert found.std == pytest.approx(spread)
    assert found.standard_error == pytest.approx(spread / np.sqrt(5 - 1))


def test_similarities_equal_scikit_learn_whatever_the_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features, pairs, _, _ = _faces()
    expected = cosine_similarity(features)[pairs[:, 0], pairs[:, 1]]
    np.testing.assert_allclose(cosine_similarities(features, pairs), expected, atol=1e-6)
    monkeypatch.setattr("facebench.evaluation.protocols.pair_similarity._BLOCK", 7)
    np.testing.assert_allclose(cosine_similarities(features, pairs), expected, atol=1e-6)


@pytest.mark.parametrize("variant", ["exact", "exact_centred", "facenet"])
def test_a_memory_map_on_disk_is_verified_alike(
    tmp_path: Path, variant: pair_folds.Variant
) -> None:
    features, pairs, same, folds = _faces()
    stored = features.astype(np.float16)
    np.save(tmp_path / "features.npy", stored)
    mapped = FeatureMatrix(np.load(tmp_path / "features.npy", mmap_mode="r"), memory_budget=0)
    found = pair_folds.verify(mapped, pairs, same, folds, variant=variant)
    expected = pair_folds.verify(stored.astype(np.float32), pairs, same, folds, variant=variant)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_separated_people_are_distinguished_and_collapsed_features_are_not() -> None:
    directions = np.eye(4)
    who = np.arange(40) % 4
    features = directions[who]
    pairs = np.array([(i, i + 4) for i in range(20)] + [(i, i + 1) for i in range(20)])
    same = who[pairs[:, 0]] == who[pairs[:, 1]]
    folds = np.arange(40) % 2
    found = pair_folds.verify(features, pairs, same, folds)
    assert (found.mean, found.std, found.standard_error, found.roc_auc) == (1, 0, 0, 1)
    assert found.tar_at_far == {0.1: 1, 0.01: 1, 0.001: 1}
    assert (found.thresholds == 1).all()
    # Collapsed features carry nothing: every similarity is 1, or has no length once centred.
    for variant in ("exact", "exact_centred", "facenet"):
        chance = pair_folds.verify(np.ones((40, 4)), pairs, same, folds, variant=variant)
        assert (chance.mean, chance.roc_auc) == (0.5, 0.5)


def test_centring_finds_what_a_common_direction_hides() -> None:
    features, pairs, same, folds = _faces(offset=60.0)
    plain = cosine_similarities(features, pairs)
    assert plain.min() > 0.99
    centred = centred_similarities(features, pairs, np.unique(folds, return_inverse=True)[1])
    assert centred.shape == (5, 60)
    assert centred[:, same].mean() > 0.3 > 0.2 > centred[:, ~same].mean()
    better = pair_folds.verify(features, pairs, same, folds, variant="exact_centred")
    grid = pair_folds.verify(features, pairs, same, folds, variant="facenet")
    assert better.mean > grid.mean


def test_scaling_an_image_changes_nothing() -> None:
    features, pairs, same, folds = _faces()
    scale = np.exp(np.random.default_rng(1).normal(size=(48, 1)))
    for variant in ("exact", "exact_centred", "facenet"):
        one = pair_folds.verify(features, pairs, same, folds, variant=variant)
        other = pair_folds.verify(features * scale, pairs, same, folds, variant=variant)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)


def test_features_of_no_length_are_like_nothing() -> None:
    features = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    np.testing.assert_array_equal(cosine_similarities(features, np.array([[0, 1], [1, 2]])), [0, 1])


def test_tar_at_far_by_hand() -> None:
    same = np.array([True] * 4 + [False] * 10)
    scores = np.array([9.0, 8, 5, 1, 7, 4, 3, 2, 0, -1, -2, -3, -4, -5])
    # No different pair above 8; one of ten (7) above 5; the last same pair (1) needs four.
    _, found = pair_outcome.ranked(scores, same, (0.0, 0.05, 0.1, 0.39, 0.4))
    assert found == {0.0: 0.5, 0.05: 0.5, 0.1: 0.75, 0.39: 0.75, 0.4: 1.0}


def test_mistakes_are_named() -> None:
    features, pairs, same, folds = _faces()
    with pytest.raises(UnknownNameError, match="Did you mean 'facenet'"):
        pair_folds.verify(features, pairs, same, folds, variant="facenett")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"found 1 fold\(s\)"):
        pair_folds.verify(features, pairs, same, np.zeros(60))
    with pytest.raises(DataError, match=r"1 kind\(s\) of pair"):
        pair_folds.verify(features, pairs, np.ones(60), folds)
    with pytest.raises(DataError, match=r"expected \[P, 2\] integers"):
        pair_folds.verify(features, pairs, same[1:], folds)
    with pytest.raises(DataError, match="found rows 0 to 47; expected 0 to 46"):
        pair_folds.verify(features[:-1], pairs, same, folds)
    for variant in ("exact", "exact_centred", "facenet"):
        with pytest.raises(DataError, match="not finite"):
            pair_folds.verify(features * np.inf, pairs, same, folds, variant=variant)


def test_a_threshold_above_every_similarity_is_still_a_number() -> None:
    """Results are JSON, which knows no infinity."""
    found = pair_folds.best_threshold(np.array([0.1, 0.5, 0.9]), np.array([True, False, False]))
    assert 0.9 < found < 1
