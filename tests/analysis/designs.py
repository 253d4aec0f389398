"""Sweeps by the labels of their trials."""

from collections.abc import Sequence

from vitreport.errors import SpecError
from vitreport.records.run import SweepRecord, TrialRecord
from vitreport.spec.load import parse_value
from vitreport.spec.sweep import AxisSpec, Labels, field_axis, parse_list, variant_axis, zipped


def design(
    axes: Sequence[str],
    trials: Sequence[tuple[Labels, str]],
    baseline: Labels | None = None,
    *,
    identifier: str = "mine-01234567",
    name: str = "mine",
) -> SweepRecord:
    """A sweep over these axes; one that names no field is of variants."""
    columns = [list(dict.fromkeys(labels[place] for labels, _ in trials)) for place in range(len(axes))]
    made = tuple(_axis(axis, labels) for axis, labels in zip(axes, columns, strict=True))
    recorded = tuple(TrialRecord(values=labels, run=run_id) for labels, run_id in trials)
    return SweepRecord(id=identifier, name=name, axes=made, baseline=baseline, trials=recorded)


def _axis(name: str, labels: Sequence[str]) -> AxisSpec:
    names = name.split(", ")
    try:
        if len(names) == 1:
            return field_axis(name, map(parse_value, labels))
        columns = zip(*map(parse_list, labels), strict=True)
        return zipped([field_axis(each, column) for each, column in zip(names, columns, strict=True)])
    except SpecError:
        return variant_axis(name, {label: {} for label in labels})
