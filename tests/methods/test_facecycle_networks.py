"""FaceCycle's networks: names and shapes of the released tensors, flows, the frozen VGG-19."""

from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.backbones import FaceCycle16Wide
from facebench.errors import StageError
from facebench_methods._facecycle_networks import (
    ExpressionToFlow,
    FaceGenerator,
    IdentityNormaliser,
    Modulation,
    code_head,
)
from facebench_methods._facecycle_vgg import FrozenVGG19
from facebench_methods._flow import warp

WEIGHTS = "vgg19-dcbb9e9d.pth"  # as torchvision publishes it


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def convolution(name: str, inputs: int, outputs: int, k: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs, k, k), f"{name}.bias": (outputs,)}


def attention(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    parts = [convolution(f"{name}.{part}", channels, channels, 1) for part in ("g", "theta", "phi")]
    return parts[0] | parts[1] | parts[2]


def residual(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    return convolution(f"{name}.conv1", channels, channels, 3) | convolution(
        f"{name}.conv2", channels, channels, 3
    )


def test_wide_backbone_has_the_released_names_and_shapes() -> None:
    expected = (
        convolution("conv1.0", 3, 64, 7) | convolution("conv1.2", 64, 64, 3)
        | convolution("layer1.0", 64, 64, 3) | attention("layer1.2", 64)
        | convolution("layer1.3", 64, 64, 3)
        | convolution("layer2_1.0", 64, 128, 3) | attention("layer2_1.2", 128)
        | convolution("layer2_1.3", 128, 128, 3)
        | residual("resblock1", 128) | residual("resblock2", 128)
        | convolution("layer2_2.0", 128, 128, 3) | convolution("layer2_2.2", 128, 128, 3)
        | convolution("layer3_1.0", 128, 256, 3) | convolution("layer3_1.2", 256, 256, 3)
        | convolution("layer3_2.0", 256, 256, 3) | convolution("layer3_2.2", 256, 128, 3)
    )  # fmt: skip
    assert shapes(FaceCycle16Wide()) == expected


def test_wide_backbone_normalises_its_input_and_gives_f_s() -> None:
    backbone, images = FaceCycle16Wide().eval(), torch.rand(2, 3, 64, 64, generator=generator())
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (images - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    with torch.inference_mode():
        found = backbone(images)
        for name in (
            "conv1", "layer1", "layer2_1", "resblock1", "resblock2", "layer2_2", "layer3_1",
            "layer3_2",
        ):  # fmt: skip
            x = getattr(backbone, name)(x)
    assert torch.equal(found, x)
    assert found.shape == (2, 128, 4, 4)
    assert backbone.feature_dim(64) == 2048


def test_code_and_flow_have_the_released_names_and_shapes() -> None:
    assert shapes(code_head(2048)) == {
        "0.weight": (512, 2048), "0.bias": (512,), "2.weight": (256, 512), "2.bias": (256,),
    }  # fmt: skip
    assert shapes(ExpressionToFlow()) == (
        convolution("motiongen1.0", 256, 4096, 1) | attention("motiongen1.3", 256)
        | convolution("motiongen1.4", 256, 256, 3)
        | convolution("motiongen2.1", 256, 128, 3) | attention("motiongen2.3", 128)
        | convolution("motiongen2.4", 128, 128, 3)
        | residual("resblock1", 128) | residual("resblock2", 128)
        | convolution("toflow4.1", 128, 64, 3) | {"toflow4.3.weight": (2, 64, 1, 1)}
    )  # fmt: skip


def test_generator_and_normaliser_have_the_released_names_and_shapes() -> None:
    expected = convolution("redconv.0", 256, 256, 3) | convolution("torgb", 128, 3, 3)
    for block in range(8):
        expected |= residual(f"cnn.{block}", 256)
    for name in ("up", "up2"):
        expected |= {f"{name}.0.weight": (256, 128, 4, 4), f"{name}.0.bias": (128,)}
        expected |= convolution(f"{name}.2", 128, 128, 3)
    for name, channels in (("noise_encoding0", 256), ("noise_encoding1", 128)):
        expected |= convolution(f"{name}.0", channels, channels, 3)
        expected |= convolution(f"{name}.2", channels, channels, 3)
    assert shapes(FaceGenerator(8)) == expected
    expected = convolution("up.2", 128, 128, 3) | convolution("torgb", 128, 3, 1)
    expected |= {"up.0.weight": (256, 128, 4, 4), "up.0.bias": (128,)}
    expected |= {"up.4.weight": (128, 128, 4, 4), "up.4.bias": (128,)}
    for name in ("denorm", "renorm"):
        expected |= convolution(f"{name}.beta", 256, 256, 1)
        expected |= convolution(f"{name}.gamma", 256, 256, 1)
    for block in range(6):
        expected |= residual(f"cnn.{block}", 256)
    assert shapes(IdentityNormaliser(6)) == expected | residual("cnn3.0", 256)


def test_back_flow_is_the_negative_flow_where_the_flow_leads() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ExpressionToFlow()
    code = torch.rand(2, 256, generator=generator()) * 2 - 1
    flow, back = network(code)
    assert flow.shape == back.shape == (2, 2, 16, 16)
    assert 0 < flow.abs().max() < 1
    assert torch.allclose(back, -warp(flow, flow))


def test_flow_and_back_flow_of_a_smooth_motion_cancel() -> None:
    """The definition does what it is for: back-flow undoes flow where the motion is smooth."""
    ys, xs = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 16), indexing="ij")
    flow = 0.05 * torch.stack([xs.cos(), ys.sin()]).unsqueeze(0)
    image = torch.stack([xs, ys, xs * ys]).unsqueeze(0)
    there_and_back = warp(warp(image, flow), -warp(flow, flow))
    inside = (slice(None), slice(None), slice(3, -3), slice(3, -3))
    assert (there_and_back - image)[inside].abs().max() < 0.006
    assert (warp(image, flow) - image)[inside].abs().max() > 0.04


def test_generator_draws_from_its_own_randomness_and_only_with_a_flow() -> None:
    network = FaceGenerator(1).eval()
    features = (torch.rand(2, 128, 8, 8), torch.rand(2, 256, 4, 4))
    flow = torch.zeros(2, 2, 4, 4)
    before = torch.random.get_rng_state()
    with torch.inference_mode():
        first, again, other = (network(features, flow, generator(seed)) for seed in (1, 1, 2))
        plain = [network(features, None, generator(seed)) for seed in (1, 2)]
    assert torch.equal(before, torch.random.get_rng_state())
    assert first.shape == (2, 3, 16, 16)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(*plain)


def test_modulation_normalises_each_map_and_scales_it_by_the_code() -> None:
    layer, code = Modulation(), torch.rand(2, 256, generator=generator())
    features = torch.rand(2, 256, 3, 4, generator=generator(1))
    found = layer(features, code)
    for i in range(2):
        gamma, beta = (
            F.linear(code[i], part.weight[:, :, 0, 0], part.bias)
            for part in (layer.gamma, layer.beta)
        )
        for c in (0, 17):
            plane = features[i, c].double()
            scaled = (plane - plane.mean()) / (plane.var(correction=0) + 1e-5).sqrt()
            expected = scaled * gamma[c].double() + beta[c].double()
            assert torch.allclose(found[i, c].double(), expected, atol=1e-5)


def test_random_vgg_is_always_the_same_and_draws_from_no_global_state() -> None:
    before = torch.random.get_rng_state()
    first, again = FrozenVGG19("random"), FrozenVGG19("random")
    assert torch.equal(before, torch.random.get_rng_state())
    coarse = torch.randn(2, 3, 6, 6, generator=generator())
    images = F.interpolate(coarse, size=32, mode="bilinear")
    features = first(images)
    assert [tuple(f.shape) for f in features] == [(2, 128, 16, 16), (2, 256, 8, 8), (2, 512, 4, 4)]
    assert all(torch.equal(a, b) for a, b in zip(features, again(images), strict=True))
    assert len(first(images, until="relu3_1")) == 2
    moments = [float(f.square().mean() / images.square().mean()) for f in features]
    assert all(0.5 < moment < 2 for moment in moments)  # nothing fades, nothing explodes


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return torch hub's folder of weights, empty, on a machine without a network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network here")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_without_network_and_file_the_error_names_file_and_substitute(cache: Path) -> None:
    with pytest.raises(StageError) as caught:
        FrozenVGG19("imagenet")
    message = str(caught.value)
    assert "ImageNet weights of VGG-19 cannot be loaded: OSError: no network here" in message
    assert f"https://download.pytorch.org/models/{WEIGHTS}" in message
    assert f"place it as {cache / WEIGHTS}" in message
    assert "--set facecycle.vgg=random" in message


def test_a_file_that_is_not_theirs_is_an_error(cache: Path) -> None:
    (cache / WEIGHTS).write_bytes(b"not weights")
    with pytest.raises(StageError, match="cannot be loaded"):
        FrozenVGG19("imagenet")


def test_a_placed_file_is_read_and_its_layers_are_torchvisions(cache: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layers = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"]).eval()
    state: dict[str, Tensor] = {f"features.{k}": v for k, v in layers.state_dict().items()}
    torch.save(state | {"classifier.0.bias": torch.zeros(2)}, cache / WEIGHTS)
    images = torch.randn(1, 3, 16, 16, generator=generator())
    with torch.inference_mode():
        found = FrozenVGG19("imagenet")(images)
        # conv2_1, conv3_1 and conv4_1 are the third, fifth and ninth convolution.
        convolutions, x, expected = 0, images, []
        for layer in layers[:21]:  # what comes after needs larger images
            x = layer(x)
            convolutions += isinstance(layer, nn.Conv2d)
            if isinstance(layer, nn.ReLU) and convolutions in (3, 5, 9):
                expected.append(x.clone())
    assert len(expected) == 3
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)
