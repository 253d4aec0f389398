"""What signals to the command do to its jobs in Slurm."""

import signal
from pathlib import Path

import pytest

from tests.records import write_run
from tests.sweep.fake_slurm import FakeSlurm, finish
from tests.sweep.test_slurm import RUNTIME, sweep
from vitreport.errors import StoppedError
from vitreport.spec.run import RunSpec
from vitreport.sweep.engines.slurm import SlurmEngine
from vitreport.sweep.engines.submission import Job


@pytest.fixture
def engine(slurm: FakeSlurm, notes: list[str]) -> SlurmEngine:
    return SlurmEngine(2, RUNTIME, notes.append, seconds_between_looks=0)


def interrupt_twice(engine: SlurmEngine, slurm: FakeSlurm, outages: int = 0) -> None:
    """Sweep until the first look at a job, during which both signals come and Slurm stops answering `outages` times."""

    def interrupt(spec: RunSpec, job: Job) -> str:
        slurm.outages = outages
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return "RUNNING"

    slurm.work = interrupt
    with pytest.raises(StoppedError, match="stopped by SIGINT"):
        sweep(engine)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_jobs(number: signal.Signals, engine: SlurmEngine, slurm: FakeSlurm) -> None:
    signals: list[int] = []

    def interrupt(spec: RunSpec, job: Job) -> str:
        if not signals:
            signals.append(number)
            write_run(Path("runs"), spec, None, status="interrupted", step=1)
            signal.raise_signal(number)
        return "RUNNING"

    slurm.work = interrupt
    said = f"stopped by {number.name}; 0 of 4 trials done; 4 jobs cancelled, 1 run saved; hint: "
    with pytest.raises(StoppedError, match=said):
        sweep(engine)
    assert {queued.state for queued in slurm.queue.values()} == {"CANCELLED"}


def test_a_closed_terminal_leaves_the_jobs(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    def hang_up(spec: RunSpec, job: Job) -> str:
        signal.raise_signal(signal.SIGHUP)
        return "RUNNING"

    slurm.work = hang_up
    with pytest.raises(StoppedError, match="stopped by SIGHUP; 0 of 4 trials done; the jobs continue") as raised:
        sweep(engine)
    assert (raised.value.exit_code, raised.value.hint) == (129, "run the same command again to collect the results")
    assert {queued.state for queued in slurm.queue.values()} == {"RUNNING"}
    slurm.work = finish
    again = sweep(SlurmEngine(2, RUNTIME, seconds_between_looks=0))
    assert (again.seen.count("done"), len(slurm.arrays)) == (4, 1)


def test_a_second_signal_ends_the_jobs_though_the_first_was_not_seen_yet(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    """Both may come while a command of Slurm takes minutes."""
    interrupt_twice(engine, slurm)
    assert {queued.state for queued in slurm.queue.values()} == {"CANCELLED"}


def test_jobs_that_could_not_be_cancelled_are_named(engine: SlurmEngine, slurm: FakeSlurm, notes: list[str]) -> None:
    interrupt_twice(engine, slurm, outages=100)
    assert notes[-1] == (
        "warning: Slurm does not answer: connect failure; jobs may continue; "
        "hint: see them with `squeue --me`, and cancel them with `scancel JOB`"
    )
