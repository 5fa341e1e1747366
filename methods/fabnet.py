"""FAb-Net: the embeddings of two frames of a face track predict the flow from one to the other.

Koepke, Wiles and Zisserman, "Self-supervised learning of a facial attribute embedding from video",
BMVC 2018. Numbers are those of the released code; docs/fidelity.md lists them.
"""

import torch
from torch import Tensor, nn

from facebench.backbones import Backbone
from facebench.method import MethodInfo, Terms

from ._flow import FlowDecoder, mean_of_ranks, warp
from ._frame_pairs import FlowMethod, FlowOptions


class FAbNet(FlowMethod):
    """An embedding of each frame, and a decoder from source and target embedding to a flow."""

    info = MethodInfo(
        name="fabnet",
        title="FAb-Net",
        version=2,  # 2: flows start near 0
        paper="Koepke et al., BMVC 2018",
        year=2018,
        paper_url="https://arxiv.org/abs/1808.06882",
        code_url="https://github.com/oawiles/FAb-Net",
        needs="pairs",
        features=("f_s", "f_a"),
        presets={
            "paper": {"pretrain.batch_size": 128},  # released code
            # 64 steps of few frames: an item is encoded twice, warped and compared. At the rate of
            # other methods, 1e-3, the features collapse within 8 steps (docs/fidelity.md).
            "quick": {
                "decoder_width": 8,
                "pretrain.limit": 512,
                "pretrain.batch_size": 32,
                "pretrain.lr": 1e-4,
            },
        },
        small={"embedding_dim": 16, "decoder_width": 4},
    )
    Options = FlowOptions

    def __init__(self, backbone: Backbone, options: FlowOptions, image_size: int) -> None:
        super().__init__(backbone, options, image_size)
        self.embed = nn.Linear(self.feature_dim, options.embedding_dim)
        self.decoder = FlowDecoder(2 * options.embedding_dim, 2, image_size, options.decoder_width)

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return F_s, or the attribute embedding ``f_a`` ``[B, embedding_dim]``."""
        return self.encode(images) if name == "f_s" else self.embedded(self.embed, images)

    def loss(self, views: tuple[Tensor, Tensor], generator: torch.Generator) -> Terms:
        """Return the L1 distance of warped source and target, of the pairs that are learned from.

        Section 3.1 and, for the pairs, the curriculum of section 3.3.
        """
        sources, targets = views
        code = self.embed(self.encode(torch.cat(views)))  # sources, then targets
        made = warp(sources, self.decoder.between(*code.chunk(2)), clamp=True)
        distances = (made - targets).abs().flatten(1).mean(dim=1)  # of each pair
        return {"L_photo": mean_of_ranks(distances, self.ranks)}
