"""Run folders as training leaves them, written without training."""

from pathlib import Path
from typing import Any

from tests.spec.composing import composed
from vitreport.data.digits import CANONICAL_FINGERPRINT, CLASSES
from vitreport.files import write_json
from vitreport.spec.run import RunSpec
from vitreport.store.record import (
    SCHEMA_VERSION,
    BinRecord,
    CostRecord,
    DataRecord,
    DetailRecord,
    EpochRecord,
    EpochResult,
    MeasurementRecord,
    ResultRecord,
    RunRecord,
    SplitRecord,
)

TIME = "2026-01-02T03:04:05Z"
TEST_COUNT = 360


def spec(seed: int = 0, **sections: Any) -> RunSpec:
    small = {"name": "perceiver-io", "num_latents": 4, "latent_dim": 8, "latent_heads": 2}
    data = {"dataset": "digits", "image_size": 8}
    return composed({"model": small, "data": data, "train": {"epochs": 2}, "seed": seed}, sections).spec


def write_run(runs_dir: Path, run_spec: RunSpec, **changes: Any) -> Path:
    """A finished run without weights; `changes` are fields of run.json."""
    folder = runs_dir / run_spec.run_id
    folder.mkdir(parents=True)
    write_json(folder / "spec.json", {"schema_version": SCHEMA_VERSION, **run_spec.model_dump(mode="json")})
    write_json(folder / "run.json", run_record(folder.name).model_copy(update=changes).model_dump(mode="json"))
    lines = [epoch_record(epoch).model_dump_json() + "\n" for epoch in (1, 2)]
    (folder / "metrics.jsonl").write_text("".join(lines))
    write_json(folder / "result.json", result_record().model_dump(mode="json"))
    return folder


def run_record(run_id: str) -> RunRecord:
    return RunRecord(
        id=run_id,
        status="done",
        started=TIME,
        heartbeat=TIME,
        finished=TIME,
        step=4,
        seconds=1.5,
        argv=("train", "perceiver-io"),
        host="somewhere",
        process=1,
        device="CPU",
        fingerprint={"threads": "1"},
        versions={"python": "3.11.0"},
        git=None,
        data=data_record(),
        cost=CostRecord(parameters=1000, forward_flops_per_image=2000, training_flops_per_image=6000),
    )


def data_record() -> DataRecord:
    return DataRecord(
        fingerprint=CANONICAL_FINGERPRINT,
        canonical=True,
        source="scikit-learn",
        classes=CLASSES,
        counts={"train": 1293, "val": 144, "test": TEST_COUNT},
        split_hash="0" * 16,
        resized=0,
        mean=(0.3, 0.3, 0.3),
        std=(0.4, 0.4, 0.4),
    )


def epoch_record(epoch: int) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        step=2 * epoch,
        learning_rate=1e-3,
        splits={name: SplitRecord(loss=2.0, accuracy=epoch / 4) for name in ("train", "val")},
        images_per_second=100.0,
        seconds=0.7,
        peak_memory_bytes=10**8,
    )


def result_record() -> ResultRecord:
    splits = {name: MeasurementRecord(count=TEST_COUNT, loss=1.0, accuracy=0.5, top5=0.9) for name in ("val", "test")}
    per_class = (36,) * 10
    return ResultRecord(
        selection="val",
        selected=EpochResult(epoch=2, step=4, splits=splits),
        last=EpochResult(epoch=2, step=4, splits=splits),
        test=DetailRecord(
            expected_calibration_error=0.1,
            calibration=(BinRecord(count=TEST_COUNT, confidence=0.6, accuracy=0.5),),
            per_class_count=per_class,
            per_class_correct=(18,) * 10,
            confusion=tuple(
                tuple(18 if row in (column, (column + 1) % 10) else 0 for column in range(10)) for row in range(10)
            ),
        ),
        weights_sha256="0" * 64,
        predictions_sha256="0" * 64,
    )
