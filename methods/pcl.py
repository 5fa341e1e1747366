"""PCL: pose-disentangled contrastive learning.

Liu et al., "Pose-disentangled contrastive learning for self-supervised facial representation",
CVPR 2023. Where paper and released code differ, the default follows the paper and
``pcl.recipe=official`` the code; docs/fidelity.md lists every such choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from facebench.backbones import Backbone
from facebench.method import Foreign, Method, MethodInfo, Terms
from facebench.pretrain.augment import draws
from facebench.pretrain.augment.transforms import GaussianNoise
from facebench.pretrain.devices import first_images, gathered, own_places, world
from facebench.pretrain.losses import (
    cross_correlation,
    draw_mixing,
    mixed_nt_xent,
    orthogonality,
    pose_loss,
)

from ._dynamic_weights import dynamic_weights
from ._pcl_options import OFFICIAL, QUICK, PCLOptions
from ._pdd import (
    Decoder,
    at_decoded_size,
    branch,
    decoded_parts,
    disentangling_loss,
    projection,
)
from ._pose_copies import copied, negatives_of_all
from ._views import appearance, pose, two_crops


class PCL(Method):
    """Two branches on F_s, a decoder that disentangles them, and a contrastive loss on each."""

    info = MethodInfo(
        name="pcl",
        title="PCL",
        version=3,  # 2: mixtures of opposite negatives; 1: dynamic weights, recipe=official
        paper="Liu et al., CVPR 2023",
        year=2023,
        paper_url="https://arxiv.org/abs/2211.13490",
        code_url="https://github.com/DreamMr/PCL",
        features=("f_s", "f_f", "f_p", "f_f+f_p"),
        recipes={"paper": {}, "official": OFFICIAL},
        presets={"quick": QUICK},
        small={"pdd_images": 1},  # the decoder takes most of a step's time
    )
    Options = PCLOptions
    foreign = Foreign(  # the released checkpoint
        backbone="facecycle16",
        recipe="official",
        names=(
            ("encoder.layer3_2_exp.", "g_f."),
            ("encoder.layer3_2_pose.", "g_p."),
            ("encoder.", "backbone."),
            ("exp_fc.", "head_f."),
            ("pose_fc.", "head_p."),
            ("decoder.fc.", "decoder.stem."),
            ("decoder.model.", "decoder.blocks."),
        ),
    )
    options: PCLOptions

    def __init__(self, backbone: Backbone, options: PCLOptions, image_size: int) -> None:
        from lightly.loss import NTXentLoss

        super().__init__(backbone, options, image_size)
        self.batches_per_step = 3 if options.separate_steps else 1
        self.g_f = branch(backbone.channels)
        self.g_p = branch(backbone.channels)
        self.decoder = Decoder(self.feature_dim)
        self.head_f, self.head_p = (
            projection(self.feature_dim, options.projection_head)
            if options.projection
            else nn.Identity()
            for _ in range(2)
        )
        self.nt_xent = NTXentLoss(options.temperature, gather_distributed=True)
        self.appearance = appearance(options, image_size)
        self.noise = GaussianNoise(options.pdd_noise)
        self.vary_pose = pose(options.pose_augmentation, options, p=1.0)
        self.vary_face = pose(options.face_pose_augmentation, options, p=0.5)
        # DWA: mean losses of the last two epochs, [before, last] x [face, pose], and the weights.
        self.register_buffer("dwa_losses", torch.full((2, 2), torch.nan))
        self.register_buffer("alpha", torch.ones(2))
        self.dwa_losses: Tensor
        self.alpha: Tensor
        self._weights: list[float] | None = None  # alpha on the host

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return F_s, F_f, F_p or the sum of the last two (PCL Table 7), ``[B, D]``."""
        if name == "f_s":
            return self.encode(images)
        f, p = self.branches(images)
        return {"f_f": f, "f_p": p, "f_f+f_p": f + p}[name]

    def branches(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return F_f and F_p of images, ``[B, D]`` each."""
        feature_map = self.backbone(images)
        return self.g_f(feature_map).flatten(1), self.g_p(feature_map).flatten(1)

    def reconstructions(self, images: Tensor) -> dict[str, Tensor]:
        """Return the columns of Fig. 4; p-hat is the pose feature of the flipped image."""
        (f, p), (_, p_hat) = self.branches(images), self.branches(images.flip(3))
        return {"source": at_decoded_size(images), **decoded_parts(self.decoder, f, p, p_hat)}

    def steps(self, images: Tensor, generator: Generator) -> Iterator[Terms]:
        """Yield the terms of Eq. 7 in one step, or of its three objectives with a batch each."""
        if self.options.separate_steps:
            pdd, face, pose_images = images.chunk(3)
            yield from self.objectives(pdd, face, pose_images, generator)
        else:
            objectives = self.objectives(images, images, images, generator)
            yield {name: term for terms in objectives for name, term in terms.items()}

    def objectives(
        self, pdd: Tensor, face: Tensor, pose: Tensor, generator: Generator
    ) -> Iterator[Terms]:
        """Yield the terms of the PDD, of L_face and of L_pose.

        Each is computed when it is requested: an optimiser step in between changes the weights.

        Args:
            pdd: Images of the PDD, ``[B, 3, S, S]``.
            face: Images of L_face, ``[B, 3, S, S]``.
            pose: Images of L_pose, ``[B, 3, S, S]``.
            generator: Generator for all random draws.
        """
        if self.options.l_dis or self.options.l_orth:
            _, count = first_images(pdd, self.options.pdd_images)
            yield self.pdd_terms(self.pdd_views(pdd, generator), generator, count)
        yield self.face_terms(self.face_views(face, generator), generator)
        if self.options.l_pose:
            _, count = first_images(pose, self.options.pose_images)
            yield self.pose_terms(self.pose_views(pose, generator), generator, count)

    def pdd_views(self, images: Tensor, generator: Generator) -> Tensor:
        """Return s and its pose-varied s-hat, ``[2n, 3, S, S]``."""
        s, count = first_images(images, self.options.pdd_images)
        with draws.laid_out(generator, count, own_places(count)):
            return torch.cat([s, self.vary_pose(s, generator)])

    def pdd_terms(self, views: Tensor, generator: Generator, count: int | None = None) -> Terms:
        """Return L_dis (Eq. 2) and L_orth (Eq. 3) of :meth:`pdd_views`.

        Args:
            views: Images s and s-hat of this device, ``[2n, 3, S, S]``.
            generator: Generator for all random draws.
            count: Images s of all devices; by default each has as many.
        """
        options = self.options
        count = len(views) // 2 * world() if count is None else count
        own = own_places(count)
        with draws.laid_out(generator, 2 * count, torch.cat([own, own + count])):
            inputs = self.noise(views, generator) if options.pdd_noise else views
        f, p = self.branches(inputs)
        (f, f_hat), (p, p_hat) = f.chunk(2), p.chunk(2)
        terms: Terms = {}
        if options.l_dis:
            s, s_hat = at_decoded_size(views).chunk(2)
            terms["L_dis"] = disentangling_loss(
                self.decoder, (s, f, p), (s_hat, f_hat, p_hat), passes=options.passes, count=count
            )
        if options.l_orth:
            f, p, f_hat, p_hat = (gathered(x, count) for x in (f, p, f_hat, p_hat))
            terms["L_orth"] = self._orth(f, p) + self._orth(f_hat, p_hat)
        return terms

    def face_views(self, images: Tensor, generator: Generator) -> Tensor:
        """Return two stochastic views of each image, first all s_i, then all s_j."""
        crops = torch.cat(two_crops(images, self.options, self.image_size, generator))
        return self.appearance(self.vary_face(crops, generator), generator)

    def face_terms(self, views: Tensor, generator: Generator) -> Terms:
        """Return L_face (Eq. 6); without L_pose also the plain contrast on F_p."""
        feature_map = self.backbone(views)
        f = self.g_f(feature_map).flatten(1)
        terms = {"L_face": self._contrast(self.head_f(f), generator)}
        if not self.options.l_pose:
            p = self.g_p(feature_map).flatten(1)
            terms["L_pose"] = self._contrast(self.head_p(p), generator)
        return terms

    def pose_views(self, images: Tensor, generator: Generator) -> Tensor:
        """Return s_i, s_j and M pose-augmented copies of P images, ``[P * (2 + M), 3, S, S]``.

        The copies are in the order of the negatives, first the M of the first anchor: copies of its
        own image, or, as released, of the images of the whole batch in turn. Of several devices,
        each has the views of those images that are in its share of the batch.
        """
        m = self.options.negatives
        s, count = first_images(images, self.options.pose_images)
        copies, places = copied(s, m, self.options.negatives_of, count)
        with draws.laid_out(generator, m * count, places):
            views = torch.cat([s, s, self.vary_pose(copies, generator)])
        own = own_places(count)
        places = torch.cat([own, own + count, places + 2 * count])
        with draws.laid_out(generator, (2 + m) * count, places):
            if self.options.pose_crop:
                views, _ = two_crops(views, self.options, self.image_size, generator)
            return self.appearance(views, generator)

    def pose_terms(self, views: Tensor, generator: Generator, count: int | None = None) -> Terms:
        """Return L_pose (Eq. 5): positives of equal pose, negatives from M pose-augmented copies.

        Where the denominator has the negatives only, ``L_pose_infonce`` is returned, too, for the
        dynamic weights: the same loss with the positive in the denominator, without gradient.

        Args:
            views: Views of :meth:`pose_views`, of this device.
            generator: Generator for all random draws.
            count: Images with pose pairs of all devices; by default each has as many.
        """
        options, m = self.options, self.options.negatives
        own = len(views) // (2 + m)
        count = own * world() if count is None else count
        p = self.g_p(self.backbone(views)).flatten(1).split([2 * own, own * m])
        if options.passes == "separate":
            pairs, copies = map(self.head_p, p)
        else:
            pairs, copies = self.head_p(torch.cat(p)).split([2 * own, own * m])
        p_i, p_j = (gathered(part, count) for part in pairs.chunk(2))
        p_m = negatives_of_all(copies, m, options.negatives_of, count)
        losses = self._pose_losses(p_i, p_j, p_m, generator)
        terms = {"L_pose": self._reduced(losses)}
        if options.dynamic_weights and options.pose_denominator == "negatives":
            # log(e^pull + sum of e^push) - pull is softplus of Eq. 5's loss, anchor by anchor.
            terms["L_pose_infonce"] = self._reduced(F.softplus(losses.detach()))
        return terms

    def term_weights(self) -> Mapping[str, float]:
        """Return alpha_face and alpha_pose of Eq. 7, the latter times ``pose_weight``."""
        if self._weights is None:
            self._weights = self.alpha.tolist()
        face, pose = self._weights
        return {"L_face": face, "L_pose": self.options.pose_weight * pose}

    def after_epoch(self, means: Mapping[str, float]) -> None:
        """Update the dynamic weights from the last two epochs' mean losses.

        Eq. 5 may be negative, and a ratio of such means has no meaning; its InfoNCE form is always
        positive.
        """
        if not self.options.dynamic_weights:
            return
        pose_mean = means.get("L_pose_infonce", means["L_pose"])
        last = torch.tensor([means["L_face"], pose_mean]).to(self.dwa_losses)
        self.dwa_losses.copy_(torch.stack([self.dwa_losses[1], last]))
        if not self.dwa_losses.isnan().any():
            self.alpha.copy_(dynamic_weights(self.dwa_losses, self.options.dwa_temperature))
            self._weights = None

    def before_epoch(self, epoch: int, epochs: int) -> None:
        """Read the weights of the epoch from the device, so that no step waits for them."""
        self._weights = self.alpha.tolist()

    def _pose_losses(self, p_i: Tensor, p_j: Tensor, p_m: Tensor, generator: Generator) -> Tensor:
        """Return Eq. 5 of both directions, ``[2, P]``, of ``[P, D]`` twice and ``[P, M, D]``."""
        options, (count, m, _) = self.options, p_m.shape
        released = options.interpolation == "released"
        mixings: list[tuple[Tensor, Tensor] | None] = [None, None]
        if options.negative_interpolation:
            draw = partial(draw_mixing, count, m, generator, device=p_m.device)
            first = draw(one_order=released)
            mixings = [first, first if released else draw()]
        return torch.stack(
            [
                pose_loss(
                    anchor,
                    positive,
                    p_m,
                    options.temperature,
                    positive_in_denominator=options.pose_denominator == "all",
                    mixing=mixing,
                    interpolation=options.interpolation,
                )
                for anchor, positive, mixing in zip((p_i, p_j), (p_j, p_i), mixings, strict=True)
            ]
        )

    def _reduced(self, losses: Tensor) -> Tensor:
        """Return the mean over anchors of ``[2, P]`` losses, both directions added or averaged."""
        over_anchors = losses.mean(dim=1)
        return over_anchors.sum() if self.options.directions == "sum" else over_anchors.mean()

    def _orth(self, f: Tensor, p: Tensor) -> Tensor:
        if self.options.orth == "cross_correlation":
            return cross_correlation(f, p)
        if self.options.orth == "cosine":
            f, p = F.normalize(f.float(), dim=1), F.normalize(p.float(), dim=1)
        return orthogonality(f, p)

    def _contrast(self, z: Tensor, generator: Generator) -> Tensor:
        """Return Eq. 6, which adds both directions, while NT-Xent averages over both."""
        options, (z_i, z_j) = self.options, z.float().chunk(2)
        if options.negative_interpolation:
            loss = mixed_nt_xent(
                z_i, z_j, options.temperature, generator, interpolation=options.interpolation
            )
        else:
            loss = self.nt_xent(z_i, z_j)
        return 2 * loss if options.directions == "sum" else loss
