"""The contract of a method: what a plugin author reads before adding one.

A method says how images become views, what the loss is, and which features it offers. It knows
no task, no file, no data loader and no device; engine, optimiser, schedule, precision,
checkpoints and logging belong to the core (:mod:`facebench.pretrain.engine`).

A whole method::

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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from facebench.backbones import Backbone
from facebench.errors import PluginError
from facebench.task import NoOptions

Needs = Literal["nothing", "weights", "file", "images", "pairs"]
Terms = dict[str, Tensor]  # the paper's name of a loss term (L_face) -> scalar


@dataclass(frozen=True, kw_only=True)
class MethodInfo:
    """What a method declares about itself.

    Args:
        name: Plugin name = file name = entry point = CLI name = JSON name.
        title: As a paper's table prints it (``SimCLR``).
        version: Goes up when the method's numbers would change; part of a checkpoint's name.
        paper: Where it was published, so that a reader can find it.
        year: Of that publication.
        needs: ``images`` for single unlabelled images; ``pairs`` for pairs of frames of a video;
            ``nothing`` when nothing is learned, and ``weights`` when nothing is learned here,
            because somebody published the weights; ``file`` when they are those of the shared
            backbone and come with ``--checkpoint``.
        backbone: Off where the shared backbone has no part: a hand-crafted feature, or a model
            that the method brings itself. It is then given a ``NoBackbone``.
        features: Feature names that it offers, the headline one first (PCL section 4.4: F_s,
            F_f, F_p).
        recipes: Named sets of overrides, chosen with ``--set NAME.recipe=...``. A key is an
            option of the method (``temperature``), which wins over presets, or of pretraining
            (``pretrain.lr``), which loses to them.
        presets: Overrides that this method adds to a preset of the same name (``quick``).
        offline: Options with which it learns without published weights, if it takes any
            (``Method.load_published``); the contract test learns with them.
        floor: It shows what is reached without learning, so ``facebench run`` judges it beside
            every other method.
    """

    name: str
    title: str
    version: int
    paper: str
    year: int
    needs: Needs = "images"
    backbone: bool = True
    features: tuple[str, ...] = ("f_s",)
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    offline: Mapping[str, Any] = field(default_factory=dict)
    floor: bool = False

    @property
    def learns(self) -> bool:
        """Return whether it is trained on images before it is judged."""
        return self.needs not in ("nothing", "weights", "file")


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """How weights of other code are read, by ``facebench import`` and ``run --checkpoint``.

    Args:
        names: How tensor names begin there and here, ``("encoder.", "backbone.")``. Of several
            pairs the first one holds that leads to a name which the method has.
        backbone: The shared backbone that their encoder is; empty where the user names it.
        recipe: One of ``info.recipes``, if theirs is one.
    """

    names: tuple[tuple[str, str], ...]
    backbone: str = ""
    recipe: str = "paper"


class Method(nn.Module, ABC):
    """Base of every method.

    Modules that a subclass makes in ``__init__`` are initialised from a seeded generator, are
    optimised together with the backbone, and are part of the checkpoint.

    A batch of a method that needs ``pairs`` has 2n images: n frames (``pretrain.batch_size`` counts
    these), then a partner for each, in the same order: another frame of its video, drawn anew in
    every epoch. Where the data knows no video, or only one frame of it, a frame is its own partner;
    the method then makes another image of it (FaceCycle: the mirrored one).

    Learning in stages: ``before_epoch`` switches, ``parameter_groups`` gives each stage's
    modules an optimiser setting of their own, and ``pretrain.schedule=method`` takes the learning
    rate from ``lr_factor``. All three must follow from their arguments and the options alone,
    since a resumed run asks them again.

    Args:
        backbone: Maps images in [0, 1], ``[B, 3, H, W]``, to a feature map ``[B, C, h, w]``.
        options: An instance of the class's ``Options`` (a frozen dataclass).
        image_size: Side in pixels of the images that it learns from.
    """

    info: ClassVar[MethodInfo]
    Options: ClassVar[type] = NoOptions
    foreign: ClassVar[Foreign | None] = None  # its authors' weights, if they can be imported

    # A step takes this many batches at once: PCL's released code draws one for each objective.
    batches_per_step: int = 1

    def __init__(self, backbone: Backbone, options: Any, image_size: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.options = options
        self.image_size = image_size
        self.feature_dim = backbone.feature_dim(image_size)  # length of F_s while learning

    def encode(self, images: Tensor) -> Tensor:
        """Return the flattened feature map F_s of ``[B, 3, H, W]`` images, ``[B, C*h*w]``."""
        return torch.flatten(self.backbone(images), 1)

    def features(self, name: str, images: Tensor) -> Tensor:
        """Return the frozen feature ``name`` (one of ``info.features``) of images, ``[B, D]``."""
        return self.encode(images)

    # What a method that learns writes ---------------------------------------------------------

    def views(self, images: Tensor, generator: torch.Generator) -> Any:
        """Make the views of a batch ``[B, 3, S, S]`` in [0, 1]; draws come from ``generator``."""
        raise self._lacks("views()")

    def loss(self, views: Any, generator: torch.Generator) -> Terms:
        """Return the named terms of the loss; the engine minimises their weighted sum.

        A term without gradient (``term.detach()``) is logged and handed to ``after_epoch``,
        and not minimised.
        """
        raise self._lacks("loss()")

    # What it may write ------------------------------------------------------------------------

    def load_published(self) -> None:
        """Load published weights; called once on a new method, before it learns or is stored.

        Building a method loads none, since its checkpoint holds them from then on. A method that
        learns with the help of published weights, which are then no part of its checkpoint, loads
        them here too; its quick preset must do without, so that a run needs no network.

        Raises:
            FacebenchError: They cannot be had; the message says where to place which file.
        """

    @classmethod
    def own_backbone(cls, options: Any) -> str:
        """Return what results and tables name in place of a backbone (``info.backbone`` off)."""
        return "no-backbone"

    def reconstructions(self, images: Tensor) -> dict[str, Tensor]:
        """Draw images again from their features (``facebench figure reconstructions``).

        Args:
            images: ``[B, 3, S, S]`` in [0, 1], S the size that it learns from.

        Returns:
            Columns from left to right: caption (TeX between dollars) to ``[B, 3, h, w]`` in [0, 1].
        """
        raise PluginError(f"method '{self.info.name}' draws no reconstructions.")

    def term_weights(self) -> Mapping[str, float]:
        """Return weights of the terms that are not 1 (PCL Eq. 7: alpha_pose, alpha_face)."""
        return {}

    def steps(self, images: Tensor, generator: torch.Generator) -> Iterator[Terms]:
        """Yield the terms of each optimiser step that one batch gives; by default one step.

        The step is taken before the next terms are asked for, so compute the terms of each step
        just before they are yielded: a graph that was built earlier holds weights that have
        changed since.
        """
        yield self.loss(self.views(images, generator), generator)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return Adam's groups: ``params``, and ``betas`` or ``lr`` where they are its own."""
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]

    def lr_factor(self, epoch: int, epochs: int) -> float:
        """Return the learning rate of an epoch as a part of ``pretrain.lr``.

        Asked under ``pretrain.schedule=method`` alone.

        Args:
            epoch: From 0.
            epochs: ``pretrain.epochs``.
        """
        return 1.0

    def before_epoch(self, epoch: int, epochs: int) -> None:
        """Run before every epoch: switch stages, freeze modules. Arguments as in lr_factor."""

    def after_step(self) -> None:
        """Run after every optimiser step: momentum encoders and queues live here."""

    def after_epoch(self, means: Mapping[str, float]) -> None:
        """Run after every epoch with the epoch's mean of every term (dynamic weights)."""

    def _lacks(self, what: str) -> PluginError:
        return PluginError(
            f"method '{self.info.name}' declares that it learns and has no {what}; expected "
            "views() and loss(), or steps(). See facebench/method.py."
        )
