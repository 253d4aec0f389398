"""Numbers with their intervals: a t interval over seeds, and for a single run that of its images."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import mean

from vitreport import intervals
from vitreport.analysis.measured import Estimate
from vitreport.analysis.summary import Group
from vitreport.formatting import UNVARYING, counted
from vitreport.intervals import (
    DIFFERENCE_OF_SHARES,
    SHARE,
    Range,
    differences_over_seeds,
    newcombe_interval,
    t_interval,
    wilson_interval,
)
from vitreport.records.types import MeasurementRecord


def accuracy(measured: Sequence[MeasurementRecord]) -> Estimate | None:
    """The accuracy of one split, one measurement a seed; None without any."""
    counts = [(round(each.accuracy * each.count), each.count) for each in measured]
    return share(counts)


def share(counts: Sequence[tuple[int, int]]) -> Estimate | None:
    """The mean of (correct, count) shares, one a seed: Student's interval, of a single run Wilson's."""
    counts = [(correct, count) for correct, count in counts if count]
    if len(counts) == 1:
        (correct, count) = counts[0]
        return Estimate(correct / count, *wilson_interval(correct, count), "wilson", 1, images=count)
    found = over_seeds([correct / count for correct, count in counts], SHARE)
    return found and replace(found, images=max(count for _, count in counts))


def over_seeds(values: Sequence[float], possible: Range) -> Estimate | None:
    """The mean of any number, one a seed; its interval ends at the bounds of what is `possible`.

    A single one has no interval, nor have several that are the same.
    """
    if not values:
        return None
    if len(values) == 1:
        return Estimate(values[0], None, None, "none", 1)
    interval = t_interval(values, possible=possible)
    if interval is None:
        return Estimate(values[0], None, None, "equal", len(values))
    return Estimate(mean(values), *interval, "t", len(values))


def gap(train: Sequence[MeasurementRecord], test: Sequence[MeasurementRecord]) -> Estimate | None:
    """Train minus test accuracy, paired by seed; of a single run Newcombe's interval of two shares."""
    pairs = list(zip(train, test, strict=True))
    if len(pairs) == 1:
        first, second = ((round(each.accuracy * each.count), each.count) for each in pairs[0])
        difference = pairs[0][0].accuracy - pairs[0][1].accuracy
        return Estimate(difference, *newcombe_interval(first, second), "newcombe", 1, images=second[1])
    return over_seeds([first.accuracy - second.accuracy for first, second in pairs], DIFFERENCE_OF_SHARES)


def differences(
    levels: Sequence[Mapping[int, float]], baseline: Mapping[int, float] | None, *, is_chosen: bool = False
) -> list[Estimate | None]:
    """Each level less the baseline, as accuracies by seed; None where either has fewer than two
    seeds, or neither varies.

    The interval is Welch's; p is that of the t test, or of the sign flip over the seeds that both have where these
    are enough for so many comparisons, adjusted by Holm: over all of them, or over all pairs where the baseline was
    chosen by its result.
    """
    found = differences_over_seeds(levels, baseline, is_chosen=is_chosen)
    seeds = len(baseline or {})
    return [
        each
        and Estimate(
            each.value, each.low, each.high, "welch", min(len(level), seeds), p=each.p, comparisons=each.comparisons
        )
        for level, each in zip(levels, found, strict=True)
    ]


def turned(difference: Estimate) -> Estimate:
    """The same difference seen from the other side."""
    assert difference.low is not None
    assert difference.high is not None
    return replace(difference, value=-difference.value, low=-difference.high, high=-difference.low)


def accuracies(group: Group | None) -> dict[int, float]:
    """Test accuracy by seed; nothing of a group of which some seeds diverged: the rest is not its mean."""
    if group is None or group.diverged:
        return {}
    return {run.seed: run.accuracies["test"] for run in group.runs if run.seed is not None and "test" in run.accuracies}


def are_on_the_same_images(group: Group, other: Group) -> bool:
    """Other bytes under one name make another data set; data sets of two names are compared where that is asked."""
    names = {each.fields["data.dataset"] for each in (group, other)}
    return group.dataset == other.dataset or len(names) == 2


def why_no_difference(groups: Iterable[Group]) -> str:
    """Why `differences` says nothing of one of them beside another."""
    groups = list(groups)
    if diverged := next((group for group in groups if group.diverged), None):
        return f"{diverged.diverged} of {counted(len(diverged.runs), 'seed')} diverged, and the others are no measure"
    if any(len(accuracies(group)) < 2 for group in groups):
        return "a single seed does not tell how far others would lie apart"
    return f"{UNVARYING} do not tell how far others would lie apart"


def difference_of(group: Group, other: Group) -> Estimate | None:
    """The test accuracy of one group less that of another, a single comparison."""
    return differences([accuracies(group)], accuracies(other))[0]


def is_shown(difference: Estimate) -> bool:
    """As `intervals.is_shown`; without an interval or a p nothing is."""
    if difference.low is None or difference.high is None or difference.p is None:
        return False
    return intervals.is_shown(difference.low, difference.high, difference.p)
