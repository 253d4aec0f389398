"""The file of a sweep: its name, axes and cells. What the cells have come to stands in their own records."""

from collections.abc import Iterable
from pathlib import Path

from pydantic import model_validator

from vitreport.errors import BusyError, ResourceError
from vitreport.files import locked, make_folder, write_json
from vitreport.privacy import without_paths
from vitreport.reading import entry_fault
from vitreport.records.folders import MOVE_HINT, refuse_foreign
from vitreport.records.reader import read_file, refuse_unreadable
from vitreport.records.types import SCHEMA_VERSION, Record, Text, Version
from vitreport.store.lock import LOCK_NAME
from vitreport.sweep.plan import Plan

FOLDER = "sweeps"
PATIENCE_SECONDS = 30


class AxisRecord(Record):
    name: str
    values: tuple[str, ...]


class CellRecord(Record):
    """`values` holds one value of each axis, `run` is the id of the run without the number of its attempt."""

    values: tuple[str, ...]
    run: Text


class SweepRecord(Record):
    schema_version: Version = SCHEMA_VERSION
    id: Text
    name: str
    axes: tuple[AxisRecord, ...]
    baseline: tuple[str, ...] | None
    cells: tuple[CellRecord, ...]

    @model_validator(mode="after")
    def _has_a_value_of_each_axis(self) -> "SweepRecord":
        combinations = [cell.values for cell in self.cells] + ([self.baseline] if self.baseline else [])
        if any(len(values) != len(self.axes) for values in combinations):
            raise ValueError("one of its cells has not one value of each axis")
        return self


def sweep_file(runs_dir: Path, sweep_id: str) -> Path:
    return runs_dir / FOLDER / f"{sweep_id}.json"


def write_sweep(runs_dir: Path, plan: Plan) -> Path:
    """Put a sweep on record; cells of other seeds that are there stay, also those that are written just now.

    Raises:
        RecordError: If the file, its lock or the folder of sweeps is a link or of another kind, or the file too large.
    """
    path = sweep_file(runs_dir, plan.id)
    refuse_foreign([(path.parent, True), (path, False), (path.parent / LOCK_NAME, False)])
    if _record(plan, known := _known(path)) != known:
        make_folder(path.parent)
        busy = BusyError(f"another process has been writing to {path.parent}", "run the same command again")
        with locked(path.parent / LOCK_NAME, timeout=PATIENCE_SECONDS, busy=lambda: busy):
            write_json(path, _record(plan, _known(path)).model_dump(mode="json"), indent=None)
    return path


def read_sweeps(runs_dir: Path, damage: list[str]) -> list[SweepRecord]:
    """Return the sweeps on record, by name of their files; add what cannot be read to `damage`."""
    if fault := entry_fault(runs_dir / FOLDER, folder=True):
        damage.append(f"*.json: their folder {fault}")
        return []
    try:
        files = sorted((runs_dir / FOLDER).glob("*.json"))
    except OSError as error:
        raise ResourceError(f"cannot read {runs_dir / FOLDER}: {error.strerror}") from error
    found = [read_file(file, SweepRecord.model_validate_json, damage) for file in files]
    return [record for record in found if record]


def _known(path: Path) -> SweepRecord | None:
    refuse_unreadable(path, MOVE_HINT)
    return read_file(path, SweepRecord.model_validate_json, [])


def _record(plan: Plan, known: SweepRecord | None) -> SweepRecord:
    cells = [CellRecord(values=_public(cell.values), run=cell.id) for cell in plan.cells]
    return SweepRecord(
        id=plan.id,
        name=plan.name,
        axes=tuple(AxisRecord(name=axis.name, values=_public(v.label for v in axis.values)) for axis in plan.axes),
        baseline=_public(plan.baseline) if plan.baseline else None,
        cells=tuple(dict.fromkeys([*(known.cells if known else ()), *cells])),
    )


def _public(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels as a committed file may have them: a data set may have been given by its path."""
    return tuple(map(without_paths, labels))
