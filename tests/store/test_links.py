"""Links and other kinds of entries in a run folder: nothing outside is read or written, nothing is waited for."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import Completed
from tests.store.children import Driver
from tests.store.conftest import Undisturbed
from tests.store.identity import only_run
from tests.store.options import EVERY_STEP, SHORT
from vitreport.records.reader import MAX_BYTES

TRAIN = ("train", *SHORT, EVERY_STEP, "--quiet")


@pytest.fixture
def killed(driver: Driver, tmp_path: Path) -> Path:
    """The folder of a run that was killed before its fourth step, with one epoch on record."""
    driver.run(*TRAIN, folder=tmp_path, faults=[("killed_before_step", 3)])
    return only_run(tmp_path)


def refused(driver: Driver, folder: Path, told: str) -> Completed:
    done = driver.run(*TRAIN, folder=folder)
    assert done.exit_code == 4, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
    return done


def moved_and_linked(path: Path, outside: Path) -> None:
    shutil.move(path, outside)
    path.symlink_to(outside)


def snapshot(place: Path) -> dict[str, bytes]:
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.parametrize(
    "name", ["", "checkpoints", "metrics.jsonl", "run.json", "spec.json", "checkpoints/step-3.safetensors", ".lock"]
)
def test_a_run_is_not_resumed_through_a_link(driver: Driver, killed: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    moved_and_linked(killed / name if name else killed, outside)
    before = snapshot(outside)
    refused(driver, tmp_path, f"{killed.name}{'/' if name else ''}{name} is a link, which is not followed; hint: ")
    assert snapshot(outside) == before


@pytest.mark.parametrize("name", ["result.json", "predictions.npz", "best.safetensors", "mistakes.png"])
def test_a_result_is_not_written_through_a_link(driver: Driver, killed: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "precious").write_text("precious")
    (killed / name).symlink_to(tmp_path / "precious")
    refused(driver, tmp_path, f"{name} is a link, which is not followed")
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_folder_that_is_not_there_yet_is_no_link_either(
    driver: Driver, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    name = undisturbed(SHORT).name
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / name).symlink_to(tmp_path / "absent")
    refused(driver, tmp_path, f"{name} is a link, which is not followed")
    assert not (tmp_path / "absent").exists()


def test_the_runs_folder_itself_may_be_a_link(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "runs").symlink_to("elsewhere")
    done = driver.run(*TRAIN, folder=tmp_path)
    assert done.exit_code == 0, done.stderr


OTHERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (os.mkfifo, "is not a regular file"),
    "folder": (Path.mkdir, "is not a regular file"),
    "too large": (lambda path: os.truncate(path, MAX_BYTES["metrics.jsonl"] + 1), "is larger than 64 MiB"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_epochs_that_cannot_be_read_are_not_written_over(
    driver: Driver, killed: Path, tmp_path: Path, kind: str
) -> None:
    path, (change, told) = killed / "metrics.jsonl", OTHERS[kind]
    if kind != "too large":
        path.unlink()
    change(path)
    size = path.lstat().st_size
    refused(driver, tmp_path, f"metrics.jsonl {told}")
    assert path.lstat().st_size == size


@pytest.mark.parametrize("name", ["step-3.safetensors", "step-3.sha256"])
def test_a_checkpoint_that_is_a_pipe_is_not_waited_for(driver: Driver, killed: Path, tmp_path: Path, name: str) -> None:
    (killed / "checkpoints" / name).unlink()
    os.mkfifo(killed / "checkpoints" / name)
    done = driver.run(*TRAIN, folder=tmp_path)
    assert done.exit_code == 0, done.stderr


def test_a_finished_run_without_its_spec_is_not_done(driver: Driver, undisturbed: Undisturbed, tmp_path: Path) -> None:
    source = undisturbed(SHORT)
    run = Path(shutil.copytree(source, tmp_path / "runs" / source.name))
    (run / "spec.json").unlink()
    refused(
        driver, tmp_path, "is done, but spec.json: is missing; hint: use `--force` to train it again in a new directory"
    )
    listed = driver.run("runs", "list", "--each", folder=tmp_path)
    assert (listed.exit_code, "damaged" in listed.stdout) == (7, True)
