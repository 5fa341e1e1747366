"""Options of pretraining that keys and records have only where they change what is learned."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from facebench.config.spec import PretrainSpec, RunSpec, plain
from facebench.pipeline.keys import checkpoint_key
from facebench_methods.simclr import SimCLR, SimCLROptions


def key(**settings: Any) -> str:
    spec = RunSpec(
        method="simclr", task="lfw", method_options=SimCLROptions(),
        pretrain=replace(PretrainSpec(), **settings),
    )  # fmt: skip
    run: Any = SimpleNamespace(method=SimCLR, spec=spec, sources={"method": "", "backbone": ""})
    source: Any = SimpleNamespace(fingerprint="0" * 64, targets=None)
    workspace: Any = SimpleNamespace(devices=1, nodes=1, device=torch.device("cpu"))
    return checkpoint_key(run, source, workspace)


@pytest.mark.parametrize(
    ("settings", "learned"),
    [
        ({"gradient_norm_every": 10}, False),
        ({"checkpoint_minutes": 60.0}, False),
        ({"sync_batchnorm": False}, False),  # of several devices
        ({"compile": "views"}, True),
        ({"compile": "graphs"}, True),
        ({"lr": 0.5}, True),
    ],
)
def test_a_key_changes_with_what_is_learned(settings: dict[str, Any], learned: bool) -> None:
    assert (key(**settings) != key()) == learned
    changed = plain(replace(PretrainSpec(), **settings))
    assert {name: changed[name] for name in settings} == settings  # in the record, whatever it is


def test_options_that_are_new_are_in_no_record_of_before() -> None:
    assert not {"compile", "gradient_norm_every", "sync_batchnorm"} & plain(PretrainSpec()).keys()
