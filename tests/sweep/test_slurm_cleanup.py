"""Which submissions to Slurm `runs gc` removes."""

from pathlib import Path

import pytest

from tests.records import DIVERGED, write_run
from tests.sweep.fake_slurm import FakeSlurm
from tests.sweep.test_slurm import RUNTIME, SPECS
from vitreport.store.cleanup import remove
from vitreport.sweep.engines.slurm_cleanup import find_submissions
from vitreport.sweep.engines.slurm_commands import QueuedJob
from vitreport.sweep.engines.slurm_queue import PREFIX
from vitreport.sweep.engines.submission import newest_log, write_submission

RUNS = Path("runs")


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: program)


def submitted() -> Path:
    """A submission of two trials, of which the first one is finished."""
    folder = write_submission(SPECS[:2], RUNTIME, ())
    write_run(RUNS, SPECS[0])
    (folder / "1.log").touch()
    return folder


def found() -> list[Path]:
    return [removal.path for removal in find_submissions(RUNS)]


def test_a_finished_submission_is_removed(slurm: FakeSlurm) -> None:
    folder = submitted()
    assert found() == []
    write_run(RUNS, SPECS[1], None, status="failed", error=DIVERGED)
    (removal,) = find_submissions(RUNS)
    assert removal.path == folder
    remove(removal)
    assert [*RUNS.glob(".slurm/*/")] == []


def test_the_log_of_a_failed_trial_is_kept(slurm: FakeSlurm) -> None:
    folder = submitted()
    write_run(RUNS, SPECS[1], None, status="failed")
    assert (found(), newest_log(RUNS, SPECS[1].run_id)) == ([], folder / "1.log")


def test_the_path_of_a_log_is_shown_in_one_way(slurm: FakeSlurm) -> None:
    folder = submitted()
    assert [newest_log(each, SPECS[1].run_id) for each in (RUNS, RUNS.absolute())] == [folder / "1.log"] * 2


def test_what_a_job_in_the_queue_needs_is_kept(slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    name = PREFIX + submitted().name
    write_run(RUNS, SPECS[1])
    slurm.is_idle = True
    slurm.queue[name, "1"] = QueuedJob("7_1", "PENDING")
    assert found() == []
    slurm.queue[name, "1"] = QueuedJob("7_1", "COMPLETED")
    assert len(found()) == 1
    slurm.outages = 1
    assert found() == [], "Slurm does not answer"
    monkeypatch.setattr("shutil.which", lambda program: None)
    slurm.outages = 1
    assert len(found()) == 1, "without Slurm, there is no queue"


def test_the_rest_of_an_interrupted_removal_is_removed(slurm: FakeSlurm) -> None:
    folder = submitted()
    (folder / "trials.json").unlink()
    assert found() == []
    hidden = folder.rename(folder.with_name(f".{folder.name}.tmp"))
    assert found() == [hidden]
