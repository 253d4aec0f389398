"""The file of a sweep: its name, axes and cells. What the cells have come to stands in their own records."""

from pathlib import Path

from vitreport.errors import ResourceError
from vitreport.files import make_folder, write_json
from vitreport.store.reader import read_file
from vitreport.store.record import SCHEMA_VERSION, Record, Text, Version
from vitreport.sweep.plan import Plan

FOLDER = "sweeps"


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


def sweep_file(runs_dir: Path, sweep_id: str) -> Path:
    return runs_dir / FOLDER / f"{sweep_id}.json"


def write_sweep(runs_dir: Path, plan: Plan) -> Path:
    """Put a sweep on record; cells of other seeds that are there stay."""
    path = sweep_file(runs_dir, plan.id)
    known = read_file(path, SweepRecord.model_validate_json, [])
    cells = [CellRecord(values=cell.values, run=cell.id) for cell in plan.cells]
    record = SweepRecord(
        id=plan.id,
        name=plan.name,
        axes=tuple(AxisRecord(name=axis.name, values=tuple(v.label for v in axis.values)) for axis in plan.axes),
        baseline=plan.baseline,
        cells=tuple(dict.fromkeys([*(known.cells if known else ()), *cells])),
    )
    if record != known:
        make_folder(path.parent)
        write_json(path, record.model_dump(mode="json"), indent=None)
    return path


def read_sweeps(runs_dir: Path, damage: list[str]) -> list[SweepRecord]:
    """The sweeps on record, by name of their files; what cannot be read is added to `damage`."""
    try:
        files = sorted((runs_dir / FOLDER).glob("*.json"))
    except OSError as error:
        raise ResourceError(f"cannot read {runs_dir / FOLDER}: {error.strerror}") from error
    found = [read_file(file, SweepRecord.model_validate_json, damage) for file in files]
    return [record for record in found if record]
