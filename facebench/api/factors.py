"""Measures which factors of a face a feature contains, on rendered faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

from facebench.api.words import RunWords, arguments_of, in_words
from facebench.disentangle.disentanglement import (
    TASK,
    Disentanglement,
    disentangle,
    factor_registry,
)
from facebench.errors import SpecError
from facebench.registry import Registry
from facebench.request.arguments import RunArguments, build_request, open_workspace
from facebench.request.resolve import Request
from facebench.runtime.workspace import Workspace


@dataclass(frozen=True)
class PreparedFactors:
    """A checked request, not yet executed.

    Args:
        request: Methods and options.
        workspace: Folders, device and progress reporter.
        registry: Registry of the plugins and of the task of the rendered faces.
    """

    request: Request
    workspace: Workspace
    registry: Registry

    def execute(self) -> Disentanglement:
        """Pretrain, extract every feature of every method, and predict every factor from it.

        Raises:
            FacebenchError: An input is wrong; the message says what to change.
        """
        return disentangle(self.request, self.workspace, self.registry)


def prepare_factors(arguments: RunArguments) -> PreparedFactors:
    """Resolve a request; a task in it is ignored.

    Raises:
        FacebenchError: A name, option, device or file is wrong; the message says where.
    """
    registry = factor_registry(arguments.plugins)
    top, overrides = arguments.merged()
    if not top.get("method"):
        raise SpecError(
            "nothing to measure: no method given. Give --method NAME[,NAME...]; "
            f"known: {', '.join(registry.names('method'))}."
        )
    workspace = open_workspace(top, arguments)
    request = build_request({**top, "task": TASK}, overrides, workspace, registry)
    return PreparedFactors(request, workspace, registry)


@in_words
def measure_factors(**words: Unpack[RunWords]) -> Disentanglement:
    """Measure how well a linear model predicts each factor of a face: ``facebench disentangle``.

    Identity, expression, action units, yaw, pitch and roll of the rendered faces are known.

    Args:
        **words: As for :func:`facebench.run`; ``task`` is not needed, and there is one seed.

    Returns:
        The scores of each feature with 95 % intervals over persons, and every prediction.

    Raises:
        FacebenchError: An input is wrong; the message says what to change.
    """
    return prepare_factors(arguments_of(words, "measure_factors")).execute()
