"""MoCo v2: contrastive learning against a queue of keys from past batches.

He et al., "Momentum contrast for unsupervised visual representation learning", CVPR 2020, with the
MLP head, the blur and the temperature of Chen et al., "Improved baselines with momentum contrastive
learning", 2020. Queue, head and moving average are lightly's.
"""

import copy
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn

from facebench.backbones import Backbone
from facebench.method import Method, MethodInfo, Terms
from facebench.pretrain.devices import gathered
from facebench.ranges import Momentum, Temperature, Width

from ._views import PoseAugmentation, ViewOptions, appearance, pose, two_crops


@dataclass(frozen=True, kw_only=True)
class MoCoOptions(ViewOptions):
    """Options of MoCo; views as in its own paper, not as in PCL's baseline."""

    temperature: Temperature = 0.2  # MoCo v2, section 3; MoCo v1 and PCL section 4.1: 0.07
    # keys, K; MoCo v1, section 4.1
    queue: Annotated[int, Interval(ge=1, le=2**24)] = 65536
    momentum: Momentum = 0.999  # m, constant; MoCo v1, section 3.2
    projection_hidden: Width = 2048  # MoCo v2, section 3
    projection_dim: Width = 128  # MoCo v1, section 3.3
    projection_norm: bool = False  # BatchNorm in the head, as in MoCo v3; MoCo v2 has none
    jitter: float = 0.4  # released MoCo
    hue: float = 0.1  # released MoCo
    blur_p: float = 0.5  # released MoCo v2
    sobel_p: float = 0.0  # MoCo has none
    pose_augmentation: PoseAugmentation = "flip"  # MoCo v1, section 3.3: horizontal flip


class MoCo(Method):
    """A query encoder, and a key encoder (its moving average) that fills a queue of negatives."""

    info = MethodInfo(
        name="moco",
        title="MoCo",
        version=1,
        paper="He et al., CVPR 2020; v2: Chen et al., 2020",
        year=2020,
        paper_url="https://arxiv.org/abs/1911.05722",
        code_url="https://github.com/facebookresearch/moco",
        recipes={
            # For comparison with PCL's baseline: its views and temperature (PCL section 4.1).
            "pcl": {
                "temperature": 0.07,
                "jitter": 0.8,
                "hue": 0.2,
                "blur_p": 0.8,
                "sobel_p": 0.6,
                "pose_augmentation": "none",
            }
        },
        presets={
            # In 100 steps a queue of 65,536 keys would keep mostly its initial noise. Without any
            # normalisation, new and old keys differ by age alone (docs/fidelity.md).
            "quick": {"queue": 1024, "projection_norm": True}
        },
    )
    Options = MoCoOptions
    options: MoCoOptions

    def __init__(self, backbone: Backbone, options: MoCoOptions, image_size: int) -> None:
        from lightly.loss import NTXentLoss
        from lightly.models.modules.heads import MoCoProjectionHead
        from lightly.models.utils import deactivate_requires_grad

        from ._queue import Queue

        super().__init__(backbone, options, image_size)
        self.head = MoCoProjectionHead(
            self.feature_dim,
            options.projection_hidden,
            options.projection_dim,
            batch_norm=options.projection_norm,
        )
        self.encoder_k = nn.Sequential(
            copy.deepcopy(backbone), nn.Flatten(), copy.deepcopy(self.head)
        )
        deactivate_requires_grad(self.encoder_k)
        self.info_nce = NTXentLoss(options.temperature, (options.queue, options.projection_dim))
        # lightly does not store the queue in the state, so a resumed run would start from noise.
        bank = self.info_nce.memory_bank
        for name in ("bank", "bank_ptr"):
            bank.register_buffer(name, getattr(bank, name), persistent=True)
        bank.__class__ = Queue
        self.appearance = appearance(options, image_size)
        self.pose = pose(options.pose_augmentation, options, p=0.5)

    def views(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return two augmented views ``[B, 3, S, S]`` of each image: for query and for key."""
        first, second = (
            self.appearance(self.pose(crop, generator), generator)
            for crop in two_crops(images, self.options, self.image_size, generator)
        )
        return first, second

    def before_epoch(self, epoch: int, epochs: int) -> None:
        """Read where the queue is written to, so that no step waits for it."""
        self.info_nce.memory_bank.place = int(self.info_nce.memory_bank.bank_ptr)

    def loss(self, views: tuple[Tensor, Tensor], generator: torch.Generator) -> Terms:
        """Return InfoNCE over the key of each query and the queue (MoCo v1, Eq. 1).

        The keys then replace the oldest ones in the queue.
        """
        queries = self.head(self.encode(views[0]))
        with torch.no_grad():
            keys = self.encoder_k(views[1])
        return {"L_q": self.info_nce(gathered(queries.float()), gathered(keys.float()))}

    def after_step(self) -> None:
        """Move the key encoder towards the query encoder (MoCo v1, Eq. 2)."""
        from lightly.models.utils import update_momentum

        backbone_k, _, head_k = self.encoder_k
        update_momentum(self.backbone, backbone_k, self.options.momentum)
        update_momentum(self.head, head_k, self.options.momentum)
