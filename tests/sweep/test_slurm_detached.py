"""Commands with `--detach`, which do not wait for their jobs, with a Slurm that only pretends to train."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.sweep.fake_slurm import FakeSlurm
from tests.sweep.test_slurm import RUNTIME, SPECS, sweep
from vitreport.errors import ResourceError, StoppedError
from vitreport.spec.engine import EngineSpec
from vitreport.spec.run import RunSpec
from vitreport.sweep.engines.choose import choose_engine
from vitreport.sweep.engines.slurm import SlurmEngine
from vitreport.sweep.engines.slurm_commands import NoAnswerError
from vitreport.sweep.engines.submission import Job, read_trial
from vitreport.sweep.observer import Policy
from vitreport.sweep.plan import Plan, Trial
from vitreport.sweep.run import run_plans


def test_the_sweeps_of_a_study_are_one_array(slurm: FakeSlurm) -> None:
    slurm.is_idle = True
    trials = [Trial((), spec, Path(spec.data.dataset)) for spec in SPECS]
    plans = [Plan("one", (), None, tuple(trials[:2])), Plan("two", (), None, tuple(trials[1:]))]
    make = choose_engine(EngineSpec(name="slurm"), jobs=2, detach=True)
    run_plans(plans, RUNTIME, make, policy=Policy(detach=True))
    assert slurm.arrays == [(4, 2, [])]
    written = [read_trial(job) for job in slurm.scripts.values()]
    assert [spec for spec, _, _ in written] == SPECS
    assert {runtime.data_dir for _, runtime, _ in written} == {Path("digits").absolute()}


def test_a_detached_command_says_if_it_could_not_submit(slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise ResourceError("Slurm refused the jobs: too many", "wait")

    slurm.is_idle = slurm.is_lossy = True
    engine = SlurmEngine(2, RUNTIME, detach=True)
    engine.submit(SPECS[0])
    with pytest.raises(NoAnswerError, match="timed out"):
        engine.reports(0)
    again = SlurmEngine(2, RUNTIME, detach=True)
    assert again.adopt([SPECS[0].run_id]) == [SPECS[0].run_id]
    again.submit(SPECS[1])
    monkeypatch.setattr("vitreport.sweep.engines.slurm_commands.submit_array", refuse)
    with pytest.raises(ResourceError, match="too many"):
        again.reports(0)


def test_a_detached_command_submits_all_in_smaller_arrays(slurm: FakeSlurm, notes: list[str]) -> None:
    slurm.largest_array = 1
    sweep(SlurmEngine(2, RUNTIME, notes.append, detach=True), Policy(detach=True))
    assert slurm.arrays == [(1, 1, []), (1, 1, []), (1, 1, ["1", "2"]), (1, 1, ["1", "2", "3"])]


def test_a_detached_command_says_what_is_left_for_another(slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitreport.sweep.engines.slurm.MAX_SUBMITTED", 3)
    states = sweep(SlurmEngine(2, RUNTIME, detach=True), Policy(detach=True))
    assert states.notes == ["warning: 1 trial not submitted; hint: run the same command again when jobs have ended"]


def test_a_detached_command_says_how_many_trials_it_could_not_submit(
    slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limit(*arguments: Any) -> str:
        if len(slurm.queue) + arguments[2] > 3:
            raise ResourceError("Slurm refused the jobs: job submit limit", "wait")
        return slurm.submit_array(*arguments)

    slurm.is_idle = True
    monkeypatch.setattr("vitreport.sweep.engines.slurm_commands.submit_array", limit)
    with pytest.raises(
        ResourceError, match="Slurm refused the jobs: job submit limit; 1 trial not submitted"
    ) as raised:
        sweep(SlurmEngine(2, RUNTIME, detach=True), Policy(detach=True))
    assert (raised.value.hint, [count for count, *_ in slurm.arrays]) == ("wait", [2, 1])
    assert {queued.state for queued in slurm.queue.values()} == {"PENDING"}


def test_a_signal_cancels_the_jobs_of_a_detached_command_that_still_submits(
    slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: Any) -> str:
        signal.raise_signal(signal.SIGINT)
        return slurm.submit_array(*arguments)

    monkeypatch.setattr("vitreport.sweep.engines.slurm_commands.submit_array", interrupt)
    with pytest.raises(StoppedError, match="stopped by SIGINT"):
        sweep(SlurmEngine(2, RUNTIME, detach=True, seconds_between_looks=0), Policy(detach=True))
    assert [queued.state for queued in slurm.queue.values()] == ["CANCELLED"] * 4


def test_a_signal_cancels_the_jobs_of_an_earlier_detached_command(slurm: FakeSlurm) -> None:
    slurm.is_idle = True
    with SlurmEngine(2, RUNTIME, detach=True) as earlier:
        for spec in SPECS:
            earlier.submit(spec)
        earlier.reports(0)
    slurm.is_idle = False

    def interrupt(spec: RunSpec, job: Job) -> str:
        signal.raise_signal(signal.SIGINT)
        slurm.work = lambda spec, job: "RUNNING"
        return "RUNNING"

    slurm.work = interrupt
    with pytest.raises(StoppedError, match="stopped by SIGINT; 0 of 4 trials done"):
        sweep(SlurmEngine(2, RUNTIME, seconds_between_looks=0))
    assert [queued.state for queued in slurm.queue.values()] == ["CANCELLED"] * 4
