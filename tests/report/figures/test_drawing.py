"""How figures are written: kinds of files, equal bytes, a missing library."""

import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from facebench.errors import FacebenchError, SpecError
from facebench.report.figures.drawing import draw
from facebench.report.figures.reconstruction import draw_reconstructions


def paint(figure: Figure) -> None:
    figure.subplots().plot([1, 3, 2], label="a")


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_figure_has_the_same_bytes_and_no_date(tmp_path: Path, kind: str) -> None:
    for name in ("a", "b"):
        draw(tmp_path / f"{name}.{kind}", (3, 2), paint)
    data = (tmp_path / f"a.{kind}").read_bytes()
    assert data == (tmp_path / f"b.{kind}").read_bytes()
    for word in (b"dc:date", b"Software", b"Matplotlib v"):
        assert word not in data
    assert not list(tmp_path.glob(".*"))


def test_a_users_own_style_has_no_say(tmp_path: Path) -> None:
    import matplotlib as mpl

    draw(tmp_path / "a.png", (3, 2), paint)
    with mpl.rc_context({"lines.linewidth": 9, "axes.facecolor": "red"}):
        draw(tmp_path / "b.png", (3, 2), paint)
        assert mpl.rcParams["lines.linewidth"] == 9
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_other_files_are_refused_and_a_missing_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SpecError, match=r"figure\.jpg; expected a name that ends in \.png"):
        draw(tmp_path / "figure.jpg", (3, 2), paint)
    (tmp_path / "file").touch()
    with pytest.raises(SpecError, match="cannot be written"):
        draw(tmp_path / "file/a.png", (3, 2), paint)
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)
    with pytest.raises(FacebenchError, match=r"install facebench\[report\]"):
        draw(tmp_path / "a.png", (3, 2), paint)


def test_reconstructions_stand_in_a_grid(tmp_path: Path) -> None:
    columns = {
        "source": np.zeros((2, 8, 8, 3), np.float32),
        "$F_f$": np.ones((2, 8, 8, 3), np.float32) * np.array([1, 0, 0], np.float32),
        r"$F_{\hat{p}}$": np.ones((2, 8, 8, 3), np.float32) * np.array([0, 0, 1], np.float32),
    }
    draw_reconstructions(tmp_path / "a.png", columns, "title")
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    is_red = (pixels == [255, 0, 0]).all(2)
    is_blue = (pixels == [0, 0, 255]).all(2)
    assert is_red.sum() == pytest.approx(is_blue.sum(), rel=0.02)
    assert is_red.mean() > 0.1
    red, blue = np.flatnonzero(is_red.any(0)), np.flatnonzero(is_blue.any(0))
    assert red.max() < blue.min()  # in the order that the method gives
