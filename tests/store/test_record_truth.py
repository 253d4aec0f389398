"""What a record says stays true when a run is cut off, tampered with or repeated on other images."""

import io
import json
import re
import shutil
import signal
import statistics
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.store.children import Driver
from tests.store.conftest import Undisturbed
from tests.store.identity import only_run
from tests.store.options import EVERY_STEP, SHORT
from vitreport.data.digits import load_splits
from vitreport.records.measurement import TRAIN_EVAL, unpacked
from vitreport.records.reader import Damage, read_run
from vitreport.store.contact_sheets import place_of, read_sheet


@pytest.fixture
def finished(undisturbed: Undisturbed, tmp_path: Path) -> Path:
    """A copy of a finished run, which a test may change."""
    source = undisturbed(SHORT)
    return Path(shutil.copytree(source, tmp_path / "runs" / source.name))


def epoch_rows(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_time_of_an_epoch_covers_both_sides_of_a_kill(driver: Driver, tmp_path: Path) -> None:
    """4 steps in 2 epochs; killed when the last step of the first epoch is saved and nothing of it is measured."""
    killed = driver.run("train", *SHORT, EVERY_STEP, folder=tmp_path, faults=[("killed_before_step", 2)])
    assert killed.exit_code == -signal.SIGKILL
    run = only_run(tmp_path)
    (run / "metrics.jsonl").unlink(missing_ok=True)
    newest = max(run.glob("checkpoints/step-*.safetensors"))
    assert newest.name == "step-2.safetensors"
    assert driver.run("train", *SHORT, EVERY_STEP, folder=tmp_path).exit_code == 0
    rows = epoch_rows(run)
    assert all(row["seconds"] > 0 and row["images_per_second"] > 0 for row in rows)


def test_training_images_are_measured_after_each_epoch_as_at_the_end(undisturbed: Undisturbed) -> None:
    """And what else is recorded and trained stays the same."""
    plain, monitored = (
        read_run(undisturbed(options)) for options in (SHORT, (*SHORT, "--set=train.monitor_train=true"))
    )
    assert plain.result is not None
    assert monitored.result is not None
    assert monitored.result.weights_sha256 == plain.result.weights_sha256
    again = [epoch.splits[TRAIN_EVAL] for epoch in monitored.epochs]
    assert again[-1] == monitored.result.last.splits["train"]
    assert len(again) == len(plain.epochs)
    for one, other in zip(plain.epochs, monitored.epochs, strict=True):
        assert one.splits == {name: split for name, split in other.splits.items() if name != TRAIN_EVAL}


def test_checkpoints_without_a_record_are_not_gone_on_with(driver: Driver, tmp_path: Path) -> None:
    driver.run("train", *SHORT, EVERY_STEP, folder=tmp_path, faults=[("killed_before_step", 3)])
    (only_run(tmp_path) / "run.json").unlink()
    refused = driver.run("train", *SHORT, EVERY_STEP, folder=tmp_path)
    assert refused.exit_code == 4
    assert "run.json: is missing; hint: use `--force` to train it again in a new directory" in refused.stderr


def test_lost_epochs_of_a_finished_run_are_told(finished: Path) -> None:
    first, second = (finished / "metrics.jsonl").read_text().splitlines()
    (finished / "metrics.jsonl").write_text(f"{second}\n")
    assert read_run(finished).damage == (Damage("metrics.jsonl", "contains 1 of 2 epochs"),)
    (finished / "metrics.jsonl").write_text(f"{first.replace('epoch', 'epohc', 1)}\n{second}\n")
    assert len(read_run(finished).damage) == 2


def test_other_weights_than_the_result_names_are_refused(driver: Driver, finished: Path, tmp_path: Path) -> None:
    driver.run("train", *SHORT, "--seed=1", folder=tmp_path / "other")
    shutil.copy(only_run(tmp_path / "other") / "best.safetensors", finished / "best.safetensors")
    refused = driver.run("eval", finished.name, folder=tmp_path)
    assert (refused.exit_code, refused.stdout) == (4, "")
    fault = f"error: run {finished.name}: best.safetensors is damaged (sha256 differs)"
    hint = "use `vitreport train --force` to train the run again, or give the id of another run"
    assert refused.stderr == f"{fault}; hint: {hint}\n"


@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.usefixtures("finished")
def test_stopped_run_says_how_to_go_on(driver: Driver, tmp_path: Path, forced: bool) -> None:
    options = ["--force"] if forced else ["--seed=1"]
    fault = ("signalled_before_step", 1, signal.SIGINT)
    stopped = driver.run("train", *SHORT, *options, folder=tmp_path, faults=[fault])
    command = "the same command without --force" if forced else "the same command"
    assert stopped.stderr.splitlines()[-1] == f"error: stopped by SIGINT; hint: run {command} again to resume the run"
    options = [] if forced else options
    done = driver.run("train", *SHORT, *options, folder=tmp_path)
    assert "resumed " in done.stderr
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_run_that_begins_anew_says_so(driver: Driver, tmp_path: Path) -> None:
    driver.run("train", *SHORT, folder=tmp_path, faults=[("killed_before_step", 1)])
    anew = driver.run("train", *SHORT, folder=tmp_path)
    run = only_run(tmp_path).name
    assert anew.stderr.startswith(
        f"{run} was interrupted before its first checkpoint and starts again\ntraining {run} on "
    )
    assert "starts again" not in driver.run("train", *SHORT, "--force", folder=tmp_path).stderr


def test_speeds_are_in_the_record_and_nowhere_else_that_is_compared(undisturbed: Undisturbed) -> None:
    run = undisturbed(SHORT)
    record = json.loads((run / "run.json").read_text())
    speeds = [row["images_per_second"] for row in epoch_rows(run)]
    recorded = record["throughput"]
    assert recorded["training_images_per_second"] == pytest.approx(statistics.median(speeds), abs=0.1)
    assert recorded["evaluation_images_per_second"] > 0
    assert 0 < recorded["latency_ms"] < 1000
    assert record["cost"]["activation_bytes_per_image"] > 0
    assert "per_second" not in (run / "result.json").read_text()


def test_records_from_before_speeds_and_activations_are_read(driver: Driver, finished: Path, tmp_path: Path) -> None:
    run = finished
    record = json.loads((run / "run.json").read_text())
    del record["throughput"], record["cost"]["activation_bytes_per_image"], record["cost"]["uncounted_operations"]
    (run / "run.json").write_text(json.dumps(record))
    found = read_run(run)
    assert (found.damage, found.record and found.record.throughput) == ((), None)
    shown = driver.run("runs", "show", run.name, folder=tmp_path)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "activations" not in shown.stdout


def test_a_record_from_before_latencies_is_read(driver: Driver, finished: Path, tmp_path: Path) -> None:
    record = json.loads((finished / "run.json").read_text())
    shown = driver.run("runs", "show", finished.name, folder=tmp_path).stdout
    assert re.search(r"^latency +\d\S* ms, batch size 1$", shown, re.MULTILINE)
    del record["throughput"]["latency_ms"]
    (finished / "run.json").write_text(json.dumps(record))
    found = read_run(finished)
    assert (found.damage, found.record and found.record.throughput and found.record.throughput.latency_ms) == ((), None)
    assert "latency" not in driver.run("runs", "show", finished.name, folder=tmp_path).stdout


def test_the_record_says_which_images_are_right_and_shows_the_surest_mistakes(undisturbed: Undisturbed) -> None:
    """Without predictions and data, as in a clone."""
    run = undisturbed(SHORT)
    with np.load(run / "predictions.npz") as predictions:
        logits, labels = predictions["logits"].astype(np.float64), predictions["labels"]
    result, damage = read_run(run).result, list[Damage]()
    assert result is not None
    assert result.correct is not None
    assert result.mistakes is not None
    correct = unpacked(result.correct, len(labels))
    assert correct.bit_count() == sum(result.test.per_class_correct)
    told = [(correct >> len(labels) - 1 - place) & 1 == 1 for place in range(len(labels))]
    assert np.mean(told == (logits.argmax(1) == labels)) > 0.99  # the logits on disk are rounded
    mistakes = result.mistakes.images
    assert [labels[each.index] for each in mistakes] == [each.label for each in mistakes]
    assert not any(told[each.index] for each in mistakes)
    assert [each.confidence for each in mistakes] == sorted((each.confidence for each in mistakes), reverse=True)
    sheet = read_sheet(run / "mistakes.png", result.mistakes.sha256, "result.json", damage)
    assert damage == []
    assert sheet is not None
    shown = np.asarray(Image.open(io.BytesIO(sheet)).convert("RGB"))
    pixels = load_splits()["test"].images
    for number, mistake in enumerate(mistakes):
        left, upper = place_of(number, result.mistakes.side)
        tile = shown[upper : upper + result.mistakes.side : 8, left : left + result.mistakes.side : 8]
        assert (tile == pixels[mistake.index].transpose(1, 2, 0)).all()


def test_a_record_is_small(undisturbed: Undisturbed) -> None:
    """What is committed of a run, without weights and predictions."""
    run = undisturbed(SHORT)
    names = ("spec.json", "run.json", "metrics.jsonl", "result.json", "mistakes.png")
    assert sum((run / name).stat().st_size for name in names) < 30_000
