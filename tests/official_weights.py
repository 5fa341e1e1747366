"""Names and shapes of the released checkpoints' tensors, written out without facebench."""

from collections.abc import Mapping

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def conv(name: str, inputs: int, outputs: int, kernel: int = 3) -> Shapes:
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}


def linear(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm(name: str, channels: int) -> Shapes:
    kinds = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{kind}": (channels,) for kind in kinds} | {f"{name}.num_batches_tracked": ()}


def attention(name: str, channels: int) -> Shapes:
    return {
        key: shape
        for part in ("g", "theta", "phi")
        for key, shape in conv(f"{name}.{part}", channels, channels, 1).items()
    }


def trunk() -> Shapes:
    """The layers that PCL's and FaceCycle's encoders share."""
    return {
        **conv("conv1.0", 3, 64, 7), **conv("conv1.2", 64, 64),
        **conv("layer1.0", 64, 64), **attention("layer1.2", 64), **conv("layer1.3", 64, 64),
        **conv("layer2_1.0", 64, 128), **attention("layer2_1.2", 128),
        **conv("layer2_1.3", 128, 128),
        **conv("resblock1.conv1", 128, 128), **conv("resblock1.conv2", 128, 128),
        **conv("resblock2.conv1", 128, 128), **conv("resblock2.conv2", 128, 128),
        **conv("layer2_2.0", 128, 128), **conv("layer2_2.2", 128, 128),
    }  # fmt: skip


def pcl_encoder() -> Shapes:
    branches = {
        key: shape
        for branch in ("layer3_2_exp", "layer3_2_pose")
        for layer in ("0", "2")
        for key, shape in conv(f"{branch}.{layer}", 128, 128).items()
    }
    return {**trunk(), **conv("layer3_1.0", 128, 256), **conv("layer3_1.2", 256, 128), **branches}


def facecycle_encoder() -> Shapes:
    return {
        **trunk(),
        **conv("layer3_1.0", 128, 256), **conv("layer3_1.2", 256, 256),
        **conv("layer3_2.0", 256, 256), **conv("layer3_2.2", 256, 128),
        **linear("expresscode.0", 2048, 512), **linear("expresscode.2", 512, 256),
    }  # fmt: skip


def pcl() -> Shapes:
    """All of it: encoder, projection heads and decoder."""
    heads = {
        key: shape
        for head in ("exp_fc", "pose_fc")
        for part in (
            linear(f"{head}.0", 2048, 2048), linear(f"{head}.2", 2048, 512), norm(f"{head}.3", 512)
        )
        for key, shape in part.items()
    }  # fmt: skip
    widths = (512, 256, 256, 256, 256, 128, 3)
    decoder = linear("decoder.fc", 2048, 512)
    for block in range(6):
        decoder |= conv(f"decoder.model.{4 * block + 2}", widths[block], widths[block + 1])
        if block < 5:
            decoder |= norm(f"decoder.model.{4 * block + 3}", widths[block + 1])
    return {**{f"encoder.{name}": shape for name, shape in pcl_encoder().items()}, **heads,
            **decoder}  # fmt: skip


def fill(shapes: Mapping[str, tuple[int, ...]], prefix: str = "") -> dict[str, Tensor]:
    """Draw values, others for each tensor; variances are positive."""
    generator = torch.Generator().manual_seed(5)
    tensors = {}
    for name, shape in shapes.items():
        values = torch.rand(shape, generator=generator)
        if name.endswith("num_batches_tracked"):
            values = torch.tensor(7)
        elif name.endswith("running_var"):
            values = values + 0.5
        else:
            values = (values - 0.5) / 10
        tensors[prefix + name] = values
    return tensors
