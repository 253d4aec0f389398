"""Runs and epochs as tables of plain values: columns are the dotted paths of a record, without its `splits`."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from vitreport.formatting import csv_text
from vitreport.records.measurement import METRICS, SPLITS
from vitreport.records.reader import Run
from vitreport.spec.fields import flat
from vitreport.spec.run import RunSpec

Kind = Literal["text", "integer", "number", "truth", "time"]
Value = str | int | float | bool | None
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows with the kind of each column; a value that a row lacks is None. Times are text in ISO 8601."""

    kinds: Mapping[str, Kind]
    rows: Sequence[Row]

    def column(self, name: str) -> list[Value]:
        return [_value(row.get(name), self.kinds[name]) for row in self.rows]

    def as_csv(self) -> str:
        """Return CSV (RFC 4180, a newline after each row): numbers with all their digits, no formulas."""
        columns = [[_cell(value) for value in self.column(name)] for name in self.kinds]
        return csv_text([self.kinds, *zip(*columns, strict=True)])


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
    pairs = [(_run_row(run), flat(run.spec.model_dump(mode="json")) if run.spec else {}) for run in runs]
    kinds = RUN_COLUMNS | _spec_kinds([spec for _, spec in pairs]) | _measured_kinds() | RESULT_COLUMNS
    return Table(kinds, [row | spec for row, spec in pairs])


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


def _run_row(run: Run) -> dict[str, Any]:
    """What a run has beside its spec."""
    row: dict[str, Any] = {
        "id": run.id,
        "group": run.spec and run.spec.group,
        "epoch": run.epochs[-1].epoch if run.epochs else 0,
        "peak_memory_bytes": max((epoch.peak_memory_bytes for epoch in run.epochs), default=None),
    }
    if result := run.result:
        for which, epoch in (("selected", result.selected), ("last", result.last)):
            splits = {split: measured.values for split, measured in epoch.splits.items()}
            row |= flat({which: {"epoch": epoch.epoch, **splits}})
        row["test.expected_calibration_error"] = result.test.expected_calibration_error
    if record := run.record:
        row |= flat(record.model_dump(mode="json", exclude={"id", "step", "resumed"}))
        row |= {"resumed": len(record.resumed), "command": shlex.join(["vitreport", *record.argv])}
    return row


def _epoch_rows(run: Run) -> Iterator[Row]:
    for epoch in run.epochs:
        row: dict[str, Any] = {"id": run.id}
        if run.spec:
            row |= {"group": run.spec.group, "seed": run.spec.seed}
        for split, measured in epoch.splits.items():
            row |= {f"{split}.accuracy": measured.accuracy, f"{split}.loss": measured.loss}
        yield row | epoch.model_dump(exclude={"splits"})


def _measured_kinds() -> dict[str, Kind]:
    """The columns of the selected and of the last epoch, with all METRICS."""
    measured: dict[str, Kind] = {"count": "integer", "correct": "integer", "accuracy": "number", "loss": "number"}
    measured |= dict.fromkeys(METRICS, "number")
    columns: dict[str, Kind] = {}
    for which in ("selected", "last"):
        columns[f"{which}.epoch"] = "integer"
        columns |= {f"{which}.{split}.{name}": kind for split in SPLITS for name, kind in measured.items()}
    return columns


def _spec_kinds(specs: Sequence[Row]) -> dict[str, Kind]:
    """The fields of all specs, section by section; architectures differ in theirs."""
    sections = list(RunSpec.model_fields)
    paths = dict.fromkeys(path for spec in specs for path, value in spec.items() if value != {})
    ordered = sorted(paths, key=lambda path: sections.index(path.partition(".")[0]))
    return {path: _kind({type(value) for spec in specs if (value := spec.get(path)) is not None}) for path in ordered}


def _kind(types: set[type]) -> Kind:
    """What a column of spec values holds; a field that no run sets is a number, as all optional fields are."""
    if types == {bool}:
        return "truth"
    if types == {int}:
        return "integer"
    return "number" if types <= {int, float} else "text"


def _value(value: Any, kind: Kind) -> Value:
    """A list, or a value beside text, as JSON."""
    if value is None or isinstance(value, str):
        return value
    if kind == "text":
        return json.dumps(value)
    return float(value) if kind == "number" else value


def _cell(value: Value) -> Value:
    return str(value).lower() if isinstance(value, bool) else value
