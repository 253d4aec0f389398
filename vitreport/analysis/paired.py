"""Single runs compared image by image, where there are no seeds to compare."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from vitreport.analysis.observed import Observed
from vitreport.analysis.summary import Ablation, Group, Pair, Paired
from vitreport.intervals import comparisons_with, holm, mcnemar
from vitreport.records.correct_images import Answers, right_alone

BySingleRun = Mapping[str, Answers]


def single_runs(groups: Iterable[Group], runs: Iterable[Observed]) -> BySingleRun:
    """What is known of the groups that are a single finished run, by their ids."""
    answers = {run.id: run.answers for run in runs}
    known = {group.id: answers[group.runs[0].id] for group in groups if len(group.runs) == 1 and group.test}
    return {group_id: found for group_id, found in known.items() if found}


def with_paired_levels(ablation: Ablation, known: BySingleRun) -> Ablation:
    """Each value of which there is a single run beside that of the baseline."""
    if ablation.baseline is None:
        return ablation
    groups, baseline = [level.group for level in ablation.levels], ablation.levels[ablation.baseline].group
    found = paired(groups, baseline, known, is_chosen=ablation.is_baseline_chosen)
    levels = tuple(replace(level, paired=pair) for level, pair in zip(ablation.levels, found, strict=True))
    return replace(ablation, levels=levels)


def with_paired_pairs(cells: Sequence[Pair], known: BySingleRun) -> list[Pair]:
    """Each single run of the first table beside the one on its data set that has the most images right."""
    members: dict[str, list[str]] = defaultdict(list)
    for cell in cells:
        if cell.group and cell.group.id in known:
            members[cell.dataset].append(cell.group.id)
    found: dict[str, Paired | None] = {}
    for ids in members.values():
        first = max(ids, key=lambda group_id: known[group_id].correct.bit_count())
        found |= zip(ids, paired(ids, first, known, is_chosen=True), strict=True)
    return [replace(cell, paired=found.get(cell.group.id)) if cell.group else cell for cell in cells]


def paired(
    groups: Sequence[str | None], other: str | None, known: BySingleRun, *, is_chosen: bool
) -> list[Paired | None]:
    """Each group, by its id, beside another; None for that itself and where they share no test images.

    `is_chosen` as in `statistics.comparisons_with`: whether the other was chosen by its result.
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
