"""Draws people: shape, skin, hair and resting face."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facebench.synth.actions import PAIRED_ACTIONS
from facebench.synth.attributes import SHAPES, Colour, Hair, Identity

Table = npt.NDArray[np.float64]

# Linear-light skin by depth of tone, light to dark (von Luschan's range, sampled by eye).
_SKIN = np.array(
    [
        (0.80, 0.54, 0.43),
        (0.72, 0.46, 0.34),
        (0.60, 0.36, 0.24),
        (0.45, 0.25, 0.15),
        (0.28, 0.145, 0.082),
        (0.13, 0.062, 0.036),
    ]
)
_HAIR = np.array(
    [
        (0.010, 0.008, 0.007),
        (0.030, 0.018, 0.011),
        (0.085, 0.045, 0.022),
        (0.20, 0.11, 0.045),
        (0.48, 0.32, 0.14),
        (0.24, 0.065, 0.020),
    ]
)
_IRIS = np.array(
    [(0.030, 0.013, 0.006), (0.09, 0.045, 0.018), (0.10, 0.10, 0.035), (0.10, 0.19, 0.30)]
)


def triple(values: Table) -> Colour:
    """Returns three numbers of an array ``[3]`` as a plain tuple."""
    red, green, blue = (float(v) for v in values)
    return red, green, blue


def _colour(values: Table) -> Colour:
    return triple(np.clip(values, 0.0, 1.0))


def _between(table: Table, place: float) -> Table:
    """Interpolates between the rows of a colour table at a place in [0, rows - 1]."""
    rows = np.arange(len(table))
    return np.array([np.interp(place, rows, table[:, k]) for k in range(3)])


def sample_identity(rng: np.random.Generator, number: int = 0) -> Identity:
    """Draws a person; ancestry, skin, hair and eyes are loosely correlated, as in real people."""
    ancestry = rng.dirichlet((0.35, 0.35, 0.35))
    african, asian, caucasian = (float(a) for a in ancestry)
    gender = float(rng.beta(0.35, 0.35))
    age = float(0.6 + 0.36 * rng.beta(1.0, 2.0))
    depth = 4.3 * african + 1.5 * asian + 0.7 * caucasian + rng.normal(0, 0.55)
    skin = _between(_SKIN, depth) * rng.uniform(0.94, 1.06, size=3)
    lip_tone = rng.uniform(0.55, 0.9)
    lips = skin * np.array([0.95, 0.55, 0.58]) * lip_tone
    lips = lips + (1 - gender) * float(rng.random() < 0.35) * np.array([0.14, -0.03, 0.0])
    iris = _between(_IRIS, 3 * caucasian * rng.random() + 0.4 * rng.random())
    return Identity(
        number=number,
        gender=gender,
        age=age,
        muscle=float(rng.uniform(0.2, 0.8)),
        weight=float(rng.beta(2, 2)),
        african=african + 0.01,
        asian=asian + 0.01,
        caucasian=caucasian + 0.01,
        shape=tuple(float(v) for v in np.clip(rng.normal(0, 0.32, size=len(SHAPES)), -1, 1)),
        skin=_colour(skin),
        lips=_colour(lips),
        iris=_colour(iris * rng.uniform(0.8, 1.2, size=3)),
        flush=float(rng.uniform(0.0, 0.7)),
        freckles=float(max(0.0, rng.normal(-0.2, 0.4)) * caucasian),
        hair=_sample_hair(rng, gender, age, caucasian, skin),
        resting=sample_resting(rng),
        texture=int(rng.integers(2**31)),
    )


def _sample_hair(
    rng: np.random.Generator, gender: float, age: float, caucasian: float, skin: Table
) -> Hair:
    light = rng.choice((0, 1, 2, 3, 4, 5), p=(0.2, 0.25, 0.2, 0.15, 0.12, 0.08))
    colour = _HAIR[int(light)] if rng.random() < caucasian else _HAIR[int(rng.random() < 0.3)]
    grey = np.clip((age - 0.86) / 0.1 + rng.normal(0, 0.3), 0.0, 1.0) if age > 0.8 else 0.0
    hair = colour * (1 - grey) + grey * np.array([0.38, 0.37, 0.36])
    hair = hair * rng.uniform(0.8, 1.25)
    male = bool(gender > 0.5)
    bald = male and rng.random() < 0.08 + 0.3 * max(0.0, age - 0.7)
    long = rng.random() < (0.08 if male else 0.72)
    beard = male and rng.random() < 0.45
    return Hair(
        colour=_colour(hair),
        volume=0.0 if bald else float(rng.uniform(0.05, 0.2)),
        length=0.0 if bald or not long else float(rng.uniform(0.2, 1.6)),
        hairline=float(
            rng.choice((rng.normal(0.0, 0.06), rng.uniform(-0.4, -0.15)), p=(0.75, 0.25))
        ),
        parting=float(rng.normal(0, 0.09)),
        curl=float(rng.beta(0.8, 1.6)),
        brow_colour=_colour(np.minimum(hair * rng.uniform(0.5, 0.9), 0.35 * skin)),
        brow_thickness=float(rng.uniform(0.022, 0.04) + 0.018 * gender),
        brow_arch=float(rng.normal(0.045, 0.03)),
        brow_height=float(rng.normal(0.0, 0.02)),
        brow_density=float(rng.uniform(0.6, 1.0)),
        beard=float(rng.uniform(0.15, 0.95)) if beard else 0.0,
        moustache=float(rng.uniform(0.1, 0.95)) if beard or (male and rng.random() < 0.1) else 0.0,
    )


def sample_resting(rng: np.random.Generator) -> tuple[tuple[str, float], ...]:
    """Draws a person's resting face: a few weak actions that are present in every image."""
    candidates = ("browDown", "browInnerUp", "mouthFrown", "mouthSmile", "eyeSquint", "eyeWide")
    amounts = np.clip(rng.normal(0, 0.10, size=len(candidates)), 0, 0.3)
    return tuple(
        (name + side, float(amount))
        for name, amount in zip(candidates, amounts, strict=True)
        if amount > 0
        for side in (("Left", "Right") if name in PAIRED_ACTIONS else ("",))
    )
