"""Compare groups over their seeds, and single runs image by image."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from vitreport.analysis.groups import Group
from vitreport.analysis.summary import Ablation, Pair, Paired
from vitreport.formatting import UNVARYING, Estimate, counted
from vitreport.intervals import comparisons_with, difference_over_seeds, holm, mcnemar
from vitreport.records.measurement import Answers, right_alone

BySingleRun = Mapping[str, Answers]
"""Which images are classified correctly, by the ids of the groups that are a single finished run."""


def accuracies(group: Group | None) -> dict[int, float]:
    """Test accuracy by seed; nothing of a group of which some seeds diverged: the mean of the rest is not its mean."""
    if group is None or group.diverged:
        return {}
    return {run.seed: run.accuracies["test"] for run in group.runs if run.seed is not None and "test" in run.accuracies}


def are_on_the_same_images(group: Group, other: Group) -> bool:
    """Other bytes under one name make another data set; data sets of two names are compared where that is asked."""
    names = {each.fields["data.dataset"] for each in (group, other)}
    return group.dataset == other.dataset or len(names) == 2


def difference_of(group: Group, other: Group) -> Estimate | None:
    """The test accuracy of one group minus that of another, a single comparison."""
    return difference_over_seeds(accuracies(group), accuracies(other))


def why_no_difference(groups: Iterable[Group]) -> str:
    """Why there is no difference between two of these groups."""
    groups = list(groups)
    if diverged := next((group for group in groups if group.diverged), None):
        return f"{diverged.diverged} of {counted(len(diverged.runs), 'seed')} diverged, and the others are no measure"
    if any(len(accuracies(group)) < 2 for group in groups):
        return "a single seed does not tell how far others would lie apart"
    return f"{UNVARYING} do not tell how far others would lie apart"


def single_runs(groups: Iterable[Group]) -> BySingleRun:
    """Return the answers of each group that is a single finished run."""
    single = (group for group in groups if len(group.runs) == 1 and group.test)
    return {group.id: answers for group in single if (answers := group.runs[0].answers)}


def with_paired_levels(ablation: Ablation, groups: Mapping[str, Group]) -> Ablation:
    """Compare each level that is a single run with the single run of the baseline."""
    if ablation.baseline is None:
        return ablation
    ids, baseline = [level.group for level in ablation.levels], ablation.levels[ablation.baseline].group
    known = single_runs(groups[each] for each in ids if each)
    found = paired(ids, baseline, known, is_chosen=ablation.source == "inferred")
    levels = tuple(replace(level, paired=pair) for level, pair in zip(ablation.levels, found, strict=True))
    return replace(ablation, levels=levels)


def with_paired_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """Compare each single run with the one on its data set that has the most images right."""
    known = single_runs(pair.group for pair in pairs if pair.group)
    members: dict[str, list[str]] = defaultdict(list)
    for pair in pairs:
        if pair.group and pair.group.id in known:
            members[pair.dataset].append(pair.group.id)
    found: dict[str, Paired | None] = {}
    for ids in members.values():
        first = max(ids, key=lambda group_id: known[group_id].correct.bit_count())
        found |= zip(ids, paired(ids, first, known, is_chosen=True), strict=True)
    return [replace(pair, paired=found.get(pair.group.id)) if pair.group else pair for pair in pairs]


def paired(
    groups: Sequence[str | None], other: str | None, known: BySingleRun, *, is_chosen: bool
) -> list[Paired | None]:
    """Compare groups, by their ids, with another; None for that itself and where they share no test images.

    `is_chosen` as in `intervals.comparisons_with`: whether the other was chosen by its result.
    """
    if other is None or other not in known:
        return [None] * len(groups)
    counts = [None if group == other else right_alone(known.get(group or ""), known[other]) for group in groups]
    p_values = [mcnemar(*alone) for alone in counts if alone]
    others = sum(group in known for group in groups if group != other) if is_chosen else len(p_values)
    comparisons = comparisons_with(others, is_chosen=is_chosen)
    adjusted = iter(holm(p_values, comparisons))
    return [
        alone and Paired(other, known[other].count, *alone, p=next(adjusted), comparisons=comparisons)
        for alone in counts
    ]
