"""Find the groups that are try-outs: a paper shows them only if they are named."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from vitreport.analysis.ablations import Design
from vitreport.analysis.representative import is_preset
from vitreport.analysis.summary import Group, Summary
from vitreport.run_id import RunId

Rule = Callable[[Summary, Sequence[Design]], set[str]]
SIZES = ("data.limit", "train.epochs")


def lone_runs(summary: Summary, designs: Sequence[Design]) -> set[str]:
    """Return the groups that have a single run and no sweep, if other groups have several runs."""
    swept = {group for design in designs for group in groups_in(design)}
    lone = {group.id for group in summary.groups if len(group.runs) == 1 and group.spec_id not in swept}
    return lone if len(lone) < len(summary.groups) else set()


def reduced_runs(summary: Summary, designs: Sequence[Design]) -> set[str]:
    """Return the groups with fewer training images or epochs than the main group of their architecture and data set.

    A group is not a try-out because of a setting that its sweep varies.
    """
    pairs: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in summary.groups:
        pairs[group.architecture, group.dataset].append(group)
    main = {pair: max(groups, key=_weight) for pair, groups in pairs.items()}
    varied = _varied(summary.groups, designs)
    return {
        group.id
        for group in summary.groups
        if any(_is_smaller(group, main[group.architecture, group.dataset], path, varied) for path in SIZES)
    }


def _weight(group: Group) -> tuple[bool, float, int, float]:
    """Rank groups for the main one: the preset's, else that with most images, then most seeds, then most epochs.

    Accuracy does not count: a try-out may have the best one by luck.
    """
    limit, epochs = (_size(group, path) for path in SIZES)
    return is_preset(group), limit, len(group.runs), epochs


def _is_smaller(group: Group, main: Group, path: str, varied: Mapping[str, set[str]]) -> bool:
    return path not in varied[group.spec_id] and _size(group, path) < _size(main, path)


RULES: tuple[Rule, ...] = (lone_runs, reduced_runs)
"""Applied in this order, so that a lone try-out is never a main group for the second rule."""


def groups_in(design: Design) -> set[str]:
    """Return the ids of the groups in a design."""
    return {RunId.parse(run_id).group for _, run_id in design.trials}


def without(designs: Iterable[Design], groups: Iterable[str]) -> tuple[Design, ...]:
    """Return the designs without any of these groups: a table of half a sweep would say that the rest was not run."""
    left_out = set(groups)
    return tuple(design for design in designs if not groups_in(design) & left_out)


def _varied(groups: Sequence[Group], designs: Sequence[Design]) -> Mapping[str, set[str]]:
    """Return, by group, the sizes in which the groups of one of its sweeps differ."""
    varied: dict[str, set[str]] = {group.spec_id: set() for group in groups}
    for design in designs:
        members = [group for group in groups if group.spec_id in groups_in(design)]
        differing = set(_differing(members))
        for group in members:
            varied[group.spec_id] |= differing
    return varied


def _differing(groups: Sequence[Group]) -> Iterator[str]:
    for path in SIZES:
        if len({group.fields.get(path) for group in groups}) > 1:
            yield path


def _size(group: Group, path: str) -> float:
    """Return a number; infinity if there is no limit."""
    value: Any = group.fields.get(path)
    return math.inf if value is None else value
