"""Which feature is extracted, and from images of which size, where a request leaves it open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from facebench.config.spec import ExtractSpec
from facebench.errors import SpecError, UnknownNameError
from facebench.method import Method
from facebench.task import TaskInfo
from facebench.weights.checkpoint import Checkpoint


def with_defaults(
    asked: ExtractSpec,
    method: type[Method],
    given: Checkpoint | None,
    image_size: int,
    *,
    beside: bool,
) -> ExtractSpec:
    """Return the settings that are asked for, with the defaults of the method.

    Args:
        asked: Settings of the request.
        method: Class of the method.
        given: Its checkpoint, if one is handed in.
        image_size: Side in pixels, used if none is asked for.
        beside: Whether the method is a baseline that is not asked for by name. It uses its own
            feature if it lacks the one that is asked for.

    Raises:
        UnknownNameError: The method has no such feature.
        SpecError: The checkpoint lacks weights that the feature is made of.
    """
    lacks = asked.feature not in method.info.features
    return replace(
        asked,
        pool=asked.pool if method.info.backbone else "flatten",  # no feature map to pool
        feature=_feature(method, "" if beside and lacks else asked.feature, given),
        image_size=asked.image_size or image_size,
    )


def size_of_task(
    task: TaskInfo, preset: str, methods: Iterable[type[Method]], given: Checkpoint | None
) -> int:
    """Return the side in pixels of a task's images for all rows of a request, baselines included.

    The quick preset may have smaller ones than the paper, since its methods learn from small
    images. It has not where weights are evaluated that were learned elsewhere.

    Args:
        task: What the task declares.
        preset: Name of the preset.
        methods: Classes of the methods that are asked for by name.
        given: A checkpoint that is handed in.
    """
    imported = given is not None and given.imported is not None
    if imported or any(method.info.needs in ("weights", "file") for method in methods):
        return task.image_size
    return task.probed_size(preset)


def _feature(method: type[Method], name: str, given: Checkpoint | None) -> str:
    offered = method.info.features
    possible = tuple(given.record.features or offered) if given else offered
    if given and given.imported and name in offered and name not in possible:
        raise SpecError(
            f"extract.feature is {name}: {given.imported.file} lacks weights that it is made "
            f"of, {given.imported.missing[0]} first; it gives {', '.join(possible)}."
        )
    if name and name not in offered:
        raise UnknownNameError(
            f"feature of {method.info.name}", name, offered, where="extract.feature"
        )
    return name or possible[0]
