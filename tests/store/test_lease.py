"""Processes on several machines, whose locks do not reach each other, write to a run one after the other."""

import signal
import time
from pathlib import Path

import pytest

from tests.machines import let_pass
from tests.store.children import Child, Driver, wait_until
from tests.store.conftest import Undisturbed
from tests.store.identity import differences, only_run, resumed_at
from tests.store.options import EVERY_STEP, SHORT
from vitreport import lease
from vitreport.lease import PERIOD_SECONDS, STALE_SECONDS
from vitreport.store.run_state import is_locked, lock_run

TRAIN = ("train", *SHORT, EVERY_STEP)
HERE, THERE = ("on_machine", "here"), ("on_machine", "there")


@pytest.fixture
def living(driver: Driver, tmp_path: Path) -> Child:
    """A training here that has done two of its four steps and waits."""
    child = driver.start(*TRAIN, folder=tmp_path, faults=[HERE, ("paused_before_step", 2, "paused")])
    child.wait_for("paused")
    return child


def test_a_run_that_is_trained_on_another_machine_is_in_use(
    driver: Driver, undisturbed: Undisturbed, tmp_path: Path, living: Child
) -> None:
    second = driver.run(*TRAIN, folder=tmp_path, faults=[THERE])
    listed = driver.run("runs", "list", "--json", folder=tmp_path, faults=[THERE])
    removed = driver.run("runs", "delete", only_run(tmp_path).name, "--yes", folder=tmp_path, faults=[THERE])
    living.send(signal.SIGTERM)
    assert living.wait().exit_code == 128 + signal.SIGTERM
    assert (second.exit_code, removed.exit_code) == (8, 8)
    assert f"error: run {only_run(tmp_path).name} is in use by another process; hint: " in second.stderr
    assert second.stderr.count("may be in use on another machine: waiting up to 60 seconds") == 1
    assert '"state": "running"' in listed.stdout
    done = driver.run(*TRAIN, folder=tmp_path, faults=[THERE])
    assert (done.exit_code, "another machine" in done.stderr) == (0, False)
    assert differences(undisturbed(SHORT), only_run(tmp_path)) == []


def test_a_run_whose_machine_is_lost_goes_on_elsewhere_after_a_minute(
    driver: Driver, undisturbed: Undisturbed, tmp_path: Path, living: Child
) -> None:
    living.send(signal.SIGKILL)
    living.wait()
    run = only_run(tmp_path)
    let_pass(run, STALE_SECONDS - 30)
    second = driver.start(*TRAIN, folder=tmp_path, faults=[THERE])
    wait_until(lambda: "waiting up to" in second.text("stderr"), "the line")
    assert '"state": "running"' in driver.run("runs", "list", "--json", folder=tmp_path, faults=[THERE]).stdout
    let_pass(run, 31)
    assert second.wait().exit_code == 0
    assert resumed_at(run) == [2]
    assert differences(undisturbed(SHORT), run) == []


def test_a_process_that_was_stopped_for_a_minute_writes_nothing_more(
    driver: Driver, undisturbed: Undisturbed, tmp_path: Path, living: Child
) -> None:
    run = only_run(tmp_path)
    living.send(signal.SIGSTOP)
    wait_until(lambda: is_stopped(living.pid), "the stop")
    let_pass(run, STALE_SECONDS + 1)
    assert driver.run(*TRAIN, folder=tmp_path, faults=[THERE]).exit_code == 0
    written = contents(run)
    living.send(signal.SIGTERM)
    living.send(signal.SIGCONT)
    first = living.wait()
    assert first.exit_code == 8
    assert first.stderr.endswith(
        f"error: run {run.name} was taken over by another process; hint: run the same command again\n"
    )
    assert contents(run) == written
    assert differences(undisturbed(SHORT), run) == []


def test_a_disk_without_locks_is_guarded_by_leases(driver: Driver, undisturbed: Undisturbed, tmp_path: Path) -> None:
    first = driver.start(*TRAIN, folder=tmp_path, faults=[("without_locks",), ("paused_before_step", 2, "paused")])
    first.wait_for("paused")
    second = driver.run(*TRAIN, folder=tmp_path, faults=[("without_locks",)])
    first.send(signal.SIGTERM)
    assert (first.wait().exit_code, second.exit_code) == (128 + signal.SIGTERM, 8)
    assert driver.run(*TRAIN, folder=tmp_path, faults=[("without_locks",)]).exit_code == 0
    assert differences(undisturbed(SHORT), only_run(tmp_path)) == []


def test_a_process_that_ended_while_it_took_a_lease_delays_nobody_on_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it ended in the ten seconds before these."""
    now = time.time() // PERIOD_SECONDS
    for period in (now - 1, now, now + 1):
        (tmp_path / f".lease.{period:.0f}.tmp").write_bytes(b"a token " + lease._boot())
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("it waits"))
    with lock_run(tmp_path):
        assert is_locked(tmp_path)


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def contents(run: Path) -> dict[Path, tuple[int, bytes]]:
    """All files of a run, with the times at which they were written."""
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.rglob("*") if path.is_file()}
