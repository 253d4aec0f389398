"""Judge published statements in words, each by a rule that the records can decide."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Literal, NamedTuple

from vitreport.analysis.comparisons import accuracies, why_no_difference
from vitreport.analysis.summary import Group
from vitreport.formatting import SIGNIFICANCE, Estimate, percent
from vitreport.intervals import DIFFERENCE_OF_SHARES, welch_interval

Outcome = Literal["reproduced", "above", "below", "within interval", "not comparable", "not run"]
Prose = Literal["spread below", "converged at", "gap above"]
ABOUT = 0.2  # "at about epoch 15" means 12 to 18


class Answer(NamedTuple):
    """The verdict on a statement, the reason, and the number that it rests on."""

    outcome: Outcome
    reason: str
    measured: Estimate | None = None


def answer(relation: Prose, value: float, groups: Sequence[Group]) -> Answer:
    """Judge a statement about groups that all have results."""
    match relation:
        case "spread below":
            return _spread(groups, value)
        case "converged at":
            return _convergence(groups[0], value)
        case "gap above":
            return _gap(groups[0], value)


def _spread(groups: Sequence[Group], bound: float) -> Answer:
    """Judge whether the accuracies of any two groups differ by less than `bound`.

    They do if the 95% interval of each difference lies within the bound: one that does not is enough to leave the
    question open, so nothing has to be adjusted. They do not if a difference is above the bound in an interval adjusted
    by Bonferroni, because the pair is chosen after looking.
    """
    samples = [sorted(accuracies(group).values()) for group in groups]
    found = None if min(map(len, samples)) < 2 else _differences(samples)
    if found is None:
        return Answer("not comparable", why_no_difference(groups))
    widest, plain, adjusted = found
    measured = replace(widest, n=min(map(len, samples)), p=None, comparisons=len(plain))
    apart = f"the best and the worst of {len(groups)} values are {measured.points()} apart ({measured.evidence()})"
    reason = f"{apart}; the rule is that any two differ by less than {percent(bound, 0)}"
    if all(-bound < low and high < bound for low, high in _ends(plain)):
        return Answer("reproduced", reason, measured)
    return Answer("above" if any(low > bound for low, _ in _ends(adjusted)) else "within interval", reason, measured)


def _differences(samples: Sequence[Sequence[float]]) -> tuple[Estimate, list[Estimate], list[Estimate]] | None:
    """Return the largest difference of means, and all with plain and adjusted intervals; None if one is missing."""
    ordered = sorted(samples, key=lambda values: sum(values) / len(values), reverse=True)
    pairs = list(combinations(ordered, 2))
    plain = [welch_interval(*pair, possible=DIFFERENCE_OF_SHARES) for pair in pairs]
    confidence = 1 - SIGNIFICANCE / len(pairs)
    adjusted = [welch_interval(*pair, confidence, DIFFERENCE_OF_SHARES) for pair in pairs]
    known, wide = [each for each in plain if each], [each for each in adjusted if each]
    return (max(known, key=lambda each: each.value), known, wide) if len(known) == len(pairs) else None


def _ends(differences: Sequence[Estimate]) -> list[tuple[float, float]]:
    return [each.interval for each in differences if each.interval]


def _convergence(group: Group, epoch: float) -> Answer:
    """Judge whether test accuracy reaches 95% of its total increase at about the published epoch."""
    measured = group.test_converged
    if measured is None or measured.low is None or measured.high is None:
        told = f"; here epoch {measured.in_numbers()}" if measured else ""
        return Answer("not comparable", f"{why_no_difference([group])}{told}", measured)
    tolerance = max(1.0, ABOUT * epoch)
    low, high = epoch - tolerance, epoch + tolerance
    reached = f"test accuracy reached 95% of its total increase by epoch {measured.in_numbers()}"
    reason = f"{reached}; the rule for about {epoch:g} is {low:g} to {high:g}"
    if low <= measured.low and measured.high <= high:
        return Answer("reproduced", reason, measured)
    return Answer(_side(measured, low, high), reason, measured)


def _gap(group: Group, bound: float) -> Answer:
    """Judge whether training accuracy is more than `bound` above test accuracy."""
    measured = group.gap
    if measured is None or measured.n == 1 or measured.low is None or measured.high is None:
        return Answer("not comparable", why_no_difference([group]), measured)
    side = "above" if measured.value >= 0 else "below"
    apart = f"training accuracy is {measured.points()} {side} test accuracy ({measured.evidence()})"
    reason = f"{apart}; the rule is more than {percent(bound, 0)}"
    if measured.low > bound:
        return Answer("reproduced", reason, measured)
    return Answer("below" if measured.high < bound else "within interval", reason, measured)


def _side(measured: Estimate, low: float, high: float) -> Outcome:
    assert measured.low is not None
    assert measured.high is not None
    if measured.low > high:
        return "above"
    return "below" if measured.high < low else "within interval"
