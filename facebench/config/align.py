"""Options of alignment: which part of an image is evaluated (``--set align.KEY=VALUE``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval

from facebench.errors import SpecError
from facebench.ranges import check_values

Template = Literal["arcface", "dlib"]

DETECT = "detect"  # in place of a file of landmarks

# Option -> the kind that it belongs to; of any other kind it would be ignored.
OF_KIND = {"side": "crop", "centre": "crop", "template": "five_points", "landmarks": "five_points"}


@dataclass(frozen=True, kw_only=True)
class AlignSpec:
    """Options of alignment: of the images that are evaluated, not of those that are learned from.

    Args:
        kind: ``crop`` is a square of each image, by default the one that the task declares;
            ``none`` is the whole image, or the largest centred square of one that is not square;
            ``five_points`` is a similarity transform of each face to a template.
        side: ``crop``: its side in pixels of the image; 0: as the task declares.
        centre: ``crop``: its x and y in pixels of the image; empty: as the task declares.
        template: ``five_points``: where eyes, nose and corners of the mouth are put; ``arcface``
            (112 px) or ``dlib`` (its chip of 150 px with padding 0.25), scaled to the image size.
        landmarks: ``five_points``: a CSV file of landmarks, or ``detect``; empty: the dataset's own
            where it has them, or else ``detect``.
    """

    kind: Literal["crop", "none", "five_points"] = "crop"
    side: Annotated[int, Interval(ge=0, le=65536)] = 0
    centre: tuple[Annotated[float, Interval(ge=-65536, le=65536)], ...] = ()
    template: Template = "arcface"
    landmarks: str = ""

    def __post_init__(self) -> None:
        check_values(self, "align")
        if len(self.centre) not in (0, 2):
            raise SpecError(
                f"align.centre is {list(self.centre)}; expected x and y in pixels of the image, "
                "for example 125,135."
            )
        for name, kind in OF_KIND.items():
            if self.kind != kind and getattr(self, name) != getattr(AlignSpec, name):
                raise SpecError(
                    f"align.{name} is given, and align.kind is {self.kind}, which has none. Leave "
                    f"it out, or set align.kind={kind}."
                )
