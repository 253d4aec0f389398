"""Run folders with given accuracies, written from the record types without any training."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.spec.composing import composed
from vitreport.data.registry import DATASETS
from vitreport.files import write_json
from vitreport.records.measurement import (
    CalibrationBin,
    EpochRecord,
    EpochResult,
    Measurement,
    ResultRecord,
    SplitDetails,
)
from vitreport.records.run import DataRecord, ErrorRecord, GitRecord, NetworkCost, RunRecord
from vitreport.records.schema import SCHEMA_VERSION
from vitreport.spec.run import RunSpec

IMAGES = {"train": 45_000, "val": 5000, "test": 10_000}
DIGITS = {"train": 1293, "val": 144, "test": 360}
DIGITS_FINGERPRINT = "68597d261ede3e5b1aee38858edb3eccdedb255120346b039a04bc27c1038d3f"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DIVERGED = ErrorRecord(kind="diverged", message="diverged at step 41: loss = nan")
FAILED = ErrorRecord(kind="resources", message="out of memory: batch 512")
OF_RUNS = ("train_accuracy", "images")
TIME = "2026-01-02T03:04:05Z"


def spec(model: str = "perceiver-io", dataset: str = "cifar10", seed: int = 0, **sections: Any) -> RunSpec:
    """Sections are tables over the defaults, such as train={"batch_size": 64}."""
    return composed({"model": {"name": model}, "data": {"dataset": dataset}, "seed": seed}, sections).spec


def small_spec(seed: int = 0, **sections: Any) -> RunSpec:
    """A network of which a step takes milliseconds, on the digits."""
    small = {"name": "perceiver-io", "num_latents": 4, "latent_dim": 8, "latent_heads": 2}
    data = {"dataset": "digits", "image_size": 8}
    return composed({"model": small, "data": data, "train": {"epochs": 2}, "seed": seed}, sections).spec


def write_seeds(runs_dir: Path, accuracies: Sequence[float], **options: Any) -> list[Path]:
    """One finished run a seed; `options` are those of `spec` and of `write_run`, the latter's `changes` as a table."""
    own = options.pop("changes", {}) | {name: options.pop(name) for name in OF_RUNS if name in options}
    return [
        write_run(runs_dir, spec(seed=seed, **options), accuracy, **own) for seed, accuracy in enumerate(accuracies)
    ]


def write_run(
    runs_dir: Path,
    run_spec: RunSpec,
    accuracy: float | None = 0.5,
    *,
    train_accuracy: float | None = None,
    suffix: str = "",
    images: str | None = None,
    **changes: Any,
) -> Path:
    """A run without weights that has this test accuracy; without one it has no result.

    `images` is the fingerprint of other images than the usual ones, `changes` are fields of run.json.
    """
    folder = runs_dir / f"{run_spec.run_id}{suffix}"
    folder.mkdir(parents=True)
    write_json(folder / "spec.json", {"schema_version": SCHEMA_VERSION, **run_spec.model_dump(mode="json")})
    record = run_record(folder.name, run_spec)
    if images:
        record = record.model_copy(update={"data": record.data.model_copy(update={"fingerprint": images})})
    told = ({"status": "failed"} if changes.get("error") else {}) | changes
    write_json(folder / "run.json", record.model_copy(update=told).stored())
    reached = accuracy if accuracy is not None else 0.3
    epochs = run_spec.train.epochs if accuracy is not None else run_spec.train.epochs // 2
    records = [epoch_record(epoch, run_spec, reached) for epoch in range(1, epochs + 1)]
    lines = [json.dumps(record.stored()) for record in records]
    (folder / "metrics.jsonl").write_text("".join(line + "\n" for line in lines))
    if accuracy is not None:
        result = result_record(run_spec, accuracy, train_accuracy or min(1.0, accuracy + 0.05))
        write_json(folder / "result.json", result.stored())
    return folder


def run_record(run_id: str, run_spec: RunSpec) -> RunRecord:
    return RunRecord(
        id=run_id,
        status="done",
        started=TIME,
        heartbeat=TIME,
        finished=TIME,
        step=100,
        seconds=600.0 + run_spec.seed,
        argv=("train", run_spec.model.name),
        device="CPU",
        fingerprint={"threads": "2"},
        versions={"python": "3.11.7", "torch": "2.15.0", "vitreport": "0.1.0"},
        git=GitRecord(commit="0123456789abcdef" * 2, dirty=False),
        data=data_record(run_spec),
        cost=NetworkCost(
            parameters=1_504_662, forward_flops_per_image=55_100_000, training_flops_per_image=165_000_000
        ),
    )


def data_record(run_spec: RunSpec) -> DataRecord:
    """The digits as they are; any other dataset as if it was CIFAR-10."""
    are_digits = run_spec.data.dataset == "digits"
    return DataRecord(
        fingerprint=DIGITS_FINGERPRINT if are_digits else "6f" * 32,
        canonical=True,
        source="scikit-learn" if are_digits else "archive cifar-10-python.tar.gz (md5 verified)",
        classes=DATASETS["digits"].classes if are_digits else CLASSES,
        counts=DIGITS if are_digits else IMAGES,
        split_hash="0" * 16,
        resized=0,
        mean=(0.3, 0.3, 0.3),
        std=(0.4, 0.4, 0.4),
    )


def epoch_record(epoch: int, run_spec: RunSpec, accuracy: float) -> EpochRecord:
    """Curves that rise towards the accuracy and are almost there after half of the epochs."""
    images = data_record(run_spec).counts
    share = 1 - 0.5 ** (8 * epoch / run_spec.train.epochs)
    names = ("train", *(["val"] if run_spec.data.validation_fraction else []))
    names += ("test",) if run_spec.train.monitor_test else ()
    splits = {
        name: measurement(images[name], accuracy * share * (1 - 0.02 * index), 2.3 - 1.5 * share + 0.1 * index)
        for index, name in enumerate(names)
    }
    return EpochRecord(
        epoch=epoch,
        step=100 * epoch,
        learning_rate=run_spec.optimizer.learning_rate,
        splits=splits,
        images_per_second=5000.0 + run_spec.seed,
        seconds=9.0,
        peak_memory_bytes=10**9,
    )


def result_record(run_spec: RunSpec, accuracy: float, train_accuracy: float) -> ResultRecord:
    """The classes differ: the first is 10 points better than the mean, the last 10 points worse."""
    images = data_record(run_spec).counts
    count = images["test"] // len(CLASSES)
    spread = [0.1, *[0.0] * (len(CLASSES) - 2), -0.1]
    correct = [min(count, max(0, round((accuracy + extra) * count))) for extra in spread]
    measured = sum(correct) / images["test"]
    accuracies = {"train": train_accuracy, "val": measured + 0.01, "test": measured}
    if not run_spec.data.validation_fraction:
        del accuracies["val"]
    splits = {name: measurement(images[name], min(1.0, value), 1.2, top5=0.95) for name, value in accuracies.items()}
    last = EpochResult(epoch=run_spec.train.epochs, step=100 * run_spec.train.epochs, splits=splits)
    return ResultRecord(
        selection=run_spec.train.selection,
        selected=last,
        last=last,
        test=SplitDetails(
            expected_calibration_error=0.04,
            calibration=tuple(
                CalibrationBin(
                    count=images["test"] // 5,
                    correct=sum(correct) * (index + 1) // 5 - sum(correct) * index // 5,
                    confidence=0.1 + 0.2 * index,
                )
                for index in range(5)
            ),
            per_class_count=(count,) * len(CLASSES),
            per_class_correct=tuple(correct),
            confusion=tuple(_row(index, right, count) for index, right in enumerate(correct)),
        ),
        weights_sha256="0" * 64,
        predictions_sha256="0" * 64,
    )


def measurement(count: int, accuracy: float, loss: float, **metrics: float) -> Measurement:
    return Measurement(count=count, correct=round(accuracy * count), loss=loss, metrics=metrics)


def _row(index: int, right: int, count: int) -> tuple[int, ...]:
    """Whatever is wrong is taken for the next class."""
    row = [0] * len(CLASSES)
    row[index] = right
    row[(index + 1) % len(CLASSES)] = count - right
    return tuple(row)
