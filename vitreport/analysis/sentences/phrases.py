"""Estimates in words, the same in every sentence, table and caption."""

from collections.abc import Iterable, Sequence
from math import isclose

from vitreport.analysis.measured import Estimate, Method, Metric, Paired
from vitreport.formatting import SMALLEST_POINTS, UNVARYING, counted, percent, percentage_half_width

METHODS: dict[Method, str] = {
    "t": "Student's t interval of the mean over seeds",
    "wilson": "Wilson's interval over the test images of a single run",
    "welch": "Welch's interval of the difference of two means over seeds",
    "newcombe": "Newcombe's interval of the difference of two shares of images in a single run",
    "none": "a single run, without an interval",
    "equal": f"{UNVARYING}, without an interval",
}
SPLITS = {"train": "train", "val": "validation", "test": "test"}
LARGE_LOSS = 1e4


def moments(splits: Sequence[str]) -> str:
    """What the points of curves are: train: mean over the batches of an epoch, ...; validation: after the epoch"""
    told = ["train: mean over the batches of an epoch, with any augmentation and dropout"] if "train" in splits else []
    if after := [SPLITS[split] for split in splits if split != "train"]:
        told.append(f"{joined(after)}: after the epoch")
    return "; ".join(told)


def measured(metric: Metric, value: float) -> str:
    """56.3% of an accuracy, 1.234 of a loss, 3e+38 of that of a network about to diverge"""
    if metric == "accuracy":
        return percent(value, 1)
    return f"{value:.3f}" if abs(value) < LARGE_LOSS else f"{value:.3g}"


def accuracy(estimate: Estimate, digits: int = 1) -> str:
    """56.3% ± 1.5 (n = 3); of a single run, or where that would reach beyond 0 or 100%: 61.0% (60.0% to 62.0%, ...)"""
    value = percent(estimate.value, digits)
    if estimate.low is None or estimate.high is None:
        return f"{value} ({_without_interval(estimate)})"
    half_width = percentage_half_width(estimate.value, estimate.reach, digits)
    if estimate.n > 1 and half_width:
        return f"{value} ± {half_width} (n = {estimate.n})"
    ends = f"{percent(estimate.low, digits)} to {percent(estimate.high, digits)}"
    return f"{value} ({ends}, n = {estimate.n})" if estimate.n > 1 else f"{value} ({ends}, single run)"


def number(estimate: Estimate, digits: int = 1) -> str:
    """12.3 ± 0.4 (n = 3); of an interval that was cut 1.5 (1.0 to 7.9, n = 2); 7 (single run, no interval)"""
    if estimate.low is None or estimate.high is None:
        return f"{round(estimate.value, digits):g} ({_without_interval(estimate)})"
    value = f"{estimate.value:.{digits}f}"
    if not isclose(estimate.value - estimate.low, estimate.high - estimate.value, abs_tol=10.0**-digits / 2):
        return f"{value} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f}, n = {estimate.n})"
    return f"{value} ± {estimate.reach:.{digits}f} (n = {estimate.n})"


def signed_points(estimate: Estimate) -> str:
    """-2.2 (-3.4 to -0.9)"""
    if estimate.low is None or estimate.high is None:
        return _number(100 * estimate.value, "+")
    return f"{_number(100 * estimate.value, '+')} ({_signed_bounds(estimate)})"


def points(estimate: Estimate) -> str:
    """2.2 points"""
    return f"{_number(100 * abs(estimate.value))} points"


def evidence(estimate: Estimate) -> str:
    """unadjusted 95% interval 0.9 to 3.4, n = 3, p = 0.025 by Holm over 2 comparisons; on the side of the value"""
    if estimate.low is None or estimate.high is None:
        return "a single run, no interval"
    low, high = 100 * estimate.low, 100 * estimate.high
    if estimate.value < 0:
        low, high = -high, -low
    return _evidence(estimate, f"{_number(low)} to {_number(high)}")


def signed_evidence(difference: Estimate) -> str:
    """-2.2 points, unadjusted 95% interval -3.4 to -0.9, n = 3, p = 0.025 by Holm over 2 comparisons"""
    return f"{_number(100 * difference.value, '+')} points, {_evidence(difference, _signed_bounds(difference))}"


def each_with_evidence(found: Sequence[tuple[str, Estimate]]) -> str:
    """A (-2.2, -3.4 to -0.9, p = 0.025) and B (...); what they rest on alike is said once, at the end."""
    (name, first), *others = found
    if not others:
        return f"{name} ({signed_evidence(first)})"
    told = joined(
        f"{each} ({_number(100 * estimate.value, '+')}, {_signed_bounds(estimate)}, {_p(estimate.p)})"
        for each, estimate in found
    )
    counts = joined(map(str, sorted({estimate.n for _, estimate in found})))
    rest = f"{_unadjusted(first)}95% intervals, n = {counts}, p{_holm(first.comparisons)}"
    return f"{told}; differences in points, {rest}"


def paired_evidence(pair: Paired) -> str:
    """McNemar's exact test, p = 0.025 by Holm over 2 comparisons"""
    return f"McNemar's exact test, {_p(pair.p, pair.comparisons)}"


def each_with_paired_evidence(found: Sequence[tuple[str, Paired]]) -> str:
    """A (p = 0.025) and B (p = 0.1); McNemar's exact test, p by Holm over 2 comparisons"""
    (name, first), *others = found
    if not others:
        return f"{name} ({paired_evidence(first)})"
    told = joined(f"{each} ({_p(pair.p)})" for each, pair in found)
    return f"{told}; McNemar's exact test, p{_holm(first.comparisons)}"


def methods(estimates: Iterable[Estimate | None]) -> str:
    """95% intervals: Student's t interval of the mean over seeds (n = 3). The p-values are adjusted by Holm ..."""
    counts: dict[Method, set[int]] = {}
    comparisons = 1
    for estimate in filter(None, estimates):
        counts.setdefault(estimate.method, set()).add(estimate.n)
        comparisons = max(comparisons, estimate.comparisons)
    told = [METHODS[method] + _counted(counts[method]) for method in METHODS if method in counts]
    if not told:
        return "No interval: there is no result."
    adjusted = f" The p-values are adjusted{_holm(comparisons)}, the intervals are not." if comparisons > 1 else ""
    return f"95% intervals: {'; '.join(told)}.{adjusted}"


def _without_interval(estimate: Estimate) -> str:
    return "single run, no interval" if estimate.n == 1 else f"{estimate.n} {UNVARYING}, no interval"


def joined(words: Iterable[str]) -> str:
    """a, b and c"""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _evidence(estimate: Estimate, bounds: str) -> str:
    told = [f"{_unadjusted(estimate)}95% interval {bounds}"]
    told.append(f"n = {estimate.n}" if estimate.n > 1 else "a single run")
    if estimate.p is not None:
        told.append(_p(estimate.p, estimate.comparisons))
    return ", ".join(told)


def _signed_bounds(difference: Estimate) -> str:
    assert difference.low is not None
    assert difference.high is not None
    return f"{_number(100 * difference.low, '+')} to {_number(100 * difference.high, '+')}"


def _unadjusted(estimate: Estimate) -> str:
    return "unadjusted " if estimate.comparisons > 1 else ""


def _p(p: float | None, comparisons: int = 1) -> str:
    if p is None:
        return "no p-value"
    return f"p {'< 0.001' if p < 0.001 else f'= {p:.2g}'}{_holm(comparisons)}"


def _holm(comparisons: int) -> str:
    return f" by Holm over {counted(comparisons, 'comparison')}" if comparisons > 1 else ""


def _counted(counts: set[int]) -> str:
    several = sorted(count for count in counts if count > 1)
    return f" (n = {joined(map(str, several))})" if several else ""


def _number(points: float, sign: str = "") -> str:
    """2.2; of what would be 0.0 one digit more, so that its side is seen, and of nothing no sign."""
    digits = 2 if SMALLEST_POINTS / 10 <= abs(points) < SMALLEST_POINTS else 1
    return f"{points:{sign}z.{digits}f}"
