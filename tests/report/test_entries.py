"""Entries: what is one configuration, and what its score over seeds is."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy.stats import binom
from stored_world import classes, pair_list, write
from whole_results import changed, rewritten

from facebench.config.spec import PretrainSpec
from facebench.errors import StageError
from facebench.report.configurations import differences
from facebench.report.entries import entries, scores, stored_results
from facebench.report.render import tables
from facebench.results.store import Result

RNG = np.random.default_rng(3)


def stored(root: Path, rate: float = 0.6, items: int = 200, **more: Any) -> Result:
    return write(root, classes(RNG.random(items) < rate), **more)


def test_seeds_and_tasks_belong_to_one_entry(tmp_path: Path) -> None:
    results = [
        stored(tmp_path, seed=2), stored(tmp_path, seed=0), stored(tmp_path, seed=1),
        stored(tmp_path, seed=0, task="fer2013", image_size=48),
    ]  # fmt: skip
    (entry,) = entries(results)
    assert (entry.title, entry.feature, entry.backbone) == ("SimCLR", "f_s", "facecycle16")
    assert entry.seeds == (0, 1, 2)
    assert entry.pretraining == "64 images of faces"
    assert entry.pretrain_data == "faces"
    by_task = {group[0]: [r.spec.seed for r in r_] for group, r_ in
               entry.results.items()}  # fmt: skip
    assert by_task == {"fer2013": [0], "rafdb": [0, 1, 2]}
    assert len(entry.all_results) == 4


def test_runs_of_a_method_are_ordered_by_their_numbers_of_images(tmp_path: Path) -> None:
    numbers = (158208, 39168, 512, 6656)
    found = entries(
        [stored(tmp_path, images=n, pretrain=PretrainSpec(limit=n), mark=str(n)) for n in numbers]
    )
    assert [entry.pretraining for entry in found] == [
        f"{n:,} images of faces" for n in sorted(numbers)
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"method": "pcl"}, {"feature": "f_f"}, {"backbone": "timm:resnet18"},
        {"options": {"temperature": 0.2}}, {"pretrain": PretrainSpec(epochs=3)},
        {"learned": False},
    ],
)  # fmt: skip
def test_another_configuration_is_another_entry(tmp_path: Path, other: dict[str, Any]) -> None:
    found = entries([stored(tmp_path), stored(tmp_path, seed=1, **other)])
    assert len({entry.key for entry in found}) == 2
    assert all(len(entry.seeds) == 1 for entry in found)


def test_the_size_of_the_model_and_that_of_the_task_are_two_entries(tmp_path: Path) -> None:
    own: dict[str, Any] = {"image_size": 112, "mark": "own"}
    results = [
        stored(tmp_path, rate=0.9, image_size=64),
        rewritten(stored(tmp_path, rate=0.2, **own), task={"image_size": 64}),
        rewritten(stored(tmp_path, rate=0.2, seed=1, **own), task={"image_size": 64}),
        stored(tmp_path, task="fer2013", **own),  # which declares 112, too
    ]
    assert len(entries(results[1:])) == 1
    found = entries(results)
    by_size = {
        e.configuration["extract"]["image_size"]: [r.path for r in e.all_results] for e in found
    }
    assert set(by_size[64]) == {results[0].path}
    assert set(by_size[112]) == {result.path for result in results[1:]}
    assert set(differences(found).values()) == {"extract.image_size=64", "extract.image_size=112"}


def test_where_data_lay_and_how_pairs_are_verified_make_no_entry(tmp_path: Path) -> None:
    results = [
        stored(tmp_path, pretrain=PretrainSpec(data="images:/here")),
        stored(tmp_path, pretrain=PretrainSpec(data="images:/there"), seed=1),
        stored(tmp_path, verification="learned", seed=2),
    ]
    (entry,) = entries(results)
    assert entry.seeds == (0, 1, 2)
    unlearned = [
        stored(tmp_path, learned=False, seed=n, pretrain=PretrainSpec(epochs=1 + n))
        for n in range(2)
    ]
    (entry,) = entries(unlearned)
    assert (entry.pretraining, entry.pretrain_data) == ("nothing learned", "")


def test_the_order_does_not_depend_on_that_of_the_results(tmp_path: Path) -> None:
    results = [
        stored(tmp_path, method=method, feature=feature, seed=seed)
        for method in ("simclr", "pcl", "moco")
        for feature in ("f_s", "f_f")
        for seed in (0, 1)
    ]
    found = entries(results)
    assert found == entries(results[::-1])
    assert [(e.title, e.feature) for e in found] == [
        ("MoCo", "f_f"), ("MoCo", "f_s"), ("PCL", "f_f"), ("PCL", "f_s"), ("SimCLR", "f_f"),
        ("SimCLR", "f_s"),
    ]  # fmt: skip


def test_a_score_is_the_mean_over_seeds_and_its_doubts(tmp_path: Path) -> None:
    results = [stored(tmp_path, rate, seed=n) for n, rate in enumerate((0.55, 0.65, 0.6))]
    (entry,) = entries(results)
    (group,) = entry.results
    (score,) = scores(entry, group).values()
    values = [r.scores.honest.value("accuracy") for r in results]
    assert score.honest == pytest.approx(fmean(values))
    assert score.std == pytest.approx(stdev(values))
    assert score.paper == pytest.approx(fmean(values))
    assert len(score.results) == 3
    assert score.shown(0.5) == 50.0
    assert score.printed is not None
    assert score.printed.value == 71.06
    assert score.interval is not None
    # Three independent seeds: the mean's error over items is that of 600 draws, not of 200.
    width = score.interval[1] - score.interval[0]
    assert width == pytest.approx(2 * 1.96 * np.sqrt(0.24 / 600), rel=0.2)


def test_a_single_seed_has_its_stored_interval_and_no_deviation(tmp_path: Path) -> None:
    result = stored(tmp_path)
    (entry,) = entries([result])
    score = scores(entry, next(iter(entry.results)))["accuracy"]
    assert score.std is None
    assert score.interval == result.scores.honest.ends("accuracy")


def test_pairs_that_share_people_have_a_wider_interval_than_pairs_alone(tmp_path: Path) -> None:
    """Groups of pairs around one person that are all right or all wrong."""
    sides = np.array([[f"hub{g}", f"hub{g}" if k < 4 else f"o{g}x{k}"]
                      for g in range(50) for k in range(8)])  # fmt: skip
    right = np.repeat(RNG.random(50) < 0.7, 8)
    result = write(tmp_path, pair_list(right, sides), task="lfw", title="LFW")
    (entry,) = entries([result])
    interval = scores(entry, next(iter(entry.results)))["accuracy"].interval
    assert interval is not None
    low, high = binom.ppf([0.025, 0.975], len(right), right.mean()) / len(right)
    assert interval[1] - interval[0] > 2 * (high - low)
    # What is stored and what a run prints is what the paper's tables print.
    assert interval == result.scores.honest.ends("accuracy")
    (table,) = tables([result])
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table)
    assert f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f}" in console.export_text()


def test_a_group_that_an_entry_was_not_judged_in_has_no_score(tmp_path: Path) -> None:
    (first,) = entries([stored(tmp_path)])
    (second,) = entries([stored(tmp_path, task="fer2013")])
    assert scores(first, next(iter(second.results))) == {}


def test_of_two_results_of_one_seed_the_newer_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    new = stored(tmp_path, created="2026-02-01T00:00:00+00:00")
    old = stored(tmp_path, created="2026-01-01T00:00:00+00:00")
    with caplog.at_level(logging.WARNING):
        (entry,) = entries([new, old])
    assert [r.path for r in entry.all_results] == [new.path]
    assert f"{old.path.name} is left out" in caplog.text


def test_imported_weights_are_told_apart(tmp_path: Path) -> None:
    results = []
    for number in range(2):
        result = stored(tmp_path, learned=False, seed=number)
        imported = {"file": "w.pth", "sha256": f"{number}" * 64}
        results.append(changed(result, pretrain={"imported": imported}))
    assert len(entries(results)) == 2


def test_results_are_read_in_order_and_a_wrong_folder_is_said(tmp_path: Path) -> None:
    written = [stored(tmp_path, task=task, seed=s) for task in ("rafdb", "fer2013") for s in (1, 0)]
    read = stored_results(tmp_path)
    assert [r.path for r in read] == sorted(r.path for r in written)
    with pytest.raises(StageError, match=r"no such folder.*--results"):
        stored_results(tmp_path / "none")
    (tmp_path / "rafdb" / "other.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(StageError, match=r"other\.json: format 1"):
        stored_results(tmp_path, strict=True)
    assert len(stored_results(tmp_path)) == len(read)
