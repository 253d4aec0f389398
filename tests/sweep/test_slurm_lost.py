"""Requests to Slurm whose answers get lost, with programs that keep the queue in a file."""

import os
from pathlib import Path

import pytest

from tests.sweep.fake_slurm import FakeSlurm
from tests.sweep.test_slurm import RUNTIME, SPECS
from vitreport.errors import ResourceError
from vitreport.sweep.engines.slurm import POLLS_BEFORE_LOST, SlurmEngine
from vitreport.sweep.engines.slurm_commands import QueuedJob

ADD = (
    'for each; do case "$each" in --job-name=*) echo "$(wc -l < called)|0|PENDING|None|${each#*=}" >> queue; esac; done'
)
"""What sbatch does to put a job into the queue; its id is that of the call."""


def install(name: str, script: str) -> None:
    Path(name).write_text(f"#!/bin/sh\n{script}\n")
    Path(name).chmod(0o755)


def install_sbatch(script: str) -> None:
    install("sbatch", f"echo >> called\n{script}")


def calls() -> int:
    return len(Path("called").read_text())


@pytest.fixture
def engine(notes: list[str], monkeypatch: pytest.MonkeyPatch) -> SlurmEngine:
    monkeypatch.setenv("PATH", f"{Path.cwd()}:{os.environ['PATH']}")
    Path("queue").touch()
    install("squeue", "cat queue")
    install("scancel", 'echo "$@" >> cancelled')
    engine = SlurmEngine(1, RUNTIME, notes.append, seconds_between_looks=0)
    engine.submit(SPECS[0])
    return engine


@pytest.mark.parametrize("said", ["Socket timed out on send/recv operation", "something that nobody knows", ""])
def test_jobs_that_sbatch_has_submitted_though_it_failed(said: str, engine: SlurmEngine, notes: list[str]) -> None:
    install_sbatch(f"{ADD}\necho '{said}' >&2; exit 1")
    for _ in range(POLLS_BEFORE_LOST + 2):
        engine.reports(0)
    assert calls() == 1
    assert engine.running == [SPECS[0].run_id]
    assert notes[-1] == "found 1 job that Slurm did not confirm; nothing is submitted twice"
    assert len(list(Path("runs/.slurm").glob("*/trials.json"))) == 1, "the job needs it"


def test_jobs_that_are_in_the_queue_late(engine: SlurmEngine, notes: list[str]) -> None:
    install_sbatch(f"{ADD}\nmv queue late; touch queue; echo 'Socket timed out' >&2; exit 1")
    for _ in range(POLLS_BEFORE_LOST + 1):
        engine.reports(0)
    assert calls() == 1, "they may come"
    install_sbatch(f"{ADD}\ncat late >> queue; echo 2")
    engine.reports(0)
    engine.reports(0)
    assert (calls(), engine.running) == (2, [SPECS[0].run_id])
    assert Path("cancelled").read_text() == "--quiet 1_0\n"


def test_refused_jobs_leave_nothing(engine: SlurmEngine) -> None:
    install_sbatch("echo 'Invalid qos specification' >&2; exit 1")
    with pytest.raises(ResourceError, match="Slurm refused the jobs: Invalid qos specification"):
        engine.reports(0)
    assert not list(Path("runs/.slurm").glob("*/"))


def test_late_jobs_that_run_are_ended_with_the_others(slurm: FakeSlurm, notes: list[str]) -> None:
    """Their trials were submitted again meanwhile."""
    slurm.is_lossy = slurm.is_idle = True
    engine = SlurmEngine(1, RUNTIME, notes.append, seconds_between_looks=0)
    engine.submit(SPECS[0])
    engine.reports(0)
    ((place, late),) = slurm.queue.items()
    slurm.queue.clear()
    for _ in range(POLLS_BEFORE_LOST + 1):
        engine.reports(0)
    del slurm.scripts[place]
    slurm.queue[place] = QueuedJob(late.id, "RUNNING")
    with engine:
        engine.reports(0)
        assert [job.state for job in slurm.queue.values()] == ["PENDING", "RUNNING"]
        engine.stop()
        engine.reports(0)
        assert [job.state for job in slurm.queue.values()] == ["CANCELLED"] * 2
    assert not [note for note in notes if "scancel" in note]


@pytest.mark.parametrize("is_stopped", [True, False])
def test_jobs_that_may_come_after_the_command(is_stopped: bool, slurm: FakeSlurm, notes: list[str]) -> None:
    slurm.is_lossy = slurm.is_idle = True
    with SlurmEngine(1, RUNTIME, notes.append, seconds_between_looks=0) as engine:
        engine.submit(SPECS[0])
        engine.reports(0)
        ((name, _),) = slurm.queue
        slurm.queue.clear()
        if is_stopped:
            engine.stop()
            engine.reports(0)
    warnings = [note for note in notes if note.endswith(f"; hint: cancel them with `scancel --name={name}`")]
    assert len(warnings) == is_stopped


def test_jobs_that_come_while_the_command_ends(slurm: FakeSlurm, notes: list[str]) -> None:
    """The second Ctrl-C comes while Slurm is still busy with the request."""
    slurm.is_lossy = slurm.is_idle = True
    with SlurmEngine(1, RUNTIME, notes.append, seconds_between_looks=0) as engine:
        engine.submit(SPECS[0])
        engine.reports(0)
        late = dict(slurm.queue)
        slurm.queue.clear()
        engine.stop()
        engine.reports(0)
        slurm.queue |= late
    assert [job.state for job in slurm.queue.values()] == ["CANCELLED"]
    assert not [note for note in notes if "scancel" in note]
