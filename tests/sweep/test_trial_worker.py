"""Several trials that take turns in one process: each comes to the bits that it has alone."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from itertools import count, pairwise
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.store.identity import differences
from tests.training.small import small_spec
from vitreport.records.reader import read_run
from vitreport.records.run import RunRecord
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store import session
from vitreport.store.session import Session
from vitreport.store.train import train_run
from vitreport.sweep.engines.engine import Ended
from vitreport.sweep.engines.trial_worker import TrialWorker
from vitreport.training.events import EpochFinished, Listener

DATA = {"dataset": "digits", "image_size": 8, "num_classes": 10, "limit": 60}
FLIPPED = {**DATA, "augment": [{"name": "horizontal_flip"}], "mix": {"mixup_alpha": 0.8, "cutmix_alpha": 1.0}}
DROPOUT = {"attn_dropout": 0.2, "ff_dropout": 0.2}
PERCEIVER = {
    "name": "perceiver",
    "depth": 1,
    "num_latents": 4,
    "latent_dim": 8,
    "latent_heads": 2,
    "attn_dropout": 0.2,
    "ff_dropout": 0.2,
}
SPECS = [
    small_spec(seed=0, model=PERCEIVER, data=DATA),
    small_spec(seed=1, model=PERCEIVER, data=DATA),
    small_spec(seed=1, model={"drop_rate": 0.2, "drop_path_rate": 0.2}, data=FLIPPED, train={"epochs": 3}),
]
EXPLODING = small_spec(optimizer={"name": "sgd", "learning_rate": 1e6}, data=DATA)
STOPPED = Ended("stopped by SIGTERM", is_temporary=True, is_stop=True)
Reports = list[tuple[str, Any, bool]]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    cache = tmp_path_factory.mktemp("cache")
    return Runtime("cpu", Path("data"), cache, threads=1, runs_dir=Path("runs"), checkpoint_seconds=1000)


@pytest.fixture(scope="module")
def alone(runtime: Runtime, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The runs of SPECS, trained one after the other."""
    place = replace(runtime, runs_dir=tmp_path_factory.mktemp("alone"))
    return [train_run(spec, place, force=False, argv=(), listener=Listener()) for spec in SPECS]


def in_turns(specs: list[RunSpec], runtime: Runtime, *, lanes: int = 3) -> tuple[bool, Reports]:
    """Train specs that have all been sent before; whether no signal has come, and the reports."""
    here, there = Pipe()
    for spec in specs:
        here.send((spec, Path("data")))
    turns, goes_on, reports = TrialWorker(there, replace(runtime, trials_per_job=lanes), ()), True, []
    while goes_on and there.poll():
        goes_on = turns.train(*there.recv())
    while here.poll():
        reports.append(here.recv())
    return goes_on, reports


def ends_of(reports: Reports) -> dict[str, Ended]:
    return {run_id: report for run_id, report, _ in reports if isinstance(report, Ended)}


def records_of(specs: list[RunSpec]) -> list[RunRecord]:
    return [record for spec in specs if (record := read_run(Path("runs") / spec.run_id).record)]


def check_bits(alone: list[Path]) -> None:
    assert {run.name: found for run in alone if (found := differences(run, Path("runs") / run.name))} == {}


@pytest.mark.parametrize("lanes", [2, 3])
def test_bits_are_those_of_runs_alone(runtime: Runtime, alone: list[Path], lanes: int) -> None:
    goes_on, reports = in_turns(SPECS, runtime, lanes=lanes)
    assert goes_on
    assert ends_of(reports) == {spec.run_id: Ended() for spec in SPECS}
    epochs = [run_id for run_id, report, _ in reports if isinstance(report, EpochFinished)]
    assert sum(before != after for before, after in pairwise(epochs)) >= len(SPECS), "the trials did not take turns"
    check_bits(alone)
    assert [record.trials_per_job for record in records_of(SPECS)] == [lanes] * 3


def test_a_run_that_diverges_ends_alone(runtime: Runtime, alone: list[Path]) -> None:
    _, reports = in_turns([SPECS[0], EXPLODING, SPECS[1]], runtime)
    ends = ends_of(reports)
    assert ends.pop(EXPLODING.run_id).reason.startswith("diverged at epoch 1, step ")
    assert ends == {spec.run_id: Ended() for spec in SPECS[:2]}
    assert not any(must_restart for _, _, must_restart in reports)
    check_bits(alone[:2])


def at_step(number: int, action: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the step of that number, of all trials together."""
    numbers, train_step = count(1), vars(session)["train_step"]

    def step(*arguments: Any) -> Any:
        if next(numbers) == number:
            action()
        return train_step(*arguments)

    monkeypatch.setattr(session, "train_step", step)


def test_a_run_that_fails_ends_alone(runtime: Runtime, alone: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    at_step(5, lambda: bytearray(1 << 60), monkeypatch)
    _, reports = in_turns(SPECS, runtime)
    ends, worn = ends_of(reports), [run_id for run_id, _, must_restart in reports if must_restart]
    assert worn == [SPECS[1].run_id]
    reason = ends.pop(worn[0]).reason
    assert reason.startswith("out of memory at train.batch_size = 20; hint: choose a smaller model")
    assert reason.endswith("or a smaller --trials-per-job")
    assert set(ends.values()) == {Ended()}
    check_bits([alone[0], alone[2]])


def test_an_error_of_the_gpu_ends_the_process_and_the_others_resume(
    runtime: Runtime, alone: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them can use the GPU any more, which is not their fault."""

    def fail() -> None:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    with monkeypatch.context() as patch:
        at_step(5, fail, patch)
        goes_on, reports = in_turns(SPECS, replace(runtime, checkpoint_seconds=0))
    assert not goes_on
    assert list(ends_of(reports)) == [SPECS[1].run_id]
    records = records_of(SPECS)
    assert [record.status for record in records] == ["interrupted", "failed", "interrupted"]
    assert [record.step for record in records] == [2, 1, 1]
    in_turns(SPECS, runtime)
    check_bits(alone)


def test_a_signal_stops_all_and_the_same_command_finishes_them(
    runtime: Runtime, alone: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        at_step(5, lambda: os.kill(os.getpid(), signal.SIGTERM), patch)
        goes_on, reports = in_turns(SPECS, runtime)
    assert not goes_on
    assert ends_of(reports) == dict.fromkeys([spec.run_id for spec in SPECS], STOPPED)
    records = records_of(SPECS)
    assert [(record.status, record.step) for record in records] == [("interrupted", step) for step in (2, 2, 1)]
    in_turns(SPECS, runtime, lanes=1)
    check_bits(alone)
    assert [record.trials_per_job for record in records_of(SPECS)] == [3] * 3, "their times include shared ones"


def test_after_a_signal_no_session_is_built(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def build(spec: RunSpec, *arguments: Any) -> Session:
        built.append(spec)
        os.kill(os.getpid(), signal.SIGTERM)
        return Session(spec, *arguments)

    monkeypatch.setattr("vitreport.store.train.Session", build)
    goes_on, reports = in_turns(SPECS, runtime)
    assert (goes_on, len(built)) == (False, 1)
    assert ends_of(reports) == dict.fromkeys([spec.run_id for spec in SPECS], STOPPED)
    assert list(Path("runs").glob("*")) == []


def test_a_second_signal_loses_no_run(runtime: Runtime, alone: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The run in whose step it comes is not saved, the others are."""

    def stop_twice() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        at_step(5, stop_twice, patch)
        _, reports = in_turns(SPECS, runtime)
    assert ends_of(reports).keys() == {spec.run_id for spec in SPECS}
    records = records_of(SPECS)
    assert [(record.status, record.step) for record in records] == [("interrupted", step) for step in (2, 0, 1)]
    in_turns(SPECS, runtime)
    check_bits(alone)
