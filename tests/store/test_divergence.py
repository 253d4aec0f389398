"""A run whose loss is no longer finite: told, recorded, and never saved."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.store.children import Driver
from tests.store.identity import only_run
from tests.store.options import EVERY_STEP, MIXER
from vitreport.records.reader import read_run
from vitreport.store.checkpoint import checkpoints, read_verified

EXPLODING = (*MIXER, "--set=data.limit=40", "--set=optimizer.name=sgd", "--learning-rate=1e6", "--quiet")
NO_VALIDATION = ("--set=data.validation_fraction=0", "--set=train.selection=last")
CASES = {
    "while training": (("--batch-size=6", "--epochs=3"), r"epoch 1, step [2-6]: loss = (nan|inf)"),
    "by the last step of an epoch": (("--batch-size=36", "--epochs=3"), r"epoch 2, step 2: val loss = (nan|inf)"),
    "by the last step of all": (
        ("--batch-size=40", "--epochs=2", *NO_VALIDATION),
        r"epoch 2, step 2: train loss = (nan|inf)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_divergence_is_told_and_recorded(driver: Driver, tmp_path: Path, case: str) -> None:
    options, message = CASES[case]
    diverged = driver.run("train", *EXPLODING, *options, EVERY_STEP, folder=tmp_path)
    assert diverged.exit_code == 5, diverged.stderr
    assert re.fullmatch(rf"error: diverged at {message}; hint: lower optimizer\.learning_rate.*\n", diverged.stderr)
    record = read_run(only_run(tmp_path)).record
    assert record
    assert record.error
    assert (record.status, record.error.kind) == ("failed", "diverged")
    assert re.fullmatch(f"diverged at {message}", record.error.message)
    assert record.finished


def test_finite_logits_too_large_for_their_file_are_cut_to_the_largest(driver: Driver, tmp_path: Path) -> None:
    done = driver.run("train", *EXPLODING, *NO_VALIDATION, "--batch-size=40", "--epochs=1", folder=tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    with np.load(only_run(tmp_path) / "predictions.npz") as predictions:
        logits = predictions["logits"]
    assert np.abs(logits).max() == np.finfo(np.float16).max


def test_weights_that_are_not_finite_are_not_saved(driver: Driver, tmp_path: Path) -> None:
    driver.run("train", *EXPLODING, *CASES["while training"][0], EVERY_STEP, folder=tmp_path)
    found = checkpoints(only_run(tmp_path) / "checkpoints").values()
    for path in found:
        tensors, _ = read_verified(path)
        assert all(torch.isfinite(tensor).all() for name, tensor in tensors.items() if name.startswith("model/"))
    assert found


def test_diverged_run_is_listed_and_diverges_again(driver: Driver, tmp_path: Path) -> None:
    first = driver.run("train", *EXPLODING, *CASES["while training"][0], EVERY_STEP, folder=tmp_path)
    listed = driver.run("runs", "list", "--json", folder=tmp_path)
    (overview,) = json.loads(listed.stdout)["runs"]
    assert overview["state"] == "diverged"
    second = driver.run("train", *EXPLODING, *CASES["while training"][0], EVERY_STEP, folder=tmp_path)
    assert second.exit_code == 5
    message = first.stderr.removeprefix("error: ").partition(";")[0]
    assert f"has {message}" in second.stderr
    assert "use `--force` to train it again in a new directory" in second.stderr
