"""`vitreport ablate` as a process: what is trained, what is not, and how it ends."""

import json
import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands import in_a_new_process, vitreport
from tests.store.children import Driver, wait_until
from tests.store.faults import Fault
from tests.sweep.processes import (
    LONG,
    MIXER,
    TIMEOUT_SECONDS,
    ablate,
    blocks,
    finished,
    is_gone,
    record,
    runs,
    wait_for_training,
)
from vitreport.store.run_state import is_locked

pytestmark = pytest.mark.timeout(900)

QUICK = (*MIXER, "--set=data.limit=100", "--seeds=2")
SIZES = ("--param", "batch_size", "20,50")


def test_a_trial_is_trained_once_whoever_trains_it(tmp_path: Path) -> None:
    train = [option for option in (*MIXER, "--set=data.limit=100") if "--param" not in option]
    assert vitreport("train", *train, "--batch-size=20", "--seed=1").exit_code == 0
    before = finished(tmp_path)
    done = in_a_new_process("ablate", *QUICK, *SIZES, "--json")
    assert done.exit_code == 0, done.stderr
    after = finished(tmp_path)
    assert (len(before), len(after)) == (1, 4)
    assert after.items() >= before.items()
    again = ablate(tmp_path, *QUICK, *SIZES, "--json").finish()
    assert (again.exit_code, again.stdout) == (0, done.stdout)
    assert "state=done" not in again.stderr
    assert [line for line in (done.stderr + again.stderr).splitlines() if "done already" in line] == [
        "1 of 4 trials done already",
        "4 of 4 trials done already",
    ]
    assert finished(tmp_path) == after


@pytest.mark.parametrize("jobs", ["--jobs=2", "--trials-per-job=2"])
def test_ctrl_c_to_the_whole_group_ends_all_and_the_sweep_can_go_on(tmp_path: Path, jobs: str) -> None:
    """No worker hears it itself: the SIGTERM of the driver would be a second signal, after which it saves no state."""
    sweep = ablate(tmp_path, *LONG, *SIZES, "--seeds=2", jobs)
    wait_for_training(sweep, count=2)
    workers = sweep.workers()
    assert len(workers) == (2 if jobs == "--jobs=2" else 1)
    assert all(blocks(worker, signal.SIGINT) for worker in workers)
    os.killpg(sweep.process.pid, signal.SIGINT)
    done = sweep.finish()
    assert done.exit_code == 130, done.stderr
    told = "error: stopped by SIGINT; 0 of 4 trials done; hint: run the same command again to resume the sweep"
    assert done.stderr.splitlines()[-1] == told
    assert all(map(is_gone, workers))
    assert [record(run)["status"] for run in runs(tmp_path)] == ["interrupted"] * 2
    assert "Traceback" not in done.stderr


def test_a_second_interrupt_ends_all_at_once(tmp_path: Path) -> None:
    sweep = ablate(tmp_path, *LONG, *SIZES, "--seeds=1", "--jobs=2")
    wait_for_training(sweep, count=2)
    workers = sweep.workers()
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    os.kill(sweep.process.pid, signal.SIGINT)
    sweep.wait_to_be_told("press Ctrl-C again to stop at once")
    os.kill(sweep.process.pid, signal.SIGINT)
    assert sweep.finish(60).exit_code == 130
    assert all(map(is_gone, workers))


def test_a_killed_sweep_leaves_no_trainers_behind(tmp_path: Path) -> None:
    sweep = ablate(tmp_path, *LONG, *SIZES, "--seeds=1", "--jobs=2")
    wait_for_training(sweep, count=2)
    workers = sweep.workers()
    sweep.process.kill()
    sweep.finish()
    assert len(workers) == 2
    wait_until(lambda: all(map(is_gone, workers)), "the end of the workers")


@pytest.mark.long
def test_a_worker_that_is_killed_again_and_again_costs_its_trial_only(tmp_path: Path) -> None:
    sweep = ablate(tmp_path, *LONG, "--param", "batch_size", "50", "--seeds=1", "--checkpoint-seconds=600")
    killed: set[int] = set()
    while len(killed) < 3:
        wait_for_training(sweep)
        wait_until(lambda: bool(set(sweep.workers()) - killed), "another worker", TIMEOUT_SECONDS)
        (worker,) = set(sweep.workers()) - killed
        wait_until(lambda: any(map(is_locked, runs(tmp_path))), "its trial", TIMEOUT_SECONDS)
        os.kill(worker, signal.SIGKILL)
        killed.add(worker)
    done = sweep.finish()
    assert done.exit_code == 7
    assert done.stderr.count("stopped by signal 9 (out of memory? try fewer --jobs)") >= 3
    assert done.stderr.count("retrying after") == 2


def test_a_trial_that_another_process_trains_is_waited_for(tmp_path: Path) -> None:
    limited = (*MIXER, "--set=data.limit=100")
    faults: list[Fault] = [("marked", "begun"), ("signalled_before_step", 2, int(signal.SIGSTOP))]
    with closing(Driver(tmp_path / "cache")) as driver:
        first = driver.start("train", *limited, "--batch-size=50", "--seed=0", folder=tmp_path, faults=faults)
        first.wait_for("begun")
        second = ablate(tmp_path, *limited, "--param", "batch_size", "50", "--seeds=1", "--json")
        second.wait_to_be_told("another process is training it")
        first.send(signal.SIGCONT)
        done = second.finish()
        assert first.wait().exit_code == done.exit_code == 0, done.stderr
    (group,) = json.loads(done.stdout)["groups"]
    assert group["test"]["n"] == 1
    assert record(*runs(tmp_path))["resumed"] == []
