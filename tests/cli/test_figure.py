"""``facebench figure`` and the curves of ``facebench show``, on a tiny run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Facebench

TINY = [
    "--task", "tiny", "--backbone", "tinynet", "--pretrain-data", "tiny", "--set",
    "pretrain.epochs=2", "--set", "pretrain.batch_size=24", "--set", "pretrain.image_size=32",
    "--set", "probe.epochs=2", "--device", "cpu", "--precision", "32", "--no-floors",
]  # fmt: skip
ONE_STEP = [
    "--set", "pretrain.limit=24", "--set", "pretrain.epochs=1", "--set", "pcl.pdd_images=2",
    "--set", "pcl.pose_images=2",
]  # fmt: skip


def learn(facebench: Facebench, plugin: Path, folder: Path, method: str, *more: str) -> Path:
    """Run a method and return its result."""
    facebench("run", "--method", method, "--plugin", str(plugin), *TINY, *more)
    (path,) = folder.glob(f"results/runs/tiny/{method}-*.json")
    return path


def test_reconstructions_are_drawn_from_a_result_and_from_its_checkpoint(
    facebench: Facebench, plugin: Path, tmp_path: Path, data: Path
) -> None:
    result = learn(facebench, plugin, tmp_path, "pcl", *ONE_STEP)
    checkpoint = json.loads(result.read_text())["stages"]["checkpoint"]
    draw = ["figure", "reconstructions", "--plugin", str(plugin), "--images", str(data / "tiny"),
            "--count", "2"]  # fmt: skip
    pictures = {}
    for name, learned in (("a", result), ("b", tmp_path / "cache/checkpoints" / checkpoint)):
        file = tmp_path / f"{name}.png"
        assert str(file) in facebench(*draw, "--out", str(file), str(learned)).stdout
        pictures[name] = file.read_bytes()
    assert pictures["a"] == pictures["b"]
    facebench(*draw, "--seed", "1", "--out", str(tmp_path / "c.png"), str(result))
    assert (tmp_path / "c.png").read_bytes() != pictures["a"]
    with Image.open(tmp_path / "a.png") as image:
        assert image.width > 2 * image.height  # six columns, two rows
    facebench("figure", "reconstructions", str(result), "--plugin", str(plugin), "--count", "1",
              "--out", str(tmp_path / "rendered.svg"))  # fmt: skip
    assert "<svg" in (tmp_path / "rendered.svg").read_text()
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "absent"):
        done = facebench("figure", "reconstructions", str(result), "--plugin", str(plugin),
                         "--images", folder, status=2)  # fmt: skip
        assert f"--images {folder}: found no images" in done.stderr


def test_what_cannot_be_drawn_is_one_line_and_status_2(
    facebench: Facebench, plugin: Path, tmp_path: Path
) -> None:
    result = learn(facebench, plugin, tmp_path, "random")
    draw = ["figure", "reconstructions", "--plugin", str(plugin)]

    def refused(*arguments: str) -> str:
        done = facebench(*draw, *arguments, status=2)
        assert "Traceback" not in done.stderr
        return done.stderr

    message = refused(str(result))
    assert "method 'random' draws no reconstructions" in message
    assert "pcl" in message.partition("one that has")[2]
    assert "no such file" in refused("absent.json")
    assert "no checkpoint" in refused(str(tmp_path))
    assert ".png or .svg" in refused(str(result), "--out", "figure.pdf")
    assert "--count 0" in refused(str(result), "--count", "0")
    shutil.rmtree(tmp_path / "cache/checkpoints")
    assert "its checkpoint is gone" in refused(str(result))
    curves = facebench("figure", "curves", str(result), status=2)
    assert "nothing was learned" in curves.stderr
    assert not list(tmp_path.glob("*.png"))


def test_curves_are_shown_and_drawn(facebench: Facebench, plugin: Path, tmp_path: Path) -> None:
    result = learn(facebench, plugin, tmp_path, "simclr")
    history = json.loads(result.read_text())["pretrain"]["history"]
    shown = facebench("show", str(result)).stdout
    assert "training, 2 epochs" in shown
    for name in history[0]:
        (line,) = [line for line in shown.splitlines() if line.split()[:1] == [name]]
        first, last = history[0][name], history[1][name]
        assert line.split()[-3:] == [f"{v:.4g}" for v in (first, last, min(first, last))]
    facebench("figure", "curves", str(result), "--out", "curves.png")
    with Image.open(tmp_path / "curves.png") as image:
        assert np.asarray(image.convert("L")).std() > 10
    untrained = learn(facebench, plugin, tmp_path, "random")
    assert "training" not in facebench("show", str(untrained)).stdout


@pytest.mark.parametrize("name", ["reconstructions", "curves", "disentanglement"])
def test_every_figure_has_help(facebench: Facebench, name: str) -> None:
    assert "--out" in facebench("figure", name, "--help").stdout
