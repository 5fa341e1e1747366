"""Which of several processes this is that pretrain together, and who has started them.

``torchrun`` and ``srun`` start all of them. Otherwise Lightning starts those of a machine with this
command once more, when the first one begins to learn; on several machines the command is started on
each, with ``NODE_RANK`` and the address of the first.
"""

from __future__ import annotations

import os
from typing import Literal

from facebench.errors import SpecError, shortened

Launcher = Literal["", "torchrun", "srun"]

# The variables with the place of a process, and with how many there are.
_OF_TORCHRUN = ("RANK", "WORLD_SIZE")
_OF_SRUN = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS")
_OF_MACHINES = ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT")  # Lightning's, of several machines


def launcher() -> Launcher:
    """Return what has started this process together with others; empty: nothing has."""
    if {*_OF_TORCHRUN, "TORCHELASTIC_RUN_ID"} <= os.environ.keys():
        return "torchrun"
    # A batch script has the variables of its job, but not those of a step, which is an srun.
    if {*_OF_SRUN, "SLURM_STEP_ID"} <= os.environ.keys():
        return "srun" if int(os.environ["SLURM_STEP_NUM_TASKS"]) > 1 else ""
    return ""


def rank_of(devices: int, nodes: int) -> int:
    """Return the place of this process among those that pretrain together, from 0.

    Args:
        devices: Devices of a machine.
        nodes: Machines.

    Raises:
        SpecError: There are more or fewer processes than devices, or more or fewer on a machine; or
            nothing says which of several machines this is.
    """
    if devices * nodes == 1:  # what srun starts together may be runs of their own
        return 0
    by = launcher()
    if by == "":
        return _machine(nodes) * devices + _number("LOCAL_RANK")
    rank, count = _OF_TORCHRUN if by == "torchrun" else _OF_SRUN
    if _number(count) != devices * nodes:
        raise SpecError(
            f"{by} has started {_number(count)} processes, and --devices {devices} with --nodes "
            f"{nodes} are {devices * nodes} devices; expected a process for each."
        )
    if by == "srun" and os.environ.get("SLURM_NTASKS_PER_NODE") != str(devices):
        found = os.environ.get("SLURM_NTASKS_PER_NODE", "not given")
        raise SpecError(
            f"srun's --ntasks-per-node is {found}; expected {devices}, as --devices. Start the job "
            f"with --nodes={nodes} --ntasks-per-node={devices}."
        )
    return _number(rank)


def _machine(nodes: int) -> int:
    """Return the place of this machine, whose processes Lightning starts, among several."""
    missing = [name for name in _OF_MACHINES if name not in os.environ] if nodes > 1 else []
    if missing:  # the processes would wait for each other for ever
        raise SpecError(
            f"--nodes {nodes} without torchrun or srun: {', '.join(missing)} not set; expected "
            f"NODE_RANK (the place of this machine, 0 to {nodes - 1}), MASTER_ADDR and MASTER_PORT "
            "(address and a free port of the first one) in the environment of each machine."
        )
    machine = _number("NODE_RANK")
    if not 0 <= machine < nodes:
        raise SpecError(f"NODE_RANK is {machine}; expected 0 to {nodes - 1}, of --nodes {nodes}.")
    return machine


def is_helper() -> bool:
    """Return whether the environment says that this is not the first of several processes."""
    return any(_number(name) > 0 for name in ("RANK", "LOCAL_RANK", "NODE_RANK"))


def _number(name: str) -> int:
    text = os.environ.get(name, "0")
    try:
        return int(text)
    except ValueError:
        raise SpecError(f"{name} is {shortened(text)}; expected a whole number.") from None
