"""A small method whose authors' weights can be imported, and PCL's encoder by its tensors alone."""

import torch
from torch import Tensor
from torch.nn import functional as F

TOY = '''
from dataclasses import dataclass

from torch import nn

from facebench.method import Foreign, Method, MethodInfo


@dataclass(frozen=True)
class ToyOptions:
    scale: float = 1.0


class Toy(Method):
    """A branch on the backbone; its authors scale by 2, the quick preset by 3."""

    info = MethodInfo(
        name="toy", title="Toy", version=1, paper="none", year=2026, features=("f_s", "f_g"),
        recipes={"authors": {"scale": 2.0}}, presets={"quick": {"scale": 3.0}},
    )
    Options = ToyOptions
    foreign = Foreign(
        backbone="tinynet", recipe="authors",
        names=(("encoder.branch.", "g."), ("encoder.", "backbone."), ("norm.", "norm.")),
    )

    def __init__(self, backbone, options, image_size):
        super().__init__(backbone, options, image_size)
        self.g = nn.Conv2d(8, 8, 1)
        self.norm = nn.BatchNorm2d(8)

    def features(self, name, images):
        x = self.backbone(images)
        if name == "f_g":
            x = self.norm(self.g(x)) * self.options.scale
        return x.flatten(1)

    def views(self, images, generator):
        return images

    def loss(self, views, generator):
        return {"L_size": self.encode(views).square().mean()}
'''


def toy_tensors(prefix: str = "module.") -> dict[str, Tensor]:
    """Return what the authors of Toy released."""
    shapes = {
        "encoder.layers.0.weight": (8, 3, 7, 7), "encoder.layers.0.bias": (8,),
        "encoder.layers.2.weight": (8, 8, 3, 3), "encoder.layers.2.bias": (8,),
        "encoder.branch.weight": (8, 8, 1, 1), "encoder.branch.bias": (8,),
        "norm.weight": (8,), "norm.bias": (8,), "norm.running_mean": (8,),
        "norm.running_var": (8,), "head.weight": (2, 8),
    }  # fmt: skip
    generator = torch.Generator().manual_seed(3)
    return {prefix + name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}


def naive_pcl(tensors: dict[str, Tensor], x: Tensor) -> dict[str, Tensor]:
    """PCL's encoder by the tensors' names alone, in float64."""
    t = {name.removeprefix("module.encoder."): tensor.double() for name, tensor in tensors.items()}
    x = x.double()

    def conv(x: Tensor, name: str, stride: int = 1, padding: int = 1) -> Tensor:
        return F.conv2d(x, t[f"{name}.weight"], t[f"{name}.bias"], stride, padding)

    def act(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.1 * x)

    def attention(x: Tensor, name: str) -> Tensor:
        out = torch.empty_like(x)
        g, theta, phi = (conv(x, f"{name}.{part}", padding=0) for part in ("g", "theta", "phi"))
        for i in range(len(x)):
            a = phi[i].flatten(1) @ theta[i].flatten(1).softmax(dim=1).T
            out[i] = (a @ g[i].flatten(1).softmax(dim=0)).view_as(x[i])
        return act(x + out)

    x = act(conv(act(conv(x, "conv1.0", 2, 3)), "conv1.2"))
    x = act(conv(attention(act(conv(x, "layer1.0")), "layer1.2"), "layer1.3"))
    x = act(conv(attention(act(conv(x, "layer2_1.0", 2)), "layer2_1.2"), "layer2_1.3"))
    for block in ("resblock1", "resblock2"):
        x = act(conv(act(conv(x, f"{block}.conv1")), f"{block}.conv2") + x)
    x = act(conv(act(conv(x, "layer2_2.0", 2)), "layer2_2.2"))
    x = act(conv(act(conv(x, "layer3_1.0", 2)), "layer3_1.2"))
    f, p = (
        act(conv(act(conv(x, f"{branch}.0")), f"{branch}.2"))
        for branch in ("layer3_2_exp", "layer3_2_pose")
    )
    return {"f_s": x.flatten(1), "f_f": f.flatten(1), "f_p": p.flatten(1)}
