"""Which trials are trained, with how many threads, and how long they are expected to take."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.records import small_spec, write_run
from vitreport.errors import SpecError
from vitreport.records.reader import Run, read_run
from vitreport.records.run import ErrorKind, ErrorRecord
from vitreport.runtime import usable_cores
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import needs_training, trial_state
from vitreport.sweep.engines import local
from vitreport.sweep.engines.local import threads_per_job
from vitreport.sweep.forecast import expect_from_records


def failed(kind: ErrorKind) -> dict[str, Any]:
    return {"status": "failed", "error": ErrorRecord(kind=kind, message="no")}


@pytest.mark.parametrize(
    ("changes", "state", "trained", "trained_with_retry_failed"),
    [
        ({}, "done", False, False),
        ({"status": "running"}, "interrupted", True, True),
        ({"status": "interrupted"}, "interrupted", True, True),
        (failed("diverged"), "diverged", False, False),
        (failed("resources"), "failed", True, True),
        (failed("internal"), "failed", False, True),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_failed_from_outside_is_tried_again(
    changes: dict[str, Any], state: str, trained: bool, trained_with_retry_failed: bool
) -> None:
    run = read_run(write_run(Path("runs"), small_spec(), **changes))
    assert trial_state(run) == state
    assert needs_training(run, retry_failed=False) == trained
    assert needs_training(run, retry_failed=True) == trained_with_retry_failed


def test_what_is_not_there_is_trained_and_what_cannot_be_read_is_not() -> None:
    assert needs_training(None, retry_failed=False)
    folder = write_run(Path("runs"), small_spec())
    (folder / "result.json").write_text("{")
    assert trial_state(read_run(folder)) == "damaged"
    assert not needs_training(read_run(folder), retry_failed=True)


@pytest.mark.parametrize(
    ("jobs", "threads", "each"), [(1, None, None), (1, 16, 16), (2, None, 4), (3, None, 2), (2, 4, 4), (8, None, 1)]
)
def test_jobs_times_threads_never_exceeds_the_cores(
    jobs: int, threads: int | None, each: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "usable_cores", lambda: 8)
    assert threads_per_job(jobs, "cpu", threads) == each


@pytest.mark.parametrize(
    ("jobs", "device", "threads"), [(9, "cpu", None), (2, "auto", 5), (2, "cuda:0", None)], ids=str
)
def test_more_than_there_is_cannot_be_shared(
    jobs: int, device: str, threads: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "usable_cores", lambda: 8)
    with pytest.raises(SpecError, match=f"{jobs}"):
        threads_per_job(jobs, device, threads)


def test_one_gpu_is_shared_by_as_many_jobs_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "usable_cores", lambda: 8)
    assert threads_per_job(4, "cuda:0", None, jobs_per_gpu=4) == 2
    with pytest.raises(SpecError, match="cuda:0 is one GPU, but --jobs is 5"):
        threads_per_job(5, "cuda:0", None, jobs_per_gpu=4)


def test_cores_are_those_that_a_container_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.externals.loky.backend.context._cpu_count_cgroup", lambda cores: 1)
    assert usable_cores() == 1


def test_cores_are_counted_where_joblib_starts_no_processes() -> None:
    environment = os.environ | {"JOBLIB_MULTIPROCESSING": "0"}
    command = [sys.executable, "-c", "from vitreport.runtime import usable_cores; print(usable_cores())"]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert int(printed) == usable_cores()


ON_CPU = {"device": "CPU", "cpu_capability": "AVX2", "threads": "1"}


def recorded(seconds: float, seed: int, *, threads: int = 1, **train: Any) -> Run:
    fingerprint = ON_CPU | {"threads": str(threads)}
    return read_run(write_run(Path("runs"), small_spec(seed, train=train), seconds=seconds, fingerprint=fingerprint))


def expected(spec: RunSpec, records: list[Run], machine: Mapping[str, str] = {}) -> float | None:
    return expect_from_records(records, machine)(spec, Path()).seconds


def test_the_time_is_that_of_the_runs_of_the_same_cost() -> None:
    records = [
        recorded(20, 0, batch_size=16),
        recorded(30, 1, batch_size=16),
        recorded(100, 2, batch_size=16),
        recorded(1, 0, batch_size=64),
    ]
    wanted = small_spec(9, train={"batch_size": 16})
    assert expected(wanted, records) == expected(wanted, records, ON_CPU) == 30
    assert expected(small_spec(9, train={"batch_size": 64}), records) == 1
    assert expected(small_spec(9, train={"batch_size": 16, "epochs": 6}), records) is None
    assert expected(small_spec(9, data={"limit": 500}), records) is None
    assert expected(wanted, records, ON_CPU | {"device": "a GPU"}) is None
    assert expected(wanted, records, ON_CPU | {"cpu_capability": "AVX512"}) is None


def test_only_runs_with_as_many_threads_count() -> None:
    records = [recorded(20, 0), recorded(10, 1, threads=2)]
    assert [expected(small_spec(9), records, ON_CPU | {"threads": threads}) for threads in ("1", "2", "4")] == [
        20,
        10,
        None,
    ]


def test_runs_that_shared_a_process_do_not_count() -> None:
    alone = recorded(20, 0)
    shared = read_run(write_run(Path("runs"), small_spec(1), seconds=60, trials_per_job=4))
    assert expected(small_spec(9), [alone, shared]) == 20
    assert expected(small_spec(9), [shared]) is None
