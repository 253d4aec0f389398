"""Ablations: what was varied while all else was equal.

They come from sweeps on record and from studies; others are inferred from groups that differ in one field only.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from vitreport.analysis.comparisons import difference_of, differences_from, paired, to_settle
from vitreport.analysis.groups import Group
from vitreport.analysis.labels import settings
from vitreport.analysis.pairs import Planned, group_of_spec
from vitreport.analysis.summary import Ablation, Level
from vitreport.analysis.train_commands import training_command
from vitreport.errors import SpecError
from vitreport.records.run import SweepRecord, TrialRecord
from vitreport.run_id import RunId
from vitreport.spec.load import layer_of
from vitreport.spec.run import RunSpec
from vitreport.spec.sweep import AxisSpec, ValueSpec, short_name, shown_value

Labels = tuple[str, ...]
Order = tuple[int, float, tuple[Any, ...], str]
"""What values are sorted by: the kind, the number, the items of a list, the text."""


def planned_ablations(
    sweeps: Iterable[SweepRecord], groups: Sequence[Group], parts: Mapping[str, Planned]
) -> list[Ablation]:
    """Return the ablation of each sweep that is a part of a study or has a group.

    Levels without a group are "not run". `parts` is what a study plans for its sweeps, by their ids.
    """
    of_spec: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        of_spec[group.spec_id].append(group)
    found = (_ablation(sweep, of_spec, parts.get(sweep.id)) for sweep in sweeps)
    return [ablation for ablation in found if ablation]


def inferred_ablations(
    groups: Sequence[Group], representatives: Iterable[Group], known: Iterable[Ablation]
) -> list[Ablation]:
    """Compare groups of one architecture and dataset that differ in one field only, unless a sweep has all of them.

    The baseline is the level that the representative of the pair has.
    """
    covered = [{level.group for level in ablation.levels} for ablation in known]
    of_pair = {(group.architecture, group.dataset): group.fields for group in representatives}
    found = []
    for path, alike in sorted(_alike(groups), key=lambda each: (each[1][0].architecture, each[1][0].dataset)):
        if any({group.id for group in alike} <= ids for ids in covered):
            continue
        own = alike[0].fields
        usual = of_pair.get((alike[0].architecture, alike[0].dataset), {})
        sweep = _as_sweep(path, alike, shown_value(usual[path]) if path in usual else "")
        held = settings({**own, path: None}, [{**own, path: None}, {**(usual or own), path: None}])
        if ablation := _ablation(sweep, {group.spec_id: [group] for group in alike}, None):
            qualifier = f"at {held}" if held else ""
            found.append(replace(ablation, source="inferred", design="", qualifier=qualifier))
    return found


def _as_sweep(path: str, groups: Sequence[Group], baseline: str) -> SweepRecord:
    """Record groups that differ in one field as the sweep that they could be from."""
    axis, first = short_name(path), groups[0]
    values = {shown_value(group.fields[path]): group.fields[path] for group in groups}
    specs = tuple(ValueSpec(label=label, value=value, fields={path: value}) for label, value in values.items())
    trials = [(shown_value(group.fields[path]), run.id) for group in groups for run in group.runs]
    name = f"{first.architecture} on {first.dataset} by {axis}"
    return SweepRecord(
        id=name,
        name=name,
        axes=(AxisSpec(name=axis, values=specs),),
        baseline=(baseline,) if baseline in values else None,
        trials=tuple(TrialRecord(values=(label,), run=run_id) for label, run_id in trials),
    )


def _ablation(sweep: SweepRecord, of_spec: Mapping[str, Sequence[Group]], part: Planned | None) -> Ablation | None:
    run_ids: dict[Labels, list[str]] = defaultdict(list)
    for trial in sweep.trials:
        run_ids[trial.values].append(trial.run)
    spec_ids = {labels: RunId.parse(ids[0]).group for labels, ids in run_ids.items()}
    candidates = {labels: of_spec.get(spec_id, ()) for labels, spec_id in spec_ids.items()}
    some = candidates.get(sweep.baseline or (), ()) or next(filter(None, candidates.values()), ())
    sibling = max(some, key=lambda group: len(group.seeds), default=None)
    pair = sibling or part
    if pair is None:
        return None
    axes = [{value.label: value for value in axis.values} for axis in sweep.axes]
    values = {labels: tuple(axis[label] for axis, label in zip(axes, labels, strict=True)) for labels in run_ids}
    order = sorted(run_ids, key=lambda labels: [_order(value.value) for value in values[labels]])
    dataset = sibling.dataset if sibling else ""
    groups = [group_of_spec(candidates[labels], spec_ids[labels], dataset) for labels in order]
    baseline = order.index(sweep.baseline) if sweep.baseline in run_ids else None
    standard = None if baseline is None else groups[baseline]
    differences, levels = differences_from(standard, groups), []
    for labels, group, difference in zip(order, groups, differences, strict=True):
        ids, of_level = run_ids[labels], values[labels]
        if group is None:
            command = part.command if part else _missing_command(of_level, ids, sibling)
            levels.append(Level(of_level, "not run", None, None, None, command, len(ids)))
        else:  # any seeds count towards those that were planned
            ended = {RunId.parse(run.id).first_attempt for run in group.runs if run.state in ("done", "diverged")}
            missing, alone = max(0, len(ids) - len(ended)), paired(group, standard)
            level = Level(of_level, group.state, group.test, difference, group.id, group.command, missing, alone)
            levels.append(level)
    first, last = groups[0], groups[-1]
    return Ablation(
        name=sweep.name,
        architecture=pair.architecture,
        dataset=pair.dataset,
        axes=tuple(axis.name for axis in sweep.axes),
        levels=tuple(levels),
        baseline=baseline,
        source="study" if part else "sweep",
        ends=difference_of(last, first, len(groups)) if first and last and len(groups) > 2 else None,
        design=sweep.id,
        to_settle=to_settle(standard, filter(None, groups), sum(map(bool, differences)) or 1) if standard else None,
    )


def _alike(groups: Sequence[Group]) -> Iterator[tuple[str, list[Group]]]:
    """Yield each field with the groups that differ in it only, two at least."""
    fields = [{path: (path, repr(value)) for path, value in group.fields.items()} for group in groups]
    wholes = [frozenset(own.values()) for own in fields]
    for path in dict.fromkeys(path for group in groups for path in group.fields):
        rest: dict[tuple[str, str, frozenset[tuple[str, str]]], list[Group]] = defaultdict(list)
        for group, own, whole in zip(groups, fields, wholes, strict=True):
            if path in own:
                rest[group.architecture, group.dataset, whole - {own[path]}].append(group)
        yield from ((path, alike) for alike in rest.values() if len(alike) > 1)


def _missing_command(values: Sequence[ValueSpec], run_ids: Sequence[str], sibling: Group | None) -> str:
    """Write the command for the spec of a sibling with these values; "" if that is not the run that is missing."""
    if sibling is None:
        return ""
    fields = {path: value for each in values for path, value in each.fields.items()}
    try:
        spec = RunSpec.model_validate_json(json.dumps(layer_of({**sibling.fields, **fields}, "").values))
    except (SpecError, ValueError):
        return ""
    is_missing = spec.group == RunId.parse(run_ids[0]).group
    return training_command(spec, sorted(RunId.parse(run_id).seed for run_id in run_ids)) if is_missing else ""


def _order(value: Any) -> Order:
    """Sort numbers by size, then lists item by item, then everything else as text."""
    if isinstance(value, int | float):
        return 0, value, (), ""
    if isinstance(value, list | tuple):
        return 1, 0.0, tuple(map(_order, value)), ""
    return 2, 0.0, (), value if isinstance(value, str) else json.dumps(value)
