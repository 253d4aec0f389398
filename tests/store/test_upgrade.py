"""Records of schema 1 are read as they were written; adding a metric needs a name and a function."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.records import small_spec, write_run
from vitreport.export.table import runs_table
from vitreport.records.measurement import METRICS, Measurement
from vitreport.records.reader import Damage, read_run
from vitreport.training import evaluate

COMMITTED = Path(__file__).parents[2] / "runs"
CONTRADICTION = "the classes, the calibration or the confusion matrix contradict the test split"
OLD_RUNS = [
    file.parent
    for file in sorted(COMMITTED.glob("*/result.json"))
    if json.loads(file.read_text())["schema_version"] == 1
]


@pytest.mark.parametrize("folder", OLD_RUNS, ids=lambda folder: folder.name)
def test_every_committed_number_is_read_as_it_was_written(folder: Path) -> None:
    run = read_run(folder)
    assert run.damage == ()
    assert run.result is not None
    old: dict[str, Any] = json.loads((folder / "result.json").read_text())
    for which, result in (("selected", run.result.selected), ("last", run.result.last)):
        assert as_before(result.splits) == old[which]["splits"]
    bins = [
        {"count": each.count, "confidence": each.confidence, "accuracy": each.accuracy}
        for each in run.result.test.calibration
    ]
    assert bins == old["test"]["calibration"]
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [
        {name: {"loss": split.loss, "accuracy": split.accuracy} for name, split in epoch.splits.items()}
        for epoch in run.epochs
    ] == [line["splits"] for line in lines]


def as_before(splits: dict[str, Measurement]) -> dict[str, Any]:
    return {
        name: {"count": split.count, "loss": split.loss, "accuracy": split.accuracy, "top5": split.metrics["top5"]}
        for name, split in splits.items()
    }


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD_RUNS[0], tmp_path / OLD_RUNS[0].name))


def test_the_machine_of_the_first_records_is_left_out(old: Path) -> None:
    record = json.loads((old / "run.json").read_text())
    del record["data"]["class_counts"]
    (old / "run.json").write_text(json.dumps({**record, "host": "jane-laptop", "process": 7}))
    found = read_run(old).record
    assert found is not None
    assert found.data.class_counts is None
    assert "jane-laptop" not in found.model_dump_json()


def test_curves_of_schema_1_need_the_counts_of_run_json(old: Path) -> None:
    (old / "run.json").unlink()
    found = read_run(old)
    assert found.epochs == ()
    assert "line 1 skipped: run.json does not say how many images train has" in found.damage[1].reason


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"accuracy": 1.5}, "accuracy: Input should be less than or equal to 1"),
        ({"accuracy": "high"}, "accuracy: Input should be a valid number"),
        ({"count": 0}, "selected.splits.test.count: Input should be greater than or equal to 1"),
        ({"accuracy": 0.5}, CONTRADICTION),
        ({"count": None}, "count: Input should be a valid integer"),
        ({"top5": 2.0}, "top5: Input should be less than or equal to 1"),
        ({"correct": 5}, CONTRADICTION),
        ({"surprise": 5}, "selected.splits.test.surprise: Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_with_an_old_result_is_named(old: Path, change: dict[str, Any], told: str) -> None:
    result = json.loads((old / "result.json").read_text())
    result["selected"]["splits"]["test"] |= change
    (old / "result.json").write_text(json.dumps(result))
    found = read_run(old)
    assert found.result is None
    assert found.damage == (Damage("result.json", told),)


def test_more_right_images_than_images_are_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path, small_spec())
    text = (folder / "result.json").read_text()
    (folder / "result.json").write_text(text.replace('"count": 144', '"count": 14'))
    assert "selected.splits.val: " in read_run(folder).damage[0].reason
    assert "of 14 images cannot be correct" in read_run(folder).damage[0].reason


def test_a_metric_is_a_name_and_a_function(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is measured, recorded and exported; records without it are read as before."""
    former = write_run(tmp_path, small_spec())
    monkeypatch.setitem(METRICS, "confident", "confident images")
    monkeypatch.setitem(evaluate.FUNCTIONS, "confident", lambda logits, labels: float((logits.max(1) > 1).mean()))
    measured = evaluate.measure(np.array([[2, 0], [0, 0.5]], np.float32), np.array([0, 0]))
    assert measured.metrics == {"confident": 0.5}
    assert Measurement.model_validate_json(json.dumps(measured.stored())) == measured
    table = runs_table([read_run(former)])
    assert table.column("selected.test.confident") == [None]
    assert table.column("selected.test.top5") == [0.95]


def test_every_metric_has_its_function() -> None:
    assert METRICS.keys() == evaluate.FUNCTIONS.keys()
