"""timm models as backbones: sizes that they take, maps that they give, and whole runs on them."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from conftest import Facebench
from facebench.config.options import Override
from facebench.errors import SpecError, UnknownNameError
from facebench.registry import Registry
from facebench.request.resolve import Request, resolve_with_origins
from facebench.request.sizes import TakenSizes, with_sizes_taken
from facebench.timm_backbone import Timm
from facebench.timm_models import feature_map

# Model; the nearest sizes that it takes to 32 and 100 px; its map at the latter.
FAMILIES = [
    ("resnet18", (32, 100), (512, 4, 4)),
    ("inception_v3", (80, 100), (2048, 1, 1)),  # a kernel is larger than the map of 32 px
    ("vit_tiny_patch16_224", (32, 96), (192, 6, 6)),
    ("deit_tiny_distilled_patch16_224", (32, 96), (192, 6, 6)),  # two tokens in front
    ("eva02_tiny_patch14_224", (28, 98), (192, 7, 7)),
    ("swin_tiny_patch4_window7_224", (32, 100), (768, 4, 4)),
    ("xcit_nano_12_p16_224", (32, 100), (128, 7, 7)),  # does not say how many tokens are in front
    ("gmlp_ti16_224", (32, 96), (128, 6, 6)),  # is built for one size
]


@pytest.mark.parametrize(("name", "sizes", "shape"), FAMILIES, ids=[f[0] for f in FAMILIES])
def test_a_model_gives_a_map_at_the_nearest_size_that_it_takes(
    name: str, sizes: tuple[int, int], shape: tuple[int, int, int]
) -> None:
    backbone = Timm(name)
    assert (backbone.nearest_size(32), backbone.nearest_size(100)) == sizes
    backbone.build_for(sizes[1])
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


class Pooled(nn.Module):
    """Gives pooled features, and no map."""

    def forward_features(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))


def test_a_model_without_a_map_is_refused_in_one_line() -> None:
    with pytest.raises(SpecError, match=r"timm:pooled gives features of form \(2, 3\)") as raised:
        feature_map(Pooled(), torch.rand(2, 3, 16, 16), "pooled")
    assert "\n" not in str(raised.value)


def test_images_of_another_size_are_refused_with_the_nearest_one() -> None:
    with pytest.raises(SpecError, match=r"takes no images of 100 px; the nearest .* is 98 px"):
        Timm("eva02_tiny_patch14_224").feature_dim(100)


def test_a_model_whose_weights_depend_on_the_size_is_built_for_one() -> None:
    backbone = Timm("gmlp_ti16_224")
    assert (backbone.made_for, backbone.nearest_size(32), backbone.nearest_size(100)) == (
        224,
        32,
        96,
    )
    torch.manual_seed(0)
    backbone.build_for(32)
    weight = backbone.model.blocks[0].mlp_channels.gate.proj.weight  # mixes the 2 * 2 patches
    assert tuple(weight.shape) == (4, 4)
    assert backbone.nearest_size(100) == 32  # it takes no other any more
    with pytest.raises(SpecError, match="takes no images of 96 px; the nearest .* is 32 px"):
        backbone.feature_dim(96)


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


def test_a_run_on_a_model_of_one_size_learns_at_the_size_that_it_is_judged_at() -> None:
    request = Request(
        methods=("simclr",), tasks=("rafdb",), overrides={}, backbone="timm:gmlp_ti16_224"
    )
    runs = resolve_with_origins(request, Registry())
    on_it = [run for run in runs if run.spec.backbone == request.backbone]
    assert {run.spec.method for run in on_it} == {"simclr", "random"}  # and its floor
    for run in on_it:
        assert (run.spec.pretrain.image_size, run.spec.extract.image_size) == (96, 96)
    assert on_it[0].origins["pretrain.image_size"] == (
        "96, not 32 (preset quick), the one size that this run has on timm:gmlp_ti16_224"
    )


def test_a_size_fits_the_method_and_the_backbone() -> None:
    asked = {"pretrain.image_size": Override(64, "--set pretrain.image_size=64")}
    request = Request(
        methods=("facecycle",), tasks=("rafdb",), overrides=asked, floors=False,
        backbone="timm:eva02_tiny_patch14_224",
    )  # fmt: skip
    (run,) = resolve_with_origins(request, Registry())
    assert run.spec.pretrain.image_size == 56  # of 14 and of 4; 70 px is nearer, and only of 14
    facecycle = run.loaded
    nothing = TakenSizes(Timm("resnet18"), lambda side: 98)
    with pytest.raises(SpecError, match="multiple of 4 px, and .* takes 98 px") as raised:
        with_sizes_taken(facecycle, run.origins, nothing)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["simclr", "pcl", "dino"])
def test_methods_learn_on_a_transformer_and_are_judged(
    facebench: Facebench, tmp_path: Path, plugin: Path, method: str
) -> None:
    facebench(
        "run", "--plugin", str(plugin), "--method", method, "--task", "tiny",
        "--backbone", "timm:test_vit", "--pretrain-data", "tiny", "--no-floors",
        "--set", "pretrain.epochs=2", "--set", "pretrain.batch_size=6", "--set", "probe.epochs=3",
        "--set", "pretrain.limit=12", "--set", "extract.image_size=40",
    )  # fmt: skip
    (path,) = (tmp_path / "results/runs/tiny").glob("*.json")
    record = json.loads(path.read_text())
    assert record["spec"]["extract"]["image_size"] == 48
    assert all(row["gradient_norm"] > 0 for row in record["pretrain"]["history"])
