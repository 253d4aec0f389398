"""Runs and epochs as tables of plain values: columns are the dotted paths of a record, without its `splits`."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from vitreport.records.measurement import METRICS
from vitreport.records.reader import Run
from vitreport.records.result import EpochResult, ResultRecord
from vitreport.records.run import RunRecord
from vitreport.spec.compose import flat
from vitreport.spec.run import RunSpec

Kind = Literal["text", "integer", "number", "truth", "time"]
Value = str | int | float | bool | None
Row = Mapping[str, Any]

SPLITS = ("train", "val", "test")
INT64, EXACT_IN_FLOAT = 2**63, 2**53


@dataclass(frozen=True)
class Table:
    """Rows with the kind of each column; a value that a row lacks is None. Times are text in ISO 8601."""

    kinds: Mapping[str, Kind]
    rows: Sequence[Row]

    def column(self, name: str) -> list[Value]:
        return [_value(row.get(name), self.kinds[name]) for row in self.rows]


RUN_COLUMNS: dict[str, Kind] = {"id": "text", "group": "text", "status": "text", "epoch": "integer"}
RESULT_COLUMNS: dict[str, Kind] = {
    "test.expected_calibration_error": "number",
    "cost.parameters": "integer",
    "cost.forward_flops_per_image": "integer",
    "cost.training_flops_per_image": "integer",
    "cost.activation_bytes_per_image": "integer",
    "throughput.training_images_per_second": "number",
    "throughput.evaluation_images_per_second": "number",
    "seconds": "number",
    "peak_memory_bytes": "integer",
    "started": "time",
    "finished": "time",
    "device": "text",
    "data.fingerprint": "text",
    "data.canonical": "truth",
    "data.source": "text",
    "data.split_hash": "text",
    **{f"data.counts.{split}": "integer" for split in SPLITS},
    "versions.python": "text",
    "versions.vitreport": "text",
    "versions.torch": "text",
    "git.commit": "text",
    "git.dirty": "truth",
    "resumed": "integer",
    "error.kind": "text",
    "error.message": "text",
    "command": "text",
}
EPOCH_COLUMNS: dict[str, Kind] = {
    "id": "text",
    "group": "text",
    "seed": "integer",
    "epoch": "integer",
    "step": "integer",
    "learning_rate": "number",
    **{f"{split}.{name}": "number" for split in SPLITS for name in ("accuracy", "loss")},
    "images_per_second": "number",
    "seconds": "number",
    "peak_memory_bytes": "integer",
}


def runs_table(runs: Iterable[Run]) -> Table:
    """One row a run: its spec, what it measured, what it cost and where it comes from."""
    pairs = [(_spec_values(run.spec), _run_values(run)) for run in runs]
    kinds = RUN_COLUMNS | _spec_kinds([spec for spec, _ in pairs]) | _measured_columns() | RESULT_COLUMNS
    return Table(kinds, [{**values, **spec} for spec, values in pairs])


def _measured_columns() -> dict[str, Kind]:
    """The columns of the selected and of the last epoch, with all METRICS."""
    measured: dict[str, Kind] = {"count": "integer", "correct": "integer", "accuracy": "number", "loss": "number"}
    measured |= dict.fromkeys(METRICS, "number")
    columns: dict[str, Kind] = {}
    for which in ("selected", "last"):
        columns[f"{which}.epoch"] = "integer"
        columns |= {f"{which}.{split}.{name}": kind for split in SPLITS for name, kind in measured.items()}
    return columns


def epochs_table(runs: Iterable[Run]) -> Table:
    """One row an epoch, in the order of the runs."""
    return Table(EPOCH_COLUMNS, [row for run in runs for row in _epoch_rows(run)])


def moment(time: Value) -> datetime | None:
    """A recorded time; None where the record's text is none."""
    try:
        found = datetime.fromisoformat(str(time))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _run_values(run: Run) -> Row:
    return {
        "id": run.id,
        "group": _group(run.spec),
        "epoch": run.epochs[-1].epoch if run.epochs else 0,
        **_result_values(run.result),
        "peak_memory_bytes": max((epoch.peak_memory_bytes for epoch in run.epochs), default=None),
        **_record_values(run.record),
    }


def _group(spec: RunSpec | None) -> str | None:
    return spec.group if spec else None


def _spec_values(spec: RunSpec | None) -> Row:
    values = flat(spec.model_dump(mode="json")) if spec else {}
    return {path: value for path, value in values.items() if value != {}}


def _result_values(result: ResultRecord | None) -> Row:
    if result is None:
        return {}
    measured = {"selected": _epoch_result(result.selected), "last": _epoch_result(result.last)}
    return flat(measured) | {"test.expected_calibration_error": result.test.expected_calibration_error}


def _epoch_result(result: EpochResult) -> Row:
    return {"epoch": result.epoch, **{name: split.values for name, split in result.splits.items()}}


def _record_values(record: RunRecord | None) -> Row:
    if record is None:
        return {}
    values = flat(record.model_dump(mode="json", exclude={"id", "step", "resumed"}))
    return values | {"resumed": len(record.resumed), "command": shlex.join(["vitreport", *record.argv])}


def _epoch_rows(run: Run) -> Iterator[Row]:
    for epoch in run.epochs:
        values = epoch.model_dump(exclude={"splits"})
        splits = flat({name: {"accuracy": m.accuracy, "loss": m.loss} for name, m in epoch.splits.items()})
        yield {"id": run.id, "group": _group(run.spec), "seed": run.spec and run.spec.seed, **values, **splits}


def _spec_kinds(specs: Sequence[Row]) -> dict[str, Kind]:
    """The fields of all specs, section by section; architectures differ in theirs."""
    sections = list(RunSpec.model_fields)
    paths = dict.fromkeys(path for spec in specs for path in spec)
    ordered = sorted(paths, key=lambda path: sections.index(path.partition(".")[0]))
    return {path: _kind([spec[path] for spec in specs if spec.get(path) is not None]) for path in ordered}


def _kind(values: Sequence[Any]) -> Kind:
    """What a column of spec values holds; a field that no run sets is a number, as all optional fields are."""
    types = {type(value) for value in values}
    if types == {bool}:
        return "truth"
    largest = max((abs(value) for value in values if type(value) is int), default=0)
    if types == {int} and largest < INT64:
        return "integer"
    return "number" if types <= {int, float} and largest < EXACT_IN_FLOAT else "text"


def _value(value: Any, kind: Kind) -> Value:
    """A list, or a value beside text, as JSON."""
    if value is None or isinstance(value, str):
        return value
    if kind == "text":
        return json.dumps(value)
    return float(value) if kind == "number" else value
