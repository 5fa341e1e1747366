"""Pixels: reproducible to the bit, and where the labels say they are."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from facebench.errors import FacebenchError
from facebench.synth import Face, FaceSampler, Pose, compose, render
from facebench.synth.attributes import Background, Camera, Degradation, Wear
from facebench.synth.raster import rasterise
from facebench.synth.scene import build_scene

SIDE = 64


def plain_face(number: int = 0) -> Face:
    """A bald person without wear, straight ahead, symmetric."""
    identity = FaceSampler(5).identity(number)
    return Face(replace(identity, hair=replace(identity.hair, volume=0.0, length=0.0)))


def silhouette(face: Face) -> npt.NDArray[np.bool_]:
    scene = build_scene(face)
    points = scene.points * np.array([SIDE, SIDE, 1], dtype=np.float32)
    mask = np.zeros(SIDE * SIDE, dtype=bool)
    mask[rasterise(points, scene.triangles, SIDE, SIDE).samples] = True
    return mask.reshape(SIDE, SIDE)


def test_pixels_do_not_depend_on_the_batch() -> None:
    faces = [FaceSampler(1).face(i) for i in range(5)]
    together = render(faces, 48)
    assert together.shape == (5, 48, 48, 3)
    assert together.dtype == np.uint8
    assert np.array_equal(together, np.concatenate([render([face], 48) for face in faces]))
    assert np.array_equal(together[::-1], render(faces[::-1], 48))
    assert len({image.tobytes() for image in together}) == 5


def test_another_process_gives_the_same_pixels() -> None:
    program = (
        "import hashlib; from facebench.synth import FaceSampler, render;"
        "print(hashlib.sha256(render([FaceSampler(1).face(3)], 48).tobytes()).hexdigest())"
    )
    import hashlib

    here = hashlib.sha256(render([FaceSampler(1).face(3)], 48).tobytes()).hexdigest()
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == here


def test_every_kind_of_wear_and_background_renders() -> None:
    face = FaceSampler(2).face(0)
    for style in ("none", "round", "square", "dark"):
        render([replace(face, wear=Wear(glasses=style, cap=(0.5, 0.1, 0.1)))], 32)
    for kind in ("plain", "gradient", "clouds", "stripes", "blobs"):
        background = Background(kind, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 3)
        assert render([replace(face, background=background)], 32).std() > 0


@pytest.mark.parametrize("yaw", [20.0, 45.0, 75.0])
def test_mirrored_yaw_gives_a_mirrored_silhouette(yaw: float) -> None:
    face = plain_face()
    left = silhouette(replace(face, pose=Pose(yaw=yaw)))
    right = silhouette(replace(face, pose=Pose(yaw=-yaw)))[:, ::-1]
    assert (left & right).sum() / (left | right).sum() > 0.97


def test_positive_yaw_moves_the_eyes_to_the_left_of_the_head() -> None:
    face = plain_face()

    def eyes_minus_head(yaw: float) -> float:
        posed = replace(face, pose=Pose(yaw=yaw))
        columns = np.flatnonzero(silhouette(posed)[: SIDE // 2].any(axis=0))
        head = (columns[0] + columns[-1]) / 2 / SIDE
        return float(build_scene(posed).eyes[:, 0].mean() - head)

    assert eyes_minus_head(30) < -0.05
    assert eyes_minus_head(-30) > 0.05


def test_positive_roll_lowers_the_eye_on_the_right_of_the_image() -> None:
    face = replace(plain_face(), pose=Pose(roll=20))
    left, right = build_scene(face).eyes  # the subject's left eye is on the right of the image
    assert left[0] > right[0]
    assert left[1] > right[1]
    level = build_scene(replace(face, camera=Camera(aligned=True))).eyes
    assert abs(level[0, 1] - level[1, 1]) < 1e-4


@pytest.mark.parametrize(("action", "upper"), [("browInnerUp", True), ("jawOpen", False)])
def test_an_expression_changes_its_half_of_the_face(action: str, upper: bool) -> None:
    face = replace(plain_face(1), degradation=Degradation())
    calm, moved = render([face, replace(face, actions=compose({action: 1.0}))], SIDE).astype(int)
    change = np.abs(calm - moved).sum(axis=2)[:, SIDE // 4 : -SIDE // 4]
    halves = change[: SIDE // 2].sum(), change[SIDE // 2 :].sum()
    assert (halves[0] > 3 * halves[1]) if upper else (halves[1] > 3 * halves[0])


def test_mistakes_are_named() -> None:
    face = plain_face()
    with pytest.raises(FacebenchError, match="8 was given"):
        render([face], 8)
    with pytest.raises(FacebenchError, match="unknown background 'plane'"):
        render([replace(face, background=Background("plane"))], 32)


def test_importing_needs_neither_torch_nor_anny_and_rendering_says_so() -> None:
    program = """
import sys
sys.modules["anny"] = None
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "anny" else found(name, *a)
from facebench.errors import FacebenchError
from facebench.synth import FaceSampler, render
face = FaceSampler(0).face(0)
assert "torch" not in sys.modules
try:
    render([face], 32)
except FacebenchError as error:
    assert "install facebench[synth]" in str(error)
else:
    raise SystemExit("no error")
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == 0
