"""Deforming Autoencoder: a face is a texture in a template's shape, deformed by a grid.

Shu et al., "Deforming autoencoders: unsupervised disentangling of shape and appearance", ECCV 2018.
Numbers are those of the released code (``--useDense False``); docs/fidelity.md lists them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.backbones import Backbone
from facebench.method import Method, MethodInfo, Terms
from facebench.pretrain.devices import batch_mean
from facebench.ranges import Weight, Width, check_values

from ._deforming import MapDecoder, deformed, integrated
from ._flow import places, total_variation
from ._frame_pairs import resized


@dataclass(frozen=True, kw_only=True)
class DeformAEOptions:
    """Options of the Deforming Autoencoder; defaults are those of the released code."""

    code_dim: Width = 128  # of the face
    appearance_dim: Width = 16  # of the code of its appearance
    deformation_dim: Width = 128  # of the code of its deformation
    decoder_width: Width = 32  # channels of the last layers; up to 8 times as many before
    intrinsic: bool = False  # the texture is shading times albedo (section 3.3)
    smoothness: Weight = 1e-4  # weight of L_smooth: 1e-6, summed over batches of 100
    bias: Weight = 1e-2  # weight of L_bias
    shading: Weight = 1e-4  # weight of L_shading: 1e-6, summed over batches of 100

    def __post_init__(self) -> None:
        check_values(self)


class DeformAE(Method):
    """Two codes of a face: of its texture, and of the deformation that puts it in place."""

    info = MethodInfo(
        name="deformae",
        title="DeformAE",
        version=1,
        paper="Shu et al., ECCV 2018",
        year=2018,
        paper_url="https://arxiv.org/abs/1806.06503",
        code_url="https://github.com/zhixinshu/DeformingAutoencoders-pytorch",
        features=("f_s", "f_a", "f_d"),
        recipes={"intrinsic": {"intrinsic": True}},
        presets={
            "paper": {"pretrain.batch_size": 100, "pretrain.lr": 2e-4},
            # 64 steps; decoders of the released width would take most of the time. The released
            # rate: at 1e-3 the features collapse within 4 steps (docs/fidelity.md).
            "quick": {
                "decoder_width": 8,
                "pretrain.batch_size": 64,
                "pretrain.limit": 1024,
                "pretrain.lr": 2e-4,
            },
        },
        small={"code_dim": 16, "decoder_width": 4},
    )
    Options = DeformAEOptions
    options: DeformAEOptions

    def __init__(self, backbone: Backbone, options: DeformAEOptions, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        size, width, dim = image_size, options.decoder_width, options.appearance_dim
        self.to_code = nn.Sequential(nn.Linear(self.feature_dim, options.code_dim), nn.Sigmoid())
        self.to_appearance = nn.Sequential(nn.Linear(options.code_dim, dim), nn.Sigmoid())
        self.to_deformation = nn.Sequential(
            nn.Linear(options.code_dim, options.deformation_dim), nn.Sigmoid()
        )
        self.texture = MapDecoder(dim, 3, size, width, nn.ReLU, nn.Hardtanh(0, 1))
        self.offsets = MapDecoder(options.deformation_dim, 2, size, width, nn.Tanh, nn.Sigmoid())
        if options.intrinsic:
            self.to_shading = nn.Sequential(nn.Linear(options.code_dim, dim), nn.Sigmoid())
            self.shading = MapDecoder(dim, 1, size, width, nn.ReLU, nn.Hardtanh(0, 1))

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return F_s, or the code of the appearance ``f_a`` or of the deformation ``f_d``."""
        if name == "f_s":
            return self.encode(images)
        code = self.to_code(self.encode(resized(images, self.image_size)))
        return (self.to_appearance if name == "f_a" else self.to_deformation)(code)  # type: ignore[no-any-return]

    def views(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return the images as they are: the released code augments nothing."""
        return images

    def loss(self, views: Tensor, generator: torch.Generator) -> Terms:
        """Return the terms of section 3.2: reconstruction, smoothness and bias of the grid."""
        code = self.to_code(self.encode(views))
        texture = self.texture(self.to_appearance(code))
        shades = self.shading(self.to_shading(code)) if self.options.intrinsic else None
        grid = integrated(self.offsets(self.to_deformation(code)))
        made = deformed(texture if shades is None else shades * texture, grid)
        moved = grid - places((grid.shape[2], grid.shape[3]), grid.device)
        made = F.interpolate(made, size=views.shape[-2:], mode="bilinear", align_corners=True)
        terms = {
            "L_photo": F.l1_loss(made, views.float()),
            "L_smooth": total_variation(moved).sum(dim=1).mean(),
            "L_bias": batch_mean(moved).square().mean(),
        }
        if shades is not None:
            terms["L_shading"] = total_variation(shades.float()).square().sum(dim=1).mean()
        return terms

    def term_weights(self) -> Mapping[str, float]:
        """Return the weights of the terms other than the reconstruction."""
        options = self.options
        weights = {"L_smooth": options.smoothness, "L_bias": options.bias}
        return {**weights, "L_shading": options.shading} if options.intrinsic else weights
