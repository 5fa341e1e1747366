"""Adapts a method to Lightning: optimiser, schedule, explicit generators, curves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from facebench.config.spec import PretrainSpec
from facebench.errors import PluginError
from facebench.method import Method, Terms
from facebench.pretrain.augment.ahead import Plan, drawn_ahead
from facebench.pretrain.augment.compiled import begin_step
from facebench.pretrain.augment.draws import SharedGenerator
from facebench.pretrain.collapse import feature_std
from facebench.pretrain.devices import averaged, first_images, rank, world
from facebench.pretrain.divergence import FiniteTerms, check_gradient
from facebench.pretrain.step_terms import checked_terms
from facebench.targets import LabelledImages

_COLLAPSE_IMAGES = 64  # images of an epoch's last batch for ``feature_std``


class Learner(pl.LightningModule):
    """Runs :meth:`Method.steps` and records the curves of every epoch.

    A row of the curves has the mean of each loss term by its paper's name, ``gradient_norm`` (mean
    L2 norm before any weighting by Adam, over the first step of the epoch and each that is a
    multiple of ``gradient_norm_every`` after it), ``feature_std`` (see :func:`feature_std`), the
    weights of terms, ``lr`` and ``images_per_second`` (a pair of frames counts once). A method that
    learns in stages has other terms in each.

    Every random draw of a batch comes from a generator seeded by (seed, epoch, batch). No random
    state has to be stored, so an interrupted and resumed run ends with the same weights. On several
    devices an image has the draws that it would have on one, and everything that is recorded,
    checked or passed to the method is of the whole batch, and equal on all of them.

    Args:
        method: The initialised method.
        spec: Optimiser and schedule.
        seed: Seed of the run.
        batches: Number of batches in an epoch.
        devices: Number of devices that learn together.
    """

    def __init__(
        self, method: Method, spec: PretrainSpec, seed: int, batches: int, devices: int = 1
    ) -> None:
        super().__init__()
        self.automatic_optimization = False  # a method may take several steps per batch
        self.method = method
        self.settings, self.seed, self.batches = spec, seed, batches
        self.curves: list[dict[str, float]] = []
        self.devices = [devices]
        self._sums: dict[str, Tensor] = {}
        self._norms: list[Tensor] = []
        self._steps_taken = 0  # in this epoch
        self._terms = FiniteTerms(spec, batches)
        self._last_faces, self._last_count = torch.empty(0), 0
        self._started = 0.0
        self._draws = Plan()

    def configure_optimizers(self) -> Any:
        """Return Adam (betas 0.9, 0.999) and its schedule; by default cosine per epoch, PCL 4.1."""
        spec, method = self.settings, self.method
        adam = torch.optim.Adam(
            method.parameter_groups(), lr=spec.lr, weight_decay=spec.weight_decay,
            fused=True if _on_gpu(method) else None,
        )  # fmt: skip
        schedule: torch.optim.lr_scheduler.LRScheduler
        if spec.schedule == "cosine":
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, T_max=spec.epochs)
        elif spec.schedule == "method":  # called once more than there are epochs
            last = spec.epochs - 1
            schedule = torch.optim.lr_scheduler.LambdaLR(
                adam, lambda epoch: method.lr_factor(min(epoch, last), spec.epochs)
            )
        else:  # one step more than is taken, since torch refuses the last
            steps = spec.epochs * self.batches + 1
            schedule = torch.optim.lr_scheduler.OneCycleLR(
                adam, spec.lr, total_steps=steps, cycle_momentum=False
            )
        return [adam], [schedule]

    def on_train_epoch_start(self) -> None:
        """Call the method's ``before_epoch``, and reset the means of the epoch."""
        self.method.before_epoch(self.current_epoch, self.settings.epochs)
        self._sums, self._norms, self._started = {}, [], time.perf_counter()
        self._steps_taken = 0

    def training_step(self, batch: Tensor | LabelledImages, batch_index: int) -> None:
        """Take the optimiser steps of one batch, whose images are uint8 ``[B, 3, S, S]``.

        Raises:
            LearningError: A loss term is not finite, here or in one of the batches before.
            PluginError: The method gives no named scalars, or on several devices draws from the
                generator without the functions that know of them.
        """
        begin_step()
        adam: Any = self.optimizers()
        generator = self._generator(batch_index)
        learned: Any
        if isinstance(batch, LabelledImages):
            faces = batch.images.float().div_(255)
            learned = LabelledImages(faces, batch.targets)
        else:
            learned = faces = batch.float().div_(255)
        with self._drawing(generator, faces.device):
            self._take_steps(adam, self.method.steps(learned, generator), batch_index)
        if isinstance(generator, SharedGenerator):
            generator.check()
        self._last_faces, self._last_count = first_images(faces, _COLLAPSE_IMAGES)
        if self.settings.schedule == "onecycle":
            self._step_schedule()

    def _take_steps(self, adam: Any, steps: Iterator[Terms], batch_index: int) -> None:
        """Take an optimiser step for each of the terms that a batch gives."""
        for given in steps:
            terms = checked_terms(self.method, given)
            adam.zero_grad()
            self._terms.add(terms, self.current_epoch, batch_index)
            self.manual_backward(weighted_sum(self.method, terms))
            if self._steps_taken % self.settings.gradient_norm_every == 0:
                self._norms.append(self._gradient_norm())
            self._steps_taken += 1
            adam.step()
            # Autocast caches the weights that it has cast; a further step must cast the new ones.
            torch.clear_autocast_cache()
            self.method.after_step()
            for name, term in terms.items():
                self._sums[name] = self._sums.get(name, 0) + term.detach().float()

    def _drawing(
        self, generator: torch.Generator, device: torch.device
    ) -> AbstractContextManager[None]:
        """Return a block in which the draws of a batch come to another device together."""
        if device.type == "cpu":
            return nullcontext()
        return drawn_ahead(self._draws, generator, device)

    def on_train_epoch_end(self) -> None:
        """Log the means, pass them to the method, and step the per-epoch schedule."""
        self._terms.check()
        sums = averaged(torch.stack(list(self._sums.values()))).tolist()
        means = {name: total / self.batches for name, total in zip(self._sums, sums, strict=True)}
        seconds = time.perf_counter() - self._started
        row = {
            **means,
            "gradient_norm": float(torch.stack(self._norms).mean()),
            "feature_std": feature_std(self.method, self._last_faces, self._last_count),
            **{f"weight_{name}": weight for name, weight in self.method.term_weights().items()},
            "lr": self.trainer.optimizers[0].param_groups[0]["lr"],
            "images_per_second": self.batches * self.settings.batch_size / seconds,
        }
        check_gradient(row["gradient_norm"], self.settings, self.current_epoch)
        self.curves.append(row)
        for logger in self.loggers:
            logger.log_metrics(row, step=self.current_epoch)
        self.method.after_epoch(means)
        if self.settings.schedule != "onecycle":
            self._step_schedule()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the curves and the numbers of devices to the resume point."""
        checkpoint["curves"], checkpoint["devices"] = self.curves, self.devices

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the curves, and the numbers of devices that learned before."""
        self.curves = checkpoint["curves"]
        before = checkpoint.get("devices", self.devices)
        self.devices = before if before[-1:] == self.devices else [*before, *self.devices]

    def _gradient_norm(self) -> Tensor:
        gradients = [p.grad for p in self.method.parameters() if p.grad is not None]
        return torch.nn.utils.get_total_norm(gradients)

    def _generator(self, batch_index: int) -> torch.Generator:
        """Return the CPU generator of one batch, seeded alike on all devices."""
        entropy = [self.seed, self.current_epoch, batch_index, 0]
        (word,) = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
        owner = f"method '{self.method.info.name}'"
        new = torch.Generator() if world() == 1 else SharedGenerator(rank(), world(), owner)
        return new.manual_seed(int(word >> np.uint64(1)))

    def _step_schedule(self) -> None:
        schedule: Any = self.lr_schedulers()
        schedule.step()


def _on_gpu(method: Method) -> bool:
    return all(parameter.device.type == "cuda" for parameter in method.parameters())


def weighted_sum(method: Method, terms: Terms) -> Tensor:
    """Return the loss of a step: the weighted sum of the terms that have a gradient.

    A term without gradient is logged like the others and passed to ``after_epoch``.

    Raises:
        PluginError: No term has a gradient.
    """
    weights = method.term_weights()
    parts = [weights.get(name, 1.0) * term for name, term in terms.items() if term.requires_grad]
    if not parts:
        found = f"the terms {', '.join(terms)}, none with a gradient" if terms else "no loss term"
        raise PluginError(
            f"method '{method.info.name}': a step gives {found}; expected at least one term that "
            "depends on its weights. Correct its loss() or steps()."
        )
    return torch.stack(parts).sum()
