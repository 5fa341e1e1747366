"""The 52 facial actions, and the action units of FACS that they show."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from facebench.errors import UnknownNameError

FACIAL_ACTIONS: tuple[str, ...] = (
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight"),
    *("eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight"),
    *("eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight"),
    *("eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight"),
    *("jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose"),
    *("mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight"),
    *("mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight"),
    *("mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower"),
    *("mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft"),
    *("mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft"),
    *("mouthUpperUpRight", "noseSneerLeft", "noseSneerRight", "tongueOut"),
)
"""The 52 facial actions of anny (the ARKit set), in anny's order."""

PAIRED_ACTIONS = {name[: -len("Left")] for name in FACIAL_ACTIONS if name.endswith("Left")} - {
    "jaw",
    "mouth",
}
"""Actions that exist on both sides, named without the side (``mouthLeft`` is a direction)."""

ACTION_UNITS: dict[int, tuple[str, ...]] = {
    1: ("browInnerUp",),
    2: ("browOuterUpLeft", "browOuterUpRight"),
    4: ("browDownLeft", "browDownRight"),
    5: ("eyeWideLeft", "eyeWideRight"),
    6: ("cheekSquintLeft", "cheekSquintRight"),
    9: ("noseSneerLeft", "noseSneerRight"),
    12: ("mouthSmileLeft", "mouthSmileRight"),
    15: ("mouthFrownLeft", "mouthFrownRight"),
    17: ("mouthShrugLower",),
    20: ("mouthStretchLeft", "mouthStretchRight"),
    25: (
        *("jawOpen", "mouthLowerDownLeft", "mouthLowerDownRight"),
        *("mouthUpperUpLeft", "mouthUpperUpRight", "mouthFunnel"),
    ),
    26: ("jawOpen",),
}
"""DISFA's twelve action units, and the facial actions that show each."""


def action_units(actions: tuple[float, ...]) -> dict[int, int]:
    """Returns the intensity, 0 to 5, of each of DISFA's action units.

    A unit is as strong as the strongest of its actions (FACS scores the stronger side); the five
    grades divide [0, 1] evenly, and less than a tenth is absent.

    Args:
        actions: ``[52]`` amounts in the order of `FACIAL_ACTIONS`.
    """
    amounts = dict(zip(FACIAL_ACTIONS, actions, strict=True))
    return {
        unit: int(np.floor(5 * min(1.0, max(amounts[name] for name in names)) + 0.5))
        for unit, names in ACTION_UNITS.items()
    }


def compose(amounts: Mapping[str, float]) -> tuple[float, ...]:
    """Returns the 52 amounts, clipped to [0, 1], of named actions.

    A name without its side (``mouthSmile``) moves both.

    Raises:
        UnknownNameError: A name is not a facial action.
    """
    total = dict.fromkeys(FACIAL_ACTIONS, 0.0)
    for name, amount in amounts.items():
        sides = (f"{name}Left", f"{name}Right") if name in PAIRED_ACTIONS else (name,)
        for side in sides:
            if side not in total:
                raise UnknownNameError(
                    "facial action", name, (*FACIAL_ACTIONS, *sorted(PAIRED_ACTIONS))
                )
            total[side] += float(amount)
    return tuple(min(1.0, max(0.0, amount)) for amount in total.values())
