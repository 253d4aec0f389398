"""The file of a sweep: its axes with their values, its baseline and its trials. Results are in the records of runs."""

from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from vitreport.errors import ResourceError, SpecError
from vitreport.records.reader import Damage, read_file
from vitreport.records.schema import Record, Text
from vitreport.records.upgrade import schema_version
from vitreport.spec.fields import fields_of, find_field
from vitreport.spec.load import parse_value
from vitreport.spec.sweep import AxisSpec, ValueSpec, parse_list
from vitreport.untrusted_files import entry_fault

SWEEPS_FOLDER = "sweeps"


class TrialRecord(Record):
    """One run of a sweep.

    Attributes:
        values: The label of one value of each axis.
        run: The id of the run without the number of its attempt.
    """

    values: tuple[str, ...]
    run: Text


class SweepRecord(Record):
    """A sweep as it was planned; `baseline` holds the labels of the combination that the others are compared with."""

    schema_version: Literal[2] = 2
    id: Text
    name: str
    axes: tuple[AxisSpec, ...]
    baseline: tuple[str, ...] | None
    trials: tuple[TrialRecord, ...]

    @model_validator(mode="after")
    def _check_values(self) -> "SweepRecord":
        known = [{value.label for value in axis.values} for axis in self.axes]
        for values in [trial.values for trial in self.trials] + ([self.baseline] if self.baseline else []):
            if len(values) != len(known) or any(label not in of for label, of in zip(values, known, strict=True)):
                raise ValueError("a trial or the baseline does not have one value of each axis")
        return self


class _AxisRecord1(Record):
    name: str
    values: tuple[str, ...]


class _SweepRecord1(Record):
    """Schema 1 kept the labels of values only, and called trials cells."""

    schema_version: Literal[1] = 1
    id: Text
    name: str
    axes: tuple[_AxisRecord1, ...]
    baseline: tuple[str, ...] | None
    cells: tuple[TrialRecord, ...]

    def upgraded(self) -> SweepRecord:
        axes = tuple(
            AxisSpec(name=axis.name, values=tuple(_value_of_label(axis.name, label) for label in axis.values))
            for axis in self.axes
        )
        return SweepRecord(id=self.id, name=self.name, axes=axes, baseline=self.baseline, trials=self.cells)


def sweep_file(runs_dir: Path, sweep_id: str) -> Path:
    return runs_dir / SWEEPS_FOLDER / f"{sweep_id}.json"


def parse_sweep(content: bytes) -> SweepRecord:
    """Read the file of a sweep in any schema version. Raises ValueError where it is damaged."""
    if schema_version(content) in (0, 1):
        return _SweepRecord1.model_validate_json(content).upgraded()
    return SweepRecord.model_validate_json(content)


def read_sweeps(runs_dir: Path, damage: list[Damage]) -> list[SweepRecord]:
    """Return the sweeps on record, by name of their files; add what cannot be read to `damage`."""
    if fault := entry_fault(runs_dir / SWEEPS_FOLDER, folder=True):
        damage.append(Damage("*.json", f"their folder {fault}"))
        return []
    try:
        files = sorted((runs_dir / SWEEPS_FOLDER).glob("*.json"))
    except OSError as error:
        raise ResourceError(f"cannot read {runs_dir / SWEEPS_FOLDER}: {error.strerror}") from error
    found = [read_file(file, parse_sweep, damage) for file in files]
    return [record for record in found if record]


def _value_of_label(axis: str, label: str) -> ValueSpec:
    """Read back what one value of an axis sets; a variant is known by its name only."""
    names = axis.split(", ")
    try:
        values = parse_list(label) if len(names) > 1 else [parse_value(label)]
        paths = [find_field(name) for name in names]
    except SpecError:
        return ValueSpec(label=label, value=label, fields={})
    if len(values) != len(paths):
        return ValueSpec(label=label, value=label, fields={})
    fields: dict[str, Any] = {}
    for path, value in zip(paths, values, strict=True):
        fields |= fields_of(path, value)
    return ValueSpec(label=label, value=values if len(names) > 1 else values[0], fields=fields)
