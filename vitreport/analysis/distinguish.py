"""What tells ablations apart that vary the same of one architecture on one data set."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from vitreport.analysis.fields import Fields, settings
from vitreport.analysis.summary import Ablation, Group


def distinguished(ablations: Sequence[Ablation], groups: Iterable[Group]) -> list[Ablation]:
    """Each with what it holds and others do not, else with its sweep; names that several have become unique."""
    known = {group.id: group for group in groups}
    alike: dict[tuple[str, str, tuple[str, ...]], list[int]] = defaultdict(list)
    for place, ablation in enumerate(ablations):
        alike[ablation.architecture, ablation.dataset, ablation.axes].append(place)
    told = list(ablations)
    for places in alike.values():
        for place, apart in zip(places, _apart([ablations[place] for place in places], known), strict=True):
            told[place] = replace(ablations[place], apart=apart)
    many = Counter(each.name for each in told)
    return [each if many[each.name] == 1 else replace(each, name=_unique_name(each)) for each in told]


def _apart(ablations: Sequence[Ablation], groups: Mapping[str, Group]) -> list[str]:
    """Of one alone nothing; of others "at batch_size 16", or the sweep where that does not tell it apart."""
    if len(ablations) == 1:
        return [""]
    held = [_held([groups[level.group].fields for level in each.levels if level.group]) for each in ablations]
    shared = [path for path in held[0] if all(path in each for each in held)]
    among = [{path: each[path] for path in shared} for each in held]
    told = [settings(own, among) for own in among]
    is_enough = [told.count(label) == 1 for label in told]
    return [
        f"at {label}" if enough else _origin(ablation)
        for ablation, label, enough in zip(ablations, told, is_enough, strict=True)
    ]


def _held(members: Sequence[Fields]) -> Fields:
    """The fields that all of them have, with the same value; none of none."""
    first = members[0] if members else {}
    return {path: value for path, value in first.items() if all(path in own and own[path] == value for own in members)}


def _origin(ablation: Ablation) -> str:
    """Which sweep it is, or which part of a study; of one that was inferred the group it begins with."""
    if ablation.source == "study":
        return ablation.name
    known_by = ablation.design or ablation.levels[0].group or ""
    return f"{'sweep' if ablation.design else 'group'} {known_by.rpartition('-')[2]}"


def _unique_name(ablation: Ablation) -> str:
    return f"{ablation.name}, {ablation.apart or _origin(ablation)}"
