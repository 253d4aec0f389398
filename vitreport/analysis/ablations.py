"""What was varied while all else was equal: sweeps on record, and groups that turn out to differ in one field."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vitreport.analysis.commands import command_of
from vitreport.analysis.comparisons import accuracies, are_on_the_same_images
from vitreport.analysis.representative import Planned, group_of_spec
from vitreport.analysis.summary import Ablation, Group, Level
from vitreport.errors import SpecError
from vitreport.formatting import Estimate
from vitreport.intervals import differences_over_seeds
from vitreport.run_id import RunId
from vitreport.spec.load import layer_of
from vitreport.spec.run import RunSpec
from vitreport.spec.sweep import parse_list, short_name, shown_value, values_of_level

Values = tuple[str, ...]
Order = tuple[int, float, tuple[Any, ...], str]
"""What values are sorted by: the kind, the number, the items of a list, the text."""


@dataclass(frozen=True)
class Design:
    """What was to be varied: the values of each trial (of each axis one) and the id of its run.

    `planned` is what a study knows of it before anything is run.
    """

    id: str
    name: str
    axes: tuple[str, ...]
    trials: tuple[tuple[Values, str], ...]
    baseline: Values | None
    source: Literal["sweep", "study"]
    planned: Planned | None = None


def planned_ablations(designs: Iterable[Design], groups: Sequence[Group]) -> dict[str, Ablation]:
    """The table of each design that is a study's or has at least one trial, by its id; the others are "not run"."""
    of_spec: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        of_spec[group.spec_id].append(group)
    found = {design.id: _planned(design, of_spec) for design in designs}
    return {design: ablation for design, ablation in found.items() if ablation}


def inferred_ablations(
    groups: Sequence[Group], standards: Iterable[Group], known: Iterable[Ablation]
) -> list[Ablation]:
    """Groups of one architecture and data set that differ in one field alone, unless a design holds them all.

    The baseline is the one with the value that the group has which stands for the pair (of `standards`).
    """
    covered = [{level.group for level in ablation.levels} for ablation in known]
    standing = {(group.architecture, group.dataset): group for group in standards}
    return [
        _inferred(path, alike, standing.get((alike[0].architecture, alike[0].dataset)))
        for path, alike in _alike(groups)
        if not any({group.id for group in alike} <= ids for ids in covered)
    ]


def _planned(design: Design, of_spec: Mapping[str, Sequence[Group]]) -> Ablation | None:
    cells: dict[Values, list[str]] = defaultdict(list)
    for values, run_id in design.trials:
        cells[values].append(run_id)
    of_cell = {values: of_spec.get(RunId.parse(ids[0]).group, ()) for values, ids in cells.items()}
    some = _first(of_cell, design.baseline)
    present = {
        values: group_of_spec(found, RunId.parse(cells[values][0]).group, some.dataset if some else "")
        for values, found in of_cell.items()
    }
    pair = some or design.planned
    if pair is None:
        return None
    order = sorted(cells, key=lambda values: [_text_order(value) for value in values])
    baseline = order.index(design.baseline) if design.baseline in cells else None
    compared = _compared([present[values] for values in order], baseline, is_chosen=False)
    return Ablation(
        name=design.name,
        architecture=pair.architecture,
        dataset=pair.dataset,
        axes=design.axes,
        levels=tuple(
            _level(values, group, difference, cells[values], _missing_command(design, values, cells[values], some))
            for values, (group, difference) in zip(order, compared, strict=True)
        ),
        baseline=baseline,
        source=design.source,
        design=design.id,
        ends=_ends(compared, baseline),
    )


def _first(of_cell: Mapping[Values, Sequence[Group]], baseline: Values | None) -> Group | None:
    """The one whose images the others are looked for on: the baseline's, else any."""
    own = of_cell.get(baseline or (), ()) or next(filter(None, of_cell.values()), ())
    return max(own, key=lambda group: len(group.seeds), default=None)


def _level(
    values: Values, group: Group | None, difference: Estimate | None, run_ids: Sequence[str], missing_command: str
) -> Level:
    if group is None:
        return Level(values, "not run", None, None, None, missing_command, missing=len(run_ids))
    there = {RunId.parse(run.id).first_attempt for run in group.runs if run.state in ("done", "diverged")}
    missing = max(0, len(run_ids) - len(there))  # as many seeds as were meant are enough, whichever they are
    return Level(values, group.state, group.test, difference, group.id, group.command, missing=missing)


def _missing_command(design: Design, values: Values, run_ids: Sequence[str], sibling: Group | None) -> str:
    if design.planned:
        return design.planned.command
    return _command_of_missing(values, run_ids, sibling, design.axes) if sibling else ""


def _inferred(path: str, alike: Sequence[Group], standard: Group | None) -> Ablation:
    ordered = sorted(alike, key=lambda group: _value_order(group.fields[path]))
    usual = standard.fields.get(path) if standard else None
    baseline = next((index for index, group in enumerate(ordered) if group.fields[path] == usual), None)
    compared = _compared(ordered, baseline, is_chosen=True)
    levels = [
        Level((shown_value(group.fields[path]),), group.state, group.test, difference, group.id, group.command)
        for group, (_, difference) in zip(ordered, compared, strict=True)
    ]
    first = ordered[0]
    name = f"{first.architecture} on {first.dataset} by {short_name(path)}"
    return Ablation(
        name,
        first.architecture,
        first.dataset,
        (short_name(path),),
        tuple(levels),
        baseline,
        "inferred",
        _ends(compared, baseline),
    )


def _compared(
    groups: Sequence[Group | None], baseline: int | None, *, is_chosen: bool
) -> list[tuple[Group | None, Estimate | None]]:
    """Each with its difference from the baseline, where of both no seed has diverged."""
    standard = groups[baseline] if baseline is not None else None
    comparable = [group and standard and are_on_the_same_images(group, standard) for group in groups]
    by_seed = [accuracies(group) if same else {} for group, same in zip(groups, comparable, strict=True)]
    found = differences_over_seeds(by_seed, by_seed[baseline] if baseline is not None else None, is_chosen=is_chosen)
    return list(zip(groups, found, strict=True))


def _ends(compared: Sequence[tuple[Group | None, Estimate | None]], baseline: int | None) -> Estimate | None:
    """The last less the first as it stands among the other differences: one of them is to be the baseline."""
    (_, of_first), (_, of_last) = compared[0], compared[-1]
    if baseline == len(compared) - 1:
        return of_first and of_first.turned()
    return of_last if baseline == 0 else None


def _alike(groups: Sequence[Group]) -> Iterator[tuple[str, list[Group]]]:
    """Each field with the groups that are equal but for it, two at least."""
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


def _command_of_missing(values: Values, run_ids: Sequence[str], sibling: Group, axes: Sequence[str]) -> str:
    """From a sibling with these values; only where that comes to the very run that is missing."""
    try:
        read = [values_of_level(axis, value) for axis, value in zip(axes, values, strict=True)]
        varied = {path: value for each in read for path, value in each.items()}
        spec = RunSpec.model_validate_json(json.dumps(layer_of({**sibling.fields, **varied}, "").values))
    except (SpecError, ValueError):
        return ""
    if spec.group != RunId.parse(run_ids[0]).group:
        return ""
    return command_of(spec, sorted(RunId.parse(run_id).seed for run_id in run_ids))


def _text_order(text: str) -> Order:
    """Field by field where it holds the values of several."""
    try:
        values = parse_list(text)
    except SpecError:
        return _value_order(text)
    return _value_order(values if len(values) > 1 else values[0])


def _value_order(value: Any) -> Order:
    """Numbers by size, then lists item by item, then everything else as text."""
    if isinstance(value, int | float):
        return 0, value, (), ""
    if isinstance(value, list | tuple):
        return 1, 0.0, tuple(map(_value_order, value)), ""
    return 2, 0.0, (), value if isinstance(value, str) else json.dumps(value)
