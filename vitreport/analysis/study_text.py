"""Fill the texts of a study with numbers from the records."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from vitreport.analysis.comparisons import are_comparable, difference_of, why_no_difference
from vitreport.analysis.groups import Group
from vitreport.analysis.representatives import Planned, group_of_spec
from vitreport.analysis.summary import Ablation
from vitreport.formatting import Estimate
from vitreport.spec.study_text import Quantity

NOT_RUN = "not run yet"
LEFT_OUT = "not in this report"


class PlannedNumber(NamedTuple):
    """A number that a text names, with what is planned for its groups; None of parts that were not asked for."""

    quantity: Quantity
    groups: tuple[Planned | None, ...]
    design: str = ""  # the id of the sweep, if the text names one ablation for all groups


Template = tuple[str | PlannedNumber, ...]


def fill(text: Template, groups: Sequence[Group], ablations: Iterable[Ablation]) -> str:
    """Return a text in Markdown in which the numbers are written as the tables of the report write them."""
    known = tuple(ablations)
    return "".join(piece if isinstance(piece, str) else _written(piece, groups, known) for piece in text)


def has_result(text: Template, groups: Sequence[Group]) -> bool:
    """Return whether all groups of some number in a text were run; also for a text without numbers."""
    numbers = [piece for piece in text if isinstance(piece, PlannedNumber)]
    return not numbers or any(len(_groups_of(each, groups)) == len(each.groups) for each in numbers)


def _groups_of(number: PlannedNumber, groups: Sequence[Group]) -> list[Group]:
    planned = (each for each in number.groups if each)
    return [group for each in planned if (group := group_of_spec(groups, each.group, each.dataset))]


def _written(number: PlannedNumber, groups: Sequence[Group], ablations: Sequence[Ablation]) -> str:
    """Write a number, or say why there is none."""
    found = _groups_of(number, groups)
    if len(found) < len(number.groups):
        return NOT_RUN if all(number.groups) else LEFT_OUT
    if len(found) > 1:
        own = [each for each in ablations if each.design == number.design]
        return _difference(number.quantity, found[0], found[1], own)
    (group,) = found
    value: Any = group
    for name in number.quantity.path.split("."):
        value = getattr(value, name, None)
    shown = "" if value is None else number.quantity.written(value)
    reasons = group.seeds_without_result if isinstance(value, Estimate) or not shown else []
    return "; ".join(filter(None, [shown, *reasons])) or "unknown"


def _difference(quantity: Quantity, first: Group, second: Group, ablations: Iterable[Ablation]) -> str:
    """Write a difference of test accuracies, with the interval from a table of these ablations if it has this pair."""
    if first.id == second.id:
        return "unknown (both are the same group)"
    if reasons := [word for group in (first, second) if group.test is None for word in group.seeds_without_result]:
        return "; ".join(dict.fromkeys(reasons))
    if not are_comparable(first, second):
        return "unknown (they saw different images)"
    pair = {first.id, second.id}
    baselines = ((each, each.levels[each.baseline].group) for each in ablations if each.baseline is not None)
    tables = (
        level.difference.comparisons
        for ablation, baseline in baselines
        for level in ablation.levels
        if baseline and level.group and level.difference and {level.group.id, baseline.id} == pair
    )
    found = difference_of(first, second, next(tables, 1))
    return quantity.written(found) if found else f"unknown ({why_no_difference((first, second))})"
