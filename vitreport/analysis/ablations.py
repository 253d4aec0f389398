"""Ablations: what was varied while all else was equal.

They come from sweeps on record and from studies; others are inferred from groups that differ in one field only.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from vitreport.analysis.commands import spec_words, training_command
from vitreport.analysis.comparisons import accuracies, are_on_the_same_images
from vitreport.analysis.representative import Planned, group_of_spec
from vitreport.analysis.summary import Ablation, Group, Level
from vitreport.errors import SpecError
from vitreport.formatting import Estimate, toml_value
from vitreport.intervals import differences_over_seeds
from vitreport.records.sweeps import SweepRecord
from vitreport.run_id import RunId
from vitreport.spec.load import layer_of, parse_value
from vitreport.spec.run import RunSpec
from vitreport.spec.sweep import ValueSpec, short_name, shown_value

Labels = tuple[str, ...]
Order = tuple[int, float, tuple[Any, ...], str]
"""What values are sorted by: the kind, the number, the items of a list, the text."""


def planned_ablations(
    sweeps: Iterable[SweepRecord], groups: Sequence[Group], parts: Mapping[str, Planned]
) -> dict[str, Ablation]:
    """The ablation of each sweep, by its id, that is a part of a study or has a group.

    Levels without a group are "not run". `parts` is what a study knows of its sweeps, by their ids.
    """
    of_spec: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        of_spec[group.spec_id].append(group)
    found = {sweep.id: _planned(sweep, of_spec, parts.get(sweep.id)) for sweep in sweeps}
    return {sweep: ablation for sweep, ablation in found.items() if ablation}


def inferred_ablations(
    groups: Sequence[Group], representatives: Iterable[Group], known: Iterable[Ablation]
) -> list[Ablation]:
    """Groups of one architecture and data set that differ in one field only, unless a sweep has all of them.

    The baseline is the level that the representative of the pair has.
    """
    covered = [{level.group for level in ablation.levels} for ablation in known]
    of_pair = {(group.architecture, group.dataset): group for group in representatives}
    return [
        _inferred(path, alike, of_pair.get((alike[0].architecture, alike[0].dataset)))
        for path, alike in _alike(groups)
        if not any({group.id for group in alike} <= ids for ids in covered)
    ]


def _planned(sweep: SweepRecord, of_spec: Mapping[str, Sequence[Group]], part: Planned | None) -> Ablation | None:
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
    dataset = sibling.dataset if sibling else ""
    axes = [{value.label: value for value in axis.values} for axis in sweep.axes]
    values_of = {labels: tuple(axis[label] for axis, label in zip(axes, labels, strict=True)) for labels in run_ids}
    order = sorted(run_ids, key=lambda labels: [_order(value.value) for value in values_of[labels]])
    baseline = order.index(sweep.baseline) if sweep.baseline in run_ids else None
    groups = [group_of_spec(candidates[labels], spec_ids[labels], dataset) for labels in order]
    differences = _differences(groups, baseline, is_chosen=False)
    levels = []
    for labels, group, difference in zip(order, groups, differences, strict=True):
        values, ids = values_of[labels], run_ids[labels]
        if group is None:
            command = part.command if part else _missing_command(values, ids, sibling)
            levels.append(Level(values, "not run", None, None, None, command, missing=len(ids)))
            continue
        ended = {RunId.parse(run.id).first_attempt for run in group.runs if run.state in ("done", "diverged")}
        missing = max(0, len(ids) - len(ended))  # as many seeds as were planned are enough, whichever they are
        levels.append(Level(values, group.state, group.test, difference, group.id, group.command, missing))
    return Ablation(
        name=sweep.name,
        architecture=pair.architecture,
        dataset=pair.dataset,
        axes=tuple(axis.name for axis in sweep.axes),
        levels=tuple(levels),
        baseline=baseline,
        source="study" if part else "sweep",
        design=sweep.id,
        ends=_ends(differences, baseline),
    )


def _inferred(path: str, alike: Sequence[Group], representative: Group | None) -> Ablation:
    ordered = sorted(alike, key=lambda group: _order(group.fields[path]))
    usual = representative.fields.get(path) if representative else None
    baseline = next((index for index, group in enumerate(ordered) if group.fields[path] == usual), None)
    differences = _differences(ordered, baseline, is_chosen=True)
    values = [
        ValueSpec(label=shown_value(value), value=value, fields={path: value})
        for value in (group.fields[path] for group in ordered)
    ]
    first = ordered[0]
    return Ablation(
        name=f"{first.architecture} on {first.dataset} by {short_name(path)}",
        architecture=first.architecture,
        dataset=first.dataset,
        axes=(short_name(path),),
        levels=tuple(
            Level((value,), group.state, group.test, difference, group.id, group.command)
            for value, group, difference in zip(values, ordered, differences, strict=True)
        ),
        baseline=baseline,
        source="inferred",
        ends=_ends(differences, baseline),
    )


def _differences(groups: Sequence[Group | None], baseline: int | None, *, is_chosen: bool) -> list[Estimate | None]:
    """The difference of each level from the baseline, if no seed of either diverged."""
    standard = groups[baseline] if baseline is not None else None
    by_seed = [
        accuracies(group) if group and standard and are_on_the_same_images(group, standard) else {} for group in groups
    ]
    return differences_over_seeds(by_seed, by_seed[baseline] if baseline is not None else None, is_chosen=is_chosen)


def _ends(differences: Sequence[Estimate | None], baseline: int | None) -> Estimate | None:
    """The last level minus the first, if one of them is the baseline."""
    if baseline == len(differences) - 1:
        return differences[0] and differences[0].turned()
    return differences[-1] if baseline == 0 else None


def _alike(groups: Sequence[Group]) -> Iterator[tuple[str, list[Group]]]:
    """Each field with the groups that differ in it only, two at least."""
    pairs: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in groups:
        pairs[group.architecture, group.dataset].append(group)
    for members in pairs.values():
        fields = [{path: (path, repr(value)) for path, value in group.fields.items()} for group in members]
        wholes = [frozenset(each.values()) for each in fields]
        for path in dict.fromkeys(path for group in members for path in group.fields):
            rest: dict[frozenset[tuple[str, str]], list[Group]] = defaultdict(list)
            for group, own, whole in zip(members, fields, wholes, strict=True):
                if path in own:
                    rest[whole - {own[path]}].append(group)
            yield from ((path, alike) for alike in rest.values() if len(alike) > 1)


def _missing_command(values: Sequence[ValueSpec], run_ids: Sequence[str], sibling: Group | None) -> str:
    """The spec of a sibling with these values set; nothing if that is not the run that is missing."""
    fields = {path: value for each in values for path, value in each.fields.items()}
    if sibling is None:
        return ""
    try:
        spec = RunSpec.model_validate_json(json.dumps(layer_of({**sibling.fields, **fields}, "").values))
    except (SpecError, ValueError):
        return ""
    if RunId.parse(spec.run_id).group != RunId.parse(run_ids[0]).group:
        return ""
    words = spec_words(spec, sibling.runs[0].id)
    if "--spec" in words:
        words += [word for path, value in fields.items() for word in ("--set", f"{path}={_argument(value)}")]
    return training_command(words, spec.data.dataset, sorted(RunId.parse(run_id).seed for run_id in run_ids))


def _argument(value: Any) -> str:
    """A value as `--set` takes it, without quotes where none are needed."""
    return value if isinstance(value, str) and parse_value(value) == value else toml_value(value)


def _order(value: Any) -> Order:
    """Numbers by size, then lists item by item, then everything else as text."""
    if isinstance(value, int | float):
        return 0, value, (), ""
    if isinstance(value, list | tuple):
        return 1, 0.0, tuple(map(_order, value)), ""
    return 2, 0.0, (), value if isinstance(value, str) else json.dumps(value)
