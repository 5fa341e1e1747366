"""Which executor a sweep is computed by, and what it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Interval

from facebench.errors import SpecError, UnknownNameError
from facebench.progress import Silent
from facebench.ranges import check_value, declared
from facebench.runtime.cores import cores
from facebench.runtime.workspace import Workspace
from facebench.sweep.executors.attempt import Site
from facebench.sweep.executors.common_folder import identity
from facebench.sweep.executors.local import LocalExecutor
from facebench.sweep.executors.processes import ProcessExecutor, visible_gpus
from facebench.sweep.executors.protocol import Executor, RunNeeds
from facebench.sweep.executors.ray_tasks import RayExecutor
from facebench.sweep.executors.slurm import SlurmExecutor, read_settings

Name = Literal["local", "processes", "ray", "slurm"]
NAMES: tuple[Name, ...] = get_args(Name)
ELSEWHERE: tuple[Name, ...] = ("ray", "slurm")
"""Executors whose runs may be computed on other machines, with other devices than this one has."""

IN_QUEUE = 64  # jobs of a sweep in a SLURM queue; project's choice

# Options that only some executors have; an option that would be ignored is refused.
_OF: dict[str, tuple[Name, ...]] = {
    "ray_address": ("ray",),
    "gpus_per_run": ELSEWHERE,
    "cpus_per_run": ELSEWHERE,
    "slurm": ("slurm",),
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is asked for.

    Args:
        executor: Name of the executor; empty: ``local`` for one job, ``processes`` for several.
        jobs: Runs at a time; None: one in this process; of ``processes`` one for each GPU, or two;
            of ``ray`` what fits into the cluster; of ``slurm`` 64.
        ray_address: Address of a Ray cluster; empty: that of ``RAY_ADDRESS``, else this machine.
        gpus_per_run: GPUs that a run takes; None: one if the device is cuda, else none.
        cpus_per_run: Cores that a run takes, and threads.
        slurm: Options of submitit, ``KEY=VALUE`` each.
    """

    executor: str = ""
    jobs: Annotated[int, Interval(ge=1, le=100_000)] | None = None
    ray_address: str = ""
    gpus_per_run: Annotated[float, Interval(ge=0, le=64)] | None = None
    cpus_per_run: Annotated[int, Interval(ge=1, le=4096)] = 1
    slurm: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.executor and self.executor not in NAMES:
            raise UnknownNameError("executor", self.executor, NAMES, where="--executor")
        if self.executor == "local" and self.jobs not in (None, 1):
            raise SpecError(
                f"--jobs is {self.jobs}; the executor local computes one run at a time. Choose "
                "--executor processes, or leave --executor out."
            )
        for name, (kind, where) in self._given().items():
            given = (
                get_args(kind)[0] if get_origin(kind) in (Union, UnionType) else kind
            )  # without "or None"
            check_value(getattr(self, name), given, where)
            if self.name not in _OF.get(name, NAMES):
                raise SpecError(
                    f"{where} is an option of --executor {' and '.join(_OF[name])}; found the "
                    f"executor {self.name}. Leave the option out, or choose that executor."
                )
        read_settings(self.slurm)

    def _given(self) -> dict[str, tuple[Any, str]]:
        """Return what each option takes that has not its default, and its flag."""
        kinds = {
            name: get_args(kind)[0] if get_origin(kind) in (Union, UnionType) else kind
            for name, kind in declared(Choice).items()  # what is given is not None
        }
        return {
            field.name: (kinds[field.name], f"--{field.name.replace('_', '-')}")
            for field in fields(self)
            if field.name != "executor" and getattr(self, field.name) != field.default
        }

    @property
    def name(self) -> Name:
        """Return the name of the executor."""
        if not self.executor:
            return "local" if self.jobs in (None, 1) else "processes"
        return next(name for name in NAMES if name == self.executor)

    def device(self, asked: str) -> str:
        """Return the device that a run has, which may be that of another machine.

        Args:
            asked: What the user asked for; ``auto`` if nothing.

        Raises:
            SpecError: GPUs are asked for, and another device is.
        """
        if self.name not in ELSEWHERE or asked not in ("auto", "cuda", "cpu"):
            return asked
        if self.gpus_per_run:
            if asked == "cpu":
                raise SpecError("--gpus-per-run is given, and --device cpu. Leave one of them out.")
            return "cuda"
        return "cpu" if asked == "auto" else asked


def open_executor(
    choice: Choice, workspace: Workspace, plugins: Sequence[Path], *, verbose: bool
) -> Executor:
    """Return the executor that was chosen.

    Args:
        choice: What is asked for.
        workspace: Folders, device and progress reporter.
        plugins: Single-file plugins, imported by each process.
        verbose: Whether the processes log info messages.

    Raises:
        SpecError: It is not installed, or what is asked of it cannot be had.
    """
    if choice.name == "local":
        return LocalExecutor(workspace)
    site = Site(
        workspace=replace(workspace, progress=Silent()),  # bars would overwrite each other
        plugins=tuple(plugins),
        threads=choice.cpus_per_run,
        verbose=verbose,
        folder=Path.cwd(),
        identity=identity(workspace.cache),
    )
    gpus = choice.gpus_per_run
    if gpus is None:
        gpus = 1 if workspace.device.type == "cuda" else 0
    needs = RunNeeds(cpus=choice.cpus_per_run, gpus=gpus)
    if choice.name == "ray":
        return RayExecutor(choice.ray_address, choice.jobs, needs, site)
    if choice.name == "slurm":
        settings, folder = read_settings(choice.slurm), workspace.cache / "jobs"
        return SlurmExecutor(choice.jobs or IN_QUEUE, needs, settings, site, folder)
    # One for each GPU; where there is none, or one, two: one learns while the other reads.
    jobs = choice.jobs or max(2, len(visible_gpus(workspace.device)))
    return ProcessExecutor(jobs, replace(site, threads=max(1, cores() // jobs)))
