"""Narrow strided convolutions: the gradients that learning on a CPU gets."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.backbones import Backbone
from facebench.config.spec import PretrainSpec
from facebench.pretrain.narrow_convolutions import StrideFirst, take_strides_first
from facebench.registry import Registry
from facebench.testing.learning_check import learn_briefly
from facebench.testing.variants import Variant


@pytest.mark.parametrize(("channels", "side"), [(3, 32), (4, 17)])
def test_gradients_are_those_of_float64(channels: int, side: int) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(channels, 64, 1, stride=2, bias=False)
    model = nn.Sequential(layer)
    assert take_strides_first(model) == ["0"]
    model.to(memory_format=torch.channels_last)
    images = torch.rand(8, channels, side, side).to(memory_format=torch.channels_last)
    outputs = model(images)
    outputs.square().mean().backward()

    weight = layer.weight.detach().double().contiguous().requires_grad_()
    expected = F.conv2d(images.double().contiguous(), weight, stride=2)
    expected.square().mean().backward()
    assert layer.weight.grad is not None
    assert weight.grad is not None
    assert torch.allclose(outputs.double(), expected, atol=1e-6)
    assert torch.allclose(layer.weight.grad.double(), weight.grad, rtol=1e-4, atol=1e-7)


def test_other_layers_stay() -> None:
    layers = [
        nn.Conv2d(3, 8, 1), nn.Conv2d(3, 8, 3, stride=2), nn.Conv2d(16, 8, 1, stride=2),
        nn.Conv2d(8, 8, 1, stride=2, groups=8), nn.Conv2d(3, 8, 1, stride=2, padding=1),
    ]  # fmt: skip
    assert take_strides_first(nn.Sequential(*layers)) == []


class NarrowStem(Backbone):
    """Begins as MobileOne does."""

    channels = 8

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 1, stride=2)

    def forward(self, images: Tensor) -> Tensor:
        return self.stem(images).relu()  # type: ignore[no-any-return]


def test_the_engine_avoids_them() -> None:
    cls = Registry().load("method", "simclr")
    backbone = NarrowStem()
    spec = PretrainSpec(epochs=1, batch_size=4, image_size=16)
    learn_briefly(cls, backbone, Variant("narrow", cls.Options(), spec), "32")
    assert isinstance(backbone.stem, StrideFirst)
