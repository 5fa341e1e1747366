"""How figures are written: kinds of files, equal bytes, a missing library."""

import re
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import facebench as fb
from facebench.errors import FacebenchError, SpecError, UnknownNameError
from facebench.report.figures import drawing as drawing_module
from facebench.report.figures.drawing import Drawing, write
from facebench.report.figures.reconstruction import reconstruction_grid
from facebench.report.figures.style import WIDTHS, width_named


def paint(figure: Figure) -> None:
    figure.subplots().plot([1, 3, 2], label="a")


def draw(path: Path, size: tuple[float, float] = (3, 2), **named: Any) -> Path:
    return write(Drawing("A title", size, paint, **named), path)


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_figure_has_the_same_bytes_and_no_date(tmp_path: Path, kind: str) -> None:
    for name in ("a", "b"):
        draw(tmp_path / f"{name}.{kind}")
    data = (tmp_path / f"a.{kind}").read_bytes()
    assert data == (tmp_path / f"b.{kind}").read_bytes()
    for word in (b"dc:date", b"Software", b"Matplotlib v"):
        assert word not in data
    assert not list(tmp_path.glob(".*"))


def test_a_users_own_style_has_no_say(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    with mpl.rc_context({"lines.linewidth": 9, "axes.facecolor": "red"}):
        draw(tmp_path / "b.png")
        assert mpl.rcParams["lines.linewidth"] == 9
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_other_files_are_refused_and_a_missing_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SpecError, match=r"figure\.jpg; expected a name that ends in \.png"):
        draw(tmp_path / "figure.jpg")
    (tmp_path / "file").touch()
    with pytest.raises(SpecError, match="cannot be written"):
        draw(tmp_path / "file/a.png")
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)
    with pytest.raises(FacebenchError, match=r"install facebench\[report\]"):
        draw(tmp_path / "a.png")


def test_reconstructions_stand_in_a_grid(tmp_path: Path) -> None:
    columns = {
        "source": np.zeros((2, 8, 8, 3), np.float32),
        "$F_f$": np.ones((2, 8, 8, 3), np.float32) * np.array([1, 0, 0], np.float32),
        r"$F_{\hat{p}}$": np.ones((2, 8, 8, 3), np.float32) * np.array([0, 0, 1], np.float32),
    }
    write(reconstruction_grid(columns, "title", synthetic=True), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    is_red = (pixels == [255, 0, 0]).all(2)
    is_blue = (pixels == [0, 0, 255]).all(2)
    assert is_red.sum() == pytest.approx(is_blue.sum(), rel=0.02)
    assert is_red.mean() > 0.1
    red, blue = np.flatnonzero(is_red.any(0)), np.flatnonzero(is_blue.any(0))
    assert red.max() < blue.min()  # in the order that the method gives


def test_a_figure_for_a_paper_has_its_width_and_its_title_in_a_file(tmp_path: Path) -> None:
    for name, width in WIDTHS.items():
        drawing = Drawing("A title", (6, 3), paint)
        file = write(drawing, tmp_path / f"{name}.png", name)
        with Image.open(file) as image:
            assert image.width == int(width.dpi * (width.inches or 6))
        caption = tmp_path / f"{name}.caption.txt"
        assert caption.exists() is width.paper
        if width.paper:
            assert caption.read_text() == "A title\n"
    assert "A title" not in captions(write(Drawing("A title", (6, 3), paint),
                                           tmp_path / "a.svg", "cvpr"))  # fmt: skip
    with pytest.raises(UnknownNameError, match="Did you mean 'cvpr'"):
        width_named("cvrp")


def captions(file: Path) -> list[str]:
    """Return the texts of an SVG, which are paths, with what they say as comments."""
    return re.findall(r"<!-- (.*?) -->", file.read_text())


def test_rendered_faces_are_said_to_be_in_the_figure_itself(tmp_path: Path) -> None:
    for name in WIDTHS:
        drawing = Drawing("SYNTHETIC faces, a title", (6, 3), paint, synthetic=True)
        assert any(
            "SYNTHETIC" in text for text in captions(write(drawing, tmp_path / "a.svg", name))
        )


def test_warnings_stand_in_the_captions_file_at_every_width(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", warnings=("Faces of real people.",))
    assert (tmp_path / "a.caption.txt").read_text() == "A title\nFaces of real people.\n"


def test_the_style_is_one_file_and_nothing_else_sets_sizes_of_text() -> None:
    package = Path(drawing_module.__file__).parent
    for file in package.glob("*.py"):
        assert not re.search(r"(font|label)size=[\d.]", file.read_text()), file
    with mpl.rc_context():
        mpl.style.use(fb.figure_style())
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"][0] == "#0072B2"
