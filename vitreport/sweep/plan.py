"""Axes and seeds become trials: one checked spec for every combination of values and every seed."""

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
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.spec.compose import flat
from vitreport.spec.run import RunSpec
from vitreport.spec.sweep import AxisSpec, ValueSpec, called, shown_level, shown_value

ARCHITECTURE = "model.architecture"
Labels = tuple[str, ...]
ComposeTrial = Callable[[Mapping[str, Any]], RunSpec]


@dataclass(frozen=True)
class Trial:
    """One run of a sweep; `values` holds the label of one value for each axis."""

    values: Labels
    spec: RunSpec

    @property
    def id(self) -> str:
        return self.spec.run_id


@dataclass(frozen=True)
class Plan:
    """A sweep with its trials, the first seed of every combination first; `baseline` is the one to compare with.

    Without axes it is one run with its seeds. `own` are the values that the spec has itself, where they are no
    combination of the sweep.
    """

    name: str
    axes: tuple[AxisSpec, ...]
    baseline: Labels | None
    trials: tuple[Trial, ...]
    own: Labels | None = None

    @property
    def id(self) -> str:
        """From the name and what is varied; more seeds are the same sweep."""
        groups = {trial.values: trial.spec.group_hash for trial in self.trials}
        varied = [[axis.name for axis in self.axes], *([*values, group] for values, group in groups.items())]
        slug = re.sub(r"[^A-Za-z0-9._]+", "-", self.name).strip("-.")[:80]
        return f"{slug}-{hashlib.sha256(json.dumps(varied).encode()).hexdigest()[:8]}"


def make_plan(
    axes: Sequence[AxisSpec],
    seeds: Sequence[int],
    compose: ComposeTrial,
    *,
    baseline: Labels | None = None,
    name: str = "",
    max_trials: int,
    allowed_by: str = "",
) -> Plan:
    """Compose every trial. Raises SpecError with every problem of every value before anything runs.

    `allowed_by` is the option of the command that takes more than `max_trials`.
    """
    _check_axes(axes)
    _check_count(axes, len(seeds), max_trials, allowed_by)
    specs = _composed(axes, compose)
    if problems := list(_repeated(specs)):
        raise SpecError(problems=problems)
    trials = tuple(
        Trial(values, spec.model_copy(update={"seed": seed})) for seed in seeds for values, spec in specs.items()
    )
    own = None if baseline else _own_spec(specs, compose)
    chosen = _checked_baseline(baseline, axes) if baseline else _own_baseline(specs, own)
    missing = _own_values(axes, own) if own and not chosen else None
    return Plan(name or _name(axes, specs.values()), tuple(axes), chosen, trials, missing)


def _check_axes(axes: Sequence[AxisSpec]) -> None:
    for first, second in itertools.combinations(axes, 2):
        if both := first.fields & second.fields:
            raise SpecError(f"{', '.join(sorted(both))} is varied twice", "give all its values in one list")
    for axis in axes:
        counts = Counter(value.label for value in axis.values)
        if repeated := next((label for label, count in counts.items() if count > 1), None):
            raise SpecError(f"the value {repeated} of {axis.name} stands twice", "give it once")


def _check_count(axes: Sequence[AxisSpec], seeds: int, max_trials: int, allowed_by: str) -> None:
    count = prod(len(axis.values) for axis in axes) * seeds
    if count > max_trials:
        hint = f"{allowed_by} {count} allows them" if allowed_by else "use fewer values or seeds"
        raise SpecError(f"the sweep has {count:,} trials, more than {max_trials:,}", hint)


def _composed(axes: Sequence[AxisSpec], compose: ComposeTrial) -> dict[Labels, RunSpec]:
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
    """Two combinations that come to one spec would be one trial with two names."""
    known: dict[str, Labels] = {}
    for labels, spec in specs.items():
        first = known.setdefault(spec.group_hash, labels)
        if first != labels:
            told = f"{shown_level(first)} and {shown_level(labels)} give the same spec ({spec.group_hash})"
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


def _own_spec(specs: Mapping[Labels, RunSpec], compose: ComposeTrial) -> RunSpec | None:
    """The spec without the values of the sweep; None where it is none, or there is nothing to compare it with."""
    if len(specs) == 1:
        return None
    try:
        return compose({})
    except SpecError:
        return None


def _own_baseline(specs: Mapping[Labels, RunSpec], own: RunSpec | None) -> Labels | None:
    """The combination that is the spec itself; None where it is not among them."""
    return next((labels for labels, spec in specs.items() if own and spec.group_hash == own.group_hash), None)


def _own_values(axes: Sequence[AxisSpec], own: RunSpec) -> Labels:
    """What a spec has for each axis, as a table shows it; "other" for a field that it lacks."""
    values = flat(own.model_dump(mode="json"))
    if isinstance(own.model, TimmSpec):
        values["model.name"] = f"timm/{own.model.architecture}"
    return tuple(", ".join(shown_value(values.get(path, "other")) for path in _paths(axis)) for axis in axes)


def _paths(axis: AxisSpec) -> Sequence[str]:
    """The fields that an axis varies, in order; the architecture of timm belongs to the model's name."""
    return [
        path for path in dict.fromkeys(path for value in axis.values for path in value.fields) if path != ARCHITECTURE
    ]


def baseline_warning(plan: Plan) -> str:
    """That a sweep has no baseline, so that it compares nothing, and what can be done; "" where it has one."""
    if plan.baseline or not plan.axes or len({trial.values for trial in plan.trials}) < 2:
        return ""
    own = f": the spec itself has {called((axis.name for axis in plan.axes), plan.own)}" if plan.own else ""
    first = shlex.quote(",".join(plan.trials[0].values))
    return f"no baseline, so no values are compared{own}; hint: add that value, or use --baseline {first}"


def _name(axes: Sequence[AxisSpec], specs: Collection[RunSpec]) -> str:
    """perceiver-io on cifar10 by batch_size"""
    models = "/".join(dict.fromkeys(spec.model.label for spec in specs))
    datasets = "/".join(dict.fromkeys(spec.data.dataset for spec in specs))
    return f"{models} on {datasets} by {' and '.join(axis.name for axis in axes)}"
