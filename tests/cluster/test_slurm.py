"""Sweeps on a real Slurm, of one node: what they give, and what kills and outages cost them."""

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.one_node import OneNode, wait_until
from tests.commands import vitreport
from tests.store.identity import differences
from tests.sweep.processes import LONG, MIXER, Sweep, ablate, finished, record, runs
from tests.sweep.test_disturbed import table
from vitreport.sweep.engines.job import STOPPED

pytestmark = pytest.mark.timeout(1200)

COMMON = ("--threads=1", "--checkpoint-seconds=0.2", "--json")
SLURM = (*COMMON, "--engine=slurm", "--engine-option=seconds-between-looks=0.3")
SHORT = (*MIXER, "--param", "batch_size", "20,50", "--seeds=2", "--jobs=2")
TWO = (*MIXER, "--set=train.epochs=80", "--param", "batch_size", "40,50", "--seeds=1")
"""Two trials that take long enough to be disturbed."""

ENDLESS = (*LONG, "--param", "batch_size", "50", "--seeds=1")
Check = Callable[..., None]


def slurm(folder: Path, *arguments: str) -> Sweep:
    return ablate(folder, *arguments, *SLURM)


@pytest.fixture(scope="session")
def local_folders() -> dict[tuple[str, ...], Path]:
    """Sweeps on this machine that were run by a test before."""
    return {}


@pytest.fixture
def check(
    cluster: OneNode,
    folder: Path,
    local_folders: dict[tuple[str, ...], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Check:
    """Check that a sweep is done, and that its runs are those of one on this machine, to the last bit."""

    def check(*arguments: str) -> None:
        if arguments not in local_folders:
            local_folders[arguments] = tmp_path_factory.mktemp("local")
        known = local_folders[arguments]
        expected = table(ablate(known, *arguments, *COMMON).finish())
        before = finished(folder)
        assert table(slurm(folder, *arguments).finish()) == expected
        assert finished(folder) == before, "a finished trial was trained again"
        pairs = list(zip(runs(known), runs(folder), strict=True))
        assert {first.name: found for first, second in pairs if (found := differences(first, second))} == {}
        assert not cluster.jobs()

    return check


def wait_for_progress(sweep: Sweep) -> None:
    """Until a job has saved one more checkpoint."""
    before = steps(sweep.folder)
    sweep.wait_until(lambda: steps(sweep.folder) > before, "a checkpoint")


def steps(folder: Path) -> int:
    return sum(record(run)["step"] for run in runs(folder))


def test_a_sweep_in_jobs_gives_what_it_gives_on_this_machine(check: Check, folder: Path) -> None:
    done = slurm(folder, *SHORT).finish()
    assert "submitted 4 trials to Slurm as job" in done.stderr
    assert "at most 2 at a time" in done.stderr
    check(*SHORT)
    shown = vitreport("runs", "show", runs(folder)[0].name, "--runs-dir", str(folder / "runs")).stdout
    assert re.search(r"runs/\.slurm/[0-9a-f]{8}/[0-3]\.log", shown)


def test_a_signal_before_the_time_limit_is_no_attempt(cluster: OneNode, folder: Path) -> None:
    sweep = slurm(folder, *ENDLESS)
    for _ in range(3):  # as often as a trial that fails is tried
        wait_for_progress(sweep)
        jobs = cluster.jobs("RUNNING")
        cluster.call("scancel", "--full", "--signal=TERM", *jobs)  # as --signal=B:TERM@90 does
        sweep.wait_until(lambda jobs=jobs: not {*jobs} & {*cluster.jobs()}, "the end of the job")  # type: ignore[misc]
    wait_for_progress(sweep)
    assert "failed" not in sweep.stderr.read_text()
    logs = [log.read_text() for log in folder.glob("runs/.slurm/*/0.log")]
    assert sum(STOPPED in log for log in logs) == 3
    sweep.process.kill()
    sweep.finish()


def test_jobs_that_are_killed_or_cancelled_cost_nothing(check: Check, cluster: OneNode, folder: Path) -> None:
    sweep = slurm(folder, *TWO, "--jobs=2")
    wait_for_progress(sweep)
    first, *others = cluster.jobs("RUNNING")
    cluster.call("scancel", "--full", "--signal=KILL", first)
    cluster.call("scancel", *others)
    assert sweep.finish().exit_code == 0
    check(*TWO)


def test_a_command_that_is_killed_finds_its_jobs_again(check: Check, cluster: OneNode, folder: Path) -> None:
    sweep = slurm(folder, *TWO)
    wait_for_progress(sweep)
    sweep.process.kill()
    sweep.finish()
    before = cluster.jobs()
    again = slurm(folder, *TWO)
    again.wait_to_be_told(f"found {len(before)} job")
    done = again.finish()
    assert (done.exit_code, "submitted" in done.stderr.replace("nothing is submitted twice", "")) == (0, False)
    check(*TWO)


def test_outages_cost_nothing(check: Check, cluster: OneNode, folder: Path) -> None:
    sweep = slurm(folder, *TWO, "--jobs=2")
    wait_for_progress(sweep)
    cluster.end("slurmd", signal.SIGKILL)
    cluster.end("slurmctld", signal.SIGKILL)
    sweep.wait_to_be_told("Slurm does not answer")
    cluster.start("slurmctld", "-D")
    cluster.start("slurmd", "-D")
    assert sweep.finish().exit_code == 0
    check(*TWO)


def test_ctrl_c_saves_and_cancels_the_jobs(check: Check, cluster: OneNode, folder: Path) -> None:
    sweep = slurm(folder, *TWO)  # one job runs, one waits
    wait_for_progress(sweep)
    sweep.process.send_signal(signal.SIGINT)
    done = sweep.finish()
    assert (done.exit_code, "0 of 2 trials done" in done.stderr) == (130, True)
    assert not cluster.jobs()
    assert [record(run)["status"] for run in runs(folder)] == ["interrupted"]
    assert slurm(folder, *TWO).finish().exit_code == 0
    check(*TWO)


def test_ctrl_c_after_a_job_has_ended_unnoticed(check: Check, cluster: OneNode, folder: Path) -> None:
    rare = "--engine-option=seconds-between-looks=600"
    sweep = ablate(folder, *TWO, *COMMON, "--engine=slurm", rare)
    sweep.wait_until(lambda: len(finished(folder)) == 1, "a result")
    wait_for_progress(sweep)
    sweep.process.send_signal(signal.SIGINT)
    done = sweep.finish()
    assert (done.exit_code, "1 of 2 trials done" in done.stderr) == (130, True)
    assert not cluster.jobs()
    assert sorted(record(run)["status"] for run in runs(folder)) == ["done", "interrupted"]
    assert slurm(folder, *TWO).finish().exit_code == 0
    check(*TWO)


def test_detached_jobs_are_collected_by_the_same_command(check: Check, cluster: OneNode, folder: Path) -> None:
    done = slurm(folder, *TWO, "--detach").finish()
    assert (done.exit_code, done.stdout) == (0, "")
    assert len(before := cluster.jobs()) == 2
    assert slurm(folder, *TWO, "--detach").finish().exit_code == 0
    assert {*cluster.jobs()} <= {*before}, "a trial was submitted twice"
    assert slurm(folder, *TWO).finish().exit_code == 0
    check(*TWO)


@pytest.mark.parametrize(
    ("option", "fault", "hint"),
    [
        ("partition=none", "invalid partition specified: none", "`sinfo` lists partitions"),
        ("memory=999999G", "Memory specification can not be satisfied", "request only what a node has"),
        ("colour=red", "unrecognized option '--colour=red'", "`man sbatch`"),
    ],
)
def test_jobs_that_slurm_refuses(option: str, fault: str, hint: str, cluster: OneNode, folder: Path) -> None:
    done = slurm(folder, *TWO, "--engine-option", option).finish()
    assert done.exit_code == 6
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert line.startswith("error: Slurm refused the jobs: ")
    assert fault in line
    assert hint in line.partition("; hint: ")[2]
    assert not list(folder.glob("runs/.slurm/*/"))
    planned = slurm(folder, *TWO, "--engine-option", option, "--dry-run").finish()
    exit_code = 0 if option.startswith("memory") else 6  # as if the nodes that have it were down
    assert (planned.exit_code, hint in planned.stderr) == (exit_code, True)


def test_a_dry_run_asks_slurm(cluster: OneNode, folder: Path) -> None:
    arguments = [argument for argument in SLURM if argument != "--json"]
    accepted = ablate(folder, *TWO, *arguments, "--engine-option=time=5", "--dry-run").finish()
    assert accepted.stdout.endswith("\nsbatch --time=5 --array=0-1%1\nSlurm accepts these options\n")
    assert not cluster.jobs()


def test_a_job_that_slurm_never_starts(cluster: OneNode, folder: Path) -> None:
    sweep = slurm(folder, *TWO, "--engine-option=cpus=99")  # accepted, though no node has that many
    sweep.wait_to_be_told("warning: Slurm does not start")
    sweep.process.send_signal(signal.SIGINT)
    done = sweep.finish()
    assert (done.exit_code, "PartitionConfig; hint: press Ctrl-C" in done.stderr) == (130, True)
    assert not cluster.jobs()


def test_a_cluster_that_cannot_be_reached(cluster: OneNode, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (cluster.folder / "slurm.conf").read_text()
    other = cluster.folder / "unreachable.conf"
    other.write_text(text.replace("SlurmctldPort=", "SlurmctldPort=1 #"))
    monkeypatch.setenv("SLURM_CONF", str(other))
    done = slurm(folder, *TWO).finish()
    assert done.exit_code == 6
    assert "error: Slurm does not answer: " in done.stderr


def test_another_job_may_take_the_place_of_a_trial(check: Check, cluster: OneNode, folder: Path) -> None:
    sweep = slurm(folder, *TWO)
    wait_for_progress(sweep)
    options = ("--partition=urgent", "--cpus-per-task=4", "--output=/dev/null", "--wrap=sleep 1")
    other = cluster.call("sbatch", "--parsable", *options)
    wait_until(lambda: other not in cluster.jobs(), "the end of the other job")
    for job in cluster.jobs("PENDING"):  # Slurm lets a job wait for two minutes before it starts again
        cluster.call("scontrol", "update", f"jobid={job}", "StartTime=now")
    assert sweep.finish().exit_code == 0
    check(*TWO)


@pytest.mark.long
def test_fifty_trials_with_many_kills_are_those_of_this_machine(check: Check, cluster: OneNode, folder: Path) -> None:
    """Ten jobs, the command (three times) and slurmd (once) are killed; each trial is done once."""
    arguments = (*MIXER, "--set=train.epochs=10", "--param", "batch_size", "20,25,40,50,100", "--seeds=10")
    sweep, known = slurm(folder, *arguments, "--jobs=2"), dict[str, int]()
    for number in range(14):
        sweep.wait_until(lambda number=number: len(finished(folder)) >= 3 * number, f"{3 * number} results")  # type: ignore[misc]
        known = finished(folder) | known
        if number in (3, 7, 11):
            sweep.process.kill()
            sweep.finish()
            sweep = slurm(folder, *arguments, "--jobs=2")
        elif number == 5:
            cluster.end("slurmd", signal.SIGKILL)
            cluster.start("slurmd", "-D")
        else:
            sweep.wait_until(lambda: bool(cluster.jobs("RUNNING")), "a job")
            cluster.call("scancel", "--full", "--signal=KILL", cluster.jobs("RUNNING")[0])
    assert sweep.finish(600).exit_code == 0
    assert finished(folder).items() >= known.items(), "a finished trial was trained again"
    check(*arguments)
