"""Runs and epochs as tables of plain values: columns are the dotted paths of a record, without its `splits`."""

import json
import shlex
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vitreport.analysis.class_scores import class_scores
from vitreport.errors import ResourceError
from vitreport.formatting import counted, csv_text, listed
from vitreport.records.folders import check_runs_dir, run_folders
from vitreport.records.measurement import METRICS, SPLITS, TRAIN_EVAL
from vitreport.records.reader import Run, read_run
from vitreport.records.run import NetworkCost, ThroughputRecord
from vitreport.spec.fields import flatten
from vitreport.spec.run import RunSpec

if TYPE_CHECKING:
    import pandas

Kind = Literal["text", "integer", "number", "truth", "time"]
Value = str | int | float | bool | None
Row = Mapping[str, Any]
DTYPES = {"text": "string", "integer": "Int64", "number": "float64", "truth": "boolean", "time": "datetime64[us, UTC]"}
PACKAGES = {
    "pandas": ["pandas"],
    "parquet": ["pyarrow.parquet"],
    "tensorboard": ["tensorboard"],
    "onnx": ["onnx", "onnxscript", "onnxruntime"],
}
"""The packages of each extra, by the names under which they are imported."""


@dataclass(frozen=True)
class RecordTable:
    """Rows with the kind of each column; a value that a row lacks is None. Times are text in ISO 8601."""

    kinds: Mapping[str, Kind]
    rows: Sequence[Row]

    def column(self, name: str) -> list[Value]:
        """Return the values of a column; a list, or a number in a column of text, as JSON."""
        plain: Mapping[str, Callable[[Any], Value]] = {"text": json.dumps, "number": float}
        convert, values = plain.get(self.kinds[name]), (row.get(name) for row in self.rows)
        return [convert(value) if convert and not isinstance(value, str | None) else value for value in values]

    def as_csv(self) -> str:
        """Return CSV (RFC 4180, a newline after each row): numbers with all their digits, no formulas."""
        rows = zip(*map(self.column, self.kinds), strict=True)
        return csv_text([self.kinds, *([str(v).lower() if isinstance(v, bool) else v for v in row] for row in rows)])

    def as_frame(self) -> "pandas.DataFrame":
        """Return a pandas table; times are those of UTC."""
        import pandas

        columns = {}
        for name, kind in self.kinds.items():
            values = self.column(name)
            columns[name] = pandas.Series(list(map(moment, values)) if kind == "time" else values, dtype=DTYPES[kind])
        return pandas.DataFrame(columns)


def check_extra(extra: str, packages: Sequence[str] = ()) -> None:
    """Raise ResourceError with the install command if a package of an extra, or one of `packages`, is missing."""
    try:
        for package in packages or PACKAGES[extra]:
            import_module(package)
    except ImportError as error:
        raise ResourceError(f"{error.name or extra} is missing", f'run pip install "vitreport[{extra}]"') from error


RUN_COLUMNS: dict[str, Kind] = {"id": "text", "group": "text", "status": "text", "epoch": "integer"}
RESULT_COLUMNS: dict[str, Kind] = {
    **{f"test.{name}": "number" for name in ("expected_calibration_error", "balanced_accuracy", "macro_f1")},
    **{f"cost.{name}": "integer" for name in NetworkCost.model_fields if name != "uncounted_operations"},
    **{f"throughput.{name}": "number" for name in ThroughputRecord.model_fields},
    "seconds": "number",
    **dict.fromkeys(("peak_memory_bytes", "trials_per_job"), "integer"),
    **dict.fromkeys(("started", "finished"), "time"),
    **dict.fromkeys(("device", "data.fingerprint"), "text"),
    "data.canonical": "truth",
    **dict.fromkeys(("data.source", "data.split_hash"), "text"),
    **{f"data.counts.{split}": "integer" for split in SPLITS},
    **{f"versions.{name}": "text" for name in ("python", "vitreport", "torch")},
    "git.commit": "text",
    "git.dirty": "truth",
    "resumed": "integer",
    **dict.fromkeys(("error.kind", "error.message", "command"), "text"),
}
EPOCH_COLUMNS: dict[str, Kind] = {
    **dict.fromkeys(("id", "group"), "text"),
    **dict.fromkeys(("seed", "epoch", "step"), "integer"),
    "learning_rate": "number",
    **{f"{split}.{name}": "number" for split in (*SPLITS, TRAIN_EVAL) for name in ("accuracy", "loss")},
    **dict.fromkeys(("images_per_second", "seconds"), "number"),
    "peak_memory_bytes": "integer",
}


def runs_table(runs: Iterable[Run]) -> RecordTable:
    """Return one row a run: its spec, what it measured, what it cost and where it comes from."""
    pairs = [(_run_row(run), flatten(run.spec.model_dump(mode="json")) if run.spec else {}) for run in runs]
    measured: dict[str, Kind] = {"count": "integer", "correct": "integer", "accuracy": "number", "loss": "number"}
    measured |= dict.fromkeys(METRICS, "number")
    kinds = RUN_COLUMNS | _spec_kinds([spec for _, spec in pairs])
    for which in ("selected", "last"):
        kinds[f"{which}.epoch"] = "integer"
        kinds |= {f"{which}.{split}.{name}": kind for split in SPLITS for name, kind in measured.items()}
    return RecordTable(kinds | RESULT_COLUMNS, [row | spec for row, spec in pairs])


def epochs_table(runs: Iterable[Run]) -> RecordTable:
    """Return one row an epoch, in the order of the runs."""
    rows = []
    for run in runs:
        shared = {"id": run.id, "group": run.spec and run.spec.group, "seed": run.spec and run.spec.seed}
        for epoch in run.epochs:
            splits = {split: measured.values for split, measured in epoch.splits.items()}
            rows.append(shared | flatten(splits) | epoch.model_dump(exclude={"splits"}))
    return RecordTable(EPOCH_COLUMNS, rows)


def runs_frame(folder: str | PathLike[str] = "runs") -> "pandas.DataFrame":
    """Return the runs in a directory as a table with one row for each run, sorted by name.

    Damaged runs are left out, with a warning that names them. The guide "Export records" lists the columns with their
    units. Values that a run does not have are missing. The types are Int64, float64, boolean and string.

    Raises:
        SpecError: If there is no such directory.
        ResourceError: If pandas is not installed.
    """
    return _load(Path(folder), runs_table)


def epochs_frame(folder: str | PathLike[str] = "runs") -> "pandas.DataFrame":
    """Return the epochs of all runs in a directory, one row for each epoch; merge them with `runs_frame` on `id`.

    Types, damaged runs and errors are as in `runs_frame`.
    """
    return _load(Path(folder), epochs_table)


def _load(folder: Path, tabulate: Callable[[Iterable[Run]], RecordTable]) -> "pandas.DataFrame":
    check_extra("pandas")
    check_runs_dir(folder)
    runs = [read_run(path) for path in run_folders(folder)]
    if damaged := [f"{run.id} ({run.damage[0]})" for run in runs if run.damage]:
        warnings.warn(f"{counted(len(damaged), 'damaged run')} left out: {listed(damaged)}", stacklevel=3)
    return tabulate(run for run in runs if not run.damage).as_frame()


def moment(time: object) -> datetime | None:
    """Return a recorded time; None if the text of the record is none."""
    try:
        found = datetime.fromisoformat(str(time))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _run_row(run: Run) -> dict[str, Any]:
    """Return everything except the spec."""
    row: dict[str, Any] = {
        "id": run.id,
        "group": run.spec and run.spec.group,
        "epoch": run.epochs[-1].epoch if run.epochs else 0,
        "peak_memory_bytes": max((epoch.peak_memory_bytes for epoch in run.epochs), default=None),
    }
    if result := run.result:
        for which, epoch in (("selected", result.selected), ("last", result.last)):
            splits = {split: measured.values for split, measured in epoch.splits.items()}
            row |= flatten({which: {"epoch": epoch.epoch, **splits}})
        scores = class_scores(result.test)
        row["test.expected_calibration_error"] = result.test.expected_calibration_error
        row |= {"test.balanced_accuracy": scores.balanced_accuracy, "test.macro_f1": scores.macro_f1}
    if record := run.record:
        row |= flatten(record.model_dump(mode="json", exclude={"id", "step", "resumed"}))
        row |= {"resumed": len(record.resumed), "command": shlex.join(["vitreport", *record.argv])}
    return row


def _spec_kinds(specs: Sequence[Row]) -> dict[str, Kind]:
    """Return the fields of all specs, section by section; architectures differ in theirs."""
    sections = list(RunSpec.model_fields)
    paths = dict.fromkeys(path for spec in specs for path, value in spec.items() if value != {})
    ordered = sorted(paths, key=lambda path: sections.index(path.partition(".")[0]))
    return {path: _kind({type(value) for spec in specs if (value := spec.get(path)) is not None}) for path in ordered}


def _kind(types: set[type]) -> Kind:
    """Return what a column of spec values holds; a field that no run sets is a number, as all optional fields are."""
    if types in ({bool}, {int}):
        return "truth" if bool in types else "integer"
    return "number" if types <= {int, float} else "text"
