import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from facebench.backbones import ChannelAttention, FaceCycle16


@pytest.mark.parametrize(("size", "length"), [(64, 2048), (100, 6272), (128, 8192), (256, 32768)])
def test_length_of_f_s(size: int, length: int) -> None:
    backbone = FaceCycle16().eval()
    with torch.inference_mode():
        features = backbone(torch.rand(1, 3, size, size))
    assert features.flatten(1).shape == (1, length)
    assert backbone.feature_dim(size) == length


@pytest.mark.parametrize(("size", "giga"), [(64, 0.82), (100, 2.03), (128, 3.28), (256, 13.1)])
def test_flops_with_both_branches(size: int, giga: float) -> None:
    """The reference counts backbone and both branches, multiply-add as two operations."""
    backbone = FaceCycle16().eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        features = backbone(torch.rand(1, 3, size, size))
    branches = 2 * 2 * 2 * 9 * 128 * 128 * features[0, 0].numel()
    assert (counter.get_total_flops() + branches) / 1e9 == pytest.approx(giga, rel=0.01)


def test_names_of_tensors_are_those_of_the_released_weights() -> None:
    shapes = {name: tuple(t.shape) for name, t in FaceCycle16().state_dict().items()}
    assert shapes["conv1.0.weight"] == (64, 3, 7, 7)
    assert shapes["layer1.2.theta.bias"] == (64,)
    assert shapes["layer2_1.3.weight"] == (128, 128, 3, 3)
    assert shapes["resblock2.conv2.weight"] == (128, 128, 3, 3)
    assert shapes["layer3_1.2.weight"] == (128, 256, 3, 3)


def test_attention_against_its_description() -> None:
    attention, x = ChannelAttention(4).double(), torch.rand(1, 4, 2, 3).double()
    n = 6
    layers = (attention.theta, attention.phi, attention.g)
    theta, phi, g = (layer(x).view(4, n) for layer in layers)
    over_positions = torch.stack([row.exp() / row.exp().sum() for row in theta])
    over_channels = torch.stack([c.exp() / c.exp().sum() for c in g.T]).T
    similarity = torch.zeros(4, 4).double()
    for i in range(4):
        for j in range(4):
            similarity[i, j] = (phi[i] * over_positions[j]).sum()
    expected = F.leaky_relu(x.view(4, n) + similarity @ over_channels, 0.1)
    assert torch.allclose(attention(x).view(4, n), expected)


def test_initialisation_is_the_authors() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weight = FaceCycle16().state_dict()["layer3_1.0.weight"]
    assert weight.std().item() == pytest.approx((2 / (9 * 256)) ** 0.5, rel=0.02)
    assert weight.mean().item() == pytest.approx(0.0, abs=1e-3)
