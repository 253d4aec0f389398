"""A job of a cluster: what it says of its end, without training."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.records import small_spec
from vitreport.errors import FullDiskError, ResourceError, StoppedError
from vitreport.runtime import Runtime
from vitreport.store.signals import StopSignal, StopSignals
from vitreport.sweep.engines.engine import Ended
from vitreport.sweep.engines.job import STOPPED, TOO_EARLY, main, train_job
from vitreport.sweep.engines.submission import Job, write_submission
from vitreport.training.events import StepFinished


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.fixture
def job() -> Job:
    return Job(write_submission([small_spec(0)], Runtime("cpu", Path("data"), Path("cache"), threads=1), []), 0)


def train(
    monkeypatch: pytest.MonkeyPatch,
    job: Job,
    error: BaseException | None = None,
    train_job: Callable[[Job], int] = train_job,
    steps: int = 0,
) -> int:
    def train_run(*_: object, listener: Any, **__: object) -> None:
        listener.note("training")
        for step in range(steps):
            listener.event(StepFinished(1, step, 0.1, None))
        if error:
            raise error

    monkeypatch.setattr("vitreport.store.train.train_run", train_run)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return train_job(job)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (None, 0, Ended()),
        (ResourceError("out of memory", "use less"), 6, Ended("out of memory; hint: use less", is_temporary=True)),
        (FullDiskError("no space left", "free some"), 6, Ended("no space left", is_full=True)),
    ],
)
@pytest.mark.parametrize("log", [io.StringIO, FullDisk])
def test_what_a_job_says_of_its_end(
    log: type[io.StringIO], error: Exception | None, code: int, said: object, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", log())
    assert train(monkeypatch, job, error) == code
    assert job.read_end() == said


@pytest.mark.parametrize(("steps", "end"), [(0, TOO_EARLY), (1, Ended(STOPPED, is_temporary=True, is_stop=True))])
def test_a_job_that_is_stopped_names_its_time_limit(
    steps: int, end: Ended, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = StoppedError("stopped by SIGTERM", "run the same command again", signal_number=15)
    assert train(monkeypatch, job, stopped, steps=steps) == 143
    assert job.read_end() == end
    assert "time limit" in end.reason


def test_a_job_that_is_stopped_before_it_trains_says_so(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch takes seconds to import; with a short time limit, SIGTERM comes before it is there."""

    def start(job: Job) -> int:
        return main([str(job.folder), str(job.number)])

    monkeypatch.setattr("vitreport.sweep.engines.job.handle_until_exit", StopSignals)
    monkeypatch.setattr("vitreport.sweep.engines.job.limit_spinning", lambda: None)
    assert train(monkeypatch, job, StopSignal(15), start) == 143
    assert job.read_end() == TOO_EARLY
