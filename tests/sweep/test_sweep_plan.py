"""Planning: duplicates, shared stages, order; and a schedule that computes each stage once."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from facebench.config.options import parse_set
from facebench.config.sweep_file import parse_sweep
from facebench.errors import FacebenchError
from facebench.pipeline.plan import Step
from facebench.pipeline.run import run
from facebench.pipeline.stages import open_stages
from facebench.registry import Registry
from facebench.request.loaded import load_run
from facebench.runtime.workspace import Workspace
from facebench.sweep.entries import SweepEntry, sweep_entries, sweep_requests
from facebench.sweep.plan import PlannedRun, SweepPlan, plan_sweep
from facebench.sweep.schedule import Pace, Schedule
from facebench.sweep.tables import rows

BASE = """
task: tiny
backbone: tinynet
pretrain_data: tiny
precision: "32"
pretrain: {epochs: 1, batch_size: 48, image_size: 32}
probe: {epochs: 2, resamples: 100}
"""
SHARING = """
method: simclr
grid:
  simclr.temperature: [0.1, 0.5]
  extract.pool: [flatten, mean]
  probe.paper_lr: [0.01, 0.1]
"""


@pytest.fixture
def workspace(tmp_path: Path, data: Path) -> Workspace:
    return Workspace(cache=tmp_path / "cache", results=tmp_path / "results", data=data,
                     device=torch.device("cpu"))  # fmt: skip


@pytest.fixture
def registry(plugin: Path) -> Registry:
    return Registry((plugin,))


def entries_of(
    text: str, workspace: Workspace, registry: Registry, **flags: object
) -> list[SweepEntry]:
    sweep = parse_sweep(BASE + text, "f.yaml")
    return sweep_entries(sweep, sweep_requests(sweep, flags, {}, workspace, registry), registry)


def planned(
    text: str, workspace: Workspace, registry: Registry
) -> tuple[list[SweepEntry], SweepPlan]:
    entries = entries_of(text, workspace, registry)
    return entries, plan_sweep(entries, workspace)


def folders(root: Path) -> set[str]:
    return {path.name for path in root.iterdir() if path.is_dir()}


def test_the_plan_counts_what_is_made_when_all_is_run(
    workspace: Workspace, registry: Registry
) -> None:
    entries, plan = planned(SHARING, workspace, registry)
    counts = {count.name: (count.runs, count.distinct, count.to_do) for count in plan.counts()}
    # Two temperatures; for each of them and the untrained floor two poolings and two rates.
    assert counts == {"pretrain": (8, 2, 2), "extract": (12, 6, 6), "probe": (12, 12, 12)}
    assert not workspace.cache.joinpath("checkpoints").exists()
    for one in plan.runs:
        run(one.run, workspace)
    assert len(folders(workspace.cache / "checkpoints")) == 2 + 1
    assert len(folders(workspace.cache / "features")) == 6
    assert len(list(workspace.results.glob("*/*.json"))) == len(plan.runs) == 12

    again = plan_sweep(entries, workspace)
    assert all(one.result and one.result.exists() and not one.missing() for one in again.runs)
    assert {one.spec for one in again.runs} == {one.spec for one in plan.runs}
    assert [count.to_do for count in again.counts()] == [0, 0, 0]
    # Named before the weights exist or after: what is one run stays one run.
    assert len(set(again.keys)) == len(set(plan.keys)) == 12


def test_runs_of_a_checkpoint_follow_each_other_and_the_most_shared_comes_first(
    workspace: Workspace, registry: Registry
) -> None:
    text = """
floors: false
rows:
  - {name: alone, method: simclr, set: {simclr.temperature: 0.9}}
  - {name: a1, method: simclr, set: {probe.paper_lr: 0.1}}
  - {name: b1, method: simclr, set: {simclr.temperature: 0.5}}
  - {name: a2, method: simclr, set: {extract.pool: mean}}
  - {name: a3, method: simclr, set: {probe.paper_lr: 0.2}}
  - {name: b2, method: simclr, set: {simclr.temperature: 0.5, probe.paper_lr: 0.3}}
"""
    entries, plan = planned(text, workspace, registry)
    names = {key: entry.name for entry, key in zip(entries, plan.keys, strict=True)}
    assert [names[one.key] for one in plan.runs] == ["a1", "a3", "a2", "b1", "b2", "alone"]


def test_stages_are_those_of_the_run(workspace: Workspace, registry: Registry) -> None:
    """The plan opens data once for all runs; each run alone must give the same keys."""
    _, plan = planned(SHARING + "seeds: [0, 3]", workspace, registry)
    for one in plan.runs:
        assert (
            one.stages[0].key
            == open_stages(load_run(one.spec, registry), workspace).checkpoint_key()
        )
    assert len({one.stages[0].key for one in plan.runs}) == 6


def test_doubles_are_run_once_and_shown_once(workspace: Workspace, registry: Registry) -> None:
    text = """
method: simclr, random
grid: {simclr.temperature: [0.1, 0.2], backbone: [tinynet]}
"""
    entries, plan = planned(text, workspace, registry)
    assert len(entries) == 4
    assert len(plan.runs) == 3  # the untrained backbone has no temperature
    assert [row.label for row in rows(entries, plan)] == [
        "SimCLR, simclr.temperature=0.1, backbone=tinynet",
        "Untrained backbone, backbone=tinynet",
        "SimCLR, simclr.temperature=0.2, backbone=tinynet",
    ]


def test_floors_of_named_rows_are_one_row_unless_they_differ(
    workspace: Workspace, registry: Registry
) -> None:
    text = """
rows:
  - {name: a, method: simclr}
  - {name: b, method: simclr, set: {simclr.temperature: 0.5}}
  - {name: c, method: simclr, set: {probe.paper_lr: 0.5}}
"""
    entries, plan = planned(text, workspace, registry)
    found = rows(entries, plan)
    assert [row.label for row in found] == [
        "Untrained backbone", "Untrained backbone, c", "a", "b", "c"
    ]  # fmt: skip
    assert [row.floor for row in found] == [True, True, False, False, False]


def test_shared_options_of_another_method_are_no_error_but_those_of_a_row_are(
    workspace: Workspace, registry: Registry
) -> None:
    text = """
pcl: {negatives: 3}
rows:
  - {name: s, method: simclr}
  - {name: p, method: pcl}
"""
    specs = [entry.spec for entry in entries_of(text, workspace, registry) if not entry.floor]
    assert [spec.method for spec in specs] == ["simclr", "pcl"]
    assert specs[1].method_options.negatives == 3
    for wrong, message in (
        ("rows: [{name: s, method: simclr, set: {pcl.negatives: 3}}]", "option group 'pcl'"),
        ("method: pcl\npcl: {negativs: 3}", "Did you mean 'pcl.negatives'"),
        ("method: pcl\ngrid: {pcl.negatives: [few]}", "f.yaml, grid, pcl.negatives"),
        ("method: pcl\ngrid: {limit: [few]}", "limit is 'few'; expected a whole number"),
        ("rows: [{name: s, method: simclr, published: {tny: 1}}]", "Did you mean 'tiny'"),
        ("method: pcl\ngird: {pcl.negatives: [3]}", "unknown option group 'gird' in f.yaml, gird"),
    ):
        with pytest.raises(FacebenchError) as error:
            entries_of(wrong, workspace, registry)
        assert message in str(error.value)


def test_a_flag_may_change_what_is_shared_but_not_what_is_varied(
    workspace: Workspace, registry: Registry
) -> None:
    text = "method: simclr\ngrid: {pretrain_data: [tiny], simclr.temperature: [0.1]}"
    (entry,) = entries_of(text + "\nfloors: false", workspace, registry, seeds="7")
    assert entry.spec.seed == 7
    sweep = parse_sweep(BASE + text, "f.yaml")
    for flags, items in (({"pretrain_data": "x"}, []), ({}, ["simclr.temperature=1"])):
        with pytest.raises(FacebenchError, match="is what this sweep varies"):
            sweep_requests(sweep, flags, parse_set(items), workspace, registry)


def test_data_that_cannot_be_opened_stop_only_their_own_runs(
    workspace: Workspace, registry: Registry
) -> None:
    text = "method: simclr\nfloors: false\ngrid: {pretrain.data: [/nowhere, tiny]}"
    base = BASE.replace("pretrain_data: tiny\n", "")
    sweep = parse_sweep(base + text, "f.yaml")
    entries = sweep_entries(sweep, sweep_requests(sweep, {}, {}, workspace, registry), registry)
    lost, fine = plan_sweep(entries, workspace).runs
    assert "/nowhere" in lost.error
    assert not lost.waits
    assert fine.waits


def stage(name: str, key: object) -> Step:
    return Step(name, f"{name} {key}", done=False)


def random_runs(spec_of: PlannedRun, rng: random.Random) -> list[PlannedRun]:
    runs = []
    for number in range(30):
        checkpoint, features = rng.randrange(5), rng.randrange(3)
        stages = (stage("pretrain", checkpoint), stage("extract", (checkpoint, features)),
                  stage("probe", number))  # fmt: skip
        runs.append(replace(spec_of, key=str(number), stages=stages))
    return runs


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_no_two_jobs_make_the_same_stage_and_every_run_is_run(
    jobs: int, workspace: Workspace, registry: Registry
) -> None:
    example = planned("method: simclr", workspace, registry)[1].runs[0]
    for seed in range(20):
        rng = random.Random(seed)
        schedule = Schedule(random_runs(example, rng))
        made: set[Step] = set()
        making: dict[str, tuple[PlannedRun, set[Step]]] = {}
        finished: list[str] = []
        while True:
            while len(making) < jobs and (one := schedule.take()):
                own = set(one.stages) - made
                assert not own & {s for _, stages in making.values() for s in stages}
                making[one.key] = (one, own)
            outstanding = {s for run in schedule.pending for s in run.stages} - made
            assert schedule.outstanding() == outstanding.union(*(own for _, own in making.values()))
            if not making:
                break
            one, own = making.pop(rng.choice(list(making)))
            made |= own
            finished.append(one.key)
            assert schedule.finish(one, learned=True, done=True) == []
        assert sorted(finished, key=int) == [str(number) for number in range(30)]


def test_runs_whose_checkpoint_failed_are_given_up_and_no_others(
    workspace: Workspace, registry: Registry
) -> None:
    example = planned("method: simclr", workspace, registry)[1].runs[0]
    runs = random_runs(example, random.Random(0))
    schedule = Schedule(runs)
    first = schedule.take()
    assert first is not None
    lost = schedule.finish(first, learned=False, done=False)
    same = [one for one in runs[1:] if one.stages[0] == first.stages[0]]
    assert lost == same
    assert schedule.pending == [one for one in runs[1:] if one not in same]

    after = schedule.take()  # its extraction fails: the next one tries again, but learns nothing
    assert after is not None
    assert schedule.finish(after, learned=True, done=False) == []
    assert after.stages[0] not in schedule.outstanding()


def test_time_left_is_the_mean_of_each_stage_times_what_is_outstanding(
    workspace: Workspace, registry: Registry
) -> None:
    example = planned("method: simclr", workspace, registry)[1].runs[0]
    one = random_runs(example, random.Random(0))[0]
    pace = Pace()
    left = {stage("pretrain", 1), stage("probe", 1), stage("probe", 2)}
    assert pace.left(left, 1) is None
    pace.note(one, {"pretrain": 100.0, "extract": 10.0, "probe": 1.0})
    pace.note(one, {"pretrain": 200.0, "extract": 10.0, "probe": 3.0})
    assert pace.left(left, 1) == pytest.approx(150 + 2 + 2)
    assert pace.left(left, 2) == pytest.approx(77)
