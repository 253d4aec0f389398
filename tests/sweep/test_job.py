"""A job of a cluster: what it says of its end, without training."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.records import small_spec
from vitreport.errors import FullDiskError, ResourceError
from vitreport.runtime import Runtime
from vitreport.sweep.engines.engine import Ended
from vitreport.sweep.engines.job import train_job
from vitreport.sweep.engines.submission import Job, write_submission


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.fixture
def job() -> Job:
    return Job(write_submission([small_spec(0)], Runtime("cpu", Path("data"), Path("cache"), threads=1), []), 0)


def train(monkeypatch: pytest.MonkeyPatch, job: Job, error: Exception | None = None) -> int:
    def train_trial(spec: object, runtime: object, argv: object, listener: Any) -> None:
        listener.note("training")
        if error:
            raise error

    monkeypatch.setattr("vitreport.sweep.engines.job.train_trial", train_trial)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return train_job(job)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (None, 0, (Ended(), False)),
        (
            ResourceError("out of memory", "use less"),
            6,
            (Ended("out of memory; hint: use less", is_temporary=True), False),
        ),
        (FullDiskError("no space left", "free some"), 6, (Ended("no space left"), True)),
    ],
)
@pytest.mark.parametrize("log", [io.StringIO, FullDisk])
def test_what_a_job_says_of_its_end(
    log: type[io.StringIO], error: Exception | None, code: int, said: object, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", log())
    assert train(monkeypatch, job, error) == code
    assert job.read_end() == said
