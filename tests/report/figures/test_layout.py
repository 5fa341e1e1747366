"""What a reader of a figure sees: no text is cut or lies on another, at any width."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board_world import fill
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from scipy.stats import bootstrap
from whole_results import changed

from facebench.evaluation.protocols.regression import yaw_intervals
from facebench.report.entries import stored_results
from facebench.report.figures.action import action_bars
from facebench.report.figures.competitors import panels
from facebench.report.figures.compute import score_against_compute
from facebench.report.figures.drawing import Drawing, painted
from facebench.report.figures.forest import forest
from facebench.report.figures.heat_map import heat_map
from facebench.report.figures.image_grid import Cell, image_grid
from facebench.report.figures.labels import label_curves
from facebench.report.figures.ranks import rank_slopes
from facebench.report.figures.style import WIDTHS, ink, level_mark, line_mark, style
from facebench.report.figures.yaw import errors_by_yaw
from facebench.results.store import Result
from facebench.synth.factor_faces import FACTORS


def factors() -> dict[str, Any]:
    """Return a disentanglement report with names and numbers as long as they get."""
    kinds = dict(zip(FACTORS, ("accuracy", "accuracy", "AUC", "R2", "R2", "R2"), strict=True))
    held = {"value": -0.12, "interval": [-0.22, 0.99]}
    scores = {
        "factors": {name: {"metric": kind, "held": held} for name, kind in kinds.items()},
        "identity_minus_pose": {"value": -0.41},
    }
    rows = [{"method": "random", "feature": f, "scores": scores} for f in ("f_s", "f_f+f_p")]
    return {"rows": rows, "methods": {"random": {"title": "Untrained backbone"}},
            "faces": {"images": 1960, "persons": 140}}  # fmt: skip


@pytest.fixture(scope="module")
def drawings(
    tmp_path_factory: pytest.TempPathFactory, written: dict[str, Result]
) -> dict[str, Drawing]:
    root = tmp_path_factory.mktemp("results")
    fill(root)
    shown = panels(stored_results(root), "any")
    units = [{"name": n, "title": f"{n.upper()} (%)", "scale": 100, "higher_is_better": True}
             for n in ("f1_au1", "f1_au12", "f1")]  # fmt: skip
    labelled = {f"accuracy_{shots}": 7 * shots for shots in (1, 2, 4, 10, 11)}
    block = {
        **{name: 0.2 + number / 700 for name, number in labelled.items()},
        "accuracy_by_draw": {name: [0.2, 0.3] for name in labelled},
        "std_over_draws": dict.fromkeys(labelled, 0.07),
        "intervals": {name: [0.2, 0.4] for name in labelled},
    }
    few = changed(
        written["classification"], task={"protocol": ["fewshot", 1]},
        details={"draws": 2, "labelled": labelled}, scores={"honest": block, "paper": block},
    )  # fmt: skip
    fewer = changed(few, spec={"seed": 99})
    face = np.zeros((8, 8, 3), np.uint8)
    names = ("Gloria_Macapagal_Arroyo", "Akbar_Hashemi_Rafsanjani", "Ed")
    cells = [[Cell((face,), f"0.9543\n{name}", right=True) for name in names * 2]] * 2
    return {
        "compute": score_against_compute(shown, "images"),
        "forest": forest(shown),
        "ranks": rank_slopes(shown),
        "factors": heat_map(factors()),
        "actions": action_bars(changed(written["multilabel"], task={"columns": units}).record),
        "yaw": errors_by_yaw(written["regression"], "honest"),
        "images": image_grid(cells, "Title", synthetic=True),
        "labels": label_curves([few.record]),
        "labels of several": label_curves([few.record, fewer.record]),
    }


Drawn = tuple[str, Bbox, float]  # a text, its box and its rotation in degrees


def drawn_texts(
    drawing: Drawing, width: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Bbox, list[Drawn]]:
    """Return the canvas and the texts that a renderer was told to draw, at the file's dots."""
    found: dict[int, Drawn] = {}
    canvas: list[Bbox] = []
    draw: Callable[..., None] = Text.draw

    def noted(self: Text, renderer: Any, *args: Any, **named: Any) -> None:
        if self.get_visible() and self.get_text().strip():
            box = self.get_window_extent(renderer).frozen()
            found[id(self)] = (self.get_text(), box, self.get_rotation())
            whole: Any = self.get_figure(root=True)
            canvas[:] = [whole.bbox.frozen()]
        draw(self, renderer, *args, **named)

    with style(WIDTHS[width]):
        figure = painted(drawing, WIDTHS[width])
        with monkeypatch.context() as patch:
            patch.setattr(Text, "draw", noted)
            figure.savefig(io.BytesIO(), dpi=WIDTHS[width].dpi)
    return canvas[0], [*found.values()]


@pytest.mark.parametrize("width", ["screen", "cvpr", "ieee-wide"])
@pytest.mark.parametrize(
    "name",
    [
        "compute",
        "forest",
        "ranks",
        "factors",
        "actions",
        "yaw",
        "images",
        "labels",
        "labels of several",
    ],
)
def test_no_text_is_cut_or_lies_on_another(
    drawings: dict[str, Drawing], name: str, width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas, texts = drawn_texts(drawings[name], width, monkeypatch)
    assert len(texts) > 5
    for said, box, _ in texts:
        assert canvas.x0 - 1 <= box.x0 < box.x1 <= canvas.x1 + 1, said
        assert canvas.y0 - 1 <= box.y0 < box.y1 <= canvas.y1 + 1, said
    straight = [(said, box) for said, box, turned in texts if turned % 90 == 0]
    for (one, box), (other, second) in combinations(straight, 2):
        both = Bbox.intersection(box, second)
        assert both is None or min(both.width, both.height) <= 1.5, (one, other)


def test_no_two_lines_look_alike_and_neighbours_differ_without_colour() -> None:
    for mark, most, shape in ((line_mark, 70, "marker"), (level_mark, 30, "linestyle")):
        looks = [mark(number) for number in range(most)]
        assert len({str(look) for look in looks}) == most
        assert all(one[shape] != other[shape] for one, other in pairwise(looks))


@pytest.mark.parametrize("map_name", ["Blues", "viridis", "gray"])
def test_text_on_a_colour_has_the_contrast_that_wcag_asks_for(map_name: str) -> None:
    import matplotlib as mpl

    for share in np.linspace(0, 1, 101):
        colour = mpl.colormaps[map_name](share)
        parts = np.array(colour[:3])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        light = float(linear @ [0.2126, 0.7152, 0.0722])
        text = {"white": 1.0, "black": 0.0}[ink(colour)]
        assert (max(light, text) + 0.05) / (min(light, text) + 0.05) >= 4.5


def test_intervals_of_errors_by_yaw_are_those_of_scipys_bootstrap(
    written: dict[str, Result],
) -> None:
    frame = written["regression"].predictions
    found = yaw_intervals(frame, "paper")["mae_yaw"]
    off = (frame["paper_yaw"] - frame["label_yaw"]).abs().to_numpy()
    turned = frame["label_yaw"].abs().to_numpy()
    compared = 0
    for (low, high), ends in zip(((0, 30), (30, 60), (60, 100)), found, strict=True):
        part = off[(turned >= low) & (turned < high)]
        if len(part) < 2:
            assert ends == (None, None)
            continue
        peer = bootstrap((part,), np.mean, method="percentile", rng=0).confidence_interval
        assert ends == pytest.approx((peer.low, peer.high), abs=0.1 * part.std())
        compared += 1
    assert compared


def test_a_figure_of_real_and_rendered_faces_has_no_heading_of_one_kind(
    drawings: dict[str, Drawing], tmp_path: Path
) -> None:
    assert not any(drawings[name].synthetic for name in ("compute", "forest", "ranks"))
    assert "SYNTHETIC" in drawings["ranks"].title


def test_a_long_name_is_cut_and_the_number_after_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    face = np.zeros((8, 8, 3), np.uint8)
    cells = [Cell((face,), said) for said in ("Contemptuous 0.84", "Sad 0.63")] * 3
    _, texts = drawn_texts(image_grid([cells], "", synthetic=False), "cvpr", monkeypatch)
    said = {text for text, _, _ in texts}
    assert all(line.endswith(("0.84", "0.63")) for line in said)
    assert "Sad 0.63" in said
    assert "Contemptuous 0.84" not in said
