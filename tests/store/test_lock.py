"""One process at a time writes to a run, and a dead one holds nothing."""

import signal
from pathlib import Path

import pytest

from tests.store.children import Child, Driver
from tests.store.conftest import Undisturbed
from tests.store.identity import differences, only_run, resumed_at
from tests.store.options import EVERY_STEP, SHORT
from vitreport.errors import BusyError, ResourceError
from vitreport.store.run_state import LOCK_NAME, is_locked, lock_run

TRAIN = ("train", *SHORT, EVERY_STEP, "--quiet")
LIST = ("runs", "list", "--json")


@pytest.fixture
def living(driver: Driver, tmp_path: Path) -> Child:
    """A training that has done two of its four steps and waits."""
    child = driver.start(*TRAIN, folder=tmp_path, faults=[("paused_before_step", 2, "paused")])
    child.wait_for("paused")
    return child


def test_second_process_is_told_that_the_run_is_in_use(
    driver: Driver, undisturbed: Undisturbed, tmp_path: Path, living: Child
) -> None:
    second = driver.run(*TRAIN, folder=tmp_path)
    listed = driver.run(*LIST, folder=tmp_path)
    living.send(signal.SIGKILL)
    living.wait()
    run = only_run(tmp_path)
    assert second.exit_code == 8
    assert second.stderr.startswith(f"error: run {run.name} is in use by another process")
    assert '"state": "running"' in listed.stdout
    assert go_on(driver, tmp_path) == [2]
    assert differences(undisturbed(SHORT), run) == []


def test_killed_run_is_listed_as_interrupted(driver: Driver, tmp_path: Path, living: Child) -> None:
    living.send(signal.SIGKILL)
    living.wait()
    listed = driver.run(*LIST, folder=tmp_path)
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert '"state": "interrupted"' in listed.stdout


def test_lock_is_free_although_the_killed_process_has_not_been_waited_for(
    driver: Driver, tmp_path: Path, living: Child
) -> None:
    living.send(signal.SIGKILL)
    assert go_on(driver, tmp_path) == [2]
    living.wait()


def test_lock_is_exclusive_and_can_be_taken_again(tmp_path: Path) -> None:
    with lock_run(tmp_path):
        assert is_locked(tmp_path)
        with pytest.raises(BusyError, match="is in use by another process"), lock_run(tmp_path):
            pass
    assert not is_locked(tmp_path)
    with lock_run(tmp_path):
        assert is_locked(tmp_path)


def test_looking_does_not_make_a_lock(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_lock_that_cannot_be_taken_is_no_bug(tmp_path: Path) -> None:
    (tmp_path / ".lock").mkdir()
    with pytest.raises(ResourceError, match="cannot write"), lock_run(tmp_path):
        pass
    assert not is_locked(tmp_path)


def go_on(driver: Driver, folder: Path) -> list[int]:
    done = driver.run(*TRAIN, folder=folder)
    assert done.exit_code == 0, done.stderr
    return resumed_at(only_run(folder))


@pytest.mark.parametrize("replacement", [None, b"", b"another token"])
def test_a_training_whose_lease_was_removed_or_replaced_stops(tmp_path: Path, replacement: bytes | None) -> None:
    lease = tmp_path / ".lease"
    with lock_run(tmp_path) as check_lock:
        check_lock()
        lease.unlink()
        if replacement is not None:
            lease.write_bytes(replacement)
        with pytest.raises(BusyError, match="was taken over by another process"):
            check_lock()


def test_two_processes_never_write_to_one_run(
    driver: Driver, undisturbed: Undisturbed, tmp_path: Path, living: Child
) -> None:
    run = only_run(tmp_path)
    (run / LOCK_NAME).unlink()
    second = driver.run(*TRAIN, folder=tmp_path)
    living.send(signal.SIGTERM)
    first = living.wait()
    assert (second.exit_code, first.exit_code) == (0, 8), first.stderr
    assert first.stderr.startswith(f"error: run {run.name} was taken over by another process")
    assert differences(undisturbed(SHORT), run) == []
