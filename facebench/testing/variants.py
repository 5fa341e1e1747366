"""The configurations of a method that are trained to check it, and in which precision.

Processors without bf16 arithmetic emulate it about eight times slower than float32. Where time
matters more than every combination (``thorough=False``), bf16 is therefore learned with the small
networks that a method names, and on such processors with the quick preset's first recipe alone,
by methods of at most ten million weights. In float32 the quick preset then has networks of the
sizes that it declares, others have small ones, and values of different options share a variant.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal

import torch

from facebench.config.options import PRESETS, Override, apply, layer
from facebench.config.spec import PretrainSpec
from facebench.errors import SpecError
from facebench.method import Method
from facebench.request.layers import declared_layers
from facebench.runtime.device import Precision
from facebench.testing.networks import small_backbone

ITERATIONS = 3  # one per epoch: weights from the last two epochs (PCL) are in effect in the third
BATCH = 2
IMAGE_SIZE = 16  # pixels
_EMULATED_WEIGHTS = 10_000_000  # of a method that is learned in emulated bf16


@dataclass(frozen=True)
class Variant:
    """One configuration in which a method can be trained.

    Args:
        name: ``recipe official``, ``preset quick`` or ``orth=cosine``.
        options: Options of the method.
        pretrain: Optimiser and schedule, on few small images.
        preset: Name of the preset; empty where a single option varies.
    """

    name: str
    options: Any
    pretrain: PretrainSpec
    preset: str = ""


def planned(
    cls: type[Method], *, thorough: bool = True
) -> Iterator[tuple[Precision, list[Variant]]]:
    """Yield each precision with the variants of a method that are to be learned in it.

    Args:
        cls: Class of the method.
        thorough: Whether these are all variants, with networks of the sizes that they declare.
    """
    if thorough:
        declared = list(variants(cls))
        yield "32", declared
        yield "bf16", declared
        return
    small = list(recipe_variants(cls, small=True))
    quick = [variant for variant in small if variant.preset == "quick"]
    in_float32 = [
        large if large.preset == "quick" else reduced
        for large, reduced in zip(recipe_variants(cls), small, strict=True)
    ]
    values = list(shared_variants(cls))
    yield "32", [*in_float32, *values]
    if _has_bf16():
        yield "bf16", [*small, *values]
    elif _weights(cls, quick[0]) <= _EMULATED_WEIGHTS:
        yield "bf16", quick[:1]


def _weights(cls: type[Method], variant: Variant) -> int:
    with torch.random.fork_rng(devices=[]):
        method = cls(small_backbone(cls), variant.options, variant.pretrain.image_size)
    return sum(parameter.numel() for parameter in method.parameters())


def _has_bf16() -> bool:
    """Return whether this processor computes in bf16 itself."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def variants(cls: type[Method]) -> Iterator[Variant]:
    """Yield every recipe under every preset, then every value of a literal option by itself."""
    yield from recipe_variants(cls)
    yield from value_variants(cls)


def recipe_variants(cls: type[Method], *, small: bool = False) -> Iterator[Variant]:
    """Yield every recipe of a method under every preset.

    Published weights are replaced by the options ``info.offline`` of the method.

    Args:
        cls: Class of the method.
        small: Whether its networks are those of ``info.small``.
    """
    name, offline = cls.info.name, cls.info.offline
    replaced = {**cls.info.small, **offline} if small else offline
    for preset in dict.fromkeys((*PRESETS, *cls.info.presets)):
        for recipe in dict.fromkeys(("paper", *cls.info.recipes)):
            overrides = declared_layers(cls, preset, Override(recipe, "the contract test"))
            options = apply(cls.Options(), name, overrides | layer(replaced, "", group=name))
            pretrain = _brief(apply(PretrainSpec(), "pretrain", overrides))
            yield Variant(f"recipe {recipe}, preset {preset}", options, pretrain, preset)


def value_variants(cls: type[Method]) -> Iterator[Variant]:
    """Yield each value of a literal or boolean option by itself, with small networks.

    A value that the options refuse together with the defaults of the others is skipped.
    """
    for field, value in literal_values(cls.Options):
        if field not in cls.info.offline:
            yield from _changed(cls, {field: value})


def shared_variants(cls: type[Method]) -> Iterator[Variant]:
    """Yield the values of ``value_variants`` in fewer variants.

    A value of a literal option stands in the first variant in which that option has none yet and
    whose other values the options accept with it. A boolean, which may leave out what other
    options change, always stands by itself.
    """
    shared: list[dict[str, Any]] = []
    for field, value in literal_values(cls.Options):
        if field in cls.info.offline:
            continue
        if isinstance(value, bool):
            yield from _changed(cls, {field: value})
            continue
        fitting = (
            values
            for values in shared
            if field not in values and _accepted(cls, {**values, field: value})
        )
        first = next(fitting, None)
        if first is not None:
            first[field] = value
        elif _accepted(cls, {field: value}):
            shared.append({field: value})
    for values in shared:
        yield from _changed(cls, values)


def _accepted(cls: type[Method], values: dict[str, Any]) -> bool:
    return any(True for _ in _changed(cls, values))


def _changed(cls: type[Method], values: dict[str, Any]) -> Iterator[Variant]:
    try:
        options = dataclasses.replace(
            cls.Options(), **{**cls.info.small, **cls.info.offline, **values}
        )
    except SpecError:
        return
    yield Variant(", ".join(f"{k}={v}" for k, v in values.items()), options, _brief(PretrainSpec()))


def literal_values(options: type[Any]) -> Iterator[tuple[str, Any]]:
    """Yield name and value of each value that is not the default, of literals and of bools."""
    hints = typing.get_type_hints(options)
    for field in fields(options):
        hint = hints[field.name]
        choices: tuple[Any, ...] = ()
        if typing.get_origin(hint) is Literal:
            choices = typing.get_args(hint)
        elif hint is bool:
            choices = (False, True)
        default = getattr(options(), field.name)
        yield from ((field.name, choice) for choice in choices if choice != default)


def _brief(spec: PretrainSpec) -> PretrainSpec:
    """Return the optimiser and the schedule of a spec on a tiny budget."""
    return dataclasses.replace(
        spec, epochs=ITERATIONS, batch_size=BATCH, image_size=IMAGE_SIZE, limit=0, lr=1e-4
    )
