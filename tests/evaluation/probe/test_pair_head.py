"""Learned heads against a loop in float64, and what they may see of a fold that is held out."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.errors import DataError, SpecError
from facebench.evaluation.judgement import Judgement
from facebench.evaluation.probe.feature_matrix import FeatureMatrix
from facebench.evaluation.probe.pair_head import PairHeads, train_pair_heads
from facebench.evaluation.protocol import judge
from facebench.evaluation.protocols import learned_pairs
from facebench.evaluation.protocols.pair_folds import best_threshold, facenet_threshold
from facebench.evaluation.store import Features
from facebench.progress import Silent

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SPEC = ProbeSpec(
    verification="learned", embedding_dim=4, pair_epochs=8, pair_lrs=(1e-5, 1e-3, 1e-2),
    batch_size=16, resamples=100,
)  # fmt: skip


def people(folds: int = 4, each: int = 24, seed: int = 0) -> tuple[Floats, Ints, Bools, Ints]:
    """Return features with a weak identity and a strong nuisance; no person is in two folds.

    Every fold has 8 people of 3 images and ``each`` pairs, half of them the same.
    """
    rng = np.random.default_rng(seed)
    who = np.arange(folds * 24) // 3
    identity = 0.1 * rng.normal(size=(folds * 8, 6))[who] + 0.04 * rng.normal(size=(len(who), 6))
    features = np.hstack([identity, 3 * rng.normal(size=(len(who), 6))]).astype(np.float32)
    pairs: list[tuple[int, int]] = []
    same: list[bool] = []
    fold: list[int] = []
    for k in range(folds):
        while len(pairs) < each * (k + 1):
            a, b = rng.integers(24 * k, 24 * (k + 1), 2).tolist()
            if a != b and (who[a] == who[b]) == (len(pairs) % 2 == 0):
                pairs.append((a, b))
                same.append(bool(who[a] == who[b]))
                fold.append(k)
    return features, np.array(pairs), np.array(same), np.array(fold)


def run(
    features: Floats | np.memmap[Any, Any], pairs: Ints, same: Bools, folds: Ints,
    spec: ProbeSpec = SPEC,
) -> Judgement:  # fmt: skip
    paths = [f"{n}.png" for n in range(len(features))]
    listed = pd.DataFrame(
        {"first": [paths[a] for a in pairs[:, 0]], "second": [paths[b] for b in pairs[:, 1]],
         "same": same, "fold": folds}
    )  # fmt: skip
    task: Any = SimpleNamespace(info=SimpleNamespace(title="Faces", protocol="verification"))
    table = pd.DataFrame({"path": paths, "split": "test"})
    dataset = Dataset(task, Path(), False, table, listed, tuple(paths))
    return judge(dataset, Features(features, (), 0.0), spec, seed=0, progress=Silent())


def weights(heads: PairHeads) -> list[npt.NDArray[Any]]:
    return [value.detach().numpy() for value in heads.state_dict().values()]


def test_a_head_is_the_one_of_a_loop_in_float64() -> None:
    features, pairs, same, _ = people()
    heads = train_pair_heads(
        features, pairs, same, (1e-2,), dim=3, epochs=3, batch_size=40, seed=5
    )  # fmt: skip
    generator = torch.Generator().manual_seed(5)
    weight = torch.empty(3, 12).normal_(0, 0.01, generator=generator).double().requires_grad_()
    bias = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    moments = [[torch.zeros_like(p), torch.zeros_like(p)] for p in (weight, bias)]
    mean, var, step = torch.zeros(12).double(), torch.ones(12).double(), 0
    values = torch.from_numpy(features).double()
    for epoch in range(3):
        order = torch.randperm(len(pairs), generator=generator)
        for batch in (order[:32], order[32:64], order[64:]):  # 96 pairs, at most 40 in a step
            shown = sorted(set(pairs[batch.numpy()].ravel().tolist()))
            seen = values[shown]
            mean = 0.9 * mean + 0.1 * seen.mean(0)
            var = 0.9 * var + 0.1 * seen.var(0, unbiased=True)
            unit = (seen - seen.mean(0)) / (seen.var(0, unbiased=False) + 1e-6).sqrt()
            embedded = unit @ weight.T + bias
            losses = []
            for n in batch.tolist():
                a, b = (embedded[shown.index(row)] for row in pairs[n].tolist())
                cos = a @ b / (a.norm() * b.norm())
                losses.append(1 - cos if same[n] else cos.clamp_min(0))
            gradients = torch.autograd.grad(torch.stack(losses).mean(), (weight, bias))
            step += 1
            lr = 1e-2 * 0.5 * (1 + math.cos(math.pi * epoch / 3))
            with torch.no_grad():
                for p, g, (first, second) in zip((weight, bias), gradients, moments, strict=True):
                    first.mul_(0.9).add_(0.1 * g)
                    second.mul_(0.999).add_(0.001 * g * g)
                    scale = (second / (1 - 0.999**step)).sqrt() + 1e-8
                    p -= lr * first / (1 - 0.9**step) / scale
    head = heads.heads[0]
    torch.testing.assert_close(head.weight.double(), weight, atol=2e-5, rtol=1e-3)
    torch.testing.assert_close(head.bias.double(), bias, atol=2e-5, rtol=1e-3)
    # Evaluation goes by the running statistics, whatever the rows it is shown with.
    expected = (values - mean) / (var + 1e-6).sqrt() @ weight.T + bias
    for rows in (np.arange(96), np.array([7, 3])):
        (found,) = heads.embed(FeatureMatrix(features, rows=rows))
        np.testing.assert_allclose(found, expected[rows].detach(), atol=1e-3)


def test_heads_that_are_trained_together_are_those_trained_alone() -> None:
    features, pairs, same, _ = people()

    def train(*lrs: float) -> PairHeads:
        return train_pair_heads(
            features, pairs, same, lrs, dim=3, epochs=2, batch_size=32, seed=1
        )  # fmt: skip

    together = train(1e-3, 1e-2)
    for n, lr in enumerate((1e-3, 1e-2)):
        alone = train(lr).heads[0]
        torch.testing.assert_close(together.heads[n].weight, alone.weight)
        torch.testing.assert_close(together.heads[n].bias, alone.bias)


def test_nothing_is_drawn_from_the_global_state() -> None:
    features, pairs, same, _ = people()
    before = torch.random.get_rng_state()
    found = [
        weights(train_pair_heads(features, pairs, same, (1e-2,), dim=3, epochs=2,
                                 batch_size=32, seed=seed))
        for seed in (1, 1, 2)
    ]  # fmt: skip
    assert torch.equal(before, torch.random.get_rng_state())
    for one, again in zip(found[0], found[1], strict=True):
        np.testing.assert_array_equal(one, again)
    assert not np.array_equal(found[0][-1], found[2][-1])


def test_a_head_without_a_rate_is_refused() -> None:
    features, pairs, same, _ = people()
    with pytest.raises(SpecError, match="found no learning rate"):
        train_pair_heads(features, pairs, same, (), dim=3, epochs=1, batch_size=8, seed=0)


def test_a_head_finds_what_a_nuisance_hides_from_cosine() -> None:
    faces = people(each=60)
    cosine = run(*faces, ProbeSpec(resamples=100)).scores
    learned = run(*faces)
    assert cosine["honest"]["accuracy"] < 0.6
    assert learned.scores["honest"]["accuracy"] > cosine["honest"]["accuracy"] + 0.15
    assert [cosine[kind]["variant"] for kind in ("honest", "paper")] == ["exact", "facenet"]
    names = [learned.scores[kind]["variant"] for kind in ("honest", "paper")]
    assert names == ["learned_exact", "learned_facenet"]
    assert 1e-5 not in [chosen["lr"] for chosen in learned.details["chosen"]]
    centred = run(*faces, ProbeSpec(**{**vars(SPEC), "centre": True})).scores["honest"]
    assert centred["variant"] == "learned_exact_centred"


def test_a_callback_after_each_epoch_does_not_change_training() -> None:
    features, pairs, same, _ = people()
    matrix, seen = FeatureMatrix(features), []

    def train(on_epoch: Callable[[PairHeads], None] | None) -> PairHeads:
        return train_pair_heads(
            matrix, pairs, same, (1e-3, 1e-2), dim=3, epochs=3, batch_size=32, seed=1,
            on_epoch=on_epoch,
        )  # fmt: skip

    monitored = train(lambda heads: seen.append(heads.embed(matrix, [1])))
    for one, other in zip(weights(monitored), weights(train(None)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [len(of_epoch) for of_epoch in seen] == [1, 1, 1]
    np.testing.assert_array_equal(seen[-1][0], monitored.embed(matrix)[1])
    assert not np.array_equal(seen[0][0], seen[1][0])


def test_the_papers_curve_ends_at_its_score_and_moves() -> None:
    paper = run(*people()).scores["paper"]
    curves = paper["test_accuracy_by_fold_and_epoch"]
    assert [len(curve) for curve in curves] == [SPEC.pair_epochs] * 4
    assert [curve[-1] for curve in curves] == pytest.approx(paper["accuracy_by_fold"])
    assert any(len(set(curve)) > 1 for curve in curves)


@pytest.mark.parametrize("folds", [3, 4])
def test_folds_equal_a_loop(folds: int) -> None:
    features, pairs, same, fold = people(folds)
    outcome = run(features, pairs, same, fold)

    def embed(without: tuple[int, ...], *lrs: float) -> list[Floats]:
        kept = ~np.isin(fold, without)
        heads = train_pair_heads(features, pairs[kept], same[kept], lrs, dim=4, epochs=8,
                                 batch_size=16, seed=0)  # fmt: skip
        return heads.embed(FeatureMatrix(features))

    def cosines(e: Floats) -> npt.NDArray[np.float64]:
        wide = e.astype(np.float64)
        unit = wide / np.linalg.norm(wide, axis=1, keepdims=True)
        return np.asarray((unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(1))

    for k in range(folds):
        h = {3: (1, 0, 0), 4: (1, 0, 3, 2)}[folds][k]
        rest = ~np.isin(fold, (k, h))
        tried = []
        for similarity in map(cosines, embed((k, h), *SPEC.pair_lrs)):
            threshold = best_threshold(similarity[rest], same[rest]) - 1e-9
            tried.append(np.mean((similarity[fold == h] >= threshold) == same[fold == h]))
        found = [item["accuracy"] for item in outcome.details["held_out_accuracy"][k]]
        assert found == pytest.approx(tried)
        chosen = SPEC.pair_lrs[int(np.argmax(tried))]
        assert outcome.details["chosen"][k] == {"lr": chosen}
        assert outcome.details["chosen_on_fold"][k] == h
        honest, paper = map(cosines, embed((k,), chosen, SPEC.paper_lr))
        threshold = best_threshold(honest[fold != k], same[fold != k])
        grid = facenet_threshold(2 - 2 * paper[fold != k], same[fold != k])
        assert outcome.scores["honest"]["thresholds"][k] == pytest.approx(threshold)
        assert outcome.scores["paper"]["thresholds"][k] == pytest.approx(grid)
        own = outcome.predictions[outcome.predictions["fold"] == k]
        np.testing.assert_allclose(own["honest_similarity"], honest[fold == k], atol=1e-6)
        np.testing.assert_allclose(own["paper_similarity"], 2 * paper[fold == k] - 2, atol=1e-6)
        assert (own["honest"] == (honest[fold == k] >= threshold - 1e-9)).all()
        right = float((own["honest"] == own["same"]).mean())
        assert outcome.scores["honest"]["accuracy_by_fold"][k] == pytest.approx(right)


@pytest.mark.parametrize("k", [0, 3])
def test_nothing_of_a_fold_is_seen_before_it_is_judged(
    k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[PairHeads] = []

    def spy(*arguments: Any, **options: Any) -> PairHeads:
        trained.append(train_pair_heads(*arguments, **options))
        return trained[-1]

    monkeypatch.setattr(learned_pairs, "train_pair_heads", spy)
    features, pairs, same, folds = people()
    before = run(features, pairs, same, folds)
    heads, trained[:] = [weights(head) for head in trained[-4:]], []  # two choices, then four folds
    corrupted = features.copy()
    corrupted[24 * k : 24 * (k + 1)] = 100 * np.random.default_rng(9).normal(size=(24, 12))
    after = run(corrupted, pairs, np.where(folds == k, ~same, same), folds)
    assert len(trained) == 2 + 4
    for kind in ("honest", "paper"):
        one, other = (outcome.scores[kind]["thresholds"][k] for outcome in (before, after))
        assert one == other
    assert before.details["chosen"][k] == after.details["chosen"][k]
    assert before.details["held_out_accuracy"][k] == after.details["held_out_accuracy"][k]
    for fold, head in enumerate(trained[-4:]):
        same_head = all(
            np.array_equal(*both) for both in zip(heads[fold], weights(head), strict=True)
        )
        assert same_head == (fold == k)  # the others did learn from it


def test_a_memory_map_on_disk_and_images_that_no_pair_names(tmp_path: Path) -> None:
    features, pairs, same, folds = people()
    padded = np.vstack([np.full((2, 12), np.nan), features]).astype(np.float16)
    np.save(tmp_path / "features.npy", padded)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    found = run(mapped, pairs + 2, same, folds)
    expected = run(padded[2:].astype(np.float32), pairs, same, folds)
    assert found.scores == expected.scores


def test_mistakes_are_named() -> None:
    features, pairs, same, folds = people()
    with pytest.raises(DataError, match=r"found 2 fold\(s\); expected at least three.*cosine"):
        run(features, pairs, same, folds // 2)
    features[pairs[0, 0], 0] = np.inf
    with pytest.raises(DataError, match="not finite"):
        run(features, pairs, same, folds)
