"""What the engine does when its workers die, end or find no GPU; the workers are fakes, so that torch is not loaded."""

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.records import small_spec
from tests.sweep import fakes
from vitreport.errors import ResourceError, SpecError
from vitreport.runtime import Runtime
from vitreport.sweep.engines.engine import Ended, Report
from vitreport.sweep.engines.local import LocalEngine, uncompiled_if_shared

RUNTIME = Runtime(data_dir=Path(), cache_dir=Path(), threads=1)

KILLED = Ended("its worker was stopped by signal 9 (out of memory? try fewer --jobs)", is_temporary=True)


@pytest.fixture
def notes() -> list[str]:
    """What the engine has told the user."""
    return []


@pytest.fixture
def run_all(notes: list[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[int, Report]]:
    """Hand out runs of so many seeds to workers of a kind; how each has ended, and no process is left."""

    def run(
        worker: Callable[..., None], *, seeds: int, jobs: int, jobs_per_gpu: int = 1, trials_per_job: int = 1
    ) -> dict[int, Report]:
        monkeypatch.setattr("vitreport.sweep.engines.local.train_each", worker)
        waiting = [small_spec(seed) for seed in range(seeds)]
        ends: dict[int, Report] = {}
        runtime = replace(RUNTIME, trials_per_job=trials_per_job)
        with LocalEngine(jobs, runtime, notes.append, jobs_per_gpu=jobs_per_gpu) as engine:
            while len(ends) < seeds:
                while waiting and engine.has_room:
                    engine.submit(waiting.pop(0))
                ends |= {int(run_id.rpartition("s")[2]): report for run_id, report in engine.reports(0.1)}
                assert len(engine.running) <= jobs * trials_per_job
        assert multiprocessing.active_children() == []
        return ends

    return run


def test_a_killed_worker_costs_its_own_run_only(run_all: Callable[..., dict[int, Report]]) -> None:
    ends = run_all(fakes.killed_by_odd_seeds, seeds=8, jobs=2)
    assert {seed for seed, end in ends.items() if end == KILLED} == {1, 3, 5, 7}
    assert all(isinstance(ends[seed], Ended) for seed in (0, 2, 4, 6))


def test_one_worker_serves_many_runs(run_all: Callable[..., dict[int, Report]]) -> None:
    ends = run_all(fakes.training, seeds=6, jobs=1)
    assert len(set(ends.values())) == 1


def test_each_gpu_gets_one_job_and_no_more(
    run_all: Callable[..., dict[int, Report]], notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    ends = run_all(fakes.training, seeds=4, jobs=3)
    devices = {end.reason.partition(" ")[2] for end in ends.values() if isinstance(end, Ended)}
    assert devices <= {"cuda:0", "cuda:1"}
    assert notes == ["warning: 2 GPUs with --jobs-per-gpu 1: the sweep continues with --jobs 2 instead of 3"]


def test_several_jobs_may_share_a_gpu(
    run_all: Callable[..., dict[int, Report]], notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    with LocalEngine(3, RUNTIME, notes.append, jobs_per_gpu=2) as engine:
        assert [runtime.device for runtime in engine._runtimes] == ["cuda:0", "cuda:1", "cuda:0"]
    run_all(fakes.training, seeds=1, jobs=5, jobs_per_gpu=2)
    assert notes == ["warning: 2 GPUs with --jobs-per-gpu 2: the sweep continues with --jobs 4 instead of 5"]


def test_a_worker_that_ends_with_its_run_is_replaced(run_all: Callable[..., dict[int, Report]]) -> None:
    ends = run_all(fakes.ending_with_each, seeds=3, jobs=1)
    processes = {end.reason for end in ends.values() if isinstance(end, Ended)}
    assert len(processes) == 3


def test_a_worker_that_never_begins_costs_its_own_run_only(run_all: Callable[..., dict[int, Report]]) -> None:
    ends = run_all(fakes.dead_on_arrival, seeds=2, jobs=2)
    assert set(ends.values()) == {Ended("its worker was stopped by exit code 3", is_temporary=True)}


def test_workers_that_never_begin_end_the_sweep_after_three(run_all: Callable[..., dict[int, Report]]) -> None:
    with pytest.raises(ResourceError, match=r"3 workers in a row exited before they began a trial \(exit code 3\)"):
        run_all(fakes.dead_on_arrival, seeds=6, jobs=2)


def test_no_trial_of_several_is_charged_for_the_end_of_their_worker(
    run_all: Callable[..., dict[int, Report]], notes: list[str]
) -> None:
    ends = run_all(fakes.killed_by_seed_0, seeds=3, jobs=1, trials_per_job=2)
    reason = "its worker was stopped by signal 9 (out of memory? try fewer --jobs or a smaller --trials-per-job)"
    killed = Ended(reason, is_temporary=True, is_attempt=False)
    assert ends == {0: killed, 1: killed, 2: Ended()}, "the third one did not get a process of its own"
    stopped = "a process with several trials was stopped by signal 9"
    assert notes == [f"warning: {stopped}; from now on, each process trains one trial"]


def test_a_trial_is_not_charged_for_the_failure_of_another_one(run_all: Callable[..., dict[int, Report]]) -> None:
    ends = run_all(fakes.broken_by_the_first, seeds=2, jobs=1, trials_per_job=2)
    assert ends[1] == Ended("its worker was stopped by exit code 0", is_temporary=True, is_attempt=False)


def test_a_worker_that_is_stopped_changes_nothing_for_others(monkeypatch: pytest.MonkeyPatch, notes: list[str]) -> None:
    monkeypatch.setattr("vitreport.sweep.engines.local.train_each", fakes.waiting)
    with LocalEngine(1, replace(RUNTIME, trials_per_job=2), notes.append) as engine:
        for seed in range(2):
            engine.submit(small_spec(seed))
        engine.stop()
        while engine.running:
            engine.reports(0.1)
    assert notes == []


def test_jobs_get_equally_many_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitreport.sweep.engines.local.train_each", fakes.waiting)
    with LocalEngine(2, replace(RUNTIME, trials_per_job=3)) as engine:
        for seed in range(5):
            engine.submit(small_spec(seed))
        assert (len(engine.running), engine.has_room) == (5, True)
        assert [len(worker.run_ids) for worker in engine._workers] == [3, 2]
        engine.submit(small_spec(5))
        assert (len(engine.running), engine.has_room) == (6, False)


def test_a_worker_with_a_failed_trial_ends_with_its_other_ones(run_all: Callable[..., dict[int, Report]]) -> None:
    ends = run_all(fakes.worn_by_the_first, seeds=4, jobs=1, trials_per_job=2)
    processes = [end.reason for _, end in sorted(ends.items()) if isinstance(end, Ended)]
    assert processes[0] == processes[1] != processes[2] == processes[3]


def test_trials_that_share_a_process_are_not_compiled() -> None:
    shared = replace(RUNTIME, trials_per_job=2)
    assert [uncompiled_if_shared(replace(shared, compile=mode)).compile for mode in ("auto", "off")] == ["off", "off"]
    assert uncompiled_if_shared(replace(RUNTIME, compile="on")).compile == "on"
    with pytest.raises(SpecError, match="--compile on and --trials-per-job 2 cannot be used together"):
        LocalEngine(1, replace(shared, compile="on"))


def test_each_trial_of_a_process_can_have_its_own_stream() -> None:
    LocalEngine(1, replace(RUNTIME, trials_per_job=32))
    with pytest.raises(SpecError, match="--trials-per-job: must be at most 32"):
        LocalEngine(1, replace(RUNTIME, trials_per_job=33))
