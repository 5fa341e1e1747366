"""A method that returns something else than named scalars, or than a vector for each image."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from facebench.config.spec import ExtractSpec
from facebench.errors import PluginError
from facebench.evaluation.extract import _checked
from facebench.pretrain.learner import weighted_sum
from facebench.pretrain.step_terms import checked_terms

METHOD: Any = SimpleNamespace(info=SimpleNamespace(name="mine"), term_weights=dict)
SCALAR = torch.tensor(1.0, requires_grad=True)


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        (None, "gives None; expected"),
        (SCALAR, r"gives a tensor of shape \[\]"),
        (0.5, "gives a value of type float"),
        ([SCALAR], "gives a value of type list"),
        ({"L": 0.5}, "gives 'L': a value of type float"),
        ({"L": None}, "gives 'L': None"),
        ({"L": torch.ones(4, requires_grad=True)}, r"gives 'L': a tensor of shape \[4\]"),
        ({"L": np.float32(1)}, "gives 'L': a value of type float32"),
    ],
)
def test_what_is_no_dictionary_of_scalars_names_the_method(terms: Any, found: str) -> None:
    with pytest.raises(PluginError, match=rf"method 'mine': a step {found}"):
        checked_terms(METHOD, terms)


@pytest.mark.parametrize("terms", [{}, {"L": torch.tensor(1.0)}])
def test_no_loss_and_no_gradient(terms: Any) -> None:
    with pytest.raises(PluginError, match="expected at least one term that depends on its weights"):
        weighted_sum(METHOD, checked_terms(METHOD, terms))


def test_scalars_pass() -> None:
    assert checked_terms(METHOD, {"L": SCALAR}) == {"L": SCALAR}


@pytest.mark.parametrize(
    ("features", "found"),
    [
        (None, "is None"),
        ({"f": torch.ones(2, 3)}, "is a value of type dict"),
        (np.ones((2, 3)), "is a value of type ndarray"),
        (torch.ones(2, 3, 1, 1), r"is a tensor of shape \[2, 3, 1, 1\]"),
        (torch.ones(1, 3), r"is a tensor of shape \[1, 3\]"),
        (torch.tensor(1.0), r"is a tensor of shape \[\]"),
    ],
)
def test_features_that_are_no_vectors_name_the_method(features: Any, found: str) -> None:
    spec = ExtractSpec(feature="f_s")
    with pytest.raises(PluginError, match=rf"method 'mine': feature f_s of 2 images {found}"):
        _checked(features, 2, METHOD, spec)
    assert _checked(torch.ones(2, 3), 2, METHOD, spec).shape == (2, 3)
