"""A small FaceCycle and random faces, for its tests."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from facebench.method import Terms
from facebench.testing.networks import TwoLayers
from facebench_methods._facecycle_options import FaceCycleOptions
from facebench_methods.facecycle import FaceCycle

SMALL = FaceCycleOptions(vgg="random", generator_blocks=1, normaliser_blocks=1)
SIZE = 16  # pixels


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(**changes: Any) -> FaceCycle:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FaceCycle(TwoLayers(), replace(SMALL, **changes), SIZE)


def faces(count: int, seed: int = 0) -> Tensor:
    coarse = torch.rand(count, 3, 4, 4, generator=generator(seed))
    return F.interpolate(coarse, size=SIZE, mode="bilinear")


def total(method: FaceCycle, terms: Terms) -> Tensor:
    weights = method.term_weights()
    return torch.stack([weights.get(name, 1.0) * term for name, term in terms.items()]).sum()
