"""Twin-Cycle Autoencoder: facial actions and head motion are two embeddings, each with a flow.

Li, Zeng, Shan and Chen, "Self-supervised representation learning from videos for facial action unit
detection", CVPR 2019. Terms and numbers are those of the released code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from facebench.backbones import Backbone
from facebench.method import MethodInfo, Terms
from facebench.ranges import Weight

from ._flow import FlowDecoder, mean_of_ranks, mixed, total_variation, warp
from ._frame_pairs import FlowMethod, FlowOptions


@dataclass(frozen=True, kw_only=True)
class TCAEOptions(FlowOptions):
    """Options of TCAE; weights as released, where those of the other terms are 1."""

    reconstruction: Weight = 10.0  # weight of L_photo
    sparsity: Weight = 0.1  # weight of L_sparse
    smoothness: Weight = 0.0  # weight of L_smooth; the released code defines it and leaves it out


class Code(NamedTuple):
    """The embeddings ``[n, D]`` of head motion and of facial actions."""

    head: Tensor
    action: Tensor


class TCAE(FlowMethod):
    """Two embeddings of each frame; from those of two frames, a flow and a mask for each."""

    info = MethodInfo(
        name="tcae",
        title="TCAE",
        version=2,  # 2: flows start near 0
        paper="Li et al., CVPR 2019",
        year=2019,
        paper_url=(
            "https://openaccess.thecvf.com/content_CVPR_2019/html/"
            "Li_Self-Supervised_Representation_Learning_From_Videos_for_Facial_Action_"
            "Unit_Detection_CVPR_2019_paper.html"
        ),
        code_url="https://github.com/mysee1989/TCAE",
        needs="pairs",
        features=("f_s", "f_a", "f_h"),
        presets={
            "paper": {"pretrain.batch_size": 64},  # released code
            # 64 steps of few frames: each pair is encoded five times and warped five times. At
            # 1e-3 the features collapse (docs/fidelity.md).
            "quick": {
                "decoder_width": 8,
                "pretrain.limit": 256,
                "pretrain.batch_size": 16,
                "pretrain.lr": 1e-4,
            },
        },
        small={"embedding_dim": 16, "decoder_width": 4},
    )
    Options = TCAEOptions
    options: TCAEOptions

    def __init__(self, backbone: Backbone, options: TCAEOptions, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        size, width = options.embedding_dim, options.decoder_width
        self.to_head = nn.Linear(self.feature_dim, size)
        self.to_action = nn.Linear(self.feature_dim, size)
        self.head_flow = FlowDecoder(2 * size, 3, image_size, width)
        self.action_flow = FlowDecoder(2 * size, 3, image_size, width)

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return F_s, or the embedding of facial actions ``f_a`` or head motion ``f_h``."""
        if name == "f_s":
            return self.encode(images)
        return self.embedded(self.to_action if name == "f_a" else self.to_head, images)

    def code(self, images: Tensor) -> Code:
        """Return both embeddings of images ``[n, 3, S, S]``."""
        f_s = self.encode(images)
        return Code(self.to_head(f_s), self.to_action(f_s))

    def loss(self, views: tuple[Tensor, Tensor], generator: torch.Generator) -> Terms:
        """Return the terms; each is of the pairs whose rank by that term is learned from."""
        source, target = views
        a, b = self.code(source), self.code(target)
        head = self.head_flow.between(a.head, b.head)
        action = self.action_flow.between(a.action, b.action)
        turned = warp(source, head[:, :2], clamp=True)  # the head of the target
        acted = warp(source, action[:, :2], clamp=True)  # the facial actions of the target
        made = warp(source, mixed(head, action), clamp=True)
        of_turned, of_acted, of_made = self.code(turned), self.code(acted), self.code(made)
        head_back = self.head_flow.between(of_turned.head, a.head)[:, :2]
        action_back = self.action_flow.between(of_acted.action, a.action)[:, :2]
        terms = {
            "L_photo": (made - target).abs(),
            "L_head_cycle": (warp(turned.detach(), head_back, clamp=True) - source).abs(),
            "L_action_cycle": (warp(acted.detach(), action_back, clamp=True) - source).abs(),
            "L_turned_head": (of_turned.head - b.head).square(),
            "L_turned_action": (of_turned.action - a.action).square(),
            "L_acted_head": (of_acted.head - a.head).square(),
            "L_acted_action": (of_acted.action - b.action).square(),
            "L_made_head": (of_made.head - b.head).square(),
            "L_made_action": (of_made.action - b.action).square(),
            "L_sparse": action[:, :2].abs(),
            "L_smooth": total_variation(action[:, :2]),
        }
        return {
            name: mean_of_ranks(values.float().flatten(1).mean(dim=1), self.ranks)
            for name, values in terms.items()
        }

    def term_weights(self) -> Mapping[str, float]:
        """Return the weights of reconstruction, sparsity and smoothness."""
        options = self.options
        return {
            "L_photo": options.reconstruction,
            "L_sparse": options.sparsity,
            "L_smooth": options.smoothness,
        }
