"""Folders that cannot be written or read, and arguments that are hard to record."""

import os
from pathlib import Path

import pytest

from tests.store.children import Driver
from tests.store.identity import only_run
from tests.store.options import SHORTEST
from vitreport.records.reader import read_run

TRAIN = ("train", *SHORTEST, "--quiet")


@pytest.mark.parametrize("place", ["/proc/absent", "file", "file/runs", "x" * 5000])
def test_place_that_cannot_be_written_is_told(driver: Driver, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    failed = driver.run(*TRAIN, f"--runs-dir={place}", folder=tmp_path)
    assert failed.exit_code == 6, failed.stderr
    assert failed.stderr.startswith("error: cannot ")
    assert failed.stderr.count("\n") == 1
    assert place in failed.stderr


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("absent", "no such directory: absent; "),
        ("file", "file is not a directory; "),
        ("x" * 5000, "cannot use " + "x" * 5000),
    ],
)
def test_place_without_runs_is_told(driver: Driver, tmp_path: Path, place: str, told: str) -> None:
    (tmp_path / "file").touch()
    listed = driver.run("runs", "list", f"--runs-dir={place}", folder=tmp_path)
    assert listed.exit_code == 2
    assert listed.stderr.startswith(f"error: {told}")
    assert listed.stderr.count("\n") == 1


def test_long_argument_is_recorded_as_far_as_there_is_room(driver: Driver, tmp_path: Path) -> None:
    argument = "--set=train.clip_norm=1." + "0" * 2000
    done = driver.run(*TRAIN, argument, folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    record = read_run(only_run(tmp_path)).record
    assert record
    assert record.argv[-1] == argument[:1000]


def test_path_that_is_no_text_can_be_trained_in(driver: Driver, tmp_path: Path) -> None:
    name = os.fsdecode(b"runs-\xff")
    try:
        (tmp_path / name).mkdir()
    except OSError:
        pytest.skip("this file system takes text alone")
    done = driver.run(*TRAIN, f"--runs-dir={name}", folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    (run,) = (tmp_path / name).iterdir()
    record = read_run(run).record
    assert record
    assert record.argv[-1] == "--runs-dir=runs-?"
