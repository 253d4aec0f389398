"""What a sweep needs of every engine: each trial is done once, whatever happens to its jobs or to their reports."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests.records import small_spec, write_run
from tests.sweep.fake_engine import FakeEngine
from tests.sweep.fake_slurm import FakeSlurm
from tests.sweep.test_run import States
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.sweep.engines.engine import Ended, Engine, Report
from vitreport.sweep.engines.local import LocalEngine
from vitreport.sweep.engines.slurm import SlurmEngine
from vitreport.sweep.engines.submission import Job
from vitreport.sweep.observer import Policy
from vitreport.sweep.plan import Trial
from vitreport.sweep.run import Sweep

RUNTIME = Runtime("cpu", Path("data"), Path("cache"), threads=1)
SPECS = [small_spec(seed) for seed in range(6)]
Make = Callable[[], Engine]


def attempt(spec: RunSpec) -> bool:
    """Train a spec, at least in its record; return False where a job with an odd seed dies instead, the first time."""
    with Path("attempts").open("a") as file:
        file.write(f"{spec.seed}\n")
    if spec.seed % 2 and Path("attempts").read_text().split().count(str(spec.seed)) == 1:
        return False
    write_run(Path("runs"), spec)
    return True


def work(connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
    """Take the place of a worker of the local engine."""
    connection.send(("", None, False))
    while True:
        spec, _ = connection.recv()
        if not attempt(spec):
            os.kill(os.getpid(), signal.SIGKILL)
        connection.send((spec.run_id, Ended(), False))


def work_in_a_job(spec: RunSpec, job: Job) -> str:
    if not attempt(spec):
        return "NODE_FAIL"
    job.write_end(Ended())
    return "COMPLETED"


def end(spec: RunSpec) -> Ended:
    return Ended() if attempt(spec) else Ended("killed", is_temporary=True)


class LateEngine(FakeEngine):
    """Reports what happened at every third look only."""

    polls = 0

    def reports(self, seconds: float) -> list[tuple[str, Report]]:
        self.polls += 1
        return super().reports(seconds) if self.polls % 3 == 0 else []


class LossyEngine(FakeEngine):
    """Loses every second report of an end."""

    ends = 0

    def reports(self, seconds: float) -> list[tuple[str, Report]]:
        self.ends += 1
        return super().reports(seconds)[: 1 + self.ends % 2]


@pytest.fixture(params=["local", "local, several per job", "slurm", "slurm without answers", "dying", "late", "lossy"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr("vitreport.sweep.engines.local.train_each", work)
    if request.param.startswith("slurm"):
        slurm = FakeSlurm(work_in_a_job)
        slurm.install(monkeypatch)
        if request.param != "slurm":
            slurm.is_lossy = True
    engines: dict[str, Make] = {
        "local": lambda: LocalEngine(2, RUNTIME),
        "local, several per job": lambda: LocalEngine(2, replace(RUNTIME, trials_per_job=2)),
        "dying": lambda: FakeEngine(end),
        "late": lambda: LateEngine(end),
        "lossy": lambda: LossyEngine(end),
    }
    return engines.get(request.param, lambda: SlurmEngine(2, RUNTIME, seconds_between_looks=0))


def sweep(engine: Engine, specs: Sequence[RunSpec] = SPECS) -> States:
    states = States()
    Sweep([Trial((), spec) for spec in specs], RUNTIME, engine, Policy(), states, set()).run()
    return states


def test_every_trial_is_done_once_though_jobs_die_and_reports_come_late_or_never(make: Make) -> None:
    states = sweep(make())
    assert (states.seen.count("done"), states.seen.count("failed")) == (len(SPECS), 0)
    attempts = Counter(Path("attempts").read_text().split())
    assert attempts == {str(spec.seed): 1 + spec.seed % 2 for spec in SPECS}


def test_a_second_sweep_trains_only_what_is_missing(make: Make) -> None:
    sweep(make(), SPECS[:4])
    done = Counter(Path("attempts").read_text().split())
    assert sweep(make()).seen.count("done") == len(SPECS)
    assert Counter(Path("attempts").read_text().split()) - done == {"4": 1, "5": 2}
