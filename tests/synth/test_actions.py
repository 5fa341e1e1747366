"""Facial actions, action units, and the expressions made of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facebench.errors import UnknownNameError
from facebench.synth import (
    ACTION_UNITS,
    EXPRESSIONS,
    FACIAL_ACTIONS,
    FaceSampler,
    action_units,
    compose,
    sample_expression,
)


def test_there_are_52_actions_and_disfas_12_units() -> None:
    assert len(set(FACIAL_ACTIONS)) == 52
    assert list(ACTION_UNITS) == [1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26]
    assert {name for names in ACTION_UNITS.values() for name in names} <= set(FACIAL_ACTIONS)


@pytest.mark.parametrize("unit", list(ACTION_UNITS))
def test_a_unit_grows_with_each_of_its_actions(unit: int) -> None:
    for name in ACTION_UNITS[unit]:
        grades = [action_units(compose({name: a}))[unit] for a in np.linspace(0, 1, 21)]
        assert grades[0] == 0
        assert grades[-1] == 5
        assert grades == sorted(grades)


def test_a_unit_ignores_other_actions() -> None:
    smiling = action_units(compose({"mouthSmile": 1.0}))
    assert {unit for unit, grade in smiling.items() if grade} == {12}


def test_compose_moves_both_sides_and_clips() -> None:
    actions = dict(zip(FACIAL_ACTIONS, compose({"browDown": 1.7, "jawLeft": -1}), strict=True))
    assert actions["browDownLeft"] == actions["browDownRight"] == 1.0
    assert actions["jawLeft"] == 0.0
    assert compose({"mouthLeft": 0.5})[FACIAL_ACTIONS.index("mouthRight")] == 0.0


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="mouthSmile"):
        compose({"mouthSmil": 1.0})
    with pytest.raises(UnknownNameError, match="Did you mean 'happiness'"):
        sample_expression(np.random.default_rng(0), "happines")


TYPICAL = {
    "surprise": (1, 2, 5, 26),
    "fear": (1, 5, 20),
    "disgust": (9,),
    "happiness": (6, 12),
    "sadness": (1, 15),
    "anger": (4,),
}


@pytest.mark.parametrize("expression", sorted(TYPICAL))
def test_an_expression_shows_its_action_units(expression: str) -> None:
    sampler = FaceSampler(4)

    def mean(label: str) -> dict[int, float]:
        faces = [sampler.face(i, expression=label).action_units for i in range(60)]
        return {unit: float(np.mean([f[unit] for f in faces])) for unit in ACTION_UNITS}

    shown, calm = mean(expression), mean("neutral")
    for unit in TYPICAL[expression]:
        assert shown[unit] > calm[unit] + 1.5


def test_labels_are_exact_and_neutral_has_no_intensity() -> None:
    sampler = FaceSampler(1)
    for index, label in enumerate(EXPRESSIONS):
        face = sampler.face(index, identity=7, expression=label, pose_spread=0.0)
        assert face.expression == label
        assert face.identity == sampler.identity(7)
        assert (face.intensity == 0) == (label == "neutral")
        assert (face.pose.pitch, face.pose.yaw, face.pose.roll) == (0, 0, 0)
        assert all(0 <= amount <= 1 for amount in face.actions)
        assert face.action_units == action_units(face.actions)


def test_a_face_depends_on_seed_index_and_arguments_alone() -> None:
    sampler = FaceSampler(9)
    later = [sampler.face(i) for i in (5, 3)]
    assert FaceSampler(9).face(3) == later[1]
    assert hash(FaceSampler(9).face(5)) == hash(later[0])
    assert FaceSampler(8).face(3) != later[1]
    # The identity is no part of the draw: only the person changes (and the resting face with it).
    other = FaceSampler(9).face(3, identity=77)
    assert replace(other, identity=later[1].identity, actions=later[1].actions) == later[1]
