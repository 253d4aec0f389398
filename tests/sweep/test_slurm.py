"""What the engine for Slurm makes of its queue, with a Slurm that only pretends to train."""

from pathlib import Path

import pytest

from tests.records import small_spec, write_run
from tests.sweep.fake_slurm import FakeSlurm, finish
from tests.sweep.test_run import States
from vitreport.errors import FullDiskError, ResourceError
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.sweep.engines.engine import Ended, Moved
from vitreport.sweep.engines.slurm import POLLS_BEFORE_LOST, SlurmEngine
from vitreport.sweep.engines.slurm_commands import ENDED, QueuedJob
from vitreport.sweep.engines.submission import Job, newest_log
from vitreport.sweep.observer import Policy
from vitreport.sweep.plan import Trial
from vitreport.sweep.run import Sweep

RUNTIME = Runtime("cpu", Path("data"), Path("cache"), threads=1)
SPECS = [small_spec(seed) for seed in range(4)]


@pytest.fixture
def engine(slurm: FakeSlurm, notes: list[str]) -> SlurmEngine:
    return SlurmEngine(2, RUNTIME, notes.append, seconds_between_looks=0)


def look(engine: SlurmEngine, times: int = 1) -> list[tuple[str, object]]:
    return [report for _ in range(times) for report in engine.reports(0)]


def submit(engine: SlurmEngine, count: int) -> None:
    for spec in SPECS[:count]:
        assert engine.submit(spec) == "waiting"
    look(engine)


def test_trials_are_submitted_as_one_array_and_begin_when_slurm_says_so(
    engine: SlurmEngine, slurm: FakeSlurm, notes: list[str]
) -> None:
    submit(engine, 3)
    assert (slurm.arrays, notes) == ([(3, 2, [])], ["submitted 3 trials to Slurm as job 1, at most 2 at a time"])
    assert look(engine) == [(spec.run_id, Moved("running")) for spec in SPECS[:3]]
    assert look(engine) == [(spec.run_id, Ended()) for spec in SPECS[:3]]
    assert engine.running == []


@pytest.mark.parametrize("state", ["NODE_FAIL", "TIMEOUT", "CANCELLED", "OUT_OF_MEMORY", "PREEMPTED"])
def test_a_job_that_slurm_has_ended_is_worth_another_attempt(state: str, engine: SlurmEngine, slurm: FakeSlurm) -> None:
    slurm.work = lambda spec, job: state
    submit(engine, 1)
    ((_, moved), (_, ended)) = look(engine, 2)
    assert isinstance(ended, Ended)
    assert (moved, ended.is_temporary) == (Moved("running"), True)
    assert ended.reason.startswith(f"Slurm job 1_0 {ENDED[state]}; log: runs/.slurm/")
    assert ended.reason.endswith("/0.log")


@pytest.mark.parametrize("state", ["FAILED", "COMPLETED", ""])
def test_a_job_that_has_said_nothing_is_looked_at_again_first(
    state: str, engine: SlurmEngine, slurm: FakeSlurm
) -> None:
    """Its files may take a while to arrive from another machine."""
    slurm.work = lambda spec, job: state
    submit(engine, 1)
    assert look(engine, POLLS_BEFORE_LOST) == [(SPECS[0].run_id, Moved("running"))]
    ((_, ended),) = look(engine)
    assert isinstance(ended, Ended)
    assert ended.is_temporary


def test_a_record_that_arrives_late_is_waited_for(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    def say_only(spec: RunSpec, job: Job) -> str:
        job.write_end(Ended())
        return "COMPLETED"

    slurm.work = say_only
    submit(engine, 1)
    look(engine, 2)
    assert engine.running == [SPECS[0].run_id]
    write_run(Path("runs"), SPECS[0])
    assert look(engine) == [(SPECS[0].run_id, Ended())]


def test_what_a_job_says_of_its_end_is_believed(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    def refuse(spec: RunSpec, job: Job) -> str:
        job.write_end(Ended("no images"))
        return "FAILED"

    slurm.work = refuse
    submit(engine, 1)
    (log,) = (folder / "0.log" for folder in Path("runs/.slurm").glob("*/"))
    assert look(engine, 2)[1:] == [(SPECS[0].run_id, Ended(f"no images; log: {log}"))]


def test_a_controller_that_does_not_answer_is_asked_again(
    engine: SlurmEngine, slurm: FakeSlurm, notes: list[str]
) -> None:
    submit(engine, 1)
    slurm.outages = 5
    assert look(engine, 5) == []
    assert notes[1:] == ["warning: Slurm does not answer: connect failure; trying again every 0 s"], "and said once"
    assert look(engine, 2)[-1] == (SPECS[0].run_id, Ended())


def test_jobs_whose_submission_seemed_to_fail_are_not_submitted_again(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    slurm.is_lossy = slurm.is_idle = True
    submit(engine, 2)
    look(engine, 3)
    assert slurm.arrays == [(2, 2, [])]
    assert sorted(engine.running) == sorted(spec.run_id for spec in SPECS[:2])


def test_jobs_that_slurm_refuses_end_the_sweep_unless_others_are_left(
    engine: SlurmEngine, slurm: FakeSlurm, notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise ResourceError("Slurm refused the jobs: too many", "wait")

    slurm.is_idle = True
    submit(engine, 1)
    monkeypatch.setattr("vitreport.sweep.engines.slurm_commands.submit_array", refuse)
    engine.submit(SPECS[1])
    look(engine, 2)
    assert notes[1:] == ["warning: Slurm refused the jobs: too many; waiting for other jobs to end"]
    slurm.is_idle = False
    with pytest.raises(ResourceError, match="too many"):
        look(engine, 2)
    assert len(list(Path("runs/.slurm").glob("*/"))) == 1, "what was refused leaves nothing"


def test_jobs_whose_submission_seemed_to_fail_are_stopped(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    slurm.is_lossy = slurm.is_idle = True
    submit(engine, 2)
    engine.stop()
    look(engine, 2)
    assert [queued.state for queued in slurm.queue.values()] == ["CANCELLED"] * 2


def test_the_next_command_takes_the_jobs_over(engine: SlurmEngine, slurm: FakeSlurm, notes: list[str]) -> None:
    slurm.is_idle = True
    submit(engine, 3)
    slurm.queue["vitreport-01234567", "0"] = QueuedJob("9_0", "RUNNING")  # of another directory of runs
    slurm.queue["other", "N/A"] = QueuedJob("10_N/A", "RUNNING")
    again = SlurmEngine(2, RUNTIME, notes.append, seconds_between_looks=0)
    ids = [spec.run_id for spec in SPECS[1:]]
    assert again.adopt(ids) == ids[:2]
    assert notes[-1] == "found 2 jobs of an earlier command; nothing is submitted twice"
    del slurm.queue["vitreport-01234567", "0"], slurm.queue["other", "N/A"]
    slurm.is_idle = False
    assert {ended for _, ended in look(again, 2)} == {Moved("running"), Ended()}


def test_detached_arrays_wait_for_each_other(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    slurm.is_idle = True
    submit(engine, 1)
    detached = SlurmEngine(2, RUNTIME, detach=True, seconds_between_looks=0)
    detached.adopt([SPECS[0].run_id])
    for spec in SPECS[1:]:
        detached.submit(spec)
    look(detached)
    assert slurm.arrays[1:] == [(3, 2, ["1"])]


def sweep(engine: SlurmEngine, policy: Policy = Policy()) -> States:
    states = States()
    Sweep([Trial((), spec) for spec in SPECS], RUNTIME, engine, policy, states, set()).run()
    return states


def test_a_detached_sweep_is_collected_later(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    assert sweep(engine, Policy(detach=True)).seen == ["queued"] * 4 + ["waiting"] * 4
    again = sweep(SlurmEngine(2, RUNTIME, seconds_between_looks=0))
    assert (again.seen.count("done"), len(slurm.arrays)) == (4, 1)


def test_ends_after_progress_are_no_attempts(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    ends = dict.fromkeys((spec.run_id for spec in SPECS), 0)

    def train_a_step(spec: RunSpec, job: Job) -> str:
        ends[spec.run_id] += 1
        if ends[spec.run_id] == 6:
            (Path("runs") / spec.run_id).rename(f"before-{spec.run_id}")
            return finish(spec, job)
        if ends[spec.run_id] > 1:
            (Path("runs") / spec.run_id).rename(f"{ends[spec.run_id]}-{spec.run_id}")
        write_run(Path("runs"), spec, None, status="interrupted", step=ends[spec.run_id])
        job.write_end(Ended("stopped", is_temporary=True, is_stop=True))
        return "FAILED"

    slurm.work = train_a_step
    states = sweep(engine)
    assert (states.seen.count("done"), states.seen.count("failed"), states.reasons) == (4, 0, [])
    assert f"{SPECS[0].run_id}: stopped after 1 of 2 epochs; it continues in a new job" in states.notes


def test_ends_without_progress_are_attempts(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    slurm.work = lambda spec, job: "NODE_FAIL"
    states = sweep(engine)
    assert (states.seen.count("failed"), states.seen.count("running")) == (4, 12)


def test_a_full_disk_cancels_the_other_jobs(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    def fill(spec: RunSpec, job: Job) -> str:
        if spec.seed:
            return "RUNNING"
        job.write_end(Ended("no space left", is_full=True))
        return "FAILED"

    slurm.work = fill
    with pytest.raises(FullDiskError, match=r"no space left; log: runs/\.slurm/\w+/0\.log; 0 of 4 trials done"):
        sweep(engine)
    assert sorted(queued.state for queued in slurm.queue.values()) == ["CANCELLED", "CANCELLED", "CANCELLED", "FAILED"]


def test_the_log_of_a_run_is_that_of_its_newest_job(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    submit(engine, 2)
    assert newest_log(Path("runs"), SPECS[1].run_id) is None
    (folder,) = Path("runs/.slurm").glob("*/")
    (folder / "1.log").touch()
    assert newest_log(Path("runs"), SPECS[1].run_id) == folder / "1.log"
    assert newest_log(Path("elsewhere"), SPECS[1].run_id) is None
    assert (Path("runs/.slurm/.gitignore")).read_text() == "*\n"
