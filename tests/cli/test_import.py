"""``facebench import`` and ``facebench run --checkpoint``, on a small method's own weights."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from conftest import Facebench
from foreign_world import TOY, toy_tensors

RUN = [
    "--task", "tiny", "--set", "probe.epochs=5", "--device", "cpu", "--precision", "32",
    "--no-floors",
]  # fmt: skip


@pytest.fixture
def plugins(plugin: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "toy.py").write_text(TOY)
    return ["--plugin", str(plugin), "--plugin", str(tmp_path / "toy.py")]


@pytest.fixture
def best(tmp_path: Path) -> str:
    torch.save({"epoch": 9, "state_dict": toy_tensors()}, tmp_path / "best.pth")
    return str(tmp_path / "best.pth")


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("results/runs/*/*.json"))]


def test_an_import_says_what_it_matched_and_makes_a_checkpoint(
    facebench: Facebench, plugins: list[str], best: str, tmp_path: Path
) -> None:
    shown = facebench("import", "toy", best, "--out", "mine", *plugins).stdout
    # Columns are at least two spaces apart.
    lines = [re.split(r" {2,}", line.strip()) for line in shown.splitlines()]
    rows = {cells[0]: cells[1:] for cells in lines}
    for title, count, name in (
        ("matched", "10", "encoder.layers.0.bias → backbone.layers.0.bias"),
        ("missing, of heads", "0", ""),
        ("unused", "1", "module.head.weight"),
        ("not tensors", "1", "epoch"),
    ):
        assert rows[title][0] == count
        assert name in " ".join(rows[title][1:])
    assert "gives f_s, f_g" in shown
    record = json.loads((tmp_path / "mine/checkpoint.json").read_text())
    assert record["spec"]["method_options"] == {"scale": 2.0}
    assert (tmp_path / "mine/model.safetensors").is_file()


def test_a_run_judges_a_file_in_one_step_and_a_folder_alike(
    facebench: Facebench, plugins: list[str], best: str, tmp_path: Path
) -> None:
    run = ["run", "--method", "toy", *RUN, *plugins]
    done = facebench(*run, "--checkpoint", best)
    assert "best.pth: 10 matched, 0 missing, 1 unused tensors" in done.stderr
    (first,) = records(tmp_path)
    assert first["spec"]["backbone"] == "tinynet"
    assert first["spec"]["method_options"] == {"scale": 2.0}
    assert first["pretrain"]["imported"]["file"] == "best.pth"
    digest = first["pretrain"]["imported"]["sha256"]
    assert f"imported weights, best.pth sha256:{digest[:12]}" in " ".join(done.stdout.split())
    assert not list((tmp_path / "cache").glob("packed/*"))  # nothing was learned

    facebench("import", "toy", best, "--out", "mine", *plugins)
    facebench(*run, "--checkpoint", "mine")
    facebench(*run, "--checkpoint", "mine/model.safetensors")
    assert len(records(tmp_path)) == 1  # the weights are the same, wherever they lie

    torch.save({name: 2 * t for name, t in toy_tensors().items()}, tmp_path / "other.pth")
    facebench(*run, "--checkpoint", "other.pth")
    keys = {record["stages"]["result"] for record in records(tmp_path)}
    assert len(keys) == 2
    dry = facebench(*run, "--checkpoint", "other.pth", "--dry-run").stdout
    assert dry.count("on disk") == 3
    assert "import" in dry


def test_features_are_those_of_the_imported_weights(
    facebench: Facebench, plugins: list[str], best: str, tmp_path: Path, data: Path
) -> None:
    facebench("run", "--method", "toy", *RUN, *plugins, "--checkpoint", best,
              "--set", "extract.dtype=float32")  # fmt: skip
    (folder,) = [path for path in (tmp_path / "cache/features").iterdir() if path.is_dir()]
    found = np.load(folder / "features.npy")
    t = {name.removeprefix("module.encoder.layers."): v for name, v in toy_tensors().items()}
    from PIL import Image

    files = sorted((data / "tiny").glob("*/*.png"))
    pixels = np.stack([np.asarray(Image.open(file)) for file in files])
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255
    x = torch.nn.functional.conv2d(x, t["0.weight"], t["0.bias"], 4, 3)
    x = torch.nn.functional.conv2d(torch.where(x > 0, x, 0.1 * x), t["2.weight"], t["2.bias"], 2, 1)
    assert np.allclose(found, x.flatten(1).numpy(), rtol=1e-4)


def test_a_checkpoint_that_facebench_learned_is_judged_again_elsewhere(
    facebench: Facebench, plugins: list[str], tmp_path: Path
) -> None:
    learn = ["--backbone", "tinynet", "--pretrain-data", "tiny", "--set", "pretrain.epochs=1",
             "--set", "pretrain.batch_size=24", "--set", "pretrain.image_size=32"]  # fmt: skip
    facebench("run", "--method", "simclr", *RUN, *plugins, *learn, "--seeds", "3")
    (learned,) = records(tmp_path)
    folder = tmp_path / "cache/checkpoints" / learned["stages"]["checkpoint"]
    folder.rename(tmp_path / "kept")
    facebench("run", "--method", "simclr", *RUN, *plugins, "--checkpoint", "kept")
    assert len(records(tmp_path)) == 1  # the same weights, seed and probe: the same result
    assert not folder.exists()
    facebench("run", "--method", "simclr", *RUN, *plugins, "--checkpoint", "kept", "--force")
    (again,) = records(tmp_path)
    assert again["spec"]["pretrain"] == learned["spec"]["pretrain"]
    assert again["scores"] == learned["scores"]
    assert again["pretrain"]["data"]["name"] == "tiny"
    assert again["spec"]["checkpoint"] == "kept"
    assert str(tmp_path) not in json.dumps(again)


def test_a_sweep_judges_every_feature_of_a_file(
    facebench: Facebench, plugins: list[str], best: str, tmp_path: Path
) -> None:
    (tmp_path / "sweep.yaml").write_text("method: toy\ngrid: {extract.feature: [f_s, f_g]}")
    sweep = ["sweep", "sweep.yaml", *RUN, *plugins, "--checkpoint", best]
    done = facebench(*sweep)
    assert done.stderr.count("10 matched, 0 missing, 1 unused tensors") == 1
    found = records(tmp_path)
    assert {record["spec"]["extract"]["feature"] for record in found} == {"f_s", "f_g"}
    assert {record["pretrain"]["imported"]["file"] for record in found} == {"best.pth"}
    assert "2 runs, 2 on disk" in facebench(*sweep).stderr
    assert "sets toy.scale, and --checkpoint" in facebench(*sweep, "--set", "toy.scale=5",
                                                           status=2).stderr  # fmt: skip


def test_a_floor_beside_imported_weights_is_untrained(
    facebench: Facebench, plugins: list[str], best: str, tmp_path: Path
) -> None:
    facebench("run", "--method", "toy", *RUN[:-1], *plugins, "--checkpoint", best)
    floor, toy = sorted(records(tmp_path), key=lambda record: str(record["spec"]["method"]))
    assert (floor["spec"]["method"], floor["spec"]["backbone"]) == ("random", "tinynet")
    assert floor["spec"]["checkpoint"] == ""
    assert "imported" not in floor["pretrain"]
    assert toy["stages"]["weights_digest"] != floor["stages"]["weights_digest"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "toy,simclr", "--checkpoint", "best.pth"], "found 2 methods; expected the"),
        (["--method", "toy", "--checkpoint", "best.pth", "--seeds", "0,1"], "and 2 seeds"),
        (["--method", "toy", "--checkpoint", "absent.pth"], "no such file or folder"),
        (["--method", "toy", "--checkpoint", "."], "checkpoint.json: no such file"),
        (["--method", "simclr", "--checkpoint", "best.pth"], "'simclr' takes no foreign weights"),
        (["--method", "toy", "--checkpoint", "less.pth", "--set", "extract.feature=f_g"],
         "extract.feature is f_g: less.pth lacks weights that it is made of, g.weight first; it "
         "gives f_s."),
        (["--method", "toy", "--checkpoint", "best.pth", "--set", "toy.scale=5"],
         "sets toy.scale, and --checkpoint"),
        (["--method", "toy", "--checkpoint", "best.pth", "--pretrain-data", "tiny"],
         "sets pretrain.data, and --checkpoint"),
        (["--method", "toy", "--checkpoint", "best.pth", "--backbone", "facecycle16"],
         "those of tinynet. Leave --backbone out"),
        (["--method", "imported", "--checkpoint", "best.pth"], "Name it: --backbone timm:NAME"),
        (["--method", "imported"], "weights from a file alone. Give --checkpoint FILE"),
        (["--method", "toy", "--checkpoint", "best.pth", "--prefix", "modul"],
         "--prefix modul: no tensor's name begins so. Did you mean"),
        (["--method", "toy", "--checkpoint", "mine", "--prefix", "module"],
         "is a checkpoint of facebench, which has one set of tensors. Leave --prefix out."),
        (["--method", "toy", "--prefix", "module"], "is of the file of --checkpoint. Give that"),
        (["--method", "simclr", "--checkpoint", "mine"], "is of the method 'toy'; --method simclr"),
        (["--method", "toy", "--checkpoint", "mine", "--backbone", "facecycle16"],
         "is of the backbone 'tinynet'"),
        (["--method", "toy", "--checkpoint", "odd"], "has no method, backbone"),
        (["--method", "toy", "--checkpoint", "empty"], "model.safetensors: no such file"),
    ],
)  # fmt: skip
def test_misuse_is_one_line_and_status_2(
    facebench: Facebench, plugins: list[str], best: str, tmp_path: Path,
    arguments: list[str], message: str,
) -> None:  # fmt: skip
    tensors = {name: t for name, t in toy_tensors().items() if "branch" not in name}
    torch.save(tensors, tmp_path / "less.pth")
    facebench("import", "toy", best, "--out", "mine", *plugins)
    for name in ("odd", "empty"):
        (tmp_path / name).mkdir()
        record = json.loads((tmp_path / "mine/checkpoint.json").read_text())
        del record["seal"]
        record["format"] = 1
        if name == "odd":
            record["spec"] = {}
            (tmp_path / name / "model.safetensors").write_bytes(b"")
        (tmp_path / name / "checkpoint.json").write_text(json.dumps(record))
    done = facebench("run", *RUN, *plugins, *arguments, status=2)
    assert message in done.stderr
    assert not list(tmp_path.glob("results/**/*.json"))


def test_weights_that_are_damaged_on_disk_are_an_error(
    facebench: Facebench, plugins: list[str], best: str, tmp_path: Path
) -> None:
    facebench("import", "toy", best, "--out", "mine", *plugins)
    file = tmp_path / "mine/model.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    done = facebench("run", "--method", "toy", *RUN, *plugins, "--checkpoint", "mine", status=2)
    assert "mine/model.safetensors: changed since it was written" in done.stderr
