"""TensorBoard reads what is exported."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.records import small_spec, write_run
from vitreport.export.table import moment
from vitreport.export.tensorboard import write_events
from vitreport.records.reader import read_run


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder)).Reload()
    return {tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_curves_have_epochs_for_steps() -> None:
    path = write_events(read_run(write_run(Path("runs"), small_spec())), Path("logs"))
    found = scalars(path.parent)
    assert [epoch for epoch, _ in found["accuracy/train"]] == [epoch for epoch, _ in found["accuracy/val"]] == [1, 2]
    assert [value for _, value in found["accuracy/train"]] == pytest.approx([606 / 1293, 644 / 1293])
    assert [value for _, value in found["accuracy/val"]] == pytest.approx([66 / 144, 70 / 144])
    assert [value for _, value in found["loss/train"]] == pytest.approx([0.89375, 0.8058594])
    assert [value for _, value in found["learning_rate"]] == pytest.approx([3e-4, 3e-4])
    assert found["selected/accuracy/test"] == [(2, 0.5)]
    assert "accuracy/test" not in found


def test_wall_time_is_that_of_the_record() -> None:
    run = read_run(write_run(Path("runs"), small_spec(), started="2026-01-02T03:04:05Z"))
    events = EventAccumulator(str(write_events(run, Path("logs")).parent)).Reload()
    start = moment("2026-01-02T03:04:05Z")
    assert start is not None
    times = [each.wall_time - start.timestamp() for each in events.Scalars("loss/train")]
    assert times == pytest.approx([9.0, 18.0], abs=1e-6)


def test_a_second_export_replaces_the_first() -> None:
    run = read_run(write_run(Path("runs"), small_spec()))
    first = write_events(run, Path("logs"))
    content = first.read_bytes()
    assert write_events(run, Path("logs")) == first
    assert first.read_bytes() == content
    assert len(scalars(first.parent)["loss/train"]) == 2
