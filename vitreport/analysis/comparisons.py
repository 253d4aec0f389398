"""The accuracies of groups, and whether two of them can be compared."""

from collections.abc import Iterable

from vitreport.analysis.summary import Group
from vitreport.formatting import UNVARYING, Estimate, counted
from vitreport.intervals import difference_over_seeds


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
    """Why `differences_over_seeds` says nothing of one of them beside another."""
    groups = list(groups)
    if diverged := next((group for group in groups if group.diverged), None):
        return f"{diverged.diverged} of {counted(len(diverged.runs), 'seed')} diverged, and the others are no measure"
    if any(len(accuracies(group)) < 2 for group in groups):
        return "a single seed does not tell how far others would lie apart"
    return f"{UNVARYING} do not tell how far others would lie apart"


def difference_of(group: Group, other: Group) -> Estimate | None:
    """The test accuracy of one group less that of another, a single comparison."""
    return difference_over_seeds(accuracies(group), accuracies(other))
