"""Ablations: what was varied while all else was equal.

They come from sweeps on record and from studies; others are inferred from groups that differ in one field only.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from vitreport.analysis.comparisons import difference_of, differences_from, paired, to_settle
from vitreport.analysis.grids import with_effects
from vitreport.analysis.groups import Group
from vitreport.analysis.labels import differing_settings
from vitreport.analysis.representatives import Planned, most_results
from vitreport.analysis.summary import Ablation, Level
from vitreport.records.run import SweepRecord
from vitreport.run_id import RunId
from vitreport.spec.sweep import Labels, ValueSpec, format_value, short_name


def planned_ablations(
    sweeps: Iterable[SweepRecord], groups: Sequence[Group], parts: Mapping[str, Planned]
) -> list[Ablation]:
    """Return the ablation of each sweep that is a part of a study or has a group.

    Levels without a group are "not run". `parts` is what a study plans for its sweeps, by their ids.
    """
    of_spec, found = defaultdict[str, list[Group]](list), []
    for group in groups:
        of_spec[group.spec_id].append(group)
    for sweep in sweeps:
        part, runs = parts.get(sweep.id), defaultdict[Labels, list[str]](list)
        for trial in sweep.trials:
            runs[trial.values].append(trial.run)
        candidates = {labels: of_spec.get(RunId.parse(ids[0]).group, []) for labels, ids in runs.items()}
        some = candidates.get(sweep.baseline or ()) or next(filter(None, candidates.values()), [])
        pair = max(some, key=lambda group: len(group.seeds)) if some else part
        if pair is None:
            continue
        axes = [{value.label: value for value in axis.values} for axis in sweep.axes]
        levels = [
            _level(
                [axis[label] for axis, label in zip(axes, labels, strict=True)],
                most_results(candidates[labels], pair.dataset),
                len(ids),
            )
            for labels, ids in runs.items()
        ]
        ablation = _ablation(pair, levels, [axis.name for axis in sweep.axes], sweep.baseline)
        own = replace(ablation, name=sweep.name, source="study" if part else "sweep", design=sweep.id)
        found.append(replace(own, command=part.command) if part else own)
    return found


def inferred_ablations(
    groups: Sequence[Group], representatives: Iterable[Group], known: Iterable[Ablation]
) -> list[Ablation]:
    """Compare groups of one architecture and dataset that differ in one field only, unless a sweep has all of them.

    The baseline is the level that the representative of the pair has.
    """
    covered = [{group.id for _, group in ablation.groups} for ablation in known]
    of_pair = {(group.architecture, group.dataset): group.fields for group in representatives}
    found = []
    for path, alike in sorted(_alike(groups), key=lambda each: (each[1][0].architecture, each[1][0].dataset)):
        if any({group.id for group in alike} <= ids for ids in covered):
            continue
        own = alike[0].fields
        usual = of_pair.get((alike[0].architecture, alike[0].dataset), own)
        levels = []
        for group in alike:
            label, value = format_value(group.fields[path]), group.fields[path]
            levels.append(_level([ValueSpec(label=label, value=value, fields={path: value})], group, len(group.runs)))
        baseline = (format_value(usual[path]),) if path in usual else None
        held = differing_settings({**own, path: None}, [{**own, path: None}, {**usual, path: None}])
        ablation = _ablation(alike[0], levels, [short_name(path)], baseline)
        found.append(replace(ablation, qualifier=f"at {held}" if held else ""))
    return found


def _level(values: Sequence[ValueSpec], group: Group | None, planned: int) -> Level:
    """Make a level; runs with any seed count as planned runs."""
    ended = [run for run in group.runs if run.state in ("done", "diverged")] if group else []
    return Level(tuple(values), group, max(0, planned - len(ended)))


def _ablation(
    where: Group | Planned, levels: Iterable[Level], axes: Sequence[str], baseline: Labels | None
) -> Ablation:
    """Compare levels with the baseline, in the order of their values."""
    ordered = sorted(levels, key=lambda level: [_order(value.value) for value in level.values])
    place = next((index for index, level in enumerate(ordered) if level.labels == baseline), None)
    groups = [level.group for level in ordered]
    first, last = groups[0], groups[-1]
    standard = None if place is None else groups[place]
    differences = differences_from(standard, groups)
    ablation = Ablation(
        name=f"{where.architecture} on {where.dataset} by {', '.join(axes)}",
        architecture=where.architecture,
        dataset=where.dataset,
        axes=tuple(axes),
        levels=tuple(
            replace(level, difference=difference, paired=paired(level.group, standard))
            for level, difference in zip(ordered, differences, strict=True)
        ),
        baseline=place,
        source="inferred",
        ends=difference_of(last, first, len(groups)) if first and last and len(groups) > 2 else None,
        to_settle=to_settle(standard, filter(None, groups), sum(map(bool, differences)) or 1) if standard else None,
    )
    return with_effects(ablation)


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


def _order(value: Any) -> list[tuple[bool, float, str]]:
    """Sort numbers by size, before everything else as text; several values one by one."""
    items = value if isinstance(value, list | tuple) else [value]
    return [(False, each, "") if isinstance(each, int | float) else (True, 0.0, str(each)) for each in items]
