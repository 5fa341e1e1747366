"""The contract of a method, for authors of plugins.

A method defines how images become views, the loss, and the features that it offers. It depends on
no task, file, data loader or device; engine, optimiser, schedule, precision,
checkpoints and logging belong to the core (:mod:`facebench.pretrain.engine`).

A complete method::

    @dataclass(frozen=True)
    class MineOptions:
        temperature: float = 0.1  # SimCLR, appendix B.9

    class Mine(Method):
        info = MethodInfo(name="mine", title="Mine", version=1, paper="...", year=2026)
        Options = MineOptions

        def __init__(self, backbone, options, image_size):
            super().__init__(backbone, options, image_size)
            self.head = SimCLRProjectionHead(self.feature_dim, 512, 128)

        def views(self, images, generator):
            return self.augment(images, generator), self.augment(images, generator)

        def loss(self, views, generator):
            z0, z1 = (self.head(self.encode(view)) for view in views)
            return {"L_contrast": self.criterion(z0, z1)}
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from facebench.backbones import Backbone
from facebench.errors import PluginError
from facebench.method_info import Foreign, MethodInfo, Needs
from facebench.runtime.images import TORCHVISION, Scaling
from facebench.targets import TargetForm
from facebench.task import NoOptions

__all__ = ["Foreign", "Method", "MethodInfo", "Needs", "Terms"]

Terms = dict[str, Tensor]  # the paper's name of a loss term (L_face) -> scalar


class Method(nn.Module, ABC):
    """Base of every method.

    Modules that a subclass makes in ``__init__`` are initialised from a seeded generator, are
    optimised together with the backbone, and are part of the checkpoint.

    A batch of a method that needs ``pairs`` has 2n images: n frames (``pretrain.batch_size`` counts
    these), then a partner for each, in the same order: another frame of its video, drawn anew in
    every epoch. Without videos, or with only one frame of a video, a frame is its own partner if
    the method declares ``single_images``; it then makes another image of it (FaceCycle: the
    mirrored one). Other methods never get such frames.

    A batch of a method that needs ``frames`` has ``info.frames * n`` images: n frames, then for
    each, in the same order, the next frame of its track, then the one after that, and so on; for
    some all of these lie before it in time instead. Place 0 is the frame itself.

    A batch of a method that needs ``labels`` or ``identities`` is a
    :class:`facebench.targets.LabelledImages`, which ``views`` and ``steps`` get instead of images.

    Learning in stages: ``before_epoch`` switches, ``parameter_groups`` gives each stage's
    modules an optimiser setting of their own, and ``pretrain.schedule=method`` takes the learning
    rate from ``lr_factor``. All three must follow from their arguments and the options alone,
    since a resumed run calls them again.

    Args:
        backbone: Maps images in [0, 1], ``[B, 3, H, W]``, to a feature map ``[B, C, h, w]``.
        options: An instance of the class's ``Options`` (a frozen dataclass).
        image_size: Side in pixels of the images that it learns from.
    """

    info: ClassVar[MethodInfo]
    Options: ClassVar[type] = NoOptions
    foreign: ClassVar[Foreign | None] = None  # of its authors' weights

    # Batches per step: PCL's released code draws one for each objective.
    batches_per_step: int = 1

    def __init__(self, backbone: Backbone, options: Any, image_size: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.options = options
        self.image_size = image_size
        backbone.build_for(image_size)
        self.feature_dim = backbone.feature_dim(image_size)  # length of F_s while learning

    def encode(self, images: Tensor) -> Tensor:
        """Return the flattened feature map F_s of ``[B, 3, H, W]`` images, ``[B, C*h*w]``."""
        return torch.flatten(self.backbone(images), 1)

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return the frozen feature ``name`` (one of ``info.features``) of images, ``[B, D]``."""
        return self.encode(images)

    def several(self, names: Sequence[str], images: Tensor) -> dict[str, Tensor]:
        """Return several features of the same images, by name; they may share their computation.

        By default each is what :meth:`features` returns. During extraction, direct submodules that
        are given the same tensor again return what they returned before.
        """
        return {name: self.features(name, images) for name in names}

    def feature_layers(self, name: str) -> int:
        """Return how many layers of a model a feature holds, one after the other; usually 1."""
        return 1

    # To be implemented by methods that learn -----------------------------------------------------

    def views(self, images: Tensor, generator: torch.Generator) -> Any:
        """Make the views of a batch ``[B, 3, S, S]`` in [0, 1]; draws come from ``generator``.

        Of several devices, each has its share of the batch. What is drawn for images comes from
        :mod:`facebench.pretrain.augment`, so that an image has the draws that it has on one device.
        """
        raise self._lacks("views()")

    def loss(self, views: Any, generator: torch.Generator) -> Terms:
        """Return the named terms of the loss; the engine minimises their weighted sum.

        A loss that is not a mean over images takes features of the whole batch, which
        :func:`facebench.pretrain.devices.gathered` returns where several devices learn together.

        A term without gradient (``term.detach()``) is logged and handed to ``after_epoch``,
        and not minimised.
        """
        raise self._lacks("loss()")

    # Optional -------------------------------------------------------------------------------------

    def expect(self, form: TargetForm) -> None:
        """Make what depends on the labels, such as a head with an output for each class.

        Called once on a new method that learns from labels, before it learns or its weights are
        loaded. Modules made here are initialised from a seeded generator, and are part of the
        checkpoint.

        Args:
            form: Kind, number and frequency of the labels.

        Raises:
            FacebenchError: It cannot learn from such labels.
        """

    def load_published(self) -> None:
        """Load published weights; called once on a new method, before it learns or is stored.

        Building a method loads none, since its checkpoint holds them from then on. A method that
        needs published weights during training only, which are not part of its checkpoint, loads
        them here too; its quick preset must work without them, so that it needs no network.

        Raises:
            FacebenchError: They are not available; the message says where to place which file.
        """

    @classmethod
    def own_backbone(cls, options: Any) -> str:
        """Return the name shown as backbone in results and tables if ``info.backbone`` is off."""
        return "no-backbone"

    @classmethod
    def input_size(cls, options: Any) -> int:
        """Return the side in pixels of the images that features are extracted from.

        0: the size that the task declares. ``extract.image_size`` wins over both.
        """
        return 0

    @classmethod
    def scaling(cls, options: Any) -> Scaling:
        """Return how images are scaled before features are extracted from them.

        What it depends on is part of the key of features only if ``info.backbone`` is off.
        """
        return TORCHVISION

    def reconstructions(self, images: Tensor) -> dict[str, Tensor]:
        """Reconstruct images from their features (``facebench figure reconstructions``).

        Args:
            images: ``[B, 3, S, S]`` in [0, 1], S the image size of pretraining.

        Returns:
            Columns from left to right: caption (TeX between dollars) to ``[B, 3, h, w]`` in [0, 1].
        """
        raise PluginError(f"method '{self.info.name}' draws no reconstructions.")

    def term_weights(self) -> Mapping[str, float]:
        """Return weights of the terms that are not 1 (PCL Eq. 7: alpha_pose, alpha_face)."""
        return {}

    def steps(self, images: Tensor, generator: torch.Generator) -> Iterator[Terms]:
        """Yield the terms of each optimiser step that one batch gives; by default one step.

        The optimiser step is made before the next terms are requested, so compute the terms of each
        step just before they are yielded: an earlier graph would hold outdated weights.
        """
        yield self.loss(self.views(images, generator), generator)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return Adam's parameter groups: ``params``, and ``betas`` or ``lr`` to override."""
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]

    def lr_factor(self, epoch: int, epochs: int) -> float:
        """Return the learning rate of an epoch as a fraction of ``pretrain.lr``.

        Used with ``pretrain.schedule=method`` only.

        Args:
            epoch: Index of the epoch, from 0.
            epochs: ``pretrain.epochs``.
        """
        return 1.0

    def before_epoch(self, epoch: int, epochs: int) -> None:
        """Run before every epoch: switch stages, freeze modules. Arguments as in lr_factor."""

    def after_step(self) -> None:
        """Run after every optimiser step: update momentum encoders and queues here."""

    def after_epoch(self, means: Mapping[str, float]) -> None:
        """Run after every epoch with the epoch's mean of every term (dynamic weights)."""

    def _lacks(self, what: str) -> PluginError:
        return PluginError(
            f"method '{self.info.name}' declares that it learns and has no {what}; expected "
            "views() and loss(), or steps(). See facebench/method.py."
        )
