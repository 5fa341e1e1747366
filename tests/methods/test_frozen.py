"""Frozen: published weights come from a file in the cache; what is judged is their feature."""

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from conftest import Facebench
from facebench.backbones import NoBackbone
from facebench.errors import SpecError, StageError, UnknownNameError
from facebench_methods.frozen import Frozen, FrozenOptions

TINY = "timm:test_resnet.r160_in1k"  # timm's own model for tests, 0.4 M parameters
SHUFFLE = "torchvision:shufflenet_v2_x0_5.IMAGENET1K_V1"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return torch hub's folder of weights, empty, on a machine without a network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def build(model: str) -> Frozen:
    return Frozen(NoBackbone(), FrozenOptions(model=model), 64).eval()


def images(side: int = 64) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))


def seeded(make: Any, *arguments: Any, **settings: Any) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model: nn.Module = make(*arguments, **settings)
    return model.eval()


def place_tiny(cache: Path) -> nn.Module:
    """Write weights with their classifier, as they are published."""
    model = seeded(timm.create_model, "test_resnet.r160_in1k")
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_file(tensors, cache / "test_resnet.r160_in1k.safetensors")
    return model


def test_the_feature_is_what_timms_classifier_sees(cache: Path) -> None:
    whole = place_tiny(cache)
    method = build(TINY)
    with torch.inference_mode():
        untrained = method.features("f_s", images())
        method.load_published()
        found = method.eval().features("f_s", images())
        logits = whole((images() - 0.5) / 0.5)  # mean and std that these weights declare
        assert torch.allclose(whole.get_submodule("fc")(found), logits, atol=1e-5)
    assert found.shape == (2, 96)
    assert not torch.allclose(found, untrained)


def test_the_feature_is_what_torchvisions_classifier_sees(cache: Path) -> None:
    whole = seeded(torchvision.models.shufflenet_v2_x0_5)
    torch.save(whole.state_dict(), cache / "shufflenetv2_x0.5-f707e7126e.pth")
    method = build(SHUFFLE)
    method.load_published()
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406],
                                                           [0.229, 0.224, 0.225]))  # fmt: skip
    with torch.inference_mode():
        found = method.eval().features("f_s", images())
        logits = whole((images() - mean) / std)
        assert torch.allclose(whole.get_submodule("fc")(found), logits, atol=1e-4)


def test_a_model_of_one_size_gets_that_size() -> None:
    method = build("timm:test_vit.r160_in1k")
    large = F.interpolate(images(100), size=160, mode="bilinear", antialias=True)
    with torch.inference_mode():
        found = method.features("f_s", images(100))
        assert torch.allclose(found, method.features("f_s", large), atol=1e-5)


@pytest.mark.parametrize(
    ("model", "file"),
    [(TINY, "test_resnet.r160_in1k.safetensors"), (SHUFFLE, "shufflenetv2_x0.5-f707e7126e.pth")],
)
def test_without_network_and_file_the_error_names_model_and_file(
    cache: Path, monkeypatch: pytest.MonkeyPatch, model: str, file: str
) -> None:
    method = build(model)

    def refuse(*_: Any, **__: Any) -> nn.Module:
        raise ConnectionError("no route to host\nand a long story")

    monkeypatch.setattr(timm, "create_model", refuse)
    monkeypatch.setattr(torchvision.models, "get_model", refuse)
    with pytest.raises(StageError) as caught:
        method.load_published()
    message = str(caught.value)
    assert f"weights of {model} cannot be loaded: ConnectionError: no route to host" in message
    assert message.endswith(f"place it as {cache / file}.")
    assert "Download https://" in message
    assert "long story" not in message


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("timm:resnet18.nonsense", "unknown timm model with published weights"),
        ("torchvision:resnt18", "Did you mean 'resnet18'"),
        ("torchvision:resnet18.V9", "unknown weights of torchvision's resnet18 'V9'"),
    ],
)
def test_unknown_weights_get_the_nearest_names(model: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        FrozenOptions(model=model)


def test_a_model_without_a_feature_is_an_error() -> None:
    with pytest.raises(SpecError, match="expected timm:NAME or torchvision:NAME"):
        FrozenOptions(model="resnet18")
    with pytest.raises(SpecError, match="squeezenet1_1 ends in no linear classifier"):
        build("torchvision:squeezenet1_1")


def test_a_result_names_the_model_and_its_checkpoint_needs_no_file(
    facebench: Facebench, plugin: Path, tmp_path: Path, cache: Path
) -> None:
    place_tiny(cache)
    run = ["run", "--method", "frozen", "--set", f"frozen.model={TINY}", "--task", "tiny",
           "--plugin", str(plugin), "--no-floors"]  # fmt: skip
    done = facebench(*run, "--set", "probe.epochs=2")
    assert f"{TINY}, published weights" in done.stdout
    (path,) = tmp_path.glob("results/runs/tiny/frozen-timm_test_resnet.r160_in1k-f_s-s0-*.json")
    assert json.loads(path.read_text())["spec"]["backbone"] == TINY
    next(cache.iterdir()).unlink()
    facebench(*run, "--set", "probe.epochs=2", "--set", "extract.image_size=48")
