"""Find preliminary groups (try-outs): a paper shows them only if they are named."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from vitreport.analysis.representative import is_preset
from vitreport.analysis.summary import Group, Summary
from vitreport.records.sweeps import SweepRecord
from vitreport.run_id import RunId

Rule = Callable[[Summary, Sequence[SweepRecord]], set[str]]
SIZES = ("data.limit", "train.epochs")


def lone_runs(summary: Summary, sweeps: Sequence[SweepRecord]) -> set[str]:
    """Return the groups that have a single run and no sweep, if other groups have several runs."""
    swept = {group for sweep in sweeps for group in _groups(sweep)}
    lone = {group.id for group in summary.groups if len(group.runs) == 1 and group.spec_id not in swept}
    return lone if len(lone) < len(summary.groups) else set()


def reduced_runs(summary: Summary, sweeps: Sequence[SweepRecord]) -> set[str]:
    """Return the groups with fewer training images or epochs than the main group of their architecture and data set.

    The main group is the preset's, else that with most images, then most seeds, then most epochs. Accuracy does not
    count: a try-out may have the best one by luck. Nor does a size that a sweep of the group varies.
    """
    pairs: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in summary.groups:
        pairs[group.architecture, group.dataset].append(group)
    varied: dict[str, set[str]] = defaultdict(set)
    for sweep in sweeps:
        ids = _groups(sweep)
        members = [group for group in summary.groups if group.spec_id in ids]
        differing = {path for path in SIZES if len({_size(group, path) for group in members}) > 1}
        for group in members:
            varied[group.id] |= differing
    reduced = set()
    for groups in pairs.values():
        main = max(groups, key=lambda g: (is_preset(g), _size(g, SIZES[0]), len(g.runs), _size(g, SIZES[1])))
        for group in groups:
            if any(_size(group, path) < _size(main, path) for path in SIZES if path not in varied[group.id]):
                reduced.add(group.id)
    return reduced


RULES: tuple[Rule, ...] = (lone_runs, reduced_runs)
"""Applied in this order, so that a lone try-out is never a main group for the second rule."""


def without(sweeps: Iterable[SweepRecord], groups: Iterable[str]) -> tuple[SweepRecord, ...]:
    """Return the sweeps without any of these groups: a table of half a sweep would say that the rest was not run."""
    left_out = set(groups)
    return tuple(sweep for sweep in sweeps if not _groups(sweep) & left_out)


def _groups(sweep: SweepRecord) -> set[str]:
    return {RunId.parse(trial.run).group for trial in sweep.trials}


def _size(group: Group, path: str) -> float:
    """Return a number; infinity if there is no limit."""
    value: Any = group.fields.get(path)
    return math.inf if value is None else value
