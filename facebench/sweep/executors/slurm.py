"""``slurm``: runs as jobs of a SLURM queue, through submitit."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from facebench.errors import SpecError, UnknownNameError, shortened
from facebench.sweep.executors.attempt import Site, compute, packed, packed_run
from facebench.sweep.executors.protocol import Ended, RunNeeds
from facebench.sweep.plan import PlannedRun

MINUTES = 240  # of a job, unless timeout_min is given; project's choice
CLUSTERS = ("slurm", "local", "debug")  # the latter two without a queue, to try it
_OF_ANY_QUEUE = ("timeout_min", "mem_gb", "name")  # submitit has a name of its own for each


@dataclass(frozen=True)
class Job:
    """What a job of the queue computes.

    Args:
        site: From :func:`facebench.sweep.executors.attempt.packed`.
        planned: From :func:`facebench.sweep.executors.attempt.packed_run`.
    """

    site: bytes
    planned: bytes

    def __call__(self) -> Ended:
        """Compute the run."""
        return compute(self.site, self.planned)

    def checkpoint(self) -> Any:
        """Return what is put into the queue again when the job's time is over: the same.

        Pretraining goes on from its last resume point; submitit calls this up to three times.
        """
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class SlurmExecutor:
    """Submits each run as a job of its own, and waits for it.

    Args:
        places: Jobs at a time, those that wait in the queue included.
        needs: What one run takes.
        settings: Options of submitit; ``cluster`` is ``slurm``, or ``local`` and ``debug`` to try
            it without a queue.
        site: Folders, plugins and threads.
        folder: Where submitit keeps scripts, logs and what it sends to jobs.

    Raises:
        SpecError: submitit is not installed, there is no SLURM here, or an option is unknown.
    """

    def __init__(
        self, places: int, needs: RunNeeds, settings: Mapping[str, Any], site: Site, folder: Path
    ) -> None:
        self.places = places
        self._queue = _queue(needs, settings, folder)
        self._site = packed(site)
        self._waiting = ThreadPoolExecutor(places, thread_name_prefix="slurm")
        self._jobs: list[Any] = []

    def submit(self, planned: PlannedRun) -> Future[Ended]:
        """Submit a run as a job; a thread asks whether it has ended."""
        job = self._queue.submit(Job(self._site, packed_run(planned)))
        self._jobs.append(job)
        return self._waiting.submit(_ended, job)

    def close(self) -> None:
        """Cancel the jobs that have not ended; pretraining writes its resume points first."""
        for job in self._jobs:
            if not job.done():
                job.cancel(check=False)
        self._waiting.shutdown(wait=True)


def read_settings(texts: list[str] | tuple[str, ...]) -> dict[str, Any]:
    """Return options of submitit that were written as ``KEY=VALUE``.

    Raises:
        SpecError: One is of another form, or submitit has no such option or is not installed.
    """
    read: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise SpecError(
                f"--slurm {shortened(text)}: expected KEY=VALUE, such as partition=gpu or "
                "timeout_min=720."
            )
        try:
            read[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise SpecError(f"--slurm {shortened(text)}: the value cannot be read.") from error
        if key not in _known():
            raise UnknownNameError("option", key, _known(), where="--slurm")
    if (cluster := read.get("cluster", CLUSTERS[0])) not in CLUSTERS:
        raise UnknownNameError("cluster", str(cluster), CLUSTERS, where="--slurm")
    return read


def _known() -> tuple[str, ...]:
    """Return the options that submitit takes for a queue."""
    submitit = _submitit()
    return ("cluster", *_OF_ANY_QUEUE, *submitit.SlurmExecutor._valid_parameters())


def _queue(needs: RunNeeds, settings: Mapping[str, Any], folder: Path) -> Any:
    submitit = _submitit()
    if needs.gpus != int(needs.gpus):
        raise SpecError(f"--gpus-per-run is {needs.gpus:g}; expected a whole number of SLURM.")
    options = {key: value for key, value in settings.items() if key != "cluster"}
    named = {
        key if key in _OF_ANY_QUEUE else f"slurm_{key}": value for key, value in options.items()
    }
    shared = {"name": "facebench", "timeout_min": MINUTES, "cpus_per_task": needs.cpus,
              "gpus_per_node": int(needs.gpus)}  # fmt: skip
    cluster = str(settings.get("cluster", CLUSTERS[0]))
    on_queue = cluster == CLUSTERS[0]
    try:
        queue = submitit.AutoExecutor(folder, cluster=cluster)
        queue.update_parameters(**{**shared, **named})
    # submitit's words for: no SLURM here, an unknown cluster, an unknown or untyped option
    except (RuntimeError, ValueError, NameError, AssertionError) as error:
        reason = " ".join(str(error).split("\n")[:1])
        raise SpecError(
            f"--executor slurm: {reason.rstrip('.')}. Change --slurm"
            + (", or try it on this machine with --slurm cluster=local." if on_queue else ".")
        ) from error
    return queue


def _submitit() -> Any:
    try:
        import submitit
    except ImportError as error:
        raise SpecError(
            f"--executor slurm needs submitit ({error}). Install it: pip install "
            "'facebench[slurm]'."
        ) from error
    return submitit


def _ended(job: Any) -> Ended:
    """Wait for a job, and return how it ended."""
    try:
        ended: Ended = job.result()
    except Exception as error:  # submitit's own, or whatever the job raised
        lines = str(error).strip().splitlines()
        reason = lines[0] if lines else type(error).__name__
        return Ended(
            error=f"its job {job.job_id} gave no result: {reason} Logs: {job.paths.folder}"
        )
    return ended
