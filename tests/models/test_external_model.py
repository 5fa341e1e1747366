"""A network of other code is judged in memory, in a Python file, as ONNX and as an export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import facebench as fb
from conftest import Facebench
from facebench.errors import FacebenchError, ModelError, SpecError, StageError
from facebench.progress import Silent
from facebench.results.store import Result

SIDE = 24
ENTRY = {"image_size": SIDE, "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.4)}
SETTINGS = [f"--set=preprocess.{key}={value}" for key, value in
            (("image_size", SIDE), ("mean", "0.4,0.5,0.6"), ("std", "0.2,0.3,0.4"))]  # fmt: skip

SOURCE = """
from pathlib import Path

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, stride=2)
        self.last = nn.Linear(6, 8)

    def forward(self, images):
        return self.last(self.first(images).relu().mean(dim=(2, 3)))


def make():
    net = Net()
    net.load_state_dict(torch.load(Path(__file__).with_name("net.pth"), weights_only=True))
    return net


NET = make()
NUMBER = 3


def embed(images):
    return NET(images).numpy()


def broken(images):
    raise RuntimeError("out of ideas\\nand more")
"""


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> nn.Module:
    """Return the network of ``folder / net.py``, which has the same weights."""
    from facebench.models.named import named_model

    folder = tmp_path_factory.mktemp("external")
    (folder / "net.py").write_text(SOURCE)
    generator = torch.Generator().manual_seed(0)
    shapes = {"first.weight": (6, 3, 3, 3), "first.bias": (6,), "last.weight": (8, 6),
              "last.bias": (8,)}  # fmt: skip
    weights = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    torch.save(weights, folder / "net.pth")
    model = named_model(f"py:{folder / 'net.py'}:NET").load()
    model.folder = folder  # type: ignore[assignment]
    return model


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, data: Path, plugin: Path) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("judged")
    return {
        "device": "cpu", "precision": "32", "floors": False, "data": data, "plugins": [plugin],
        "settings": {"probe.epochs": 60, "extract.dtype": "float32", "probe.resamples": 100},
        "cache": folder / "cache", "results": folder / "results", "progress": Silent(),
    }  # fmt: skip


def judged(model: Any, words: dict[str, Any], **more: Any) -> Result:
    (result,) = fb.evaluate(model, "tiny", **{**words, "preprocess": ENTRY, **more})
    return result


@pytest.fixture(scope="module")
def in_memory(net: nn.Module, words: dict[str, Any]) -> Result:
    result = judged(net, words)
    assert result.scores.honest.value("accuracy") > 0.6  # far above a third, that of a guess
    return result


def features(result: Result, words: dict[str, Any]) -> np.ndarray:
    (file,) = words["cache"].glob(f"features/{result.record.stages.features}/*.npy")
    stored: np.ndarray = np.load(file)
    return stored


def same(found: Result, expected: Result, words: dict[str, Any]) -> None:
    """Compare features, and scores to 0.1 of a percent: one model in another program."""
    mine, other = (features(result, words) for result in (found, expected))
    assert found.record.stages.features != expected.record.stages.features
    np.testing.assert_allclose(mine, other, atol=1e-4)
    for metric in ("accuracy", "macro_f1"):
        mine, other = (100 * one.scores.honest.value(metric) for one in (found, expected))
        assert mine == pytest.approx(other, abs=0.1)
    assert found.path != expected.path


def onnx_file(net: Any, folder: Path, *, batch: int | str = "batch", beside: bool = False) -> Path:
    """Write the network as an ONNX file."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    nodes = [
        helper.make_node("Conv", ["images", "first.weight", "first.bias"], ["a"], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "last.weight", "last.bias"], ["features"], transB=1),
    ]
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("images", kind, [batch, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("features", kind, [batch, 8])],
        [numpy_helper.from_array(t.numpy(), name) for name, t in net.state_dict().items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    file = folder / "net.onnx"
    places = {"save_as_external_data": True, "location": "net.bin", "size_threshold": 0}
    onnx.save(model, str(file), **(places if beside else {}))
    return file


def test_a_network_in_a_file_has_the_number_of_the_one_in_memory(
    net: Any, in_memory: Result, words: dict[str, Any], facebench: Facebench
) -> None:
    file = net.folder / "net.py"
    same(judged(f"py:{file}:embed", words), in_memory, words)  # a function that uses the network
    folders = ["--cache", str(words["cache"]), "--results", str(words["results"] / "cli")]
    line = ["evaluate", f"py:{file}:make", "--task", "tiny", *SETTINGS, "--no-floors",
            "--device", "cpu", "--precision", "32", "--data", str(words["data"]), "--plugin",
            str(words["plugins"][0]), "--name", "My net", *folders,
            *(f"--set={key}={value}" for key, value in words["settings"].items())]  # fmt: skip
    shown = facebench(*line, "--dry-run").stdout
    for option in (f"image_size {SIDE}", "filter bilinear", "mean 0.4,0.5,0.6", "channels RGB"):
        assert f"my_net.{option} checkpoint" in " ".join(shown.split())
    assert not (words["results"] / "cli").exists()
    assert "My net" in facebench(*line).stdout
    (result,) = fb.load_results(words["results"] / "cli")
    same(result, in_memory, words)
    assert result.spec.extract.image_size == SIDE
    assert result.spec.method_options["model"] == "py:net.py:make"


@pytest.mark.parametrize(("batch", "beside"), [("batch", True), (4, False)])
def test_an_onnx_file_has_the_number_of_the_network(
    net: Any, in_memory: Result, words: dict[str, Any], tmp_path: Path, batch: Any, beside: bool
) -> None:
    file = onnx_file(net, tmp_path, batch=batch, beside=beside)
    entry = {key: value for key, value in ENTRY.items() if key != "image_size"}  # the file's own
    found = judged(f"onnx:{file}", words, preprocess=entry)
    same(found, in_memory, words)
    assert found.spec.extract.image_size == SIDE
    assert (tmp_path / "net.bin").is_file() == beside


def test_weights_beside_an_onnx_file_are_part_of_its_identity(net: Any, tmp_path: Path) -> None:
    from facebench.models.named import named_model

    file = onnx_file(net, tmp_path, beside=True)
    before = named_model(f"onnx:{file}").digest
    stored = bytearray((tmp_path / "net.bin").read_bytes())
    stored[8] ^= 1
    (tmp_path / "net.bin").write_bytes(stored)
    assert named_model(f"onnx:{file}").digest != before
    with pytest.raises(SpecError, match="unknown output 'feature'.*Did you mean 'features'"):
        named_model(f"onnx:{file}:feature")


def test_an_export_has_the_number_of_the_network(
    net: Any, in_memory: Result, words: dict[str, Any], tmp_path: Path
) -> None:
    batch = torch.export.Dim("batch", min=1, max=1024)
    program = torch.export.export(
        net.eval(), (torch.zeros(2, 3, SIDE, SIDE),), dynamic_shapes=({0: batch},)
    )
    torch.export.save(program, tmp_path / "net.pt2")
    entry = {key: value for key, value in ENTRY.items() if key != "image_size"}
    same(judged(f"export:{tmp_path / 'net.pt2'}", words, preprocess=entry), in_memory, words)


def test_a_function_needs_a_name_and_a_version_and_is_not_reused_silently(
    net: Any, in_memory: Result, words: dict[str, Any]
) -> None:
    runs = []

    def embed(images: Tensor) -> np.ndarray:
        runs.append(len(images))
        found: np.ndarray = net(images).numpy()
        return found

    with pytest.raises(SpecError, match="expected a name and a version"):
        judged(embed, words, name="mine")
    same(judged(embed, words, name="mine", version="1"), in_memory, words)
    first = len(runs)
    judged(embed, words, name="mine", version="1")
    assert len(runs) == first
    judged(embed, words, name="mine", version="2")
    assert len(runs) == 2 * first


def late(wrong: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    """Return a function that goes wrong in the second batch of images."""
    seen = []

    def embed(images: Tensor) -> Any:
        seen.append(len(images))
        features = images.flatten(1)[:, :4]
        return wrong(features) if len(seen) > 3 else features  # trial, batch, the same again

    return embed


def fails(features: Tensor) -> Any:
    raise RuntimeError("no memory\nfor more")


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda f: f[:-1], ModelError, r"gives \[63, 4\] of images \[64, 3, 24, 24\]"),
        (lambda f: f.double(), ModelError, "gives torch.float64 of length 4, and gave torch.fl"),
        (lambda f: f[:, :3], ModelError, "of length 3, and gave torch.float32 of length 4"),
        (lambda f: f[:, :, None], ModelError, r"gives \[64, 4, 1\].*expected \[B, D\]"),
        (fails, ModelError, "fails on images .*RuntimeError: no memory. Are"),
        (lambda f: f * float("nan"), StageError, "not finite"),
    ],
)
def test_what_goes_wrong_in_a_batch_names_model_and_batch(
    words: dict[str, Any], wrong: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        judged(late(wrong), words, name="late model", version=message)
    said = str(caught.value)
    assert "batch of images 65 to 128" in said
    assert "late" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet18", "expected KIND:NAME, for example zoo:arcface, timm:"),
        ("tim:resnet18", "unknown kind of model 'tim'.*Did you mean 'timm'"),
        ("py:{}/net.py", "expected py:FILE.py:NAME"),
        ("py:{}/nothing.py:make", "no such file"),
        ("py:{}/net.py:mke", "unknown name 'mke'.*Did you mean 'make'"),
        ("py:{}/net.py:NUMBER", "is of type int; expected a torch.nn.Module"),
        ("py:{}/net.py:broken", "py:net.py:broken fails on .*RuntimeError: out of ideas. Are"),
        ("export:{}/net.pth", "torch.export"),
        ("export:{}/net.py", "not a file of torch.export.save"),
        ("onnx:{}/net.py", "onnxruntime"),
        ("hf:none/nothing", "hf:"),
    ],
)
def test_a_wrong_name_is_one_line(
    net: Any, words: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(FacebenchError, match=message) as caught:
        judged(name.format(net.folder), words)
    assert "\n" not in str(caught.value)


def test_the_sheet_shows_what_the_model_gets(
    words: dict[str, Any], tmp_path: Path, facebench: Facebench
) -> None:
    places = {name: words[name] for name in ("data", "cache", "plugins")}
    file = tmp_path / "sheet.png"
    sheet = fb.show_input("tiny", out=file, preprocess={**ENTRY, "channels": "BGR"}, **places)
    assert sheet.batch.shape == (32, 3, SIDE, SIDE)
    assert len(set(sheet.images)) == 32
    drawn = np.asarray(Image.open(file))
    assert drawn.shape == (4 * SIDE + 6, 8 * SIDE + 14, 3)
    cell = drawn[SIDE + 2 : 2 * SIDE + 2, 2 * (SIDE + 2) : 3 * SIDE + 4]  # row 1, column 2
    source = Image.open(words["data"] / "tiny" / sheet.images[10])
    resized = np.asarray(source.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    assert np.abs(cell.astype(int) - resized[..., ::-1]).max() <= 1
    seen: list[Tensor] = []

    def keep(images: Tensor) -> Tensor:
        seen.append(images)
        return images.flatten(1)[:, :4]

    judged(keep, words, name="keep", version="1", preprocess={**ENTRY, "channels": "BGR"})
    every = torch.cat([batch for batch in seen if len(batch) > 1])
    assert all((every == image).flatten(1).all(dim=1).any() for image in sheet.batch)
    shown = facebench(
        "show-input", "timm:test_vit.r160_in1k", "--task", "tiny", "--data", str(words["data"]),
        "--cache", str(words["cache"]), "--plugin", str(words["plugins"][0]),
        "--set", "preprocess.image_size=32", "--out", str(tmp_path / "vit.png"),
    ).stdout  # fmt: skip
    assert "[32, 3, 32, 32] float32" in shown
    assert "preprocess.mean" in shown
    assert np.asarray(Image.open(tmp_path / "vit.png")).shape == (4 * 32 + 6, 8 * 32 + 14, 3)
