"""How Slurm's commands are called and what their answers mean, with programs that only write down their arguments."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.records import small_spec
from vitreport.errors import ResourceError
from vitreport.runtime import Runtime
from vitreport.sweep.engines.slurm import SlurmEngine
from vitreport.sweep.engines.slurm_commands import NoAnswerError, kill_jobs, own_jobs, stop_jobs, submit_array
from vitreport.sweep.engines.slurm_reasons import is_about_number

ODD = "a b'$(touch x)\"%c ü"


def install(name: str, then: str) -> None:
    """Install a program that writes each of its arguments to a line of the file `called`."""
    Path(name).write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{Path.cwd()}/called"\n{then}\n')
    Path(name).chmod(0o755)


def called() -> list[str]:
    return Path("called").read_text().splitlines()


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path.cwd()}:{os.environ['PATH']}")


def test_a_job_that_has_ended_before_does_not_keep_the_others_from_their_end() -> None:
    """For such a job, `scancel --quiet` fails and says nothing."""
    install("scancel", "exit 1")
    stop_jobs(["1_0", "1_1"])
    kill_jobs(["1_1"])
    assert [each for each in called() if each.startswith("--s")] == ["--state=PENDING", "--signal=TERM"]
    assert called().count("1_1") == 3


@pytest.mark.parametrize(
    "reason",
    [
        "Unable to contact slurm controller (connect failure)",
        "Rate limit exceeded, please retry momentarily",
        "Controller is in standby mode, try a different controller",
        "Could not establish a configuration source",
    ],
)
def test_a_controller_that_cannot_be_reached(reason: str) -> None:
    for program in ("scancel", "squeue", "sbatch"):
        install(program, f"echo 'slurm_load_jobs error: {reason}' >&2; exit 1")
    with pytest.raises(NoAnswerError, match=re.escape(reason)):
        stop_jobs(["1_0"])
    with pytest.raises(NoAnswerError, match=re.escape(reason)):
        own_jobs()
    with pytest.raises(NoAnswerError, match=re.escape(reason)):
        submit_array(Path("job.sh"), "name", 1, 1, [])


def test_jobs_that_slurm_refuses() -> None:
    install("sbatch", "echo 'sbatch: error: invalid partition' >&2; exit 1")
    with pytest.raises(ResourceError, match="Slurm refused the jobs: invalid partition") as caught:
        submit_array(Path("job.sh"), "name", 1, 1, [])
    assert not isinstance(caught.value, NoAnswerError)


def test_sbatch_does_not_wait_for_room_in_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying"
    install("sbatch", f"echo '{said}' >&2; exec sleep 60")
    monkeypatch.setattr("vitreport.sweep.engines.slurm_commands.SECONDS_UNTIL_FULL", 0.1)
    with pytest.raises(
        ResourceError, match="Slurm refused the jobs: Slurm temporarily unable to accept job; hint: wait until other"
    ) as caught:
        submit_array(Path("job.sh"), "name", 1, 1, [])
    assert not isinstance(caught.value, NoAnswerError)
    assert is_about_number(caught.value.message)


def test_after_a_signal_slurm_has_less_time_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("sbatch", "scancel"):
        install(program, "")
    install("squeue", "exec sleep 60")
    monkeypatch.setattr("vitreport.sweep.engines.slurm_commands.TIMEOUT_AFTER_STOP_SECONDS", 0.01)
    notes: list[str] = []
    with SlurmEngine(1, Runtime("cpu", Path("data"), Path("cache")), notes.append) as engine:
        engine.stop()
        engine.reports(0)
    assert notes == ["warning: squeue has not answered for 0.01 s; trying again every 1 s"]


def test_odd_characters_reach_slurm_and_the_job_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    install("sbatch", "echo '7;cluster'")
    install("squeue", "")
    install("my 'python'", "")
    monkeypatch.setattr(sys, "executable", str(Path("my 'python'").absolute()))
    notes: list[str] = []
    runtime = Runtime("cpu", Path("data"), Path("cache"), runs_dir=Path(ODD))
    engine = SlurmEngine(1, runtime, notes.append, options={"comment": ODD})
    engine.submit(small_spec(0))
    engine.reports(0)
    (script,) = Path(ODD).glob(".slurm/*/job.sh")
    folder = script.parent.absolute()
    assert notes == ["submitted 1 trial to Slurm as job 7, at most 1 at a time"]
    assert {f"--comment={ODD}", f"--output={str(folder).replace('%', '%%')}/%a.log", str(script)} <= {*called()}
    Path("called").unlink()
    subprocess.run(["sh", script], env={"SLURM_ARRAY_TASK_ID": "0"}, check=True)
    assert called() == ["-m", "vitreport.sweep.engines.job", str(folder), "0"]
    assert not Path("x").exists()
