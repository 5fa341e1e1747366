"""FaceCycle: cycle consistency of removing and restoring expression and identity.

Chang et al., "Learning facial representations from the cycle-consistency of face", ICCV 2021.
Stage 1 learns the expression code, from which a flow to the neutral face is predicted. Stage 2
freezes these modules and learns the identity code, the difference between neutral and mean face.
Layers and numbers are those of the released code; docs/fidelity.md lists them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from facebench.backbones import IMAGENET_MEAN, IMAGENET_STD, Backbone
from facebench.errors import SpecError
from facebench.method import Foreign, Method, MethodInfo, Terms
from facebench.pretrain.augment import draws, geometry
from facebench.pretrain.augment.crops import RandomResizedCrop
from facebench.pretrain.augment.transforms import ColorJitter, Compose, Flip
from facebench.pretrain.devices import batch_mean

from ._facecycle_losses import (
    margin_loss,
    perceptual_loss,
    ssim_loss,
    swap_halves,
    symmetry_loss,
)
from ._facecycle_networks import ExpressionToFlow, FaceGenerator, IdentityNormaliser, code_head
from ._facecycle_options import FaceCycleOptions
from ._facecycle_vgg import FrozenVGG19
from ._flow import warp


class FaceCycle(Method):
    """Two encoders of one architecture: one for expression, which gives F_s, one for identity."""

    info = MethodInfo(
        name="facecycle",
        title="FaceCycle",
        version=2,  # 2: L_ssim with zero padding, as released, always in 32 bits
        paper="Chang et al., ICCV 2021",
        year=2021,
        paper_url="https://arxiv.org/abs/2108.03427",
        code_url="https://github.com/JiaRenChang/FaceCycle",
        needs="pairs",
        single_images="a flip of each image",
        features=("f_s", "code", "id_code"),
        offline={"vgg": "random"},
        small={"generator_blocks": 1, "normaliser_blocks": 1},
        presets={
            "paper": {
                "pretrain.epochs": 60,
                "pretrain.batch_size": 16,
                "pretrain.lr": 5e-5,
                "pretrain.schedule": "method",
            },
            # No download; 3 and 2 epochs of few images, since each is reconstructed and compared
            # several times.
            "quick": {
                "vgg": "random",
                "generator_blocks": 2,
                "normaliser_blocks": 2,
                "pretrain.limit": 320,
                "pretrain.epochs": 5,
                "pretrain.batch_size": 16,
                "pretrain.lr": 5e-4,
            },
        },
        size_step=4,  # faces are drawn from features of a quarter of their size
    )
    Options = FaceCycleOptions
    foreign = Foreign(  # the released checkpoints; stage 1 ends before idcodegen
        backbone="facecycle16_wide",
        names=(
            ("codegeneration.expresscode.", "expresscode."),
            ("codegeneration.", "backbone."),
            ("exptoflow.", "exptoflow."),
            ("Swap_Generator.", "generator."),
            ("idcodegen.expresscode.", "id_expresscode."),
            ("idcodegen.", "id_backbone."),
            ("Swap_Norm.", "normaliser."),
        ),
    )
    options: FaceCycleOptions

    def __init__(self, backbone: Backbone, options: FaceCycleOptions, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        if image_size % 4:
            raise SpecError(
                f"pretrain.image_size is {image_size}; expected a multiple of 4, since FaceCycle "
                "draws faces from features of a quarter of their size."
            )
        self.expresscode = code_head(self.feature_dim)
        self.exptoflow = ExpressionToFlow()
        self.generator = FaceGenerator(options.generator_blocks)
        self.id_backbone = copy.deepcopy(backbone)
        self.id_expresscode = code_head(self.feature_dim)
        self.normaliser = IdentityNormaliser(options.normaliser_blocks)
        # Not persistent: constants.
        for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor
        self.stage = 1
        self.augment = Compose(
            (
                RandomResizedCrop(image_size, scale=(0.95, 1.05), ratio=(0.95, 1.05)),
                ColorJitter(*(options.jitter,) * 3, hue=options.jitter / 5, p=0.8),
                Flip(0.5),
            )
        )
        self._vgg: FrozenVGG19 | None = None  # not a module: neither optimised nor stored

    def load_published(self) -> None:
        """Load VGG-19, or create its random substitute.

        Raises:
            StageError: The weights are not available; names the file to place and the substitute.
        """
        self._vgg = FrozenVGG19(self.options.vgg)

    @property
    def vgg(self) -> FrozenVGG19:
        """The frozen VGG-19 of ``options.vgg``."""
        if self._vgg is None:
            self.load_published()
        return self._vgg  # type: ignore[return-value]

    # Features ---------------------------------------------------------------------------------

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return F_s of the expression encoder, or the expression or identity code ``[B, 256]``.

        The codes are linear in F_s of the pretraining size, so images are scaled to it for them.
        """
        if name == "f_s":
            return self.encode(images)
        if images.shape[-1] != self.image_size:
            images = F.interpolate(images, size=self.image_size, mode="bilinear", antialias=True)
        return self.expression_code(images) if name == "code" else self.identity_code(images)

    def expression_code(self, images: Tensor) -> Tensor:
        """Return ``[B, 256]`` in (-1, 1) of images in [0, 1] at the pretraining size."""
        return self.expresscode(self.encode(images)).tanh()  # type: ignore[no-any-return]

    def identity_code(self, images: Tensor) -> Tensor:
        """Return ``[B, 256]`` in (-1, 1) of images in [0, 1] at the pretraining size."""
        return self.id_expresscode(self.id_backbone(images).flatten(1)).tanh()  # type: ignore[no-any-return]

    # Stages -----------------------------------------------------------------------------------

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the groups of the two stages, with the betas of the released code."""
        first, second = ([p for m in stage for p in m.parameters()] for stage in self._stages())
        return [
            {"params": first, "betas": (0.5, 0.999)},
            {"params": second, "betas": (0.5, 0.9)},
        ]

    def before_epoch(self, epoch: int, epochs: int) -> None:
        """Unfreeze the modules of this epoch's stage and freeze the others."""
        length = self._stage1_epochs(epochs)
        self.stage = 1 if epoch < length else 2
        for number, modules in enumerate(self._stages(), start=1):
            for module in modules:
                module.requires_grad_(number == self.stage).train(number == self.stage)

    def lr_factor(self, epoch: int, epochs: int) -> float:
        """Return the released code's schedule, for ``pretrain.lr`` of 5e-5.

        The factors of the first epoch, of the rest of the first half, and of the second half are
        0.2, 1 and 0.2 in stage 1, and 1, 2 and 0.2 in stage 2.
        """
        length = self._stage1_epochs(epochs)
        if epoch < length:
            start, middle, place = 0.2, 1.0, epoch / length
        else:
            start, middle, place = 1.0, 2.0, (epoch - length) / (epochs - length)
        return start if place == 0 else middle if place < 0.5 else 0.2

    def _stage1_epochs(self, epochs: int) -> int:
        return max(1, round(self.options.stage1_share * epochs))

    def _stages(self) -> tuple[tuple[nn.Module, ...], tuple[nn.Module, ...]]:
        return (
            (self.backbone, self.expresscode, self.exptoflow, self.generator),
            (self.id_backbone, self.id_expresscode, self.normaliser),
        )

    # Views and losses -------------------------------------------------------------------------

    def views(self, images: Tensor, generator: Generator) -> Tensor:
        """Return augmented frames and partners, ``[2n, 3, S, S]``; in stage 1 mirrored for some.

        The partner is always mirrored if it is the frame itself.
        """
        frames, partners = self.augment(images, generator).chunk(2)
        mirrored = draws.chosen(len(frames), self.options.flip_p, generator).to(images.device)
        alone = torch.eq(*images.chunk(2)).flatten(1).all(dim=1)
        mirrored = (mirrored | alone) & (self.stage == 1)
        partners = torch.where(mirrored.view(-1, 1, 1, 1), geometry.flip(frames), partners)
        return torch.cat([frames, partners])

    def loss(self, views: Tensor, generator: Generator) -> Terms:
        """Return the terms of the stage: those of expression, or those of identity."""
        if self.stage == 1:
            return self.expression_terms(views, generator)
        return self.identity_terms(views, generator)

    def expression_terms(self, views: Tensor, generator: Generator) -> Terms:
        """Return the terms of stage 1: neutral faces are swapped and the expressions restored."""
        x = (views - self.mean) / self.std
        with torch.no_grad():
            target = self.vgg(x)
        flow, back = self.exptoflow(self.expression_code(views))
        neutral = self.generator(target[:2], flow, generator)
        drawn = self.generator(target[:2], None, generator)
        moved = warp(x, flow)  # the neutral face, without the generator
        direct = warp(swap_halves(moved), back)
        warped = warp(swap_halves(neutral), back)
        vgg_neutral = self.vgg(neutral)
        swapped = (swap_halves(vgg_neutral[0]), swap_halves(vgg_neutral[1]))
        expressed = self.generator(swapped, back, generator)
        vgg_others = self.vgg(torch.cat([warped, direct, expressed]))
        vgg_all = [torch.cat(pair) for pair in zip(vgg_neutral, vgg_others, strict=True)]
        return {
            "L_pixel": F.l1_loss(expressed, x)
            + F.l1_loss(drawn, x)
            + F.l1_loss(warped, x)
            + 1.5 * F.l1_loss(direct, x),
            "L_perceptual": perceptual_loss(vgg_all, target),
            "L_ssim": ssim_loss(expressed, x) + ssim_loss(drawn, x) + 1.5 * ssim_loss(direct, x),
            "L_symmetry": symmetry_loss(neutral) + 0.5 * symmetry_loss(moved),
        }

    def identity_terms(self, views: Tensor, generator: Generator) -> Terms:
        """Return the terms of stage 2: neutral faces are mapped to the mean face and back."""
        x = (views - self.mean) / self.std
        with torch.no_grad():
            target = self.vgg(x)
            flow, back = self.exptoflow(self.expression_code(views))
            neutral = self.generator(target[:2], flow, generator)
            _, neutral_features = self.vgg(neutral, until="relu3_1")
        code = self.identity_code(views)
        mean_face = batch_mean(self.normaliser.without_identity(neutral_features, code))[None]
        _, mean_features = self.vgg(mean_face, until="relu3_1")
        again = self.normaliser.with_identity(mean_features.expand(len(x), -1, -1, -1), code)
        vgg_again = self.vgg(again, until="relu3_1")
        direct = warp(again, back)
        expressed = self.generator(vgg_again, back, generator)
        return {
            "L_id_pixel": F.l1_loss(expressed, x)
            + 0.8 * F.l1_loss(direct, x)
            + F.l1_loss(again, neutral),
            "L_id_perceptual": perceptual_loss(self.vgg(torch.cat([direct, expressed])), target),
            "L_id_ssim": ssim_loss(expressed, x) + 0.8 * ssim_loss(direct, x),
            "L_id_symmetry": symmetry_loss(again),
            "L_margin": margin_loss(mean_face, neutral),
        }

    def term_weights(self) -> Mapping[str, float]:
        """Return the weights of this stage's terms."""
        options, prefix = self.options, "L_" if self.stage == 1 else "L_id_"
        return {
            f"{prefix}perceptual": options.perceptual,
            f"{prefix}ssim": options.ssim,
            f"{prefix}symmetry": options.symmetry,
        }
