"""Curves as TensorBoard's event files, with the extra `tensorboard`."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from vitreport.export.table import moment
from vitreport.files import make_folder, write_atomic
from vitreport.records.measurement import Measurement
from vitreport.records.reader import Run

FILE_NAME = "events.out.tfevents.vitreport"  # one name, so that a second export replaces the first


def write_events(run: Run, folder: Path) -> Path:
    """Write a log directory, named after the run, with one event file."""
    content = io.BytesIO()
    writer = RecordWriter(content)
    for event in _events(run):
        writer.write(event.SerializeToString(deterministic=True))
    make_folder(folder / run.id)
    path = folder / run.id / FILE_NAME
    write_atomic(path, content.getvalue())
    return path


def _events(run: Run) -> Iterator[Event]:
    """Yield an event for each epoch, whose time is that of the start and the training seconds since."""
    start = moment(run.record.started) if run.record else None
    time = start.timestamp() if start else 0.0
    yield Event(wall_time=time, file_version="brain.Event:2")
    for epoch in run.epochs:
        time += epoch.seconds
        others = epoch.model_dump(include={"learning_rate", "images_per_second", "seconds", "peak_memory_bytes"})
        yield _event(time, epoch.epoch, epoch.splits, **others)
    if run.result:
        yield _event(time, run.result.selected.epoch, run.result.selected.splits, "selected/")


def _event(time: float, step: int, splits: Mapping[str, Measurement], prefix: str = "", **others: float) -> Event:
    """Make an event in which the splits of a metric share a prefix: TensorBoard makes it a section of charts."""
    scalars = {
        f"{prefix}{name}/{split}": getattr(measurement, name)
        for split, measurement in splits.items()
        for name in ("accuracy", "loss")
    }
    values = [Summary.Value(tag=tag, simple_value=value) for tag, value in {**scalars, **others}.items()]
    return Event(wall_time=time, step=step, summary=Summary(value=values))
