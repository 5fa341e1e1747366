"""timm models as backbones: sizes that they take, maps that they give, and whole runs on them."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from conftest import Facebench
from facebench.errors import SpecError, UnknownNameError
from facebench.registry import Registry
from facebench.request.resolve import Request, resolve_with_origins
from facebench.timm_backbone import Timm

# Model; the nearest sizes that it takes to 32 and 100 px; its map at the latter.
FAMILIES = [
    ("resnet18", (32, 100), (512, 4, 4)),
    ("inception_v3", (80, 100), (2048, 1, 1)),  # a kernel is larger than the map of 32 px
    ("vit_tiny_patch16_224", (32, 96), (192, 6, 6)),
    ("deit_tiny_distilled_patch16_224", (32, 96), (192, 6, 6)),  # two tokens in front
    ("eva02_tiny_patch14_224", (28, 98), (192, 7, 7)),
    ("swin_tiny_patch4_window7_224", (32, 100), (768, 4, 4)),
    ("xcit_nano_12_p16_224", (32, 100), (128, 7, 7)),  # does not say how many tokens are in front
    ("levit_128s", (224, 224), (384, 4, 4)),  # takes one size alone
]


@pytest.mark.parametrize(("name", "sizes", "shape"), FAMILIES, ids=[f[0] for f in FAMILIES])
def test_a_model_gives_a_map_at_the_nearest_size_that_it_takes(
    name: str, sizes: tuple[int, int], shape: tuple[int, int, int]
) -> None:
    backbone = Timm(name)
    assert (backbone.nearest_size(32), backbone.nearest_size(100)) == sizes
    images: Tensor = torch.rand(2, 3, sizes[1], sizes[1])
    features = backbone(images)
    assert tuple(features.shape[1:]) == shape
    assert shape[0] == backbone.channels
    assert backbone.feature_dim(sizes[1]) == features[0].numel()
    features.square().mean().backward()
    learned = [p.grad is not None for p in backbone.parameters()]
    assert sum(learned) > 0.8 * len(learned)  # but for a class token's own layers, and the like


def test_patch_tokens_keep_their_places() -> None:
    backbone = Timm("vit_tiny_patch16_224").eval()
    images = torch.rand(1, 3, 48, 48)
    with torch.inference_mode():
        tokens = backbone.model.forward_features((images - backbone.mean) / backbone.std)
        found = backbone(images)
    for row in range(3):
        for column in range(3):
            patch = tokens[0, 1 + 3 * row + column]  # after the class token, row by row
            assert torch.allclose(found[0, :, row, column], patch, atol=1e-5)


def test_a_model_without_one_map_is_refused_in_one_line() -> None:
    with pytest.raises(SpecError, match=r"timm:coat_tiny gives features of form list") as raised:
        Timm("coat_tiny").nearest_size(64)
    assert "\n" not in str(raised.value)


def test_an_unknown_timm_model_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'resnet18'"):
        Timm("resnet81")


def test_a_run_takes_the_nearest_sizes_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    backbone = "timm:eva02_tiny_patch14_224"
    request = Request(
        methods=("simclr", "hog"), tasks=("rafdb",), overrides={}, backbone=backbone, floors=False
    )
    learned, fixed = resolve_with_origins(request, Registry())
    assert (learned.spec.pretrain.image_size, learned.spec.extract.image_size) == (28, 98)
    settings = learned.settings()
    for key, side, asked in (
        ("pretrain.image_size", 28, "32 (preset quick)"),
        ("extract.image_size", 98, "100 (task)"),
    ):
        origin = f"{side}, nearest to {asked} that {backbone} takes"
        assert settings[key] == (side, origin)
        assert f"{key} is {origin}" in caplog.messages
    assert fixed.settings()["extract.image_size"] == (100, "task")  # it has no shared backbone


@pytest.mark.slow
@pytest.mark.parametrize("method", ["simclr", "pcl", "dino"])
def test_methods_learn_on_a_transformer_and_are_judged(
    facebench: Facebench, tmp_path: Path, plugin: Path, method: str
) -> None:
    facebench(
        "run", "--plugin", str(plugin), "--method", method, "--task", "tiny",
        "--backbone", "timm:vit_tiny_patch16_224", "--pretrain-data", "tiny", "--no-floors",
        "--set", "pretrain.epochs=2", "--set", "pretrain.batch_size=12", "--set", "probe.epochs=3",
        "--set", "extract.image_size=40",
    )  # fmt: skip
    (path,) = (tmp_path / "results/runs/tiny").glob("*.json")
    record = json.loads(path.read_text())
    assert record["spec"]["extract"]["image_size"] == 48
    assert all(row["gradient_norm"] > 0 for row in record["pretrain"]["history"])
