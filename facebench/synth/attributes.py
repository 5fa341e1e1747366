"""The parameters of one synthetic image, as frozen dataclasses without rendering or randomness.

A `Face` holds every number that its pixels depend on, and from which its labels are read.

Pose follows 300W-LP and AFLW2000 (Zhu et al., CVPR 2016, "Face Alignment Across Large Poses"):
degrees, in the order pitch, yaw, roll, with the rotation ``R = Rx(pitch) Ry(yaw) Rz(roll)``.
Positive pitch looks up, positive yaw turns the nose to the *left of the image* (the subject's
right), positive roll turns the head clockwise in the image.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from facebench.synth.actions import FACIAL_ACTIONS, action_units

Colour = tuple[float, float, float]
"""Linear-light red, green, blue in [0, 1]."""

EXPRESSIONS: tuple[str, ...] = (
    "surprise",
    "fear",
    "disgust",
    "happiness",
    "sadness",
    "anger",
    "neutral",
)
"""The seven basic expressions, in the order of RAF-DB's labels 1 to 7."""

SHAPES: tuple[str, ...] = (
    *("head/head-scale-vert-incr", "head/head-fat-incr", "head/head-scale-depth-incr"),
    *("head/head-scale-horiz-incr", "head/head-age-incr", "forehead/forehead-temple-incr"),
    *("forehead/forehead-trans-forward", "forehead/forehead-scale-vert-incr"),
    *("eyebrows/eyebrows-angle-up", "eyebrows/eyebrows-trans-up"),
    *("eyebrows/eyebrows-trans-forward", "eyes/l-eye-corner1-up", "eyes/l-eye-corner2-up"),
    *("eyes/l-eye-height1-incr", "eyes/l-eye-height2-incr", "eyes/l-eye-height3-incr"),
    *("eyes/l-eye-scale-incr", "eyes/l-eye-push1-out", "eyes/l-eye-push2-out"),
    *("eyes/l-eye-eyefold-up", "eyes/l-eye-eyefold-angle-up", "eyes/l-eye-bag-incr"),
    *("eyes/l-eye-bag-out", "eyes/l-eye-epicanthus-out", "eyes/l-eye-trans-up"),
    *("eyes/l-eye-trans-out", "nose/nose-nostrils-angle-up", "nose/nose-flaring-incr"),
    *("nose/nose-curve-convex", "nose/nose-scale-depth-incr", "nose/nose-scale-vert-incr"),
    *("nose/nose-point-width-incr", "nose/nose-scale-horiz-incr", "nose/nose-width1-incr"),
    *("nose/nose-width2-incr", "nose/nose-width3-incr", "nose/nose-trans-up"),
    *("nose/nose-hump-incr", "nose/nose-nostrils-width-incr", "nose/nose-greek-incr"),
    *("nose/nose-point-up", "nose/nose-septumangle-incr", "nose/nose-base-up"),
    *("nose/nose-volume-incr", "mouth/mouth-scale-horiz-incr", "mouth/mouth-scale-vert-incr"),
    *("mouth/mouth-lowerlip-height-incr", "mouth/mouth-upperlip-height-incr"),
    *("mouth/mouth-lowerlip-volume-incr", "mouth/mouth-upperlip-volume-incr"),
    *("mouth/mouth-cupidsbow-incr", "mouth/mouth-laugh-lines-out", "mouth/mouth-angles-up"),
    *("mouth/mouth-trans-up", "mouth/mouth-trans-forward", "mouth/mouth-philtrum-volume-incr"),
    *("chin/chin-height-incr", "chin/chin-prominent-incr", "chin/chin-bones-incr"),
    *("chin/chin-width-incr", "chin/chin-cleft-incr", "chin/chin-prognathism-incr"),
    *("chin/chin-jaw-drop-incr", "cheek/l-cheek-trans-up", "cheek/l-cheek-volume-incr"),
    *("cheek/l-cheek-inner-incr", "cheek/l-cheek-bones-incr", "ears/l-ear-lobe-incr"),
    *("ears/l-ear-scale-incr", "ears/l-ear-wing-incr", "ears/l-ear-rot-forward"),
    *("neck/neck-double-incr", "neck/neck-scale-horiz-incr"),
)
"""Local shape changes by the file of their positive end; an ``l-`` name moves both sides."""


@dataclass(frozen=True)
class Hair:
    """Hair on the head, brows and beard; lengths in decimetres, amounts in [0, 1]."""

    colour: Colour
    volume: float
    """Thickness of the hair on the skull; 0 is bald."""
    length: float
    """How far hair hangs below the top of the ears."""
    hairline: float
    """Height of the front hairline against the average; negative is a fringe."""
    parting: float
    """Slope of the front hairline, in [-1, 1]."""
    curl: float
    brow_colour: Colour
    brow_thickness: float
    brow_arch: float
    brow_height: float
    brow_density: float
    beard: float
    moustache: float


@dataclass(frozen=True)
class Identity:
    """A person: everything that all images of this person share.

    Attributes:
        number: The identity's number within its sampler, a label only.
        gender: 0 female to 1 male, as are the next five in [0, 1] (anny's phenotypes).
        shape: One coefficient in about [-1, 1] for each of `SHAPES`.
        freckles: Amount of freckles in [0, 1]; `flush` is the redness of cheeks and nose.
        resting: Facial actions of the resting face, as (name, amount).
        texture: Seed of the skin's and hair's fine pattern.
    """

    number: int
    gender: float
    age: float
    muscle: float
    weight: float
    african: float
    asian: float
    caucasian: float
    shape: tuple[float, ...]
    skin: Colour
    lips: Colour
    iris: Colour
    flush: float
    freckles: float
    hair: Hair
    resting: tuple[tuple[str, float], ...]
    texture: int


@dataclass(frozen=True)
class Pose:
    """Head pose in degrees; see the module's text for the convention."""

    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class Light:
    """A key light, a fill light from the other side, and the sky.

    Attributes:
        azimuth: Direction of the key light in degrees, positive from the right of the image.
        elevation: Its height in degrees.
        key: Colour times strength of the key light.
        fill: Colour times strength of the fill light.
        sky: Colour times strength of the light from everywhere.
        softness: 0 for a hard lamp to 1 for a large window.
    """

    azimuth: float = 25.0
    elevation: float = 30.0
    key: Colour = (0.9, 0.9, 0.9)
    fill: Colour = (0.15, 0.15, 0.15)
    sky: Colour = (0.45, 0.45, 0.45)
    softness: float = 0.5


@dataclass(frozen=True)
class Background:
    """What is behind the head: ``plain``, ``gradient``, ``clouds``, ``stripes`` or ``blobs``."""

    kind: str = "plain"
    first: Colour = (0.4, 0.4, 0.4)
    second: Colour = (0.2, 0.2, 0.2)
    seed: int = 0


@dataclass(frozen=True)
class Camera:
    """The crop: `zoom` 1 shows the whole face; shifts are fractions of the image's side.

    `distance` is in decimetres; `aligned` rotates the crop so that the eyes are level.
    """

    zoom: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    distance: float = 12.0
    aligned: bool = False


@dataclass(frozen=True)
class Degradation:
    """Image degradation by the simulated camera.

    Attributes:
        blur: Standard deviation of a Gaussian, as a fraction of the image's side.
        noise: Standard deviation of pixel noise, in grey levels of 255.
        noise_seed: Seed of that noise.
        gain: Factor on red, green, blue: exposure and colour cast.
        gamma: Exponent on the result; above 1 darkens the middle tones.
        jpeg_quality: Quality at which the file is written, 1 to 95.
    """

    blur: float = 0.0
    noise: float = 0.0
    noise_seed: int = 0
    gain: Colour = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    jpeg_quality: int = 92


@dataclass(frozen=True)
class Wear:
    """Clothes and accessories of a person in one image: glasses and a cap are optional."""

    cloth: Colour = (0.1, 0.12, 0.2)
    glasses: str = "none"
    """``none``, ``round``, ``square`` or ``dark``."""
    cap: Colour | None = None


@dataclass(frozen=True)
class Face:
    """All parameters of one image: equal faces have equal pixels.

    Attributes:
        expression: The label, one of `EXPRESSIONS`.
        intensity: Strength of the expression in [0, 1]; 0 for neutral.
        actions: ``[52]`` amounts in [0, 1] in the order of `FACIAL_ACTIONS`.
    """

    identity: Identity
    expression: str = "neutral"
    intensity: float = 0.0
    actions: tuple[float, ...] = field(default=(0.0,) * len(FACIAL_ACTIONS))
    pose: Pose = Pose()
    light: Light = Light()
    background: Background = Background()
    camera: Camera = Camera()
    degradation: Degradation = Degradation()
    wear: Wear = Wear()

    @property
    def action_units(self) -> dict[int, int]:
        """DISFA's action units at intensities 0 to 5, as the facial actions show them."""
        return action_units(self.actions)
