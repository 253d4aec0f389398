"""Choose the group that represents an architecture on a dataset, without looking at test accuracy."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from vitreport.analysis.groups import Group
from vitreport.analysis.summary import Pair
from vitreport.analysis.train_commands import training_command
from vitreport.data.registry import DATASETS
from vitreport.spec.model import ARCHITECTURES


class Planned(NamedTuple):
    """What a study plans for a pair: the id of its group, and the command that trains it."""

    architecture: str
    dataset: str
    group: str
    command: str


def pairs_of(groups: Sequence[Group], planned: Sequence[Planned]) -> list[Pair]:
    """Return the pairs of a study, else every architecture with every dataset."""
    candidates: dict[tuple[str, str], list[Group]] = defaultdict(list)
    commands: dict[tuple[str, str], str] = {}
    for each in planned:
        commands.setdefault(each[:2], each.command)
        if group := group_of_spec(groups, each.group):
            candidates[each[:2]].append(group)
    if not planned:
        names: dict[str, str] = {group.dataset: group.fields["data.dataset"] for group in groups}
        models = {group.architecture: group.model for group in groups}
        places = product(_ordered(models, ARCHITECTURES), _ordered(names, DATASETS))
        commands = {place: training_command(models[place[0]], names[place[1]]) for place in places}
        for group in groups:
            candidates[group.architecture, group.dataset].append(group)
    pairs = []
    for (architecture, dataset), command in commands.items():
        if found := candidates[architecture, dataset]:
            group, chosen = _representative(found)
            pairs.append(Pair(architecture, group.dataset, group, chosen, group.command))
        else:
            pairs.append(Pair(architecture, dataset, None, "", command))
    return pairs


def best_first(pairs: Sequence[Pair]) -> list[Pair]:
    """Sort the architectures by their test accuracy on the first dataset, then the next; unmeasured ones come last."""
    datasets = dict.fromkeys(pair.dataset for pair in pairs)
    tests = {(pair.architecture, pair.dataset): pair.group.test for pair in pairs if pair.group}

    def place(pair: Pair) -> list[float]:
        found = [tests.get((pair.architecture, dataset)) for dataset in datasets]
        return [-test.value if test else 1.0 for test in found]

    return sorted(pairs, key=place)


def group_of_spec(groups: Iterable[Group], spec_id: str, dataset: str = "") -> Group | None:
    """Return the group of a spec: on several datasets that on `dataset`, else the one with most results."""
    return most_results([group for group in groups if group.spec_id == spec_id], dataset)


def most_results(groups: Iterable[Group], dataset: str) -> Group | None:
    """Return the group on a dataset, else the one with most results."""
    return max(groups, key=lambda group: (group.dataset == dataset, len(group.seeds)), default=None)


def _ordered(names: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """Return known names first, in their order."""
    return sorted(names, key=lambda each: ([*known, names[each]].index(names[each]), each))


def _representative(candidates: Sequence[Group]) -> tuple[Group, str]:
    """Return the preset's group, else the best on the validation split, else that with most seeds, then epochs.

    A group with diverged seeds is chosen only if all groups have some. One seed is chosen only if no group has several.
    """
    if len(candidates) == 1:
        return candidates[0], ""
    tested = [group for group in candidates if group.test] or candidates
    usable = [group for group in tested if not group.diverged] or tested
    if preset := next((group for group in usable if group.is_preset), None):
        return preset, "the preset's settings"
    several = [group for group in usable if len(group.seeds) > 1] or usable
    if len(several) == 1:
        sound = "without diverged runs" if len(usable) == 1 else "with several seeds"
        return several[0], f"the only one {'with results' if len(tested) == 1 else sound}"
    values = [group.validation.value for group in several if group.validation]
    if len(values) == len(several):
        return several[values.index(max(values))], f"the best of {len(several)} on the validation split"
    most = max(several, key=lambda group: (len(group.seeds), group.epochs))
    return most, f"the one of {len(candidates)} with the most seeds, then the most epochs"
