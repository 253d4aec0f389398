"""Compare groups over seeds and test images, and single runs image by image."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from vitreport.analysis.groups import Group
from vitreport.analysis.runs import sample_of
from vitreport.analysis.summary import Pair, Paired
from vitreport.formatting import Estimate, counted
from vitreport.intervals import difference, mcnemar
from vitreport.records.measurement import right_alone

ONE_SEED = "one seed gives no estimate of the variation between seeds"
UNVARYING = "seeds that do not vary give no estimate of the variation between seeds"


def are_on_the_same_images(group: Group, other: Group) -> bool:
    """Return whether accuracies compare: other images under one name are another dataset."""
    return group.dataset == other.dataset or group.fields["data.dataset"] != other.fields["data.dataset"]


def difference_of(group: Group, other: Group, comparisons: int = 1) -> Estimate | None:
    """Return the test accuracy of one group minus that of another, None where `why_no_difference` says why."""
    if group.diverged or other.diverged or not are_on_the_same_images(group, other):
        return None
    return difference(sample_of(group.runs), sample_of(other.runs), comparisons)


def differences_from(baseline: Group | None, groups: Sequence[Group | None]) -> list[Estimate | None]:
    """Return the difference of each group from the baseline; all of their intervals hold together."""
    if baseline is None:
        return [None] * len(groups)
    others = [each if each and each is not baseline and difference_of(each, baseline) else None for each in groups]
    comparisons = sum(each is not None for each in others)
    return [difference_of(each, baseline, comparisons) if each else None for each in others]


def why_no_difference(groups: Iterable[Group]) -> str:
    """Say why there is no difference between two of these groups."""
    groups = list(groups)
    if diverged := next((group for group in groups if group.diverged), None):
        return f"{diverged.diverged} of {counted(len(diverged.runs), 'seed')} diverged"
    return ONE_SEED if any(len(group.seeds) < 2 for group in groups) else UNVARYING


def paired(group: Group | None, other: Group | None) -> Paired | None:
    """Compare two different groups of a single finished run each on the same test images."""
    if not (group and other) or group is other or len(group.runs) > 1 or len(other.runs) > 1:
        return None
    alone = right_alone(group.runs[0].answers, other.runs[0].answers)
    answers = other.runs[0].answers
    return Paired(other.id, answers.count, *alone, mcnemar(*alone)) if alone and answers else None


def with_paired(pairs: Sequence[Pair]) -> list[Pair]:
    """Compare each single run with the one on its dataset that has the most correct images."""
    single: dict[str, list[Group]] = defaultdict(list)
    for pair in pairs:
        if pair.group and len(pair.group.runs) == 1 and pair.group.runs[0].answers:
            single[pair.dataset].append(pair.group)
    best = {dataset: max(groups, key=_correct) for dataset, groups in single.items()}
    return [replace(pair, paired=paired(pair.group, best.get(pair.dataset))) for pair in pairs]


def _correct(group: Group) -> int:
    answers = group.runs[0].answers
    return answers.correct.bit_count() if answers else 0
