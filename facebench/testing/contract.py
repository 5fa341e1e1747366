"""The contract test for plugins, built-in and third-party.

It is run by ``facebench check NAME``, and by the test suite for every registered plugin.
"""

from __future__ import annotations

import dataclasses
import inspect
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facebench.backbones import Backbone
from facebench.config.options import apply, check_keys, layer
from facebench.data.dataset import open_dataset
from facebench.errors import DataError, PluginError, SpecError, UnknownNameError
from facebench.method import Method
from facebench.protocol import table_protocol
from facebench.ranges import check_values
from facebench.registry import CONTRACTS, PluginKind, Registry
from facebench.request.resolve import CORE_GROUPS
from facebench.targets import LabelledImages, TargetKind
from facebench.task import Task
from facebench.testing.draw_check import with_shared_draws
from facebench.testing.learning_check import learn_briefly
from facebench.testing.networks import small_backbone
from facebench.testing.random_labels import kinds_of, random_targets
from facebench.testing.variants import ITERATIONS, planned
from facebench.weights.build import make_heads

IMAGE_SIZE = 32  # pixels
BATCH = 8
SYNTHETIC_SCALE = 0.02


def check_plugin(
    name: str,
    registry: Registry,
    cache: Path | None = None,
    *,
    thorough: bool = True,
) -> Iterator[str]:
    """Yield one line for each check that passes.

    Args:
        name: Name of a method, task or backbone.
        registry: Registry that holds it.
        cache: Folder that keeps the stand-in of a task; None keeps none.
        thorough: Whether all variants of a method are learned in bf16, too, with networks of the
            sizes that they declare (:func:`facebench.testing.variants.planned`).

    Raises:
        UnknownNameError: No plugin has that name.
        PluginError: A check fails; the message says what was found and what was expected.
    """
    kinds: list[PluginKind] = [kind for kind in CONTRACTS if name in registry.names(kind)]  # type: ignore[misc, arg-type]
    if not kinds:
        known = [known for kind in CONTRACTS for known in registry.names(kind)]  # type: ignore[arg-type]
        raise UnknownNameError("plugin", name, known)
    checks: dict[str, Any] = {
        "method": partial(check_method, thorough=thorough),
        "task": partial(check_task, cache=cache),
        "backbone": check_backbone,
    }  # fmt: skip
    for kind in kinds:
        loaded = registry.load(kind, name)
        yield f"{kind} '{name}' loads from {registry.find(kind, name).owner}"
        for line in checks[kind](loaded):
            yield f"  ok: {line}"


def check_method(cls: type[Method], *, thorough: bool = True) -> Iterator[str]:
    """Yield the checks that a method passes; ``thorough`` as in :func:`check_plugin`."""
    info, name = cls.info, cls.info.name
    _check_options(cls)
    for title, values in [*info.presets.items(), *info.recipes.items()]:
        overrides = layer(values, title, group=name)
        groups = {
            group: [f.name for f in dataclasses.fields(o)] for group, o in CORE_GROUPS.items()
        }
        groups[name] = [f.name for f in dataclasses.fields(cls.Options)]
        check_keys(overrides, groups)
        apply(cls.Options(), name, overrides)
    yield "options are a frozen dataclass, presets and recipes name options that exist"
    method = _build(cls)
    images = torch.rand(BATCH, 3, IMAGE_SIZE, IMAGE_SIZE, generator=_generator(0))
    yield from _check_features(method, images)
    if info.learns:
        yield from _check_learning(method, images[: BATCH // 2])
        yield from _check_variants(cls, thorough)
    if thorough:
        yield from check_device(cls)


def check_task(cls: type[Task], cache: Path | None = None) -> Iterator[str]:
    """Yield the checks that a task passes; its stand-in is kept in ``cache`` if one is given."""
    _check_options(cls)
    yield "options are a frozen dataclass"
    _check_metrics(cls)
    yield f"its metrics are those of the protocol {cls.info.protocol}"
    task = cls()
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty"
        empty.mkdir()
        try:
            task.manifest(empty)
        except DataError:
            yield "an empty folder is a DataError"
        else:
            raise _broken(cls, "manifest() accepts an empty folder", "a DataError")
        if cls.synthesise is Task.synthesise:
            yield "has no stand-in, so its table cannot be checked here"
            return
        dataset = open_dataset(task, None, cache or Path(folder), scale=SYNTHETIC_SCALE)
        yield f"the stand-in reads as a valid table: {dict(dataset.counts)}"
        size = cls.info.image_size
        image = dataset.image(0, size)
        if image.shape != (size, size, 3) or image.dtype.name != "uint8":
            raise _broken(cls, f"an image is {image.shape} {image.dtype}", "uint8 [S, S, 3]")
        yield "its images read as uint8 RGB"


def _check_metrics(cls: type[Task]) -> None:
    protocol = table_protocol(cls.info.protocol)
    known = protocol.metrics(cls.info)
    for metric in (cls.info.main_metric, *protocol.columns(cls.info)):
        if metric.name not in known:
            raise _broken(cls, f"a metric is {metric.name}", f"one of {', '.join(known)}")


def check_backbone(cls: type[Backbone]) -> Iterator[str]:
    """Yield the checks that a backbone passes (without an argument such as a model's name)."""
    wanted = [p.name for p in inspect.signature(cls).parameters.values() if p.default is p.empty]
    if wanted:
        yield f"takes a {wanted[0]}, so there is no one model to check"
        return
    backbone = cls()
    images = torch.rand(2, 3, 64, 64, generator=_generator(0))
    with torch.inference_mode():
        features = backbone.eval()(images)
    if features.ndim != 4 or features.shape[:2] != (2, backbone.channels):
        raise _broken(cls, f"gives features {tuple(features.shape)}", "[B, channels, h, w]")
    if features[0].numel() != backbone.feature_dim(64):
        raise _broken(
            cls, f"feature_dim(64) is {backbone.feature_dim(64)}", f"{features[0].numel()}"
        )
    yield "maps images to a feature map whose size it declares"


def _check_options(cls: type[Any]) -> None:
    options = cls.Options
    parameters: Any = getattr(options, "__dataclass_params__", None)
    if parameters is None or not parameters.frozen:
        raise _broken(cls, f"Options is {options!r}", "a frozen dataclass")
    try:
        defaults = options()
    except TypeError as error:
        raise _broken(cls, f"Options() fails: {error}", "a default for every option") from error
    try:
        check_values(defaults)
    except SpecError as error:
        raise _broken(cls, f"a default is refused: {error}", "one in its range") from error


def _check_features(method: Method, images: Tensor) -> Iterator[str]:
    method.eval()
    for name in method.info.features:
        with torch.inference_mode():
            first, again = method.features(name, images), method.features(name, images)
        if first.ndim != 2 or len(first) != len(images) or not first.isfinite().all():
            raise _broken(type(method), f"feature {name} is {tuple(first.shape)}", "finite [B, D]")
        if not torch.equal(first, again):
            raise _broken(type(method), f"feature {name} differs between two calls", "the same")
    yield f"features {', '.join(method.info.features)} are finite [B, D] and repeatable"


def _check_learning(method: Method, images: Tensor) -> Iterator[str]:
    cls = type(method)
    frames = [images.roll(place, dims=0) for place in range(cls.info.frames)]  # they differ
    faces = torch.cat(frames).repeat(method.batches_per_step, 1, 1, 1)
    before = torch.random.get_rng_state()
    terms: dict[str, float] = {}
    for kind in kinds_of(cls.info):
        step = partial(_one_step, cls, faces, kind)
        first = step(_generator(1))
        again, shared = with_shared_draws(step, 1)
        if not torch.equal(before, torch.random.get_rng_state()):
            raise _broken(cls, "a step draws from the global random state", "the given generator")
        if first != again:
            raise _broken(cls, f"two equal steps give {first} and {again}", "the same losses")
        terms |= first
    yield f"a step is repeatable from its generator and gives finite {', '.join(terms)}"
    yield shared


def check_device(cls: type[Method]) -> Iterator[str]:
    """Yield what a method does on a GPU, which a device without values stands for.

    Raises:
        PluginError: It mixes devices, or a step of pretraining waits for the GPU.
    """
    from facebench.testing.device_check import checked_on_device

    for kind in kinds_of(cls.info) if cls.info.learns else (None,):
        method = _build(cls, _options_to_learn_with(cls))
        if cls.info.learns:
            method.load_published()
        count = BATCH * max(1, cls.info.frames) * method.batches_per_step
        faces = torch.randint(
            256, (count, 3, IMAGE_SIZE, IMAGE_SIZE), dtype=torch.uint8, generator=_generator(0)
        )
        values = None
        if kind is not None:
            targets = random_targets(kind, count)
            make_heads(method, targets.form, seed=0)
            values = torch.from_numpy(targets.values)
        for line in checked_on_device(method, faces, values):
            yield f"on a GPU, {line}"


def _check_variants(cls: type[Method], thorough: bool) -> Iterator[str]:
    kinds = list(kinds_of(cls.info))
    for precision, to_learn in planned(cls, thorough=thorough):
        for place, variant in enumerate(to_learn):
            # Where time matters, the variants take turns with the kinds of labels.
            for kind in kinds if thorough else kinds[place % len(kinds) :][:1]:
                learn_briefly(cls, small_backbone(cls), variant, precision, kind)
        names = "; ".join(variant.name for variant in to_learn)
        form = "float32" if precision == "32" else precision
        yield f"learns {ITERATIONS} iterations in {form} with each of {names}"


def _one_step(
    cls: type[Method], faces: Tensor, kind: TargetKind | None, generator: torch.Generator
) -> dict[str, float]:
    from facebench.pretrain.learner import weighted_sum

    method = _build(cls, _options_to_learn_with(cls)).train()
    batch: Any = faces
    if kind is not None:
        targets = random_targets(kind, len(faces))
        make_heads(method, targets.form, seed=0)
        batch = LabelledImages(faces, torch.from_numpy(targets.values))
    method.before_epoch(0, 1)
    losses: dict[str, float] = {}
    for terms in method.steps(batch, generator):
        if not terms:
            raise _broken(cls, "a step without a loss term", "at least one")
        total = weighted_sum(method, terms)
        method.zero_grad()
        total.backward()
        losses |= {name: float(term.detach()) for name, term in terms.items()}
        if not total.isfinite():
            raise _broken(cls, f"losses {losses}", "finite numbers")
        method.after_step()
    learned = method.backbone if cls.info.backbone else method
    gradients = [p.grad for p in learned.parameters() if p.grad is not None]
    if not any(bool(gradient.abs().sum() > 0) for gradient in gradients):
        raise _broken(cls, "no gradient reaches the backbone", "one, since it is what is learned")
    method.after_epoch(losses)
    unknown = set(method.term_weights()) - set(losses)
    if unknown:
        raise _broken(cls, f"term_weights() names {sorted(unknown)}", f"terms: {sorted(losses)}")
    return losses


def _options_to_learn_with(cls: type[Method]) -> Any:
    """Return the default options, with small networks and without what needs a download."""
    return dataclasses.replace(cls.Options(), **{**cls.info.small, **cls.info.offline})


def _build(cls: type[Method], options: Any = None) -> Method:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return cls(small_backbone(cls), options or cls.Options(), IMAGE_SIZE)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _broken(cls: type[Any], found: str, expected: str) -> PluginError:
    return PluginError(f"{cls.__module__}.{cls.__qualname__}: {found}; expected {expected}.")
