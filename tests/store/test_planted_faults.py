"""Faults of resuming that the comparison must see: what it does not see here, it does not see at all."""

import signal
from pathlib import Path

import pytest

from tests.store.children import Driver
from tests.store.conftest import Undisturbed
from tests.store.faults import Fault
from tests.store.identity import differences, only_run, resumed_at
from tests.store.options import EVERY_STEP, RICH

MIDDLE = 7  # of the second of three epochs with five steps
BETWEEN = 10  # the second epoch is measured, and the third has not begun
FAULTS = [
    ("dropout_from_history", MIDDLE, "checkpoints"),
    ("order_from_history", MIDDLE, "checkpoints"),
    ("augmentation_from_history", MIDDLE, "checkpoints"),
    ("mixing_from_history", MIDDLE, "checkpoints"),
    ("optimizer_not_restored", MIDDLE, "checkpoints"),
    ("step_not_restored", MIDDLE, "checkpoints"),
    ("totals_not_restored", MIDDLE, "metrics.jsonl"),
    ("best_not_restored", MIDDLE, "result.json"),
    ("epochs_not_cut", BETWEEN, "metrics.jsonl"),
]
"""The fault, the step before which the run is killed, and what must differ."""


@pytest.mark.parametrize(("fault", "step", "different"), FAULTS, ids=[name for name, *_ in FAULTS])
def test_comparison_sees(
    driver: Driver, undisturbed: Undisturbed, tmp_path: Path, fault: str, step: int, different: str
) -> None:
    """Only what draws from the history changes a run that nothing has interrupted, too."""
    interrupted = interrupt(driver, tmp_path, step, [(fault,)])
    uninterrupted = undisturbed(RICH, (fault,)) if fault.endswith("from_history") else undisturbed(RICH)
    assert different in differences(uninterrupted, interrupted)


def test_comparison_sees_nothing_without_a_fault(driver: Driver, undisturbed: Undisturbed, tmp_path: Path) -> None:
    interrupted = interrupt(driver, tmp_path, MIDDLE, [])
    assert resumed_at(interrupted) == [MIDDLE]
    assert differences(undisturbed(RICH), interrupted) == []


def test_resuming_fails_after_a_checkpoint_overwritten_in_place(driver: Driver, tmp_path: Path) -> None:
    fault: Fault = ("one_checkpoint_in_place",)
    command = ("train", *RICH, EVERY_STEP, "--quiet")
    for number in range(60, 70):
        folder = tmp_path / str(number)
        killed = driver.run(*command, folder=folder, faults=[fault, ("killed_before_call", number)])
        assert killed.exit_code == -signal.SIGKILL
        resumed = driver.run(*command, folder=folder, faults=[fault])
        if resumed.exit_code == 4 and "no usable checkpoint" in resumed.stderr:
            return
    pytest.fail("no kill has torn the checkpoint")


def interrupt(driver: Driver, folder: Path, step: int, faults: list[Fault]) -> Path:
    """A run that was killed once and resumed once, with the same faults in both."""
    command = ("train", *RICH, EVERY_STEP, "--quiet")
    killed = driver.run(*command, folder=folder, faults=[*faults, ("killed_before_step", step)])
    assert killed.exit_code == -signal.SIGKILL
    resumed = driver.run(*command, folder=folder, faults=faults)
    assert resumed.exit_code == 0, resumed.stderr
    return only_run(folder)
