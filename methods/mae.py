"""MAE: most patches of an image are hidden, and a small decoder reconstructs them from the rest.

He et al., "Masked autoencoders are scalable vision learners", CVPR 2022; in parts of lightly.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor, nn

from facebench.backbones import Backbone
from facebench.errors import SpecError
from facebench.method import Method, MethodInfo, Terms
from facebench.pretrain.augment.crops import RandomResizedCrop
from facebench.pretrain.augment.transforms import Compose, Flip
from facebench.ranges import Area, Width, check_values

from ._masked_encoder import masked_encoder
from ._mean_face import Crops, cropped, hidden_first, mean_face


@dataclass(frozen=True, kw_only=True)
class MAEOptions:
    """Options of MAE (section 4.1, appendix A.1)."""

    crop_scale: Area = 0.2  # smallest area of a crop
    mask_ratio: Annotated[float, Interval(gt=0, lt=1)] = 0.75  # hidden part of the patches
    masking: Literal["random", "face"] = "random"  # face: its parts first (MARLIN, released code)
    norm_pix_loss: bool = True  # a patch is reconstructed less its mean, by its deviation: Table 1d
    decoder_width: Width = 512  # Table 1b
    decoder_depth: Annotated[int, Interval(ge=1, le=64)] = 8  # blocks; Table 1a
    decoder_heads: Annotated[int, Interval(ge=1, le=128)] = 16  # of attention; released code

    def __post_init__(self) -> None:
        check_values(self)
        if self.decoder_width % 4 or self.decoder_width % self.decoder_heads:
            raise SpecError(
                f"mae.decoder_width is {self.decoder_width}; expected a multiple of 4, and of "
                f"mae.decoder_heads, {self.decoder_heads}."
            )


class MAE(Method):
    """A vision transformer on the patches that are not hidden, and a decoder on all places."""

    info = MethodInfo(
        name="mae",
        title="MAE",
        version=1,
        paper="He et al., CVPR 2022",
        year=2022,
        paper_url="https://arxiv.org/abs/2111.06377",
        code_url="https://github.com/facebookresearch/mae",
        transformer=True,
        presets={
            # At 32 px a model of 16 px patches has four of them, of which one would be shown.
            "quick": {"pretrain.image_size": 96, "decoder_width": 128, "decoder_depth": 2}
        },
        small={"decoder_width": 16, "decoder_depth": 1},
    )
    Options = MAEOptions
    options: MAEOptions

    def __init__(self, backbone: Backbone, options: MAEOptions, image_size: int) -> None:
        from lightly.models.modules import MaskedVisionTransformerDecoderTIMM

        super().__init__(backbone, options, image_size)
        network = backbone.transformer
        if network is None:
            raise SpecError("'mae' hides patches; expected a vision transformer as backbone.")
        self.patch, self.prefix = network.patch_embed.patch_size[0], network.num_prefix_tokens
        self.patches = (image_size // self.patch) ** 2
        if self.patches < 2:
            raise SpecError(
                f"pretrain.image_size is {image_size}: an image has {self.patches} patch of "
                f"{self.patch} px; expected two or more, since MAE hides some and shows others."
            )
        self.hidden = min(max(1, round(self.patches * options.mask_ratio)), self.patches - 1)
        self.decoder_embed = nn.Linear(network.embed_dim, options.decoder_width)
        self.decoder = MaskedVisionTransformerDecoderTIMM(
            num_patches=self.patches, embed_dim=options.decoder_width,
            depth=options.decoder_depth, num_heads=options.decoder_heads,
            num_prefix_tokens=self.prefix,
        )  # fmt: skip
        self.to_pixels = nn.Linear(options.decoder_width, 3 * self.patch**2)
        face = mean_face(image_size) if options.masking == "face" else None
        self.register_buffer("regions", face, persistent=False)
        self.regions: Tensor | None
        self.augment = Compose((RandomResizedCrop(image_size, (options.crop_scale, 1.0)), Flip()))

    def views(self, images: Tensor, generator: torch.Generator) -> Crops:
        """Return one crop of each image, mirrored or not; a mean face is cropped like the image."""
        return cropped(images, self.augment, self.regions, self.patch, generator)

    def loss(self, views: Crops, generator: torch.Generator) -> Terms:
        """Return the mean squared error of the pixels of hidden patches (section 3)."""
        from lightly.models.utils import get_at_index, normalize_mean_var, patchify

        images = views.images
        hidden, shown = hidden_first(views, self.patches, self.hidden, generator)
        made = self.to_pixels(self._decoded(images, shown)).float()  # [B, prefix + N, 3 P P]
        pixels = get_at_index(patchify(self.backbone.normalise(images), self.patch), hidden).float()
        pixels = normalize_mean_var(pixels) if self.options.norm_pix_loss else pixels
        return {"L_mae": (get_at_index(made, hidden + self.prefix) - pixels).square().mean()}

    def _decoded(self, views: Tensor, shown: Tensor) -> Tensor:
        """Return the decoder's tokens ``[B, prefix + N, D]``; places ``[B, K]`` are shown."""
        from lightly.models.utils import repeat_token, set_at_index

        prefix = torch.arange(self.prefix, device=shown.device).expand(len(shown), -1)
        places = torch.cat([prefix, shown + self.prefix], dim=1)
        images = self.backbone.normalise(views)
        encoder = masked_encoder(self.backbone.transformer)
        kept = self.decoder_embed(encoder.encode(images, idx_keep=places))
        tokens = repeat_token(self.decoder.mask_token, (len(views), self.prefix + self.patches))
        return self.decoder(set_at_index(tokens.to(kept.dtype), places, kept))  # type: ignore[no-any-return]
