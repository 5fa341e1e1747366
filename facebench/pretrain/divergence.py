"""Stops pretraining in the step in which a loss is not finite any more."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from facebench.config.spec import PretrainSpec
from facebench.errors import LearningError
from facebench.method import Terms
from facebench.pretrain.devices import averaged

# Steps between two looks at losses on a GPU, each of which waits for all steps before; the wait is
# then below a thousandth of the time. On a CPU every step is looked at, before its gradient.
_INTERVAL = 50


class FiniteTerms:
    """Keeps the loss terms of the last steps, and looks at them together.

    Args:
        spec: Options of pretraining, for messages.
        batches: Number of batches in an epoch, for messages.
    """

    def __init__(self, spec: PretrainSpec, batches: int) -> None:
        self.spec, self.batches = spec, batches
        self._names: list[tuple[str, int, int]] = []  # term, epoch, batch
        self._terms: list[Tensor] = []

    def add(self, terms: Terms, epoch: int, batch: int) -> None:
        """Add the terms of a step that have a gradient, and look at them if it is time to.

        Raises:
            LearningError: One of them is not finite.
        """
        for name, term in terms.items():
            if term.requires_grad:
                self._names.append((name, epoch, batch))
                self._terms.append(term.detach().float())
        waits = bool(self._terms) and self._terms[0].device.type != "cpu"
        if not waits or batch % _INTERVAL == _INTERVAL - 1:
            self.check()

    def check(self) -> None:
        """Look at all terms since the last look, with one copy to the host.

        Of several devices, each looks at the means of all, so that all of them stop.

        Raises:
            LearningError: One of them is not finite; names the first, its epoch and batch.
        """
        names, terms, self._names, self._terms = self._names, self._terms, [], []
        if not terms:
            return
        for (name, epoch, batch), value in zip(
            names, averaged(torch.stack(terms)).tolist(), strict=True
        ):
            if not math.isfinite(value):
                raise LearningError(
                    f"pretraining stops in epoch {epoch + 1} of {self.spec.epochs}, batch "
                    f"{batch + 1} of {self.batches}: the loss term {name} is {value}. "
                    f"{_advice(self.spec)}"
                )


def check_gradient(norm: float, spec: PretrainSpec, epoch: int) -> None:
    """Check the mean gradient norm of an epoch: one infinite gradient destroys all weights.

    Raises:
        LearningError: It is not finite.
    """
    if not math.isfinite(norm):
        raise LearningError(
            f"pretraining stops in epoch {epoch + 1} of {spec.epochs}: the norm of the gradient "
            f"is {norm}. {_advice(spec)}"
        )


def _advice(spec: PretrainSpec) -> str:
    return (
        f"Try a smaller pretrain.lr (it is {spec.lr:g}), --precision 32 or a higher temperature; "
        "the last resume point is kept."
    )
