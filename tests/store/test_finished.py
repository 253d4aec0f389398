"""The same command once more: over a finished run, over one with something amiss, beside it."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.data.makers import noise, write_folder
from tests.store.children import Driver
from tests.store.conftest import Undisturbed
from tests.store.identity import content, differences, only_run, record, resumed_at
from tests.store.options import EVERY_STEP, SHORT
from vitreport.records.reader import read_run
from vitreport.runtime import Runtime
from vitreport.store.train import train_run
from vitreport.training.events import Listener

TRAIN = ("train", *SHORT, EVERY_STEP)
WATCH_IMPORTS = """
import runpy
import sys
try:
    runpy.run_module("vitreport", run_name="__main__", alter_sys=True)
finally:
    if "torch" in sys.modules:
        sys.exit(99)
"""
FOLDER = ("train", "mlp-mixer", "--dataset=./animals", *(option for option in SHORT[2:] if "limit" not in option))


@pytest.fixture
def finished(undisturbed: Undisturbed, tmp_path: Path) -> Path:
    """The folder of a finished run of SHORT."""
    source = undisturbed(SHORT)
    return Path(shutil.copytree(source, tmp_path / "runs" / source.name))


def test_finished_run_is_not_trained_again(driver: Driver, finished: Path) -> None:
    environment = {**os.environ, "VITREPORT_CACHE_DIR": str(driver.cache)}
    before = snapshot(finished)
    again = subprocess.run(
        [sys.executable, "-c", WATCH_IMPORTS, *TRAIN], capture_output=True, text=True, check=False, env=environment
    )
    assert again.returncode == 0, "torch was loaded" if again.returncode == 99 else again.stderr
    told = f"run {finished.name} is already done; use --force to train it again in a new directory"
    assert again.stderr.splitlines()[0] == told
    assert "test" in again.stderr
    assert again.stdout == f"runs/{finished.name}\n"
    assert snapshot(finished) == before


def test_a_run_that_another_process_has_just_finished_is_left_as_it_is(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before, spec = snapshot(finished), read_run(finished).spec
    assert spec is not None
    runtime = Runtime("cpu", tmp_path, tmp_path / "cache", tmp_path / "runs", 1, compile="off", checkpoint_seconds=0)
    listener = Listener()
    assert train_run(spec, runtime, force=False, argv=(), listener=listener) == finished
    assert snapshot(finished) == before


def test_force_trains_anew_beside_it(driver: Driver, finished: Path, tmp_path: Path) -> None:
    before = snapshot(finished)
    forced = driver.run(*TRAIN, "--force", folder=tmp_path)
    assert forced.exit_code == 0, forced.stderr
    second = finished.with_name(f"{finished.name}-r2")
    assert forced.stdout == f"runs/{second.name}\n"
    assert snapshot(finished) == before
    assert differences(finished, second) == ["run.json"]
    assert {**record(second), "id": finished.name} == record(finished)
    again = driver.run(*TRAIN, folder=tmp_path)
    assert f"run {second.name} is already done" in again.stderr


def test_unfinished_second_attempt_is_gone_on_with(driver: Driver, finished: Path, tmp_path: Path) -> None:
    driver.run(*TRAIN, "--force", folder=tmp_path, faults=[("killed_before_step", 3)])
    done = driver.run(*TRAIN, folder=tmp_path)
    second = finished.with_name(f"{finished.name}-r2")
    assert f"resumed {second.name} at step 3 of 4" in done.stderr
    assert differences(finished, second) == ["run.json"]


@pytest.mark.parametrize("damage", [b"", b'{"selection": "val"', None])
def test_damaged_result_is_measured_again(
    driver: Driver, undisturbed: Undisturbed, finished: Path, tmp_path: Path, damage: bytes | None
) -> None:
    if damage is None:
        (finished / "result.json").unlink()
    else:
        (finished / "result.json").write_bytes(damage)
    done = driver.run(*TRAIN, folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert f"resumed {finished.name} at step 4 of 4" in done.stderr
    assert differences(undisturbed(SHORT), finished) == []


def test_damaged_result_without_a_checkpoint_is_told(driver: Driver, finished: Path, tmp_path: Path) -> None:
    shutil.rmtree(finished / "checkpoints")
    (finished / "result.json").write_bytes(b"{}")
    before = snapshot(finished)
    refused = driver.run(*TRAIN, folder=tmp_path)
    assert refused.exit_code == 4
    assert refused.stderr.startswith(f"error: run {finished.name} is done, but result.json: selection: Field required")
    assert snapshot(finished) == before


@pytest.mark.parametrize("name", ["run.json", "spec.json"])
def test_unreadable_record_is_not_written_over(driver: Driver, finished: Path, tmp_path: Path, name: str) -> None:
    (finished / "result.json").unlink()
    (finished / name).write_bytes(b'{"schema_version": 7}')
    before = snapshot(finished)
    refused = driver.run(*TRAIN, folder=tmp_path)
    assert refused.exit_code == 4
    assert f"{name}: has schema version 7, written by a newer vitreport; " in refused.stderr
    assert refused.stderr.endswith("; hint: use `--force` to train it again in a new directory\n")
    assert snapshot(finished) == before


def test_folder_with_another_spec_is_refused(driver: Driver, finished: Path, tmp_path: Path) -> None:
    (finished / "result.json").unlink()
    spec = json.loads((finished / "spec.json").read_text())
    spec["train"]["epochs"] = 3
    (finished / "spec.json").write_text(json.dumps(spec))
    refused = driver.run(*TRAIN, folder=tmp_path)
    assert refused.exit_code == 4
    assert "spec.json: is the spec of mlp-mixer-digits-" in refused.stderr


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lease"
    }


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """An image folder in two classes: 40 to train on, 40 to test on."""
    return write_folder(tmp_path / "animals", count=20)


def test_finished_run_on_other_images_is_told(driver: Driver, animals: Path, tmp_path: Path) -> None:
    assert driver.run(*FOLDER, folder=tmp_path).exit_code == 0
    assert "is already done" in driver.run(*FOLDER, folder=tmp_path).stderr
    change_image(animals)
    refused = driver.run(*FOLDER, folder=tmp_path)
    check_other_images(refused.exit_code, refused.stderr)


def test_interrupted_run_on_other_images_is_told_and_stays(driver: Driver, animals: Path, tmp_path: Path) -> None:
    assert driver.run(*FOLDER, EVERY_STEP, folder=tmp_path, faults=[("killed_before_step", 3)]).exit_code < 0
    former = (animals / "train" / "cat" / "0000.png").read_bytes()
    change_image(animals)
    refused = driver.run(*FOLDER, EVERY_STEP, folder=tmp_path)
    check_other_images(refused.exit_code, refused.stderr)
    (animals / "train" / "cat" / "0000.png").write_bytes(former)
    assert driver.run(*FOLDER, EVERY_STEP, folder=tmp_path).exit_code == 0
    assert resumed_at(only_run(tmp_path)) == [3]


def change_image(root: Path) -> None:
    Image.fromarray(noise(1000)).save(root / "train" / "cat" / "0000.png")


def check_other_images(exit_code: int, stderr: str) -> None:
    assert exit_code == 3, stderr
    assert "was trained on other images" in stderr.splitlines()[-1]


def test_other_fingerprint_is_told_and_noted(driver: Driver, undisturbed: Undisturbed, tmp_path: Path) -> None:
    driver.run(*TRAIN, "--threads=1", folder=tmp_path, faults=[("killed_before_step", 2)])
    done = driver.run(*TRAIN, "--threads=2", "--quiet", folder=tmp_path)
    warning = "warning: threads 1 -> 2: the result will not be bit-identical to that of an uninterrupted run\n"
    assert (done.exit_code, done.stderr) == (0, warning)
    found = read_run(only_run(tmp_path)).record
    assert found
    assert found.fingerprint["threads"] == "1"
    assert [resume.changed for resume in found.resumed] == [{"threads": ("1", "2")}]
    assert content(only_run(tmp_path) / "spec.json") == content(undisturbed(SHORT) / "spec.json")


def test_resumed_run_has_neither_failed_nor_finished(driver: Driver, tmp_path: Path) -> None:
    driver.run(*TRAIN, folder=tmp_path, faults=[("failing_call", 60, errno.EIO)])
    failed = read_run(only_run(tmp_path)).record
    driver.run(*TRAIN, folder=tmp_path, faults=[("killed_before_step", 3)])
    resumed = read_run(only_run(tmp_path)).record
    assert failed
    assert resumed
    assert (failed.status, bool(failed.finished), bool(failed.error)) == ("failed", True, True)
    assert (resumed.status, resumed.finished, resumed.error) == ("running", None, None)
