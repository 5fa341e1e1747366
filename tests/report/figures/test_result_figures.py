"""Figures of results show the stored numbers, and have the same bytes each time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from result_world import write_result
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from whole_results import changed, whole_record

from conftest import Facebench
from facebench.errors import DataError, UnknownNameError
from facebench.report.figures.action import action_bars
from facebench.report.figures.confusion import confusion_matrix
from facebench.report.figures.drawing import Drawing, write
from facebench.report.figures.feature import feature_points
from facebench.report.figures.probe import probe_epochs
from facebench.report.figures.projection import project
from facebench.report.figures.roc import det_curves, roc_curves
from facebench.report.figures.yaw import errors_by_yaw
from facebench.results.store import Result


def axes(drawing: Drawing) -> Any:
    """Return what a figure paints on, without writing it."""
    figure = Figure(figsize=drawing.size)
    drawing.paint(figure)
    return figure.axes[0]


def names(axes: Any) -> list[str]:
    legend = axes.get_legend() or axes.figure.legends[0]
    return [text.get_text() for text in legend.get_texts()]


def test_the_confusion_matrix_shows_counts_and_shares(
    written: dict[str, Result],
) -> None:
    record = written["classification"].record
    drawing = confusion_matrix(record, list("abcd"), "paper")
    shown = axes(drawing)
    counts = np.array(record.scores.paper.value("confusion"))
    texts = [text.get_text() for text in shown.texts]
    assert texts[1::2] == [str(count) for count in counts.ravel()]
    shares = 100 * counts / counts.sum(1, keepdims=True)
    assert texts[::2] == [f"{share:.0f}" for share in shares.ravel()]
    np.testing.assert_allclose(shown.images[0].get_array(), shares)
    assert [tick.get_text() for tick in shown.get_yticklabels()] == list("abcd")
    assert "test-selected, accuracy" in drawing.title
    numbered = axes(confusion_matrix(record, ["only one"], "paper"))
    assert [tick.get_text() for tick in numbered.get_xticklabels()] == list("0123")


@pytest.mark.parametrize("kind", ["cosine", "learned"])
def test_the_roc_curve_has_the_stored_area_and_the_folds_decisions(
    written: dict[str, Result], kind: str
) -> None:
    result = written[kind]
    shown = axes(roc_curves([result], "honest", log=False))
    curve, *marks, _, folds = (line.get_data() for line in shown.lines)
    pairs = result.predictions
    area = np.trapezoid(curve[1], curve[0])
    assert area == pytest.approx(roc_auc_score(pairs["same"], pairs["honest_similarity"]))
    assert area == pytest.approx(result.scores.honest.value("roc_auc"))
    stored = [result.scores.honest.value(f"tar_at_far_{rate:g}") for rate in (0.1, 0.01, 0.001)]
    assert [float(tar[0]) for _, tar in marks] == stored
    for k in range(4):
        mine = pairs[pairs["fold"] == k]
        assert folds[0][k] == pytest.approx(mine.loc[~mine["same"], "honest"].mean())
        assert folds[1][k] == pytest.approx(mine.loc[mine["same"], "honest"].mean())


def test_several_results_are_in_one_curve_with_a_logarithmic_axis(
    written: dict[str, Result],
) -> None:
    both = [written["cosine"], write_result(written["cosine"].path.parents[1], "cosine", seed=4)]
    drawing = roc_curves(both, "honest", log=True)
    shown = axes(drawing)
    assert shown.get_xscale() == "log"
    different = int((~both[0].predictions["same"]).sum())
    assert shown.get_xlim()[0] == pytest.approx(1 / different)
    assert [name.partition(", AUC")[0] for name in names(shown)[:2]] == [
        "Random f_s, seed 3", "Random f_s, seed 4",
    ]  # fmt: skip
    assert "TAR at FAR 0.1, 0.01, 0.001" in drawing.title
    with pytest.raises(DataError, match="expected comparable ones"):
        roc_curves([written["cosine"], written["learned"]], "honest", log=True)


def test_curves_of_several_results_differ_without_colour(written: dict[str, Result]) -> None:
    root = written["cosine"].path.parents[1]
    several = [written["cosine"], *(write_result(root, "cosine", seed=n) for n in (4, 5, 6))]
    for drawing in (roc_curves(several, "honest", log=True), det_curves(several, "honest")):
        shown = axes(drawing)
        curves = [line for line in shown.lines if line.get_linestyle() in ("-", "--", "-.")]
        styles = [line.get_linestyle() for line in curves if len(line.get_xdata()) > 2]
        assert styles == ["-", "--", "-.", "-"]


def test_the_equal_error_rate_is_where_both_rates_meet(written: dict[str, Result]) -> None:
    pairs = written["cosine"].predictions
    same, scores = pairs["same"].to_numpy(bool), pairs["honest_similarity"].to_numpy()
    rates = [((scores[~same] >= t).mean(), (scores[same] < t).mean()) for t in np.sort(scores)]
    nearest = min(rates, key=lambda both: abs(both[0] - both[1]))
    shown = axes(det_curves([written["cosine"]], "honest"))
    curve, mark = shown.lines
    assert mark.get_xdata()[0] == pytest.approx(norm.ppf(nearest[0]))
    assert names(shown) == [f"EER {100 * nearest[0]:.1f} %"]
    far, frr = (norm.cdf(values) for values in curve.get_data())
    known = {(round(a, 6), round(b, 6)) for a, b in rates}
    assert {(round(a, 6), round(b, 6)) for a, b in zip(far, frr, strict=True)} <= known


def test_bars_of_action_units_are_the_printed_columns(
    written: dict[str, Result],
) -> None:
    columns = [
        {"name": n, "title": n.upper(), "scale": 100, "higher_is_better": True}
        for n in ("f1_au1", "f1_au12", "f1")
    ]
    record = changed(written["multilabel"], task={"columns": columns}).record
    shown = axes(action_bars(record))
    heights = [bar.get_height() for bar in shown.patches]
    expected = [
        100 * block.value(column.name)
        for block in (record.scores.honest, record.scores.paper)
        for column in record.task.columns
    ]
    assert heights == pytest.approx(expected)
    ends = [list(line.get_ydata()) for line in shown.lines if line.get_color() == "black"]
    assert ends[1] == pytest.approx(
        [100 * end for end in record.scores.honest.ends("f1_au12") or ()]
    )
    assert names(shown) == ["always positive", "majority class", "validated", "test-selected"]


def test_errors_by_yaw_are_the_stored_ones(written: dict[str, Result]) -> None:
    result = written["regression"]
    metric = result.record.plain()["task"]["main_metric"]
    columns = [{**metric, "name": n} for n in ("mae_yaw", "mae_roll", "mae")]
    titled = changed(result, task={"columns": columns})
    record = titled.record
    shown = axes(errors_by_yaw(titled, "paper"))
    ranges = record.plain()["details"]["errors_by_yaw"]["paper"]
    expected = [part[column["name"]] for column in columns for part in ranges]
    heights = [bar.get_height() for bar in shown.patches]
    np.testing.assert_allclose(heights, np.array(expected, dtype=float))
    assert names(shown) == ["yaw", "roll", "mean"]
    with pytest.raises(DataError, match="has no yaw"):
        errors_by_yaw(Result(result.path, whole_record("regression")), "paper")


@pytest.mark.parametrize("kind", ["classification", "multilabel", "regression", "learned"])
def test_the_probes_curve_is_the_stored_one(written: dict[str, Result], kind: str) -> None:
    record = written[kind].record
    shown = axes(probe_epochs(record))
    key = {
        "classification": "test_accuracy_by_epoch", "multilabel": "test_f1_by_fold_and_epoch",
        "regression": "test_mae_by_epoch", "learned": "test_accuracy_by_fold_and_epoch",
    }[kind]  # fmt: skip
    stored = np.array(record.scores.paper.value(key))
    mean = stored.mean(0) if stored.ndim == 2 else stored
    lines = {line.get_label(): line.get_ydata() for line in shown.lines}
    label = "test side, mean of folds" if stored.ndim == 2 else "test split"
    np.testing.assert_allclose(lines[label], mean)
    marked = "test-selected: best test epoch" in lines
    assert marked == (kind != "learned")
    if kind == "classification":
        assert lines["test-selected: best test epoch"][0] == stored.max()


def test_a_result_without_a_probe_in_epochs_says_of_which_kind_it_is(
    written: dict[str, Result],
) -> None:
    with pytest.raises(DataError, match=r"probe\.verification=learned"):
        probe_epochs(written["cosine"].record)
    block = {
        "accuracy_1": 0.5, "accuracy_by_draw": {"accuracy_1": [0.5]},
        "std_over_draws": {"accuracy_1": 0.0}, "intervals": {"accuracy_1": [0.4, 0.6]},
    }  # fmt: skip
    few = changed(
        written["classification"], task={"protocol": ["fewshot", 1]},
        details={"draws": 1, "labelled": {"accuracy_1": 7}},
        scores={"honest": block, "paper": block},
    ).record  # fmt: skip
    with pytest.raises(DataError, match=r"by fewshot, .* --probe linear") as told:
        probe_epochs(few)
    assert "cosine" not in str(told.value)


def test_features_of_a_class_have_one_colour() -> None:
    points = np.arange(12.0).reshape(6, 2)
    labels = np.array([0, 1, 0, 1, 1, 0.0])
    shown = axes(feature_points(points, labels, names=("a", "b"), by="label", title="T"))
    np.testing.assert_array_equal(shown.collections[1].get_offsets(), points[labels == 1])
    assert names(shown) == ["a (3)", "b (3)"]
    scale = axes(feature_points(points, labels, names=(), by="yaw", title="T"))
    np.testing.assert_array_equal(scale.collections[0].get_array(), labels)


@pytest.mark.parametrize("how", ["tsne", "pca", "umap"])
def test_projections_keep_apart_what_is_apart_and_repeat(how: str) -> None:
    if how == "umap":
        pytest.importorskip("umap", reason="facebench[umap] is not installed here")
    rng = np.random.default_rng(0)
    apart = rng.normal(size=(40, 60)) + np.where(np.arange(40) < 20, 30, -30)[:, None]
    points = project(apart, how, 1)
    assert points.shape == (40, 2)
    np.testing.assert_array_equal(points, project(apart, how, 1))
    centres = points[:20].mean(0), points[20:].mean(0)
    spread = max(points[:20].std(0).max(), points[20:].std(0).max())
    assert np.linalg.norm(centres[0] - centres[1]) > 3 * spread


def test_projections_that_cannot_be_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="projection 'lda'"):
        project(np.eye(9), "lda", 0)
    with pytest.raises(DataError, match="found 3; expected at least 5"):
        project(np.eye(3), "pca", 0)


FIGURES = (
    ("confusion", "classification"), ("roc", "cosine"), ("det", "cosine"),
    ("actions", "multilabel"), ("yaw", "regression"), ("probe", "regression"),
)  # fmt: skip


@pytest.mark.parametrize(("figure", "kind"), FIGURES)
@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_figure_has_the_same_bytes_each_time(
    written: dict[str, Result], tmp_path: Path, figure: str, kind: str, suffix: str
) -> None:
    draw: Callable[[Result], Drawing] = {
        "confusion": lambda r: confusion_matrix(r.record, "abcd", "honest"),
        "roc": lambda r: roc_curves([r], "honest", log=False),
        "det": lambda r: det_curves([r], "honest"),
        "actions": lambda r: action_bars(r.record),
        "yaw": lambda r: errors_by_yaw(r, "honest"),
        "probe": lambda r: probe_epochs(r.record),
    }[figure]
    files = [tmp_path / f"{n}.{suffix}" for n in range(2)]
    for file in files:
        write(draw(written[kind]), file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].stat().st_size > 3000


def test_a_figure_of_another_protocol_is_refused(
    written: dict[str, Result], facebench: Facebench, plugin: Path
) -> None:
    cosine = str(written["cosine"].path)
    for figure in ("actions", "yaw"):
        done = facebench("figure", figure, cosine, status=2)
        assert f"figure {figure}: found a result of Tiny, which is verification" in done.stderr
    done = facebench("figure", "probe", cosine, status=2)
    assert "probe.verification=learned" in done.stderr
    done = facebench("figure", "roc", cosine, "--protocol", "best", status=2)
    assert "unknown protocol 'best'" in done.stderr
    done = facebench("figure", "roc", cosine, "--out", "roc.pdf", status=2)
    assert ".png or .svg" in done.stderr
