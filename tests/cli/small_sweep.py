"""Finished runs for sweeps over batch sizes, with given accuracies."""

import json
from pathlib import Path

from tests.records import DIVERGED, small_spec, write_run
from vitreport.files import write_json
from vitreport.spec.run import RunSpec

BASE = ("--spec", "base.json")
"""Options that name the spec which `written` writes."""
IMAGES = 3600
"""Test images: both whole percentages and shares of 360 are whole numbers of them."""


def written(accuracies: dict[int, list[float | None]]) -> None:
    """Finished runs of batch sizes and seeds; None is a run that diverged."""
    write_json(Path("base.json"), small_spec().model_dump(mode="json"))
    for batch_size, of_seeds in accuracies.items():
        for seed, accuracy in enumerate(of_seeds):
            write_result(small_spec(seed, train={"batch_size": batch_size}), accuracy)


def write_result(run_spec: RunSpec, accuracy: float | None) -> None:
    if accuracy is None:
        write_run(Path("runs"), run_spec, None, error=DIVERGED)
        return
    file = write_run(Path("runs"), run_spec) / "result.json"
    result = json.loads(file.read_text())
    result["selected"]["splits"]["test"] |= {"correct": round(accuracy * IMAGES), "count": IMAGES}
    result["test"] |= {
        "per_class_count": [IMAGES],
        "per_class_correct": [round(accuracy * IMAGES)],
        "calibration": [{"count": IMAGES, "confidence": 0.5, "correct": round(accuracy * IMAGES)}],
        "confusion": None,
    }
    write_json(file, result)
