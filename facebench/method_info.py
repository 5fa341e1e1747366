"""What a method declares about itself, and about the weights of its authors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from facebench.errors import PluginError

WEB_ADDRESS = r"https?://[^\s]+"

Needs = Literal[
    "nothing", "weights", "file", "images", "pairs", "frames", "labels", "identities"
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MethodInfo:
    """What a method declares about itself.

    Args:
        name: Plugin name = file name = entry point = CLI name = JSON name.
        title: Title in tables of papers (``SimCLR``).
        version: Raised when the method's numbers change; part of a checkpoint's key.
        paper: Reference of the publication.
        year: Year of the publication.
        paper_url: Address of the paper, which results store and the leaderboard links to.
        code_url: Address of its authors' code, likewise.
        needs: ``images`` for single unlabelled images; ``pairs`` for pairs of frames of a video;
            ``frames`` for several consecutive frames of a track, in their order; ``nothing``
            when nothing is learned, and ``weights`` when nothing is learned here,
            because published weights are used; ``file`` when the weights are those of the shared
            backbone and are given with ``--checkpoint``; ``labels`` for images with the labels of a
            task, by default those of the training split of the task that is evaluated, and
            ``identities`` for images of known persons.
        frames: Frames that it takes of a track, if it needs ``frames``.
        single_images: What a method that needs ``pairs`` learns from where an image has no other
            frame of its video (``a flip of each image``), which results then say. Empty: it cannot;
            data without videos are then an error, and such images are left out.
        backbone: Whether the method uses the shared backbone. Without it (a hand-crafted feature,
            or a model that the method builds itself) the method gets a ``NoBackbone``.
        features: Names of the features that it offers, the main one first (PCL section 4.4: F_s,
            F_f, F_p).
        recipes: Named sets of overrides, chosen with ``--set NAME.recipe=...``. A key is an
            option of the method (``temperature``), which wins over presets, or of pretraining
            (``pretrain.lr``), which loses to them.
        presets: Overrides that this method adds to a preset of the same name (``quick``).
        offline: Options with which it learns without published weights, if it takes any
            (``Method.load_published``); the contract test learns with them.
        small: Options that make its own networks small. The contract test uses them in all but its
            training of recipes and presets, which are learned as they are declared.
        transformer: Whether the shared backbone must be a vision transformer
            (``Backbone.transformer``), such as ``timm:vit_tiny_patch16_224``. Runs with another one
            are left out, or refused where there is no other run.
        size_step: The side in pixels of the images that it learns from is a multiple of this.
        floor: Whether it is a baseline without learning, which ``facebench run`` evaluates together
            with every other method.
        overlaps: Name of a task -> what is known of its images or people among those that published
            weights were learned from; a result of the task has it as a warning.
    """

    name: str
    title: str
    version: int
    paper: str
    year: int
    needs: Needs = "images"
    frames: int = 1
    single_images: str = ""
    backbone: bool = True
    features: tuple[str, ...] = ("f_s",)
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    offline: Mapping[str, Any] = field(default_factory=dict)
    small: Mapping[str, Any] = field(default_factory=dict)
    transformer: bool = False
    size_step: int = 1
    floor: bool = False
    overlaps: Mapping[str, str] = field(default_factory=dict)
    paper_url: str = ""
    code_url: str = ""

    def __post_init__(self) -> None:
        if (self.needs == "frames") != (self.frames > 1):
            raise PluginError(
                f"method '{self.name}' needs {self.needs} and declares frames={self.frames}; "
                "expected frames of 2 or more with needs='frames', and 1 otherwise."
            )
        if self.single_images and self.needs != "pairs":
            raise PluginError(
                f"method '{self.name}' declares single_images and needs {self.needs}; expected "
                "needs='pairs'."
            )
        for url in (self.paper_url, self.code_url):
            if url and not re.fullmatch(WEB_ADDRESS, url):
                raise PluginError(
                    f"method '{self.name}' declares the address {url!r}; expected one that begins "
                    "with https:// or http:// and has no spaces."
                )
        if self.transformer and not self.backbone:
            raise PluginError(
                f"method '{self.name}' declares transformer and backbone=False; expected the "
                "shared backbone where it must be a transformer."
            )

    @property
    def frames_of_video(self) -> int:
        """Return how many frames of one video an item of a batch has; 1 for single images."""
        return 2 if self.needs == "pairs" else self.frames

    @property
    def needs_videos(self) -> bool:
        """Return whether it cannot learn from single images."""
        return self.frames_of_video > 1 and not self.single_images

    @property
    def labelled(self) -> bool:
        """Return whether it learns from labels."""
        return self.needs in ("labels", "identities")

    @property
    def learns(self) -> bool:
        """Return whether it is trained on images before it is evaluated."""
        return self.needs not in ("nothing", "weights", "file")


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """Mapping of foreign weights, for ``facebench import`` and ``run --checkpoint``.

    Args:
        names: Pairs of tensor-name prefixes in the file and in the method, such as ``("encoder.",
            "backbone.")``. The first pair is used that gives a tensor name of the method.
        backbone: Name of the shared backbone that fits the weights; empty where the user names it.
        recipe: The entry of ``info.recipes`` that the weights were trained with, if any.
    """

    names: tuple[tuple[str, str], ...]
    backbone: str = ""
    recipe: str = "paper"
