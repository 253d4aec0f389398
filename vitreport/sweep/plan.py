"""Axes and seeds become cells: one checked spec for every combination of values and every seed."""

import hashlib
import itertools
import json
import re
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from vitreport.errors import Problem, SpecError
from vitreport.spec.run import RunSpec
from vitreport.spec.sweep import AxisSpec, ValueSpec, shown_level

Labels = tuple[str, ...]
ComposeCell = Callable[[Mapping[str, Any]], RunSpec]


@dataclass(frozen=True)
class Cell:
    """One run of a sweep; `values` holds the label of one value for each axis."""

    values: Labels
    spec: RunSpec

    @property
    def id(self) -> str:
        return self.spec.run_id


@dataclass(frozen=True)
class Plan:
    """A sweep with its cells, the first seed of every combination first; `baseline` is the one to compare with.

    Without axes it is one run with its seeds.
    """

    name: str
    axes: tuple[AxisSpec, ...]
    baseline: Labels | None
    cells: tuple[Cell, ...]

    @property
    def id(self) -> str:
        """From the name and what is varied; more seeds are the same sweep."""
        groups = {cell.values: cell.spec.group_hash for cell in self.cells}
        varied = [[axis.name for axis in self.axes], *([*values, group] for values, group in groups.items())]
        slug = re.sub(r"[^A-Za-z0-9._]+", "-", self.name).strip("-.")[:80]
        return f"{slug}-{hashlib.sha256(json.dumps(varied).encode()).hexdigest()[:8]}"


def make_plan(
    axes: Sequence[AxisSpec],
    seeds: Sequence[int],
    compose: ComposeCell,
    *,
    baseline: Labels | None = None,
    name: str = "",
    max_cells: int,
    allowed_by: str = "",
) -> Plan:
    """Compose every cell. Raises SpecError with every problem of every value before anything runs.

    `allowed_by` is the option of the command that takes more than `max_cells`.
    """
    _check_axes(axes)
    _check_count(axes, len(seeds), max_cells, allowed_by)
    specs = _composed(axes, compose)
    if problems := list(_repeated(specs)):
        raise SpecError(problems=problems)
    cells = tuple(
        Cell(values, spec.model_copy(update={"seed": seed})) for seed in seeds for values, spec in specs.items()
    )
    chosen = _checked_baseline(baseline, axes) if baseline else _own_baseline(specs, compose)
    return Plan(name or _name(axes, specs.values()), tuple(axes), chosen, cells)


def _check_axes(axes: Sequence[AxisSpec]) -> None:
    for first, second in itertools.combinations(axes, 2):
        if both := first.fields & second.fields:
            raise SpecError(f"{', '.join(sorted(both))} is varied twice", "give all its values in one list")
    for axis in axes:
        counts = Counter(value.label for value in axis.values)
        if repeated := next((label for label, count in counts.items() if count > 1), None):
            raise SpecError(f"the value {repeated} of {axis.name} stands twice", "give it once")


def _check_count(axes: Sequence[AxisSpec], seeds: int, max_cells: int, allowed_by: str) -> None:
    count = prod(len(axis.values) for axis in axes) * seeds
    if count > max_cells:
        hint = f"{allowed_by} {count} allows them" if allowed_by else "use fewer values or seeds"
        raise SpecError(f"the sweep has {count:,} cells, more than {max_cells:,}", hint)


def _composed(axes: Sequence[AxisSpec], compose: ComposeCell) -> dict[Labels, RunSpec]:
    """The spec of each combination. Every fault is told, but one that all combinations share only once."""
    specs: dict[Labels, RunSpec] = {}
    problems: dict[Problem, None] = {}
    for values in itertools.product(*(axis.values for axis in axes)):
        labels = tuple(value.label for value in values)
        try:
            specs[labels] = compose(_fields(values))
        except SpecError as error:
            problems |= dict.fromkeys(error.problems or [Problem("sweep", error.message, error.hint)])
    if problems:
        raise SpecError(problems=list(problems))
    return specs


def _fields(values: Iterable[ValueSpec]) -> dict[str, Any]:
    return {path: value for each in values for path, value in each.fields.items()}


def _repeated(specs: Mapping[Labels, RunSpec]) -> Iterable[Problem]:
    """Two combinations that come to one spec would be one cell with two names."""
    known: dict[str, Labels] = {}
    for labels, spec in specs.items():
        first = known.setdefault(spec.group_hash, labels)
        if first != labels:
            told = f"{shown_level(first)} and {shown_level(labels)} come to the same spec ({spec.group_hash})"
            yield Problem("sweep", told, "leave one out")


def _checked_baseline(baseline: Labels, axes: Sequence[AxisSpec]) -> Labels:
    """Raises SpecError where it does not hold one value of each axis."""
    if len(baseline) != len(axes):
        first = shlex.quote(",".join(axis.values[0].label for axis in axes))
        fault = f"--baseline holds {len(baseline)} values for {len(axes)} axes"
        raise SpecError(fault, f"one value of each, in order: --baseline {first}")
    for label, axis in zip(baseline, axes, strict=True):
        known = [value.label for value in axis.values]
        if label not in known:
            raise SpecError(
                f"--baseline: {axis.name} has no value {label}", f"one of {', '.join(map(shlex.quote, known))}"
            )
    return baseline


def _own_baseline(specs: Mapping[Labels, RunSpec], compose: ComposeCell) -> Labels | None:
    """The combination that is the spec as it stands by itself; None where it is not among them, or alone."""
    if len(specs) == 1:
        return None
    try:
        own = compose({}).group_hash
    except SpecError:
        return None
    return next((labels for labels, spec in specs.items() if spec.group_hash == own), None)


def _name(axes: Sequence[AxisSpec], specs: Collection[RunSpec]) -> str:
    """perceiver-io on cifar10 by batch_size"""
    models = "/".join(dict.fromkeys(spec.model.label for spec in specs))
    datasets = "/".join(dict.fromkeys(spec.data.dataset for spec in specs))
    return f"{models} on {datasets} by {' and '.join(axis.name for axis in axes)}"
