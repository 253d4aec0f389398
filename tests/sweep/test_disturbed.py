"""Sweeps of which workers and commands are killed come to the same table, to the last bit."""

import json
from pathlib import Path

import pytest

from tests.commands import Completed
from tests.store.identity import differences
from tests.sweep.processes import MIXER, Kills, ablate, disturbed, finished, record, runs

pytestmark = pytest.mark.timeout(1800)

VALUES = ("--param", "batch_size", "10,20,25,40,50")
OPTIONS = ("--threads=1", "--json", "--checkpoint-seconds=0")


def table(done: Completed) -> object:
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)["ablations"]


def check_disturbed(folder: Path, *arguments: str, trials: int, worker_kills: int, command_kills: int) -> None:
    known = table(ablate(folder / "undisturbed", *arguments).finish(600))
    kills = Kills(trials, worker_kills, command_kills, seed=1)
    assert table(disturbed(folder / "disturbed", *arguments, kills=kills)) == known
    assert finished(folder / "disturbed").items() >= kills.finished.items(), "a finished trial was trained again"
    assert [record(run)["status"] for run in runs(folder / "disturbed")] == ["done"] * trials
    pairs = zip(runs(folder / "undisturbed"), runs(folder / "disturbed"), strict=True)
    assert {first.name: found for first, second in pairs if (found := differences(first, second))} == {}


@pytest.mark.parametrize("jobs", ["--jobs=2", "--trials-per-job=3"])
def test_kills_cost_a_sweep_nothing(tmp_path: Path, jobs: str) -> None:
    check_disturbed(
        tmp_path,
        *MIXER,
        "--param",
        "batch_size",
        "20,50",
        "--seeds=2",
        jobs,
        *OPTIONS,
        trials=4,
        worker_kills=2,
        command_kills=1,
    )


@pytest.mark.long
def test_many_kills_cost_a_large_sweep_nothing(tmp_path: Path) -> None:
    check_disturbed(
        tmp_path, *MIXER, *VALUES, "--seeds=10", "--jobs=2", *OPTIONS, trials=50, worker_kills=10, command_kills=3
    )
