"""The place of a process among those that pretrain together, from what a launcher sets."""

import pytest

from facebench.errors import SpecError
from facebench.runtime.launch import is_helper, launcher, rank_of

NAMES = (
    "RANK", "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "TORCHELASTIC_RUN_ID", "SLURM_PROCID",
    "SLURM_STEP_ID", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS_PER_NODE", "SLURM_NTASKS",
    "MASTER_ADDR", "MASTER_PORT",
)  # fmt: skip
TORCHRUN = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "8"}
SRUN = {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "8", "SLURM_NTASKS_PER_NODE": "4"}
MACHINES = {"MASTER_ADDR": "node0", "MASTER_PORT": "29500"}
BATCH_SCRIPT = {"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_NTASKS_PER_NODE": "4"}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "by", "rank"),
    [
        ({**MACHINES, "NODE_RANK": "0"}, "", 0),
        ({**MACHINES, "LOCAL_RANK": "3", "NODE_RANK": "0"}, "", 3),  # as Lightning starts others
        ({**MACHINES, "NODE_RANK": "1"}, "", 4),  # the command on the second machine
        ({**MACHINES, "LOCAL_RANK": "2", "NODE_RANK": "1"}, "", 6),
        ({**TORCHRUN, "RANK": "5", "LOCAL_RANK": "1"}, "torchrun", 5),
        ({**TORCHRUN, "RANK": "4", "LOCAL_RANK": "0"}, "torchrun", 4),
        ({**SRUN, "SLURM_PROCID": "6"}, "srun", 6),
        ({**BATCH_SCRIPT, **MACHINES, "NODE_RANK": "0"}, "", 0),
    ],
)
def test_a_process_knows_its_place(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], by: str, rank: int
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (launcher(), rank_of(4, 2)) == (by, rank)
    assert rank_of(1, 1) == 0  # a run of its own
    assert is_helper() is (rank > 0 and by != "srun")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({**TORCHRUN, "RANK": "0"}, "torchrun has started 8 processes, .* are 2 devices"),
        ({**SRUN, "SLURM_PROCID": "0"}, "srun has started 8 processes, .* are 2 devices"),
        (
            {**SRUN, "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0"},
            "ntasks-per-node is 4; expected 2, .* --nodes=1 --ntasks-per-node=2",
        ),
    ],
)
def test_other_numbers_of_processes_than_of_devices_are_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SpecError, match=message):
        rank_of(2, 1)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "NODE_RANK, MASTER_ADDR, MASTER_PORT not set; expected .* 0 to 1"),
        (BATCH_SCRIPT, "NODE_RANK, MASTER_ADDR, MASTER_PORT not set"),
        ({"NODE_RANK": "1", "MASTER_ADDR": "node0"}, "srun: MASTER_PORT not set"),
        ({**MACHINES, "NODE_RANK": "2"}, "NODE_RANK is 2; expected 0 to 1, of --nodes 2"),
        ({**MACHINES, "NODE_RANK": "one"}, "NODE_RANK is one; expected a whole number"),
    ],
)
def test_a_machine_whose_place_is_not_known_does_not_wait_for_others(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SpecError, match=message):
        rank_of(4, 2)
