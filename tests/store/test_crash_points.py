"""Every moment at which a run folder changes, as the last moment of a process or as a failure of the disk.

The moments are the calls that open, write, flush, rename and remove files, and between the halves of each write.
One run copies its folder before each of them, and the same command goes on from the copies. That a kill leaves what
was copied is checked at some of the moments. `pytest -m long` takes all moments.
"""

import errno
import os
import re
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from safetensors.torch import load

from tests.commands import Completed
from tests.store.children import Driver
from tests.store.conftest import Undisturbed
from tests.store.identity import differences, leftovers, only_run, same_tensors
from tests.store.options import EVERY_STEP, SHORT, SHORTEST
from vitreport.store.checkpoint import checkpoints, read_verified

ALL = pytest.param(1, marks=[pytest.mark.long, pytest.mark.timeout(1800)])
COMMAND = ("train", *SHORT, EVERY_STEP, "--quiet")
BRIEF = ("train", *SHORTEST, EVERY_STEP, "--quiet")
BATCH = 8


@pytest.fixture(scope="module")
def moments(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What a run folder held before each call that changed it, in order."""
    folder, copies = tmp_path_factory.mktemp("copied"), tmp_path_factory.mktemp("moments")
    done = driver.run(*COMMAND, folder=folder, faults=[("copied_before_each_call", "runs", str(copies))])
    assert done.exit_code == 0, done.stderr
    return sorted(copies.iterdir())


@pytest.mark.parametrize("stride", [3, ALL])
def test_every_moment_can_be_the_last(
    driver: Driver, undisturbed: Undisturbed, moments: list[Path], tmp_path: Path, stride: int
) -> None:
    different = list({state(moment): moment for moment in moments}.values())
    assert len(different) > 60
    chosen = different[::stride]
    folders = [tmp_path / moment.name for moment in chosen]
    for folder, moment in zip(folders, chosen, strict=True):
        shutil.copytree(moment, folder / "runs")
    resume_all(driver, folders, COMMAND, undisturbed(SHORT))


@pytest.mark.parametrize("stride", [29, ALL])
def test_killed_process_leaves_what_was_copied(
    driver: Driver, moments: list[Path], tmp_path: Path, stride: int
) -> None:
    for number in range(1, len(moments) + 1, stride):
        folder = tmp_path / str(number)
        killed = driver.run(*COMMAND, folder=folder, faults=[("killed_before_call", number)])
        assert killed.exit_code == -signal.SIGKILL
        left, copied = state(folder / "runs"), state(moments[number - 1])
        assert left.keys() == copied.keys(), moments[number - 1].name
        sound = [name for name in left if name.endswith(".safetensors")]
        assert all(same_tensors(load(left[name]), load(copied[name])) for name in sound)


@pytest.mark.parametrize("stride", [3, ALL])
def test_every_call_can_fail_once(driver: Driver, undisturbed: Undisturbed, tmp_path: Path, stride: int) -> None:
    """The disk is full, or fails, for one call: the run ends with one line, and the same command goes on."""
    different: dict[tuple[object, ...], Path] = {}
    newest = 0
    for folder, (number, failed) in failures(driver, tmp_path, stride):
        check_failure(failed, number)
        newest = check_sound(only_run(folder), newest)
        check_promise(failed.stderr, newest)
        different.setdefault(kept(only_run(folder)), folder)
    assert newest == 2
    assert len(different) > 10 / stride
    resume_all(driver, list(different.values()), BRIEF, undisturbed(SHORTEST))


def failures(driver: Driver, root: Path, stride: int) -> Iterator[tuple[Path, tuple[int, Completed]]]:
    """Runs of which one in `stride` calls fails, until one is done before that call."""
    for first in range(1, 1000, BATCH * stride):
        numbers = {root / str(number): number for number in range(first, first + BATCH * stride, stride)}
        faults = {folder: [("failing_call", number, code_of(number))] for folder, number in numbers.items()}
        for folder, failed in driver.run_in_each(*BRIEF, folders=faults).items():
            if failed.exit_code == 0:
                assert numbers[folder] > 80
                return
            yield folder, (numbers[folder], failed)


def code_of(number: int) -> int:
    return errno.ENOSPC if number % 2 else errno.EIO


def resume_all(driver: Driver, folders: list[Path], command: Sequence[str], expected: Path) -> None:
    """Give the same command in every folder: each run must come to the bits of the undisturbed one."""
    resumed = driver.run_in_each(*command, folders={folder: [("not_flushed",)] for folder in folders})
    for folder, done in resumed.items():
        assert done.exit_code == 0, (folder.name, done.stderr)
        assert "warning" not in done.stderr, folder.name
        assert differences(expected, only_run(folder)) == [], folder.name
        assert leftovers(only_run(folder)) == [], folder.name


def check_failure(failed: Completed, number: int) -> None:
    reason = "no space left" if code_of(number) == errno.ENOSPC else os.strerror(errno.EIO)
    assert failed.exit_code == 6, (number, failed.stderr)
    assert failed.stderr.startswith("error: "), number
    assert failed.stderr.count("\n") == 1, number
    assert reason in failed.stderr, number


def check_promise(said: str, newest: int) -> None:
    """Where a disk was full in the middle of the training: at which step the same command will go on."""
    if "no space left" in said and newest:
        assert f"; hint: free some space, then run the same command to resume at step {newest}\n" in said
    else:
        assert "resumes at step" not in said


def check_sound(run: Path, former_step: int) -> int:
    """Nothing unfinished is left, and no checkpoint that an earlier failure has left is missing; the newest step."""
    assert list(run.rglob("*.tmp")) == []
    found = checkpoints(run / "checkpoints")
    for path in found.values():
        read_verified(path)
    newest = max(found, default=0)
    assert newest >= former_step
    return newest


def kept(run: Path) -> tuple[object, ...]:
    """What a failure has left of a run, without what is measured with a clock."""
    files = sorted(
        path for path in run.rglob("*") if path.is_file() and path.name not in (".lock", ".lease", "run.json")
    )
    contents = {path.name: path.read_bytes() for path in files}
    epochs = contents.pop("metrics.jsonl", b"")
    return bool(epochs), epochs.endswith(b"\n"), tuple(contents.items())


def state(runs: Path) -> "State":
    files = {re.sub(r"\.[0-9]+\.tmp$", ".tmp", str(path.relative_to(runs))): path for path in runs.rglob("*")}
    return State(
        (name, path.read_bytes())
        for name, path in files.items()
        if path.is_file() and not name.endswith((".lock", ".lease"))
    )


class State(dict[str, bytes]):
    """The files of a folder."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))
