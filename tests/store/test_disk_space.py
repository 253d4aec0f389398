"""A disk that fills up: what is said of it, and what it does not hide."""

from pathlib import Path

import pytest

from tests.store.children import Driver
from tests.store.faults import Fault
from tests.store.options import SHORTEST

TRAIN = ("train", *SHORTEST)


@pytest.mark.parametrize("forced", [(), ("--force",)])
def test_a_disk_that_is_full_before_a_step_is_saved_says_that_nothing_is(
    driver: Driver, tmp_path: Path, forced: tuple[str, ...]
) -> None:
    failed = driver.run(*TRAIN, "--quiet", *forced, folder=tmp_path, faults=[("full_after_step", 1)])
    command = "the same command without --force" if forced else "the same command"
    assert failed.exit_code == 6
    assert failed.stderr.endswith(
        f"; hint: free some space, then run {command} to start again (there is no checkpoint)\n"
    )


@pytest.mark.parametrize(
    ("fault", "exit_code", "said"),
    [(("bug_before_step", 1), 1, "a bug"), (("signalled_before_step", 1, 2, 2), 130, "stopped by SIGINT")],
)
def test_a_full_disk_hides_neither_a_bug_nor_a_signal(
    driver: Driver, tmp_path: Path, fault: Fault, exit_code: int, said: str
) -> None:
    failed = driver.run(*TRAIN, "--quiet", folder=tmp_path, faults=[fault, ("full_after_step", 1)])
    assert (failed.exit_code, said in failed.stderr) == (exit_code, True), failed.stderr
    assert "no space left" not in failed.stderr
