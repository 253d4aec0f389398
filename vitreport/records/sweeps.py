"""The file of a sweep: its axes with their values, its baseline and its trials. Results are in the records of runs."""

from pathlib import Path
from typing import Self

from pydantic import model_validator

from vitreport.records.schema import SCHEMA_VERSION, Record, Text, Version
from vitreport.spec.sweep import AxisSpec

SWEEPS_FOLDER = "sweeps"


class TrialRecord(Record):
    """One run of a sweep: the label of its value of each axis, and its id without the number of its attempt."""

    values: tuple[str, ...]
    run: Text


class SweepRecord(Record):
    """A sweep as it was planned; `baseline` holds the labels of the combination that the others are compared with."""

    schema_version: Version = SCHEMA_VERSION
    id: Text
    name: str
    axes: tuple[AxisSpec, ...]
    baseline: tuple[str, ...] | None
    trials: tuple[TrialRecord, ...]

    @model_validator(mode="after")
    def _check_values(self) -> Self:
        known = [{value.label for value in axis.values} for axis in self.axes]
        for values in [trial.values for trial in self.trials] + ([self.baseline] if self.baseline else []):
            if len(values) != len(known) or any(label not in of for label, of in zip(values, known, strict=True)):
                raise ValueError("a trial or the baseline does not have one value of each axis")
        return self


def sweep_file(runs_dir: Path, sweep_id: str) -> Path:
    """Return the path of a sweep's file."""
    return runs_dir / SWEEPS_FOLDER / f"{sweep_id}.json"
